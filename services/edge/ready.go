package edge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
)

const (
	readyAge  = time.Second // how long an answer of readiness counts
	readyWait = 2 * time.Second
)

// readiness asks every service whether it answers, at most once in readyAge.
type readiness struct {
	checks map[string]func(context.Context) error
	now    func() time.Time

	mu   sync.Mutex
	at   time.Time
	last error
	stop bool
}

// drain turns readiness red for good.
func (r *readiness) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop = true
}

// check returns what is missing, or nil. Callers that come together share one
// round of questions.
func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop {
		return fault.ErrUnavailable.Msgf("the server is stopping")
	}
	if !r.at.IsZero() && r.now().Sub(r.at) < readyAge {
		return r.last
	}
	r.last = r.ask(context.WithoutCancel(ctx))
	r.at = r.now()
	return r.last
}

func (r *readiness) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		missing []string
		errs    []error
	)
	for name, check := range r.checks {
		wg.Go(func() {
			if err := check(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				missing = append(missing, name)
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	wg.Wait()
	if len(missing) == 0 {
		return nil
	}
	return fault.ErrUnavailable.Msgf("not ready: no answer from %s", strings.Join(missing, ", ")).Because(errors.Join(errs...))
}
