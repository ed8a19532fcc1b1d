package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// settleAll counts versions of one account as used and notes in each that this
// is done.
func (s *Service) settleAll(ctx context.Context, account string, list []settling) error {
	entries := make([]Settlement, len(list))
	for i, l := range list {
		entries[i] = l.v.settlement(l.delta)
	}
	if err := s.st.Accounts.Settle(ctx, account, entries); err != nil {
		return fmt.Errorf("settling reservations: %w", err)
	}
	faultpoint.Hit("object.settle.counted")
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i, l := range list {
		wg.Go(func() {
			if l.v.staged() { // until then the sweep comes back to it
				if errs[i] = s.releaseStaged(ctx, l.v); errs[i] != nil {
					return
				}
			}
			if errs[i] = s.markFile(ctx, l.v); errs[i] != nil {
				return
			}
			err := s.st.Versions.Commit(ctx, l.v.ID, l.order, l.delta, true)
			if err != nil && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrNoDocument) {
				errs[i] = fmt.Errorf("committing the version: %w", err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// settlement is v's part in its account's counts, with a change of the number
// of visible objects.
func (v Version) settlement(objects int64) Settlement {
	return Settlement{Version: v.ID, Reservation: v.Reservation, Bucket: v.Bucket, Bytes: v.Size, Objects: objects}
}

// drop cleans away a version that never was visible.
func (s *Service) drop(ctx context.Context, v Version) error {
	if err := s.st.Accounts.Unreserve(ctx, v.Account, v.Reservation); err != nil {
		return fmt.Errorf("giving the reservation back: %w", err)
	}
	if v.staged() {
		if err := s.releaseStaged(ctx, v); err != nil {
			return err
		}
	}
	if err := s.letGo(ctx, v); err != nil {
		return err
	}
	if err := s.st.Versions.Drop(ctx, v); err != nil {
		return fmt.Errorf("removing the version's document: %w", err)
	}
	return nil
}

// letGo takes the version's hold off its content.
func (s *Service) letGo(ctx context.Context, v Version) error {
	if v.Content == "" {
		return nil
	}
	if err := s.st.Contents.Release(ctx, v.Content, v.hold()); err != nil {
		return fmt.Errorf("releasing the content: %w", err)
	}
	return nil
}

// finishRemoval brings a version that is being removed to its end.
func (s *Service) finishRemoval(ctx context.Context, v Version) error {
	if err := s.unhead(ctx, v); err != nil {
		return err
	}
	h, _, err := s.st.Heads.Get(ctx, v.Bucket, v.Key)
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	return s.cleanDiscards(ctx, h)
}

// cleanDiscards cleans away what a head has discarded, and then its notes of it.
func (s *Service) cleanDiscards(ctx context.Context, h Head) error {
	for _, d := range h.Discard {
		if err := s.cleanRemoved(ctx, d.Version, d.Delta); err != nil {
			return err
		}
	}
	cleaned := func(d Discard) bool { return slices.Contains(h.Discard, d) }
	for range casAttempts {
		cur, rev, err := s.st.Heads.Get(ctx, h.Bucket, h.Key)
		if err != nil {
			return fmt.Errorf("reading the head: %w", err)
		}
		if rev == 0 || !slices.ContainsFunc(cur.Discard, cleaned) {
			return nil
		}
		cur.Discard = slices.DeleteFunc(slices.Clone(cur.Discard), cleaned)
		err = s.st.Heads.Put(ctx, s.swept(cur), rev)
		if !errors.Is(err, ErrStale) {
			return err
		}
	}
	return errBusy
}

// cleanRemoved gives back what a removed version took: its bytes, its content,
// its document. Any number of processes may do it at once and at any stage.
func (s *Service) cleanRemoved(ctx context.Context, id string, delta int64) error {
	v, err := s.removing(ctx, id)
	if err != nil || v.State != VersionRemoving {
		return err
	}
	for range casAttempts {
		var done bool
		if done, err = s.release(ctx, v, delta); err != nil {
			return err
		}
		if done {
			break
		}
	}
	faultpoint.Hit("object.clean.released")
	if v.staged() {
		if err := s.releaseStaged(ctx, v); err != nil {
			return err
		}
	}
	if err := s.letGo(ctx, v); err != nil {
		return err
	}
	if err := s.bury(ctx, v); err != nil {
		return err
	}
	return s.unmark(ctx, v.Account)
}

// removing moves a version that its head discarded to that state; a version
// that is gone comes back empty.
func (s *Service) removing(ctx context.Context, id string) (Version, error) {
	v, err := s.st.Versions.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) {
		return Version{}, nil
	}
	if err != nil {
		return v, fmt.Errorf("reading the version: %w", err)
	}
	if v.State == VersionRemoving || v.State == VersionRemoved {
		return v, nil
	}
	v, err = s.st.Versions.Update(ctx, id, func(v *Version) error {
		if v.State == VersionRemoving || v.State == VersionRemoved {
			return ErrRefused
		}
		v.State, v.SweepAt = VersionRemoving, s.now().Add(repairAfter)
		return nil
	})
	if errors.Is(err, ErrRefused) {
		v, err = s.st.Versions.Get(ctx, id)
	}
	if errors.Is(err, ErrNoDocument) {
		return Version{}, nil
	}
	return v, err
}

// release gives the bytes of v back exactly once; false asks to try again. The
// epoch is read before the version: a mark that was taken out in between, when
// the version had come to its end, makes it refuse.
func (s *Service) release(ctx context.Context, v Version, delta int64) (bool, error) {
	u, err := s.st.Accounts.Get(ctx, v.Account)
	if err != nil {
		return false, fmt.Errorf("reading the account's usage: %w", err)
	}
	cur, err := s.st.Versions.Get(ctx, v.ID)
	if errors.Is(err, ErrNoDocument) || err == nil && cur.State != VersionRemoving {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the version: %w", err)
	}
	if _, open := u.Reserved[v.Reservation]; open {
		if err := s.st.Accounts.Settle(ctx, v.Account, []Settlement{cur.settlement(cur.Delta)}); err != nil {
			return false, fmt.Errorf("settling the reservation: %w", err)
		}
	}
	err = s.st.Accounts.Release(ctx, v.Account, u.Epoch, cur.settlement(delta))
	switch {
	case errors.Is(err, ErrStale):
		return false, nil
	case err == nil || errors.Is(err, ErrRefused):
		return true, nil
	}
	return false, fmt.Errorf("giving quota back: %w", err)
}

// bury ends a removed version's document. While a repeated commit may still ask
// for it, it stays as the memory of its answer.
func (s *Service) bury(ctx context.Context, v Version) error {
	if v.Idempotency != "" { // it decides the key, until the key knows
		if err := s.answerStands(ctx, v.Idempotency, v.ID); err != nil {
			return err
		}
	}
	asked := v.askedUntil(s.now())
	if !asked.After(s.now()) {
		if err := s.st.Versions.Delete(ctx, v.ID); err != nil {
			return fmt.Errorf("removing the version's document: %w", err)
		}
		return nil
	}
	_, err := s.st.Versions.Update(ctx, v.ID, func(v *Version) error {
		v.State, v.Live, v.Content, v.SweepAt = VersionRemoved, "", "", asked
		return nil
	})
	if err != nil && !errors.Is(err, ErrNoDocument) {
		return fmt.Errorf("burying the version: %w", err)
	}
	return nil
}

// askedUntil is until when a repeated commit may ask for v: as long as its ticket
// is good, and a while after the commit. Who uploads in parts may come back as
// long as the upload would have lasted.
func (v Version) askedUntil(now time.Time) time.Time {
	if v.Marker {
		return now
	}
	till := v.CreatedAt.Add(TicketLife + commitLease)
	if id, err := ulid.ParseStrict(v.ID); err == nil {
		if t := ulid.Time(id.Time()).UTC().Add(TicketLife + commitLease); t.After(till) {
			till = t
		}
	}
	if v.staged() && v.Upload.LeaseTill.After(till) {
		till = v.Upload.LeaseTill
	}
	return till
}

// maxMarks is how many released versions a usage document remembers before
// those that are at their end are taken out.
const maxMarks = 32

// unmark takes released versions whose documents are at their end out of the
// account's usage, when there are many.
func (s *Service) unmark(ctx context.Context, account string) error {
	u, err := s.st.Accounts.Get(ctx, account)
	if err != nil {
		return fmt.Errorf("reading the account's usage: %w", err)
	}
	if len(u.Released) < maxMarks {
		return nil
	}
	return s.unmarkEnded(ctx, u)
}

// markEnded reports whether nobody will give back again what a mark stands for.
func (s *Service) markEnded(ctx context.Context, mark string) (bool, error) {
	if content, ok := strings.CutPrefix(mark, "c"); ok {
		_, err := s.st.Contents.Get(ctx, content)
		if err != nil && !errors.Is(err, ErrNoDocument) {
			return false, fmt.Errorf("reading a dropped content: %w", err)
		}
		return err != nil, nil
	}
	v, err := s.st.Versions.Get(ctx, mark)
	if err != nil && !errors.Is(err, ErrNoDocument) {
		return false, fmt.Errorf("reading a removed version: %w", err)
	}
	return err != nil || v.State == VersionRemoved, nil
}

func (s *Service) unmarkEnded(ctx context.Context, u Usage) error {
	var ended []string
	for id := range u.Released {
		over, err := s.markEnded(ctx, id)
		if err != nil {
			return err
		}
		if over {
			ended = append(ended, id)
		}
	}
	if len(ended) == 0 {
		return nil
	}
	if err := s.st.Accounts.Unmark(ctx, u.Account, ended); err != nil {
		return fmt.Errorf("forgetting released versions: %w", err)
	}
	return nil
}

// abandon gives a pending version up, if its lease ended by then. The head may
// have it, or an attempt may be about to bring it there: the fence stops the
// latter, and then the head tells.
func (s *Service) abandon(ctx context.Context, v Version, by time.Time) error {
	v, err := s.st.Versions.Update(ctx, v.ID, func(v *Version) error {
		if v.State != VersionPending && v.State != VersionAbandoned || v.SweepAt.After(by) {
			return ErrRefused
		}
		v.State = VersionAbandoned
		return nil
	})
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDocument) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("abandoning the version: %w", err)
	}
	current, err := s.fence(ctx, v)
	if err != nil {
		return err
	}
	if current {
		return s.settleCurrent(ctx, v)
	}
	// It may have been current and have gone on: then it is committed by now.
	was := v
	v, err = s.st.Versions.Update(ctx, v.ID, func(v *Version) error {
		if v.State != VersionAbandoned {
			return ErrRefused
		}
		was = *v
		s.giveUp(v)
		return nil
	})
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrNoDocument) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("dropping the version: %w", err)
	}
	if v.State == VersionHeld {
		s.forget(ctx, was)
		return nil
	}
	return s.drop(ctx, v)
}

// settleCurrent commits and settles a version that its head names. When the
// head has moved on, whoever moved it has committed the version.
func (s *Service) settleCurrent(ctx context.Context, v Version) error {
	h, _, err := s.st.Heads.Get(ctx, v.Bucket, v.Key)
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	if h.Current == v.ID {
		// Now it is certain which of the documents of that id it is.
		v, err = s.st.Versions.Get(ctx, v.ID)
		if errors.Is(err, ErrNoDocument) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the version: %w", err)
		}
		return s.settleAll(ctx, v.Account, []settling{{v: v, order: h.Order, delta: h.Delta}})
	}
	return nil
}
