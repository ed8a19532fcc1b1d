package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	domainPrefix = "domain."
	// checkDomain is a record that only tells whether the master key file is the
	// one of this store. Its name is none that Domain takes.
	checkDomain = "check.master"

	// refreshAfter is how old a domain's record may be before Domain asks the
	// store whether another process rotated its data key.
	refreshAfter = time.Minute
	// contention bounds the retries against other writers of one record.
	contention = 20
	// maxDomainName is the longest name of a domain, in bytes.
	maxDomainName = 128
)

// Ring gives the key domains of a deployment. It is safe for concurrent use, by
// several processes on one Store too.
type Ring struct {
	store   Store
	master  *Master
	wrapper *wrapper

	mu      sync.Mutex
	domains map[string]*Domain
}

// OpenRing opens the ring in store under master. It fails when store was
// written under another master key file.
func OpenRing(ctx context.Context, store Store, master *Master) (*Ring, error) {
	r := &Ring{store: store, master: master, wrapper: newWrapper(master), domains: map[string]*Domain{}}
	rec, _, err := r.getOrCreate(ctx, checkDomain)
	if err != nil {
		return nil, fmt.Errorf("opening the key ring: %w", err)
	}
	if _, err := r.wrapper.unwrap(rec.Hash, wrapAAD(checkDomain, "hash", 0)); err != nil {
		return nil, fmt.Errorf("the master key file does not belong to this data: %w", err)
	}
	return r, nil
}

// Domain gives the domain of that name, made on first use; processes that do so
// at once get the same keys. name is 1–128 of [A-Za-z0-9_-]. Codes:
// keys.bad_domain_name, keys.unknown_key, keys.cannot_open, and the store's.
func (r *Ring) Domain(ctx context.Context, name string) (*Domain, error) {
	if !validName(name) {
		return nil, ErrName
	}
	r.mu.Lock()
	d := r.domains[name]
	r.mu.Unlock()
	if d != nil {
		d.refresh(ctx)
		return d, nil
	}
	rec, rev, err := r.getOrCreate(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("opening key domain %s: %w", name, err)
	}
	st, err := r.openRecord(rec, rev)
	if err != nil {
		return nil, fmt.Errorf("opening key domain %s: %w", name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.domains[name]; other != nil {
		return other, nil
	}
	d = &Domain{ring: r, name: name}
	d.adopt(st)
	r.domains[name] = d
	return d, nil
}

// Rewrap puts every domain under the current master key, after Master.Rotate.
// It may be repeated at any time, and be interrupted: a domain is under the old
// or the new key, and both are in the file. It returns how many records it changed.
func (r *Ring) Rewrap(ctx context.Context) (int, error) {
	r.master.refresh()
	names, err := r.store.List(ctx)
	if err != nil {
		return 0, fmt.Errorf("listing key domains: %w", err)
	}
	n := 0
	for _, key := range names {
		name, ok := strings.CutPrefix(key, domainPrefix)
		if !ok {
			continue
		}
		changed, err := r.update(ctx, name, r.wrapper.rewrap)
		if err != nil {
			return n, fmt.Errorf("rewrapping key domain %s: %w", name, err)
		}
		if changed {
			n++
		}
	}
	return n, nil
}

func (r *Ring) getOrCreate(ctx context.Context, name string) (record, uint64, error) {
	for range contention {
		rec, rev, err := r.get(ctx, name)
		if !errors.Is(err, ErrNotFound) {
			return rec, rev, err
		}
		r.master.refresh()
		rec = r.wrapper.newRecord(name, time.Now())
		b, err := json.Marshal(rec)
		if err != nil {
			return rec, 0, fmt.Errorf("encoding a key record: %w", err)
		}
		rev, err = r.store.Create(ctx, domainPrefix+name, b)
		if !errors.Is(err, ErrExists) {
			return rec, rev, err
		}
		// Another process was faster. A replica of the store may not know of it yet.
		if err := pause(ctx); err != nil {
			return rec, 0, err
		}
	}
	return record{}, 0, errContention
}

func (r *Ring) get(ctx context.Context, name string) (record, uint64, error) {
	e, err := r.store.Get(ctx, domainPrefix+name)
	if err != nil {
		return record{}, 0, err
	}
	rec, err := parseRecord(name, e.Value)
	return rec, e.Revision, err
}

// update changes a record by compare-and-set until no other writer interferes.
func (r *Ring) update(ctx context.Context, name string, change func(record) (record, bool, error)) (bool, error) {
	for range contention {
		rec, rev, err := r.get(ctx, name)
		if err != nil {
			return false, err
		}
		next, changed, err := change(rec)
		if err != nil || !changed {
			return false, err
		}
		b, err := json.Marshal(next)
		if err != nil {
			return false, fmt.Errorf("encoding a key record: %w", err)
		}
		if _, err = r.store.Update(ctx, domainPrefix+name, b, rev); err == nil {
			return true, nil
		}
		if !errors.Is(err, ErrStale) {
			return false, err
		}
		if err := pause(ctx); err != nil {
			return false, err
		}
	}
	return false, errContention
}

// pause lets another writer finish.
func pause(ctx context.Context) error {
	t := time.NewTimer(10 * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func illegalInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

func validName(s string) bool {
	if s == "" || len(s) > maxDomainName {
		return false
	}
	return !strings.ContainsFunc(s, illegalInName)
}
