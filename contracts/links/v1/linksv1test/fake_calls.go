package linksv1test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
)

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
