package domain

import (
	"context"
	"errors"
	"fmt"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

const (
	// accountClosed is the Closing.State of an account that is closed for good.
	accountClosed = "closed"
	// closedLife is how long the mark of a closed account stays, so that nobody who
	// still takes it for open makes it anew.
	closedLife = 24 * time.Hour
	// purgeTurn bounds how long a sweep works on one closed account.
	purgeTurn = 20 * time.Second
	// purgePage is how many versions are removed side by side.
	purgePage = 100
)

// errClosing is what writers meet while it is decided whether their account may be closed.
var errClosing = fault.ErrUnavailable.Msgf("the account is about to be deleted; repeat the request shortly").After(time.Second)

// IsZero reports whether the account is open; documents leave the field out then.
func (c Closing) IsZero() bool { return c.State == "" }

// refusal is what a writer is told.
func (c Closing) refusal() error {
	switch c.State {
	case "":
		return nil
	case accountClosed:
		return objectv1.ErrAccountClosed
	}
	return errClosing
}

// open refuses the writers of an account that is closed, or about to be. Whoever
// looks behind its write is either seen by who closes the account, or told here.
func (s *Service) open(ctx context.Context, account string) error {
	_, closing, err := s.st.Accounts.Standing(ctx, account)
	if err != nil {
		return fmt.Errorf("reading the account's usage: %w", err)
	}
	return closing.refusal()
}

// CloseAccount ends all writing of an account and leaves what it stores to the
// sweep. While it is decided, under a mark that every writer of a lock meets,
// they are told to come back.
func (s *Service) CloseAccount(ctx context.Context, r objectv1.CloseAccountRequest) (objectv1.Empty, error) {
	none := objectv1.Empty{}
	if r.AccountID == "" || r.AccountID == objectv1.GuestAccount {
		return none, fault.ErrInvalid.Msgf("%.40q is no account that can be closed", r.AccountID)
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	if err := s.unlocked(ctx, r.AccountID); err != nil { // a first look disturbs nobody
		return none, err
	}
	if err := s.st.Accounts.Create(ctx, r.AccountID); err != nil {
		return none, fmt.Errorf("opening the account's usage: %w", err)
	}
	for range casAttempts {
		err := s.tryClose(ctx, r.AccountID)
		if errors.Is(err, ErrRefused) {
			continue
		}
		if err == nil {
			select {
			case s.nudge <- struct{}{}:
			default:
			}
		}
		return none, err
	}
	return none, errClosing
}

// tryClose decides whether the account may be closed: ErrRefused when somebody
// else went on to decide it. A mark that is found there is taken over.
func (s *Service) tryClose(ctx context.Context, account string) error {
	_, was, err := s.st.Accounts.Standing(ctx, account)
	if err != nil {
		return fmt.Errorf("reading the account's usage: %w", err)
	}
	if was.State == accountClosed {
		return nil
	}
	mine := Closing{State: "by-" + nonce(), Since: s.now(), At: s.now().Add(repairAfter)}
	if err := s.st.Accounts.Close(ctx, account, was, mine); err != nil {
		return fmt.Errorf("marking the account: %w", err)
	}
	faultpoint.Hit("object.close.marked")
	found := s.unlocked(ctx, account)
	verdict := Closing{}
	if found == nil {
		verdict = Closing{State: accountClosed, Since: s.now(), At: s.now()}
	}
	if err := s.st.Accounts.Close(ctx, account, mine, verdict); err != nil {
		return fmt.Errorf("closing the account: %w", err)
	}
	faultpoint.Hit("object.close.decided")
	return found
}

// unlocked answers object.object_locked when retention or a legal hold protects
// something of the account, or is about to.
func (s *Service) unlocked(ctx context.Context, account string) error {
	all, err := s.st.Buckets.List(ctx, account)
	if err != nil {
		return fmt.Errorf("listing buckets: %w", err)
	}
	for _, b := range all {
		if !b.ObjectLock {
			continue
		}
		page, err := s.st.Versions.Locked(ctx, b.ID, s.now(), purgePage)
		if err != nil {
			return fmt.Errorf("looking for locks: %w", err)
		}
		for _, v := range page {
			if v.underWay() || v.State == VersionCommitted {
				return objectv1.ErrObjectLocked.Msgf("retention or a legal hold protects a version in bucket %s", b.Name)
			}
		}
		if len(page) == purgePage { // all of them on their way out; others may stand behind
			return errClosing
		}
	}
	return nil
}

// sweepClosed goes on with accounts that are closed, and opens those whose closing
// broke off before it was decided.
func (s *Service) sweepClosed(ctx context.Context) error {
	due := func(limit int) ([]Usage, error) { return s.st.Accounts.Closing(ctx, s.now(), limit) }
	return sweepAll(ctx, s, due, func(u Usage) string { return u.Account }, func(u Usage) error {
		err := s.sweepClosing(ctx, u)
		if err != nil && !errors.Is(err, ErrRefused) {
			return fmt.Errorf("sweeping the closed account %s: %w", u.Account, err)
		}
		return nil
	})
}

func (s *Service) sweepClosing(ctx context.Context, u Usage) error {
	if u.Closing.State != accountClosed {
		return s.st.Accounts.Close(ctx, u.Account, u.Closing, Closing{})
	}
	mine := u.Closing
	mine.At = s.now().Add(repairAfter) // the other copies leave it to this one
	if err := s.st.Accounts.Close(ctx, u.Account, u.Closing, mine); err != nil {
		return err
	}
	found, err := s.purge(ctx, u.Account)
	if err != nil {
		return err // again, when mine is due
	}
	end := u.Closing.Since.Add(closedLife)
	if u, err = s.st.Accounts.Get(ctx, u.Account); err != nil {
		return err
	}
	if !found && !s.now().Before(end) && len(u.Reserved) == 0 {
		return s.st.Accounts.Forget(ctx, u.Account, mine)
	}
	next := mine
	if end.After(next.At) {
		next.At = end
	}
	return s.st.Accounts.Close(ctx, u.Account, mine, next)
}

// purge removes what a closed account stores, as far as it comes, and reports
// whether there was anything.
func (s *Service) purge(ctx context.Context, account string) (found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, purgeTurn)
	defer cancel()
	all, err := s.st.Buckets.List(ctx, account)
	if err != nil {
		return false, fmt.Errorf("listing buckets: %w", err)
	}
	for _, b := range all {
		if err := s.purgeBucket(ctx, b.ID); err != nil {
			return true, fmt.Errorf("emptying bucket %s: %w", b.ID, err)
		}
	}
	nodes, err := s.purgeNodes(ctx, account)
	return len(all) > 0 || nodes, err
}

// purgeNodes removes what is left of a drive whose bucket is gone: nodes that
// never came to show anything. It reports whether there was something.
func (s *Service) purgeNodes(ctx context.Context, account string) (found bool, err error) {
	for {
		page, err := s.st.Nodes.Files(ctx, account, "", purgePage)
		for _, folder := range []string{Root, Trash} {
			if err == nil && len(page) == 0 {
				page, err = s.st.Nodes.Children(ctx, account, folder, "", purgePage)
			}
		}
		if err != nil {
			return found, fmt.Errorf("looking into the drive: %w", err)
		}
		if len(page) == 0 {
			if err := firstFault(s.dropShards(ctx, account+"/"), s.st.Tallies.DropRoot(ctx, account)); err != nil {
				return found, fmt.Errorf("removing the sums of the drive: %w", err)
			}
			return found, s.st.Nodes.DropMoving(ctx, account)
		}
		found = true
		if err := together(len(page), func(i int) error { return s.purgeNode(ctx, page[i]) }); err != nil {
			return found, fmt.Errorf("emptying the drive: %w", err)
		}
	}
}

// purgeNode removes a node with what is in it.
func (s *Service) purgeNode(ctx context.Context, n Node) error {
	for n.Folder {
		page, err := s.st.Nodes.Children(ctx, n.Account, n.ID, "", purgePage)
		if err != nil || len(page) == 0 {
			if err != nil {
				return err
			}
			break
		}
		for _, child := range page {
			if err := s.purgeNode(ctx, child); err != nil {
				return err
			}
		}
	}
	n, rev, err := s.st.Nodes.Get(ctx, n.ID)
	if err == nil {
		n.Counted = nil // the folders go, too
		err = s.deleteNode(ctx, n, rev)
	}
	if errors.Is(err, ErrNoDocument) || errors.Is(err, ErrStale) {
		return nil // the next look tells
	}
	return err
}

// purgeBucket removes a bucket with all that is in it. Its document is closed
// first: whoever writes into it either reads that, or its version is found here.
func (s *Service) purgeBucket(ctx context.Context, id string) error {
	b, rev, err := s.closeBucket(ctx, id)
	if errors.Is(err, ErrNoDocument) {
		return nil
	}
	if err != nil {
		return err
	}
	if b.isDrive() { // by its paths, since the events tell of those
		for _, folder := range []string{Root, Trash} {
			if err := s.emptyFolder(ctx, Node{ID: folder, Account: b.Account}, Actor{Account: b.Account}); err != nil {
				return err
			}
		}
	}
	for range casAttempts {
		if err := s.purgeVersions(ctx, b); err != nil {
			return err
		}
		err := s.forgetBucket(ctx, b)
		if errors.Is(err, ErrStale) {
			continue // a worker still cleans up behind a version
		}
		if err != nil {
			return err
		}
		return s.st.Buckets.Delete(ctx, id, rev)
	}
	return errBusy
}

// purgeVersions empties a closed bucket.
func (s *Service) purgeVersions(ctx context.Context, b Bucket) error {
	for {
		if err := s.admit(); err != nil {
			return err // the events of what was removed go out first
		}
		live, err := s.st.Versions.Live(ctx, b.ID, purgePage)
		if err != nil {
			return fmt.Errorf("looking into the bucket: %w", err)
		}
		if len(live) == 0 {
			return nil
		}
		if err := together(len(live), func(i int) error { return s.purgeVersion(ctx, b, live[i]) }); err != nil {
			return err
		}
	}
}

// closeBucket turns a bucket closed, for good.
func (s *Service) closeBucket(ctx context.Context, id string) (Bucket, int64, error) {
	for range casAttempts {
		b, rev, err := s.st.Buckets.Get(ctx, id)
		if err != nil || b.State == BucketClosed {
			return b, rev, err
		}
		b.State, b.SweepAt = BucketClosed, time.Time{}
		err = s.st.Buckets.Replace(ctx, b, rev)
		if errors.Is(err, ErrStale) {
			continue
		}
		if err != nil {
			return b, 0, fmt.Errorf("closing the bucket: %w", err)
		}
		return b, rev + 1, nil
	}
	return Bucket{}, 0, errBusy
}

// purgeVersion brings a version of a closed bucket a step nearer to its end.
func (s *Service) purgeVersion(ctx context.Context, b Bucket, v Version) error {
	switch v.State {
	case VersionDropping:
		return s.drop(ctx, v)
	case VersionRemoving:
		return s.finishRemoval(ctx, v)
	case VersionHeld:
		return s.abandonHeld(ctx, v.ID, always)
	case VersionPending, VersionAbandoned:
		return s.abandon(ctx, v, always)
	}
	h, rev, err := s.st.Heads.Get(ctx, v.Bucket, v.Key)
	if err != nil {
		return fmt.Errorf("reading the head: %w", err)
	}
	who := Actor{Account: b.Account}
	switch {
	case h.discards(v.ID):
		return s.cleanDiscards(ctx, h)
	case b.HasVersions():
		return s.removeVersion(ctx, b, v.Key, v.ID, who)
	case h.Current == v.ID:
		err = s.removeCurrent(ctx, b, h, rev, v.Key, who)
		if errors.Is(err, ErrStale) {
			return nil // the next look tells
		}
	}
	return err
}
