package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/pkg/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal remembers what happened, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, s)
}

func (j *journal) want(t *testing.T, lines ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.lines, lines) {
		t.Errorf("happened:\n%s\nwant:\n%s", strings.Join(j.lines, "\n"), strings.Join(lines, "\n"))
	}
}

// service is a scripted Service; nil functions do the usual.
type service struct {
	name    string
	j       *journal
	start   func(ctx context.Context) error
	run     func(ctx context.Context, stopped <-chan struct{}) error
	stop    func(ctx context.Context) error
	stopped chan struct{}
}

func (s *service) Start(ctx context.Context) error {
	s.stopped = make(chan struct{})
	s.j.add("start " + s.name)
	if s.start != nil {
		return s.start(ctx)
	}
	return nil
}

func (s *service) Run(ctx context.Context) error {
	if s.run != nil {
		return s.run(ctx, s.stopped)
	}
	select {
	case <-s.stopped:
	case <-ctx.Done():
	}
	return nil
}

func (s *service) Stop(ctx context.Context) error {
	s.j.add("stop " + s.name)
	close(s.stopped)
	if s.stop != nil {
		return s.stop(ctx)
	}
	return nil
}

func group(j *journal, o lifecycle.Options, ss ...*service) *lifecycle.Group {
	o.OnState = func(s lifecycle.State) { j.add(s.String()) }
	g := lifecycle.NewGroup(o)
	for _, s := range ss {
		s.j = j
		g.Add(s.name, s)
	}
	return g
}

// running starts g and gives its context's cancel and its result.
func running(g *lifecycle.Group) (cancel context.CancelFunc, result <-chan error) {
	ctx, cancel := context.WithCancel(context.Background())
	c := make(chan error, 1)
	go func() { c <- g.Run(ctx) }()
	return cancel, c
}

func TestGroup_StartsInOrderStopsInReverse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		slow := func(context.Context) error { time.Sleep(time.Second); return nil }
		g := group(j, lifecycle.Options{}, &service{name: "a", start: slow}, &service{name: "b", stop: slow}, &service{name: "c"})
		cancel, result := running(g)
		<-g.Ready()
		if g.State() != lifecycle.Ready {
			t.Errorf("state %v", g.State())
		}
		cancel()
		if err := <-result; err != nil {
			t.Error(err)
		}
		<-g.Stopping()
		j.want(t, "starting", "start a", "start b", "start c", "ready", "stopping", "stop c", "stop b", "stop a", "stopped")
	})
}

func TestGroup_ReadyTurnsRedBeforeTheFirstStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		var g *lifecycle.Group
		var red time.Time
		g = group(j, lifecycle.Options{RedFor: 5 * time.Second}, &service{name: "a", stop: func(context.Context) error {
			if d := time.Since(red); g.State() != lifecycle.Stopping || d != 5*time.Second {
				t.Errorf("stopped %v after red, state %v", d, g.State())
			}
			return nil
		}})
		cancel, result := running(g)
		<-g.Ready()
		red = time.Now()
		cancel()
		<-g.Stopping()
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

func TestGroup_FailureStopsAll(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		give error
		want error
	}{"an error": {boom, boom}, "an end": {nil, lifecycle.ErrEnded}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j := &journal{}
				fails := &service{name: "b", run: func(context.Context, <-chan struct{}) error {
					time.Sleep(time.Minute)
					return c.give
				}}
				_, result := running(group(j, lifecycle.Options{}, &service{name: "a"}, fails, &service{name: "c"}))
				err := <-result
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "running b") {
					t.Errorf("error %v", err)
				}
				j.want(t, "starting", "start a", "start b", "start c", "ready", "stopping", "stop c", "stop b", "stop a", "stopped")
			})
		})
	}
}

func TestGroup_FailedStartStopsThoseBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		boom := errors.New("boom")
		_, result := running(group(j, lifecycle.Options{}, &service{name: "a"},
			&service{name: "b", start: func(context.Context) error { return boom }}, &service{name: "c"}))
		if err := <-result; !errors.Is(err, boom) || !strings.Contains(err.Error(), "starting b") {
			t.Errorf("error %v", err)
		}
		j.want(t, "starting", "start a", "start b", "stopping", "stop a", "stopped")
	})
}

func TestGroup_FailureDuringAStartEndsIt(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, startIgnoresContext := range map[string]bool{"start gives up": false, "start succeeds late": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j := &journal{}
				a := &service{name: "a", run: func(context.Context, <-chan struct{}) error { return boom }}
				b := &service{name: "b", start: func(ctx context.Context) error {
					<-ctx.Done()
					if startIgnoresContext {
						return nil
					}
					return ctx.Err()
				}}
				_, result := running(group(j, lifecycle.Options{}, a, b, &service{name: "c"}))
				if err := <-result; !errors.Is(err, boom) {
					t.Errorf("error %v", err)
				}
				if startIgnoresContext {
					j.want(t, "starting", "start a", "start b", "stop b", "stopping", "stop a", "stopped")
				} else {
					j.want(t, "starting", "start a", "start b", "stopping", "stop a", "stopped")
				}
			})
		})
	}
}

func TestGroup_CancelWhileStartingIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		waits := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		cancel, result := running(group(j, lifecycle.Options{}, &service{name: "a"}, &service{name: "b", start: waits}))
		synctest.Wait()
		cancel()
		if err := <-result; err != nil {
			t.Error(err)
		}
		j.want(t, "starting", "start a", "start b", "stopping", "stop a", "stopped")
	})
}

func TestGroup_StopHasADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		end := make(chan struct{})
		deaf := &service{
			name: "deaf",
			run:  func(context.Context, <-chan struct{}) error { <-end; return nil },
			stop: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		}
		g := group(j, lifecycle.Options{StopTimeout: 10 * time.Second}, &service{name: "a"}, deaf)
		cancel, result := running(g)
		<-g.Ready()
		begin := time.Now()
		cancel()
		err := <-result
		if d := time.Since(begin); d != 10*time.Second {
			t.Errorf("stopping took %v", d)
		}
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stopping deaf") {
			t.Errorf("error %v", err)
		}
		j.want(t, "starting", "start a", "start deaf", "ready", "stopping", "stop deaf", "stop a", "stopped")
		close(end)
	})
}

func TestGroup_RunContextEndsAfterStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		s := &service{name: "a", run: func(ctx context.Context, stopped <-chan struct{}) error {
			select {
			case <-stopped:
			case <-ctx.Done():
				// Both may be ready by the time this goroutine looks.
				select {
				case <-stopped:
				default:
					t.Error("the context of Run ended before Stop")
				}
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		g := group(j, lifecycle.Options{}, s)
		cancel, result := running(g)
		<-g.Ready()
		cancel()
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}
