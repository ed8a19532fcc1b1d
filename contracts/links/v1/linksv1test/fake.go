package linksv1test

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Fake is a linkchecker in memory. It keeps to the contract, as the suite shows,
// and does what tests tell it beside: checks end when Check says so. It is safe
// for concurrent use.
type Fake struct {
	now   func() time.Time
	badge func(linksv1.Badge)

	mu      sync.Mutex
	down    error
	seq     int
	all     map[string]*fakeContainer // by id
	urls    map[string]*fakeURL       // by normalised URL
	wrong   map[string]time.Time      // when a guesser would be idle again
	made    map[string]int64          // by account and day
	keyed   map[string]*fakeContainer // by account and idempotency key
	asked   map[string]int            // by container
	pending []linksv1.Badge
}

var _ linksv1.Service = (*Fake)(nil)

type fakeContainer struct {
	linksv1.Container
	live     bool
	password string
	links    []fakeLink
	edit     *fakeEdit
	last     string
	print    []byte
}

type fakeLink struct {
	linksv1.LinkInput
	a linksv1.Address
}

type fakeEdit struct {
	id    string
	till  time.Time
	quota int64
	links []fakeLink
	given int
	from  int // of the last batch
	apply func(*fakeContainer)
}

type fakeURL struct {
	linksv1.Link
	lost  int
	since time.Time
}

// NewFake makes a linkchecker that reads now, and tells badge, which may be nil,
// what badges show.
func NewFake(now func() time.Time, badge func(linksv1.Badge)) *Fake {
	return &Fake{
		now: now, badge: badge, seq: 7_999_999, all: map[string]*fakeContainer{}, urls: map[string]*fakeURL{}, wrong: map[string]time.Time{},
		made: map[string]int64{}, keyed: map[string]*fakeContainer{}, asked: map[string]int{},
	}
}

// Down has every call fail with err, until it is nil.
func (f *Fake) Down(err error) { f.mu.Lock(); defer f.mu.Unlock(); f.down = err }

// Asked tells how often checks of a container's links were asked for.
func (f *Fake) Asked(id string) int { f.mu.Lock(); defer f.mu.Unlock(); return f.asked[id] }

// Check ends a check of a URL.
func (f *Fake) Check(url string, found Found) error {
	a, err := linksv1.ParseURL(url)
	if err != nil {
		return err
	}
	unlock := f.lock()
	defer unlock()
	now := f.clock()
	u := f.urls[a.Normal]
	if u == nil || u.CheckedAt != nil && !now.After(*u.CheckedAt) {
		return nil
	}
	status := found.Status
	if found.Reason == linksv1.ReasonNameUnknown {
		if u.lost++; u.lost == 1 {
			u.since = now
		}
		if u.lost >= 3 && now.Sub(u.since) >= 6*time.Hour {
			status = linksv1.Offline
		}
	} else {
		u.lost = 0
	}
	u.Status, u.CheckedAt, u.HTTPStatus, u.Reason = status, &now, found.HTTPStatus, found.Reason
	u.Name, u.Size = cmp.Or(cutName(found.Name), u.Name), cmp.Or(found.Size, u.Size)
	if u.Failures++; status != linksv1.Unknown {
		u.Failures, u.Definite, u.DefiniteAt = 0, status, &now
	}
	for _, c := range f.all {
		if c.live && slices.ContainsFunc(c.links, func(l fakeLink) bool { return l.a.Normal == a.Normal }) {
			c.CheckedAt = &now
			f.count(c)
		}
	}
	return nil
}

func cutName(s string) string {
	for s = strings.ToValidUTF8(s, "\uFFFD"); len(s) > linksv1.MaxName; {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// lock gives the way out, which tells of badges when nothing is held any more.
func (f *Fake) lock() (unlock func()) {
	f.mu.Lock()
	return func() {
		told := f.pending
		f.pending = nil
		f.mu.Unlock()
		for _, b := range told {
			if f.badge != nil {
				f.badge(b)
			}
		}
	}
}

func (f *Fake) clock() time.Time { return f.now().UTC().Truncate(time.Millisecond) }

// count brings c in line with its links.
func (f *Fake) count(c *fakeContainer) {
	was := c.Counts
	c.Counts, c.Hosts, c.Size = linksv1.Counts{}, []string{}, len(c.links)
	for _, l := range c.links {
		u := f.urls[l.a.Normal]
		switch u.Status {
		case linksv1.Online:
			c.Counts.Online++
		case linksv1.Offline:
			c.Counts.Offline++
		default:
			c.Counts.Unknown++
		}
		if u.CheckedAt != nil && (c.CheckedAt == nil || u.CheckedAt.After(*c.CheckedAt)) {
			c.CheckedAt = u.CheckedAt
		}
		if !slices.Contains(c.Hosts, l.a.Host) {
			c.Hosts = append(c.Hosts, l.a.Host)
		}
	}
	c.Status = c.Counts.Status()
	f.changed(c, was != c.Counts)
}

func (f *Fake) changed(c *fakeContainer, badge bool) {
	c.Revision++
	c.UpdatedAt = f.clock()
	if badge || !c.live {
		f.pending = append(f.pending, linksv1.Badge{ID: c.ID, NumericID: c.NumericID, Status: c.Status, Counts: c.Counts, Gone: !c.live, Revision: c.Revision})
	}
}

// any finds a container by either id.
func (f *Fake) any(id string) *fakeContainer {
	if c := f.all[id]; c != nil {
		return c
	}
	for _, c := range f.all {
		if c.NumericID == id {
			return c
		}
	}
	return nil
}

func (f *Fake) find(id string) (*fakeContainer, error) {
	if f.down != nil {
		return nil, f.down
	}
	if c := f.any(id); c != nil && c.live {
		return c, nil
	}
	return nil, linksv1.ErrNotFound
}

func (f *Fake) own(p authv1.Principal, id string) (*fakeContainer, error) {
	if p.AccountID == "" {
		return nil, fault.ErrInvalid
	}
	c, err := f.find(id)
	if err == nil && c.AccountID != p.AccountID {
		return nil, linksv1.ErrNotFound
	}
	return c, err
}

// parse reads a batch into e.
func (e *fakeEdit) parse(from int, in []linksv1.LinkInput) error {
	if len(in) > linksv1.MaxBatch || from != e.given && (from != e.from || from+len(in) != e.given) {
		return fault.ErrInvalid
	}
	links := slices.Clone(e.links)
	for i, l := range in {
		a, err := linksv1.ParseURL(l.URL)
		if err != nil || l.Mirror < 0 || l.Mirror >= linksv1.MaxLinks || l.Backup && from+i == 0 {
			return linksv1.ErrBadLink.Msgf("link %d: %v", from+i+1, err)
		}
		l.URL = a.URL
		if !slices.ContainsFunc(links, func(o fakeLink) bool { return o.a.Key == a.Key }) {
			links = append(links, fakeLink{l, a})
		}
	}
	if len(links) > linksv1.MaxLinks {
		return linksv1.ErrTooManyLinks
	}
	if from == e.given {
		e.from, e.given, e.links = from, from+len(in), links
	}
	return nil
}

// room reports whether an account may have what e brings to c.
func (f *Fake) room(c *fakeContainer, e *fakeEdit) error {
	n := max(int64(len(e.links)-len(c.links)), 0)
	if e.quota == 0 || n == 0 {
		return nil
	}
	for _, o := range f.all {
		if o.AccountID == c.AccountID {
			n += int64(len(o.links))
			if o.edit != nil && o != c {
				n += max(int64(len(o.edit.links)-len(o.links)), 0)
			}
		}
	}
	if n > e.quota {
		return linksv1.ErrQuota
	}
	return nil
}

// take has c wait for more, or puts the list in its place.
func (f *Fake) take(c *fakeContainer, e *fakeEdit, more bool) linksv1.Written {
	for _, l := range e.links {
		if f.urls[l.a.Normal] == nil {
			f.urls[l.a.Normal] = &fakeURL{Link: linksv1.Link{Status: linksv1.Unknown}}
		}
	}
	e.till = f.clock().Add(time.Minute)
	if more {
		c.edit = e
		return linksv1.Written{Container: c.view(), Edit: e.id}
	}
	c.edit, c.last, c.links = nil, e.id, e.links
	c.live = true
	if e.apply != nil {
		e.apply(c)
	}
	f.count(c)
	return linksv1.Written{Container: c.view()}
}

func (c *fakeContainer) view() linksv1.Container {
	v := c.Container
	v.Protected = c.password != ""
	v.Hosts = append([]string{}, c.Hosts...)
	return v
}

func checkText(title *string, pw *string, o linksv1.Options) error {
	if title != nil {
		*title = strings.TrimSpace(*title)
		if n := utf8.RuneCountInString(*title); n < 1 || n > linksv1.MaxTitle || strings.ContainsFunc(*title, unicode.IsControl) {
			return linksv1.ErrBadTitle
		}
	}
	if pw != nil && len(*pw) > linksv1.MaxPassword || (utf8.RuneCountInString(o.Group) > linksv1.MaxGroup || strings.ContainsFunc(o.Group, unicode.IsControl)) {
		return fault.ErrInvalid
	}
	return nil
}
