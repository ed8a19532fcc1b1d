package linksv1test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
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

// CreateContainer implements linksv1.Service.
func (f *Fake) CreateContainer(_ context.Context, r linksv1.CreateRequest) (linksv1.Written, error) {
	unlock := f.lock()
	defer unlock()
	if i := r.Idempotency; i != nil {
		if i.Key == "" || len(i.Key) > linksv1.MaxIdempotencyKey || len(i.Fingerprint) == 0 {
			return linksv1.Written{}, fault.ErrInvalid
		}
		c, there := f.keyed[r.Principal.AccountID+"\x00"+i.Key]
		switch {
		case !there || f.all[c.ID] != c: // it is gone
		case !bytes.Equal(c.print, i.Fingerprint) || c.live && c.password != r.Password:
			return linksv1.Written{}, linksv1.ErrIdempotencyConflict
		case c.live:
			return linksv1.Written{Container: c.view()}, nil
		case f.clock().Before(c.edit.till):
			return linksv1.Written{}, linksv1.ErrIdempotencyBusy.After(c.edit.till.Sub(f.clock()))
		default:
			f.giveUp(c)
		}
	}
	f.seq++
	for f.any(strconv.Itoa(f.seq)) != nil {
		f.seq++
	}
	id := fmt.Sprintf("c%010d", f.seq)
	w, err := f.add(r, id, strconv.Itoa(f.seq), f.clock())
	if c := f.all[id]; err == nil && r.Idempotency != nil {
		c.print = r.Idempotency.Fingerprint
		f.keyed[r.Principal.AccountID+"\x00"+r.Idempotency.Key] = c
	}
	return w, err
}

func (f *Fake) add(r linksv1.CreateRequest, id, numeric string, at time.Time) (linksv1.Written, error) {
	if f.down != nil {
		return linksv1.Written{}, f.down
	}
	if r.Principal.AccountID == "" {
		return linksv1.Written{}, fault.ErrInvalid
	}
	if err := checkText(&r.Title, &r.Password, r.Options); err != nil {
		return linksv1.Written{}, err
	}
	if len(r.Links) == 0 {
		return linksv1.Written{}, linksv1.ErrTooManyLinks
	}
	now := f.clock()
	e := &fakeEdit{id: "ed_" + id, quota: r.Quota.Links}
	if err := e.parse(0, r.Links); err != nil {
		return linksv1.Written{}, err
	}
	c := &fakeContainer{password: r.Password, Container: linksv1.Container{
		ID: id, NumericID: numeric, AccountID: r.Principal.AccountID, Title: r.Title, Options: r.Options, CreatedAt: at, UpdatedAt: now, Revision: now.UnixMilli(),
	}}
	if err := f.room(c, e); err != nil {
		return linksv1.Written{}, err
	}
	day := c.AccountID + now.Format(time.DateOnly)
	if q := r.Quota.ContainersPerDay; q > 0 && f.made[day] >= q {
		return linksv1.Written{}, linksv1.ErrQuota.After(now.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now))
	}
	f.made[day]++
	f.all[id] = c
	return f.take(c, e, r.More), nil
}

// AddLinks implements linksv1.Service.
func (f *Fake) AddLinks(_ context.Context, r linksv1.AddLinksRequest) (linksv1.Written, error) {
	unlock := f.lock()
	defer unlock()
	if f.down != nil {
		return linksv1.Written{}, f.down
	}
	if r.Edit == "" || r.Principal.AccountID == "" {
		return linksv1.Written{}, fault.ErrInvalid
	}
	c := f.any(r.ID)
	switch {
	case c == nil || c.AccountID != r.Principal.AccountID:
		return linksv1.Written{}, linksv1.ErrNotFound
	case c.live && c.last == r.Edit:
		return linksv1.Written{Container: c.view()}, nil
	case c.edit == nil || c.edit.id != r.Edit:
		return linksv1.Written{}, linksv1.ErrEditGone
	case !f.clock().Before(c.edit.till):
		f.giveUp(c)
		return linksv1.Written{}, linksv1.ErrEditGone
	}
	e := *c.edit
	err := e.parse(r.From, r.Links)
	if err == nil {
		err = f.room(c, &e)
	}
	if err != nil {
		if fault.CodeOf(err) != fault.ErrInvalid.Code {
			f.giveUp(c)
		}
		return linksv1.Written{}, err
	}
	return f.take(c, &e, r.More), nil
}

func (f *Fake) giveUp(c *fakeContainer) {
	if c.edit = nil; !c.live {
		delete(f.all, c.ID)
	}
}

// GetContainer implements linksv1.Service.
func (f *Fake) GetContainer(_ context.Context, r linksv1.ContainerRequest) (linksv1.Container, error) {
	unlock := f.lock()
	defer unlock()
	c, err := f.find(r.ID)
	if err == nil && r.Principal.AccountID != "" && c.AccountID != r.Principal.AccountID {
		err = linksv1.ErrNotFound
	}
	if err != nil {
		return linksv1.Container{}, err
	}
	return c.view(), nil
}

// ListContainers implements linksv1.Service.
func (f *Fake) ListContainers(ctx context.Context, r linksv1.ListRequest) (linksv1.ListResponse, error) {
	unlock := f.lock()
	defer unlock()
	if f.down != nil {
		return linksv1.ListResponse{}, f.down
	}
	if r.Principal.AccountID == "" || r.Status != "" && !slices.Contains([]linksv1.Status{linksv1.Online, linksv1.Offline, linksv1.Partial, linksv1.Unknown}, r.Status) {
		return linksv1.ListResponse{}, fault.ErrInvalid
	}
	mine := []linksv1.Container{}
	for _, c := range f.all {
		if c.live && c.AccountID == r.Principal.AccountID && (r.Status == "" || c.Status == r.Status) && (r.Group == "" || c.Options.Group == r.Group) {
			mine = append(mine, c.view())
		}
	}
	page, place, err := paging.Slice(mine, func(c linksv1.Container) paging.Position[time.Time] {
		return paging.Position[time.Time]{Value: c.CreatedAt, ID: c.ID}
	}).Page(ctx, r.Page)
	if page == nil {
		page = []linksv1.Container{}
	}
	return linksv1.ListResponse{Containers: page, Place: place}, err
}

// UpdateContainer implements linksv1.Service.
func (f *Fake) UpdateContainer(_ context.Context, r linksv1.UpdateRequest) (linksv1.Written, error) {
	unlock := f.lock()
	defer unlock()
	c, err := f.own(r.Principal, r.ID)
	if err != nil {
		return linksv1.Written{}, err
	}
	var options linksv1.OptionsChange
	if r.Options != nil {
		options = *r.Options
	}
	if err := checkText(r.Title, r.Password, options.Apply(linksv1.Options{})); err != nil {
		return linksv1.Written{}, err
	}
	if len(r.Links) == 0 && (r.More || r.Links != nil) {
		return linksv1.Written{}, linksv1.ErrTooManyLinks
	}
	apply := func(c *fakeContainer) {
		if r.Title != nil {
			c.Title = *r.Title
		}
		if r.Password != nil {
			c.password = *r.Password
		}
		c.Options = options.Apply(c.Options)
	}
	if len(r.Links) == 0 {
		if r.Title != nil || r.Password != nil || r.Options != nil {
			apply(c)
			f.changed(c, false)
		}
		return linksv1.Written{Container: c.view()}, nil
	}
	f.seq++
	e := &fakeEdit{id: fmt.Sprintf("ed_%d", f.seq), quota: r.Quota.Links, apply: apply}
	if err := e.parse(0, r.Links); err != nil {
		return linksv1.Written{}, err
	}
	if err := f.room(c, e); err != nil {
		return linksv1.Written{}, err
	}
	return f.take(c, e, r.More), nil
}

// DeleteContainer implements linksv1.Service.
func (f *Fake) DeleteContainer(_ context.Context, r linksv1.ContainerRequest) (linksv1.Empty, error) {
	unlock := f.lock()
	defer unlock()
	c, err := f.own(r.Principal, r.ID)
	if err != nil {
		return linksv1.Empty{}, err
	}
	c.live = false
	f.changed(c, true)
	delete(f.all, c.ID)
	return linksv1.Empty{}, nil
}

// Unlock implements linksv1.Service.
func (f *Fake) Unlock(_ context.Context, r linksv1.UnlockRequest) (linksv1.Unlocked, error) {
	unlock := f.lock()
	defer unlock()
	c, err := f.find(r.ID)
	if err != nil {
		return linksv1.Unlocked{}, err
	}
	if c.password != "" {
		source, _, _ := strings.Cut(r.Source, ":")
		key, now := c.ID+" "+source, f.clock()
		idle := f.wrong[key]
		if idle.Before(now) {
			idle = now
		}
		if wait := idle.Add(6*time.Second).Sub(now) - time.Minute; wait > 0 {
			return linksv1.Unlocked{}, linksv1.ErrThrottled.After(wait)
		}
		if r.Password != c.password {
			f.wrong[key] = idle.Add(6 * time.Second)
			return linksv1.Unlocked{}, linksv1.ErrWrongPassword
		}
	}
	return linksv1.Unlocked{Container: c.view(), Pass: c.pass(f.clock().Add(linksv1.PassLife))}, nil
}

func (c *fakeContainer) pass(till time.Time) string {
	return fmt.Sprintf("%s.%d.%s", c.ID, till.UnixMilli(), c.password)
}

// ListLinks implements linksv1.Service.
func (f *Fake) ListLinks(_ context.Context, r linksv1.ListLinksRequest) (linksv1.ListLinksResponse, error) {
	unlock := f.lock()
	defer unlock()
	if r.From < 0 || r.From > linksv1.MaxLinks {
		return linksv1.ListLinksResponse{}, fault.ErrInvalid
	}
	c, err := f.find(r.ID)
	if err != nil {
		return linksv1.ListLinksResponse{}, err
	}
	if c.password != "" && r.Principal.AccountID != c.AccountID {
		parts := strings.SplitN(r.Pass, ".", 3)
		if len(parts) != 3 {
			return linksv1.ListLinksResponse{}, linksv1.ErrLocked
		}
		ms, err := strconv.ParseInt(parts[1], 10, 64)
		if till := time.UnixMilli(ms); err != nil || r.Pass != c.pass(till) || !f.clock().Before(till) {
			return linksv1.ListLinksResponse{}, linksv1.ErrLocked
		}
	}
	out := linksv1.ListLinksResponse{Links: []linksv1.Link{}}
	for i := r.From; i < len(c.links); i++ {
		l := f.urls[c.links[i].a.Normal].Link
		l.LinkInput, l.Index, l.Host = c.links[i].LinkInput, i, c.links[i].a.Host
		out.Links = append(out.Links, l)
	}
	n := linksv1.BatchOf(out.Links)
	if n < len(out.Links) {
		out.Links, out.Next = out.Links[:n], r.From+n
	}
	return out, nil
}

// Recheck implements linksv1.Service.
func (f *Fake) Recheck(_ context.Context, r linksv1.RecheckRequest) (linksv1.Empty, error) {
	unlock := f.lock()
	defer unlock()
	c, err := f.find(r.ID)
	if err != nil {
		return linksv1.Empty{}, err
	}
	if r.Within < 0 {
		return linksv1.Empty{}, fault.ErrInvalid
	}
	f.asked[c.ID]++
	return linksv1.Empty{}, nil
}

// ImportContainer implements linksv1.Service.
func (f *Fake) ImportContainer(_ context.Context, r linksv1.ImportRequest) (linksv1.Written, error) {
	unlock := f.lock()
	defer unlock()
	if !linksv1.ValidNumericID(r.NumericID) || r.ID != "" && (!linksv1.ValidID(r.ID) || linksv1.ValidNumericID(r.ID)) {
		return linksv1.Written{}, fault.ErrInvalid
	}
	if c := f.any(r.NumericID); c != nil {
		switch {
		case c.AccountID != r.AccountID || r.ID != "" && r.ID != c.ID:
			return linksv1.Written{}, linksv1.ErrIDTaken
		case c.live:
			return linksv1.Written{Container: c.view()}, nil
		}
		f.giveUp(c)
	}
	if f.all[r.ID] != nil {
		return linksv1.Written{}, linksv1.ErrIDTaken
	}
	id := r.ID
	if id == "" {
		f.seq++
		id = fmt.Sprintf("i%010d", f.seq)
	}
	at := f.clock()
	if !r.CreatedAt.IsZero() && r.CreatedAt.Before(at) {
		at = r.CreatedAt
	}
	return f.add(linksv1.CreateRequest{
		Principal: authv1.Principal{AccountID: r.AccountID}, Title: r.Title, Password: r.Password, Links: r.Links, More: r.More,
	}, id, r.NumericID, at)
}
