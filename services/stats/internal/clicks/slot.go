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
	// maxRepeated is of how many clicks of a visitor and day those are kept, too, that
	// do not count: one that comes late may be before them.
	maxRepeated = 100
	// maxReferrers of a shard and day, and of a month; the rest is not told apart.
	maxReferrers, maxMonthReferrers = 32, 100
	dayForm                         = "2006-01-02"
	monthForm                       = "2006-01"
)

// slot is who clicked on a subject on a day, of one shard of visitors.
type slot struct {
	// Seen is what came, sorted: of each click the visitor, shortened, its milliseconds
	// since the day began, and its referrer. A document of many is then read and
	// written as one value.
	Seen      []byte           `bson:"seen"`
	Hosts     []string         `bson:"hosts,omitempty"` // referrers, in order of first appearance
	Clicks    int64            `bson:"clicks"`
	Referrers map[string]int64 `bson:"referrers,omitempty"` // by field(host)
}

// An entry of slot.Seen: 8 bytes of the visitor, 4 of the time, both big-endian, and
// one of the referrer, which is its place in Hosts from 1 on.
const (
	visitorLen = 8
	clickLen   = visitorLen + 4
	seenLen    = clickLen + 1
)

func entry(visitor uint64, ms int64) []byte {
	e := binary.BigEndian.AppendUint64(make([]byte, 0, seenLen), visitor)
	return append(binary.BigEndian.AppendUint32(e, uint32(ms)), 0) //nolint:gosec // a day has fewer
}

// find gives where an entry is, or would be, in s.Seen.
func (s *slot) find(e []byte) (at int, known bool) {
	is := func(i int) []byte { return s.Seen[i*seenLen : i*seenLen+clickLen] }
	n := sort.Search(len(s.Seen)/seenLen, func(i int) bool { return bytes.Compare(is(i), e[:clickLen]) >= 0 })
	return n * seenLen, n*seenLen < len(s.Seen) && bytes.Equal(is(n), e[:clickLen])
}

// count applies a click. It reports whether one more counts, and whether there is
// anything to write. What a visitor's clicks come to is that of their times, in
// whatever order they came.
func (s *slot) count(c statsv1.ClickEvent) (counts, changed bool) {
	visitor, day := hashOf(c.Visitor), (24 * time.Hour).Milliseconds()
	e := entry(visitor, c.Time.UnixMilli()%day)
	at, known := s.find(e)
	if known || len(s.Seen) >= maxSeen {
		return false, false
	}
	from, _ := s.find(entry(visitor, 0))
	to, _ := s.find(entry(visitor, day))
	before := s.Clicks
	s.credit(s.Seen[from:to], -1)
	e[clickLen] = s.refer(c.Referrer)
	s.Seen = slices.Insert(s.Seen, at, e...)
	s.credit(s.Seen[from:to+seenLen], 1)
	if counts = s.Clicks > before; counts || to-from < maxRepeated*seenLen {
		return counts, true
	}
	// As many count without it.
	s.credit(s.Seen[from:to+seenLen], -1)
	s.Seen = slices.Delete(s.Seen, at, at+seenLen)
	s.credit(s.Seen[from:to], 1)
	return false, false
}

// credit adds what clicks of one visitor come to, n times: the first one, and each
// that lies a window or more behind the last one that counted.
func (s *slot) credit(clicks []byte, n int64) {
	next, window := int64(0), statsv1.ClickWindow.Milliseconds()
	for ; len(clicks) > 0; clicks = clicks[seenLen:] {
		at := int64(binary.BigEndian.Uint32(clicks[visitorLen:]))
		if at < next {
			continue
		}
		next = at + window
		s.Clicks += n
		if host := int(clicks[clickLen]); host > 0 {
			s.mention(field(s.Hosts[host-1]), n)
		}
	}
}

// mention adds to a referrer's count.
func (s *slot) mention(name string, n int64) {
	if s.Referrers == nil {
		s.Referrers = map[string]int64{}
	}
	if s.Referrers[name] += n; s.Referrers[name] == 0 {
		delete(s.Referrers, name)
	}
}

// refer gives the place of a host in s.Hosts, from 1 on; 0 for none, and where there
// is no room for one more.
func (s *slot) refer(host string) byte {
	if host == "" {
		return 0
	}
	i := slices.Index(s.Hosts, host)
	if i < 0 {
		if len(s.Hosts) >= maxReferrers {
			return 0
		}
		i, s.Hosts = len(s.Hosts), append(s.Hosts, host)
	}
	return byte(i + 1) //nolint:gosec // maxReferrers
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
