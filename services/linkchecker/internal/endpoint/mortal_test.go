package endpoint_test

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/pkg/faultpoint/killtest"
	"github.com/sluicehq/sluice/services/linkchecker/internal/domain"
)

// mortal puts the ports of a service under a killer.
func mortal(d domain.Deps, k *killtest.Killer) domain.Deps {
	d.Containers, d.Links = mortalContainers{d.Containers, k}, mortalLinks{d.Links, k}
	d.URLs, d.Usages, d.Timers = mortalURLs{d.URLs, k}, mortalUsages{d.Usages, k}, mortalTimers{k}
	return d
}

type mortalContainers struct {
	domain.Containers
	*killtest.Killer
}

func (m mortalContainers) Insert(ctx context.Context, c domain.Container) error {
	return m.Write(func() error { return m.Containers.Insert(ctx, c) })
}

func (m mortalContainers) Update(ctx context.Context, id string, f func(*domain.Container) (domain.News, error)) (domain.Container, error) {
	return killtest.Step(m.Killer, func() (domain.Container, error) { return m.Containers.Update(ctx, id, f) })
}

func (m mortalContainers) Delete(ctx context.Context, id string) error {
	return m.Write(func() error { return m.Containers.Delete(ctx, id) })
}

type mortalLinks struct {
	domain.Links
	*killtest.Killer
}

// Put and Delete are as many writes as there are links.
func (m mortalLinks) Put(ctx context.Context, links []domain.Link) error {
	for _, l := range links {
		if err := m.Write(func() error { return m.Links.Put(ctx, []domain.Link{l}) }); err != nil {
			return err
		}
	}
	return nil
}

func (m mortalLinks) Delete(ctx context.Context, links []domain.Link) error {
	for _, l := range links {
		if err := m.Write(func() error { return m.Links.Delete(ctx, []domain.Link{l}) }); err != nil {
			return err
		}
	}
	return nil
}

type mortalURLs struct {
	domain.URLs
	*killtest.Killer
}

func (m mortalURLs) Put(ctx context.Context, id string, f func(*domain.URL, bool) (*domain.Task, error)) (domain.URL, error) {
	return killtest.Step(m.Killer, func() (domain.URL, error) { return m.URLs.Put(ctx, id, f) })
}

func (m mortalURLs) Update(ctx context.Context, id string, f func(*domain.URL) (*domain.Task, error)) (domain.URL, error) {
	return killtest.Step(m.Killer, func() (domain.URL, error) { return m.URLs.Update(ctx, id, f) })
}

func (m mortalURLs) Delete(ctx context.Context, u domain.URL) error {
	return m.Write(func() error { return m.URLs.Delete(ctx, u) })
}

type mortalUsages struct {
	domain.Usages
	*killtest.Killer
}

func (m mortalUsages) Update(ctx context.Context, account string, f func(*domain.Usage) error) (domain.Usage, error) {
	return killtest.Step(m.Killer, func() (domain.Usage, error) { return m.Usages.Update(ctx, account, f) })
}

func (m mortalUsages) NextNumeric(ctx context.Context) (int64, error) {
	return killtest.Step(m.Killer, func() (int64, error) { return m.Usages.NextNumeric(ctx) })
}

type mortalTimers struct{ *killtest.Killer }

func (m mortalTimers) Wake(context.Context, string, time.Time) error {
	return m.Write(func() error { return nil })
}
