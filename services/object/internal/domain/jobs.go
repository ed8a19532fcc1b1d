package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// maxBatch bounds how many jobs a worker takes at once.
const maxBatch = 64

// job is background work of one account; exactly one of its parts is set.
type job struct {
	account string
	settle  *settling
	drop    *Version
	head    *Head // its discards are to be cleaned away
	merge   *merging
}

// merging is a part's reservation that goes into its upload's.
type merging struct{ into, reservation string }

// settling is a version whose bytes are to be counted as used.
type settling struct {
	v     Version
	order int64
	delta int64
}

// jobs is the queue of background work. A job that finds it full is left to the
// sweep, which finds the same work in the documents.
type jobs struct {
	queue   chan job
	catchUp time.Duration

	mu   sync.Mutex
	open map[string]*waiting // by account
}

// waiting counts an account's jobs, and who waits for them.
type waiting struct {
	queued, done int
	readers      []reader
}

// reader waits until that many jobs are done.
type reader struct {
	until int
	ready chan struct{}
}

func newJobs(size int, catchUp time.Duration) *jobs {
	return &jobs{queue: make(chan job, size), catchUp: catchUp, open: make(map[string]*waiting)}
}

func (j *jobs) settle(v Version, order, delta int64) {
	j.add(job{account: v.Account, settle: &settling{v: v, order: order, delta: delta}})
}

func (j *jobs) drop(v Version) { j.add(job{account: v.Account, drop: &v}) }

func (j *jobs) merge(v Version, reservation string) {
	j.add(job{account: v.Account, merge: &merging{into: v.Reservation, reservation: reservation}})
}

func (j *jobs) add(jb job) {
	j.mu.Lock()
	w := j.open[jb.account]
	if w == nil {
		w = &waiting{}
		j.open[jb.account] = w
	}
	w.queued++
	j.mu.Unlock()
	select {
	case j.queue <- jb:
	default:
		j.done(jb)
	}
}

func (j *jobs) done(jb job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	w := j.open[jb.account]
	w.done++
	w.readers = slices.DeleteFunc(w.readers, func(r reader) bool {
		if r.until <= w.done {
			close(r.ready)
		}
		return r.until <= w.done
	})
	if w.done == w.queued {
		delete(j.open, jb.account)
	}
}

// wait returns when as many of the account's jobs are done as there are now, or
// after catchUp.
func (j *jobs) wait(ctx context.Context, account string) {
	j.mu.Lock()
	w := j.open[account]
	if w == nil {
		j.mu.Unlock()
		return
	}
	r := reader{until: w.queued, ready: make(chan struct{})}
	w.readers = append(w.readers, r)
	j.mu.Unlock()
	t := time.NewTimer(j.catchUp)
	defer t.Stop()
	select {
	case <-r.ready:
	case <-t.C:
	case <-ctx.Done():
	}
}

// runJobs works until ctx is done and the queue is empty.
func (s *Service) runJobs(ctx context.Context) {
	var wg sync.WaitGroup
	for range s.cfg.Workers {
		wg.Go(func() {
			for {
				select {
				case jb := <-s.jobs.queue:
					s.workBatch(ctx, s.gather(jb))
				case <-ctx.Done():
					s.drain(ctx)
					return
				}
			}
		})
	}
	wg.Wait()
}

func (s *Service) drain(ctx context.Context) {
	for {
		select {
		case jb := <-s.jobs.queue:
			s.workBatch(ctx, s.gather(jb))
		default:
			return
		}
	}
}

// gather takes what else waits, up to a batch: settlements of one account are
// one write.
func (s *Service) gather(first job) []job {
	batch := []job{first}
	for len(batch) < maxBatch {
		select {
		case jb := <-s.jobs.queue:
			batch = append(batch, jb)
		default:
			return batch
		}
	}
	return batch
}

func (s *Service) workBatch(ctx context.Context, batch []job) {
	// A batch that was taken is finished; what fails is found again by the sweep.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), opTimeout)
	defer cancel()
	settle := make(map[string][]settling)
	for _, jb := range batch {
		if jb.settle != nil {
			settle[jb.account] = append(settle[jb.account], *jb.settle)
		}
	}
	var wg sync.WaitGroup
	for account, list := range settle {
		wg.Go(func() { s.report(s.settleAll(ctx, account, list)) })
	}
	for account, uploads := range merges(batch) {
		wg.Go(func() { s.report(s.mergeAll(ctx, account, uploads)) })
	}
	wg.Wait()
	for _, jb := range batch {
		switch {
		case jb.drop != nil:
			wg.Go(func() { s.report(s.drop(ctx, *jb.drop)) })
		case jb.head != nil:
			wg.Go(func() { s.report(s.cleanDiscards(ctx, *jb.head)) })
		}
	}
	wg.Wait()
	for _, jb := range batch {
		s.jobs.done(jb)
	}
}

// merges gives the reservations of a batch that are to be merged, by account and
// by where they go.
func merges(batch []job) map[string]map[string][]string {
	out := make(map[string]map[string][]string)
	for _, jb := range batch {
		if jb.merge == nil {
			continue
		}
		if out[jb.account] == nil {
			out[jb.account] = make(map[string][]string)
		}
		out[jb.account][jb.merge.into] = append(out[jb.account][jb.merge.into], jb.merge.reservation)
	}
	return out
}

func (s *Service) mergeAll(ctx context.Context, account string, uploads map[string][]string) error {
	var errs []error
	for into, ids := range uploads {
		if err := s.st.Accounts.Merge(ctx, account, into, ids); err != nil && !errors.Is(err, ErrRefused) {
			errs = append(errs, fmt.Errorf("merging reservations: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) report(err error) {
	if err != nil && !errors.Is(err, errBusy) {
		s.d.Log.Warn("background work is left to the sweep", "err", err)
	}
}

// discard has the discards of a head cleaned away.
func (j *jobs) discard(account string, h Head) {
	if len(h.Discard) > 0 {
		j.add(job{account: account, head: &h})
	}
}
