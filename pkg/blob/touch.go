package blob

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

const (
	touchesAtOnce = 8
	touchTries    = 5
)

// Touch makes sure that every segment's lease has at least half of Config.Lease
// left: call it before committing a manifest that is not fresh. ErrExpired means
// that a segment is gone; its content must be sent again. It may be repeated.
func (s *Store) Touch(ctx context.Context, m Manifest) error {
	refs, err := s.Segments(ctx, m)
	if err == nil {
		err = s.touchAll(ctx, append(append([]SegmentRef(nil), m.Indirect...), refs...))
	}
	if err != nil {
		return fmt.Errorf("touching content: %w", transferFault(err))
	}
	return nil
}

// touchAll renews what needs it. A pass that took long, because the machine
// slept, is repeated: what it touched first may be old by its end.
func (s *Store) touchAll(ctx context.Context, refs []SegmentRef) error {
	for {
		began := s.cfg.Clock()
		if err := s.touchOnce(ctx, refs); err != nil {
			return err
		}
		if s.cfg.Clock().Sub(began) <= s.cfg.Lease/4 {
			return nil
		}
	}
}

func (s *Store) touchOnce(ctx context.Context, refs []SegmentRef) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.touches)
	seen := map[string]bool{}
	for _, r := range refs {
		if !seen[r.Token] {
			seen[r.Token] = true
			g.Go(func() error { return s.touch(ctx, r) })
		}
	}
	return g.Wait()
}

func (s *Store) touch(ctx context.Context, ref SegmentRef) error {
	var err error
	for try := range touchTries {
		var rec *record
		var seq uint64
		rec, seq, err = s.readRecord(ctx, ref.Store, ref.ID, try > 0)
		if err == nil && rec.token == ref.Token && rec.condemned.IsZero() {
			if _, err = s.renew(ctx, rec, seq); err == nil {
				return nil
			}
		} else if try > 0 && (err == nil || errors.Is(err, errNoMessage) || errors.Is(err, errRecord)) {
			return ErrExpired.Because(fmt.Errorf("segment %.12s in %s is gone", ref.ID, ref.Store))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if errors.Is(err, errStale) {
		return ErrUnavailable.Because(err)
	}
	return err
}
