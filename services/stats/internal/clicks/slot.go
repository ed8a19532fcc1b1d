package clicks

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"time"

	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
)

const (
	// shards spread the visitors of a day, so that a document stays small where very
	// many come, and clicks that come together still share a write where few do.
	shards = 16
	// maxVisitors of a shard and day. More do not count: a document has an end, and
	// so many have none of them behind them that matter.
	maxVisitors = 50_000
	// maxReferrers of a shard and day, and of a month; the rest is not told apart.
	maxReferrers, maxMonthReferrers = 32, 100
	dayForm                         = "2006-01-02"
	monthForm                       = "2006-01"
)

// slot is who clicked on a subject on a day, of one shard of visitors.
type slot struct {
	Visitors  map[string][]int64 `bson:"visitors"` // times that counted, Unix milliseconds
	Clicks    int64              `bson:"clicks"`
	Referrers map[string]int64   `bson:"referrers,omitempty"` // by field(host)
}

// count applies a click and reports whether it counts.
func (s *slot) count(c statsv1.ClickEvent) bool {
	at, window := c.Time.UnixMilli(), statsv1.ClickWindow.Milliseconds()
	times := s.Visitors[c.Visitor]
	for _, t := range times {
		if at-t < window && t-at < window {
			return false
		}
	}
	if len(times) == 0 && len(s.Visitors) >= maxVisitors {
		return false
	}
	if s.Visitors == nil {
		s.Visitors = map[string][]int64{}
	}
	s.Visitors[c.Visitor] = append(times, at)
	s.Clicks++
	s.Referrers = plus(s.Referrers, field(c.Referrer), 1, maxReferrers)
	return true
}

// plus adds to a host's count. Beyond most hosts only those that are known count.
func plus(m map[string]int64, host string, n int64, most int) map[string]int64 {
	if host == "" {
		return m
	}
	if _, known := m[host]; !known && len(m) >= most {
		return m
	}
	if m == nil {
		m = map[string]int64{}
	}
	m[host] += n
	return m
}

// tally is what a shard of a day came to at a revision of its slot.
type tally struct {
	Revision  int64            `bson:"revision"`
	Clicks    int64            `bson:"clicks"`
	Referrers map[string]int64 `bson:"referrers,omitempty"`
}

// day is a subject's day while visitors are remembered.
type day struct {
	Subject string           `bson:"subject"`
	Day     string           `bson:"day"`
	Shards  map[string]tally `bson:"shards"`
	// FoldAt is when the day is over for good.
	FoldAt time.Time `bson:"foldAt"`
	// Folding says that nothing changes any more.
	Folding bool `bson:"folding,omitempty"`
}

func (d day) sum() (clicks int64, referrers map[string]int64) {
	referrers = map[string]int64{}
	for _, t := range d.Shards {
		clicks += t.Clicks
		for host, n := range t.Referrers {
			referrers[host] += n
		}
	}
	return clicks, referrers
}

// month is what a subject's days came to.
type month struct {
	Subject   string           `bson:"subject"`
	Days      map[string]int64 `bson:"days,omitempty"` // by "02"; gone when the month is old
	Clicks    int64            `bson:"clicks"`
	Referrers map[string]int64 `bson:"referrers,omitempty"`
	// CompactAt is when the days are no longer told apart; zero: they are not.
	CompactAt *time.Time `bson:"compactAt,omitempty"`
}

// take adds a day, unless it is in there.
func (m *month) take(name string, d day) bool {
	if _, known := m.Days[name]; known {
		return false
	}
	clicks, referrers := d.sum()
	if m.Days == nil {
		m.Days = map[string]int64{}
	}
	m.Subject, m.Days[name] = d.Subject, clicks
	m.Clicks += clicks
	for _, host := range slices.SortedFunc(maps.Keys(referrers), func(a, b string) int {
		return cmp.Or(cmp.Compare(referrers[b], referrers[a]), cmp.Compare(a, b))
	}) {
		m.Referrers = plus(m.Referrers, host, referrers[host], maxMonthReferrers)
	}
	return true
}

// Ids: a subject has no '/'.
func slotID(subject, day, shard string) string { return subject + "/" + day + "/" + shard }
func dayID(subject, day string) string         { return subject + "/" + day }
func monthID(subject, month string) string     { return subject + "/" + month }

// shardOf gives a visitor's shard.
func shardOf(visitor string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(visitor)) // a hash never fails
	return strconv.Itoa(int(h.Sum32() % shards))
}
