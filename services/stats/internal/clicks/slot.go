package clicks

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"sort"
	"strconv"
	"time"

	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
)

const (
	// shards spread the visitors of a day, so that a document stays small where very
	// many come, and clicks that come together still share a write where few do.
	shards = 16
	// maxSeen bounds the clicks of a shard and day, bytes: a document has an end.
	// Beyond it, at some six million clicks on one subject a day, none counts.
	maxSeen = 400_000 * seenLen
	// maxReferrers of a shard and day, and of a month; the rest is not told apart.
	maxReferrers, maxMonthReferrers = 32, 100
	dayForm                         = "2006-01-02"
	monthForm                       = "2006-01"
)

// slot is who clicked on a subject on a day, of one shard of visitors.
type slot struct {
	// Seen is what counted, sorted: of each click the visitor, shortened, and its
	// milliseconds since the day began. A document of many is then read and written
	// as one value.
	Seen      []byte           `bson:"seen"`
	Clicks    int64            `bson:"clicks"`
	Referrers map[string]int64 `bson:"referrers,omitempty"` // by field(host)
}

// An entry of slot.Seen: 8 bytes of the visitor, 4 of the time, both big-endian.
const (
	visitorLen = 8
	seenLen    = visitorLen + 4
)

func entry(visitor uint64, ms uint32) [seenLen]byte {
	var e [seenLen]byte
	binary.BigEndian.PutUint64(e[:], visitor)
	binary.BigEndian.PutUint32(e[visitorLen:], ms)
	return e
}

// count applies a click and reports whether it counts.
func (s *slot) count(c statsv1.ClickEvent) bool {
	visitor := hashOf(c.Visitor)
	at, window := c.Time.UnixMilli()%(24*time.Hour).Milliseconds(), statsv1.ClickWindow.Milliseconds()
	// The first entry of the visitor that a click now could be too close to.
	from := entry(visitor, uint32(max(at-window+1, 0))) //nolint:gosec // a day has fewer
	n := sort.Search(len(s.Seen)/seenLen, func(i int) bool { return bytes.Compare(s.Seen[i*seenLen:(i+1)*seenLen], from[:]) >= 0 })
	if n*seenLen < len(s.Seen) {
		next := s.Seen[n*seenLen : (n+1)*seenLen]
		if binary.BigEndian.Uint64(next) == visitor && int64(binary.BigEndian.Uint32(next[visitorLen:])) < at+window {
			return false
		}
	}
	if len(s.Seen) >= maxSeen {
		return false
	}
	e := entry(visitor, uint32(at)) //nolint:gosec // as above
	s.Seen = slices.Insert(s.Seen, n*seenLen, e[:]...)
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

// hashOf shortens a visitor, which is a hash already.
func hashOf(visitor string) uint64 {
	sum := sha256.Sum256([]byte(visitor))
	return binary.BigEndian.Uint64(sum[:])
}

// shardOf gives a visitor's shard.
func shardOf(visitor string) string { return strconv.FormatUint(hashOf(visitor)%shards, 10) }
