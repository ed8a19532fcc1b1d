package endpoint_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
)

// errKilled is what everything ends with after a kill.
var errKilled = errors.New("killed")

// killer breaks the service off before or after its n-th write. From then on
// nothing is written any more until it is mended: that is what a kill and a
// restart look like.
type killer struct {
	mu    sync.Mutex
	at    int // 0: never
	after bool
	dead  bool
	steps int
}

// arm kills at the n-th write from now.
func (k *killer) arm(n int, after bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at, k.after, k.dead, k.steps = n, after, false, 0
}

func (k *killer) mend() { k.arm(0, false) }

func (k *killer) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.steps
}

// enter counts a write and says whether it is done, and whether the service lives
// to see it.
func (k *killer) enter() (do, lives bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return false, false
	}
	k.steps++
	k.dead = k.steps == k.at
	return !k.dead || k.after, !k.dead
}

func write[T any](k *killer, do func() (T, error)) (out T, err error) {
	var none T
	does, lives := k.enter()
	if does {
		out, err = do()
	}
	if !lives {
		return none, errKilled
	}
	return out, err
}

func (k *killer) write(do func() error) error {
	_, err := write(k, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// mortal puts the ports of a service under a killer.
func mortal(d domain.Deps, k *killer) domain.Deps {
	d.Containers, d.Links = mortalContainers{d.Containers, k}, mortalLinks{d.Links, k}
	d.URLs, d.Usages, d.Timers = mortalURLs{d.URLs, k}, mortalUsages{d.Usages, k}, mortalTimers{k}
	return d
}

type mortalContainers struct {
	domain.Containers
	*killer
}

func (m mortalContainers) Insert(ctx context.Context, c domain.Container) error {
	return m.write(func() error { return m.Containers.Insert(ctx, c) })
}

func (m mortalContainers) Update(ctx context.Context, id string, f func(*domain.Container) (domain.News, error)) (domain.Container, error) {
	return write(m.killer, func() (domain.Container, error) { return m.Containers.Update(ctx, id, f) })
}

func (m mortalContainers) Delete(ctx context.Context, id string) error {
	return m.write(func() error { return m.Containers.Delete(ctx, id) })
}

type mortalLinks struct {
	domain.Links
	*killer
}

// Put and Delete are as many writes as there are links.
func (m mortalLinks) Put(ctx context.Context, links []domain.Link) error {
	for _, l := range links {
		if err := m.write(func() error { return m.Links.Put(ctx, []domain.Link{l}) }); err != nil {
			return err
		}
	}
	return nil
}

func (m mortalLinks) Delete(ctx context.Context, links []domain.Link) error {
	for _, l := range links {
		if err := m.write(func() error { return m.Links.Delete(ctx, []domain.Link{l}) }); err != nil {
			return err
		}
	}
	return nil
}

type mortalURLs struct {
	domain.URLs
	*killer
}

func (m mortalURLs) Put(ctx context.Context, id string, f func(*domain.URL, bool) (*domain.Task, error)) (domain.URL, error) {
	return write(m.killer, func() (domain.URL, error) { return m.URLs.Put(ctx, id, f) })
}

func (m mortalURLs) Update(ctx context.Context, id string, f func(*domain.URL) (*domain.Task, error)) (domain.URL, error) {
	return write(m.killer, func() (domain.URL, error) { return m.URLs.Update(ctx, id, f) })
}

func (m mortalURLs) Delete(ctx context.Context, u domain.URL) error {
	return m.write(func() error { return m.URLs.Delete(ctx, u) })
}

type mortalUsages struct {
	domain.Usages
	*killer
}

func (m mortalUsages) Update(ctx context.Context, account string, f func(*domain.Usage) error) (domain.Usage, error) {
	return write(m.killer, func() (domain.Usage, error) { return m.Usages.Update(ctx, account, f) })
}

func (m mortalUsages) NextNumeric(ctx context.Context) (int64, error) {
	return write(m.killer, func() (int64, error) { return m.Usages.NextNumeric(ctx) })
}

type mortalTimers struct{ *killer }

func (m mortalTimers) Wake(context.Context, string, time.Time) error {
	return m.write(func() error { return nil })
}
