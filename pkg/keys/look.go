package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fit says how a master key file fits the domains of a store.
type Fit struct {
	Domains int      // that are there, with the one that only binds the file to the store
	Older   int      // of these, wrapped in part by a key that is not the current one
	Foreign []string // that the file cannot open, at most ten, sorted
}

// FitOf reads every domain's record and tries to open it under master; it makes
// and changes nothing. The record that binds file and store counts as foreign
// when it is there and does not open.
func FitOf(ctx context.Context, store Store, master *Master) (Fit, error) {
	const shown = 10
	var f Fit
	names, err := store.List(ctx)
	if err != nil {
		return f, fmt.Errorf("listing key domains: %w", err)
	}
	slices.Sort(names)
	w := newWrapper(master)
	for _, key := range names {
		name, ok := strings.CutPrefix(key, domainPrefix)
		if !ok {
			continue
		}
		e, err := store.Get(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue // gone since the list
		}
		if err != nil {
			return f, fmt.Errorf("reading key domain %s: %w", name, err)
		}
		f.Domains++
		rec, err := parseRecord(name, e.Value)
		older := false
		if err == nil {
			older, err = w.opens(rec)
		}
		switch {
		case err != nil && len(f.Foreign) < shown:
			f.Foreign = append(f.Foreign, name)
		case older:
			f.Older++
		}
	}
	return f, nil
}

// opens tries every key of a record, and reports whether one is wrapped by an
// older master key.
func (w *wrapper) opens(r record) (older bool, err error) {
	cur := w.d.current().id
	older = r.Hash.Master != cur
	if _, err := w.unwrap(r.Hash, wrapAAD(r.Domain, "hash", 0)); err != nil {
		return older, err
	}
	for _, k := range r.Data {
		older = older || k.Master != cur
		if _, err := w.unwrap(k.wrapped, wrapAAD(r.Domain, "data", k.ID)); err != nil {
			return older, err
		}
	}
	return older, nil
}
