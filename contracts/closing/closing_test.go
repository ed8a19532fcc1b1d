package closing_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/sluicehq/sluice/contracts/closing"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
)

// house is an account's things, and what was asked for, in order.
type house struct {
	asked      []string
	refuse     map[string]error
	pliks      int64
	fetches    int
	containers []string
	hooks      []string
}

func (h *house) ask(what string) error {
	h.asked = append(h.asked, what)
	return h.refuse[what]
}

func (h *house) CloseAccount(context.Context, objectv1.CloseAccountRequest) (objectv1.Empty, error) {
	return objectv1.Empty{}, h.ask("object")
}

// RemovePliks takes two at a time.
func (h *house) RemovePliks(context.Context, uploadv1.RemovePliksRequest) (uploadv1.RemovePliksResponse, error) {
	if err := h.ask("pliks"); err != nil {
		return uploadv1.RemovePliksResponse{}, err
	}
	n := min(h.pliks, 2)
	h.pliks -= n
	return uploadv1.RemovePliksResponse{Removed: n, More: h.pliks > 0}, nil
}

// RemoveFetches takes two at a time.
func (h *house) RemoveFetches(context.Context, uploadv1.RemoveFetchesRequest) (uploadv1.RemoveFetchesResponse, error) {
	if err := h.ask("fetches"); err != nil {
		return uploadv1.RemoveFetchesResponse{}, err
	}
	h.fetches -= min(h.fetches, 2)
	return uploadv1.RemoveFetchesResponse{More: h.fetches > 0}, nil
}

// ListContainers shows two at a time.
func (h *house) ListContainers(context.Context, linksv1.ListRequest) (linksv1.ListResponse, error) {
	var l linksv1.ListResponse
	for _, id := range h.containers[:min(len(h.containers), 2)] {
		l.Containers = append(l.Containers, linksv1.Container{ID: id})
	}
	return l, h.ask("list")
}

func (h *house) DeleteContainer(_ context.Context, r linksv1.ContainerRequest) (linksv1.Empty, error) {
	h.containers = slices.DeleteFunc(h.containers, func(id string) bool { return id == r.ID })
	return linksv1.Empty{}, h.ask("container " + r.ID)
}

func (h *house) ListSubscriptions(context.Context, webhookv1.ListSubscriptionsRequest) (webhookv1.ListSubscriptionsResponse, error) {
	var l webhookv1.ListSubscriptionsResponse
	for _, id := range h.hooks {
		l.Subscriptions = append(l.Subscriptions, webhookv1.Subscription{ID: id})
	}
	return l, h.ask("hooks")
}

func (h *house) DeleteSubscription(_ context.Context, r webhookv1.SubscriptionRequest) (webhookv1.Empty, error) {
	h.hooks = slices.DeleteFunc(h.hooks, func(id string) bool { return id == r.ID })
	return webhookv1.Empty{}, h.ask("hook " + r.ID)
}

func full() *house {
	return &house{pliks: 5, fetches: 3, containers: []string{"a", "b", "c"}, hooks: []string{"x", "y"}, refuse: map[string]error{
		"container b": linksv1.ErrNotFound, "hook x": webhookv1.ErrSubscriptionNotFound, // somebody else was faster
	}}
}

func (h *house) close(t *testing.T) error {
	t.Helper()
	return closing.Services{Objects: h, Pliks: h, Fetches: h, Links: h, Webhooks: h}.Close(t.Context(), "acc_1")
}

func TestClose_EndsEverything(t *testing.T) {
	t.Parallel()
	h := full()
	if err := h.close(t); err != nil {
		t.Fatal(err)
	}
	if h.pliks != 0 || h.fetches != 0 || len(h.containers) != 0 || len(h.hooks) != 0 {
		t.Errorf("left: %+v", h)
	}
}

func TestClose_NothingGoesBeforeObjectAgrees(t *testing.T) {
	t.Parallel()
	h := full()
	h.refuse["object"] = objectv1.ErrObjectLocked
	if err := h.close(t); !errors.Is(err, objectv1.ErrObjectLocked) {
		t.Errorf("%v", err)
	}
	if !slices.Equal(h.asked, []string{"object"}) {
		t.Errorf("asked: %v", h.asked)
	}
}

func TestClose_GoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	for _, at := range []string{"pliks", "fetches", "list", "container c", "hooks", "hook y"} {
		h := full()
		h.refuse[at] = away
		if err := h.close(t); !errors.Is(err, away) {
			t.Errorf("%s: %v", at, err)
		}
		delete(h.refuse, at)
		if err := h.close(t); err != nil || h.pliks != 0 || h.fetches != 0 || len(h.containers) != 0 || len(h.hooks) != 0 {
			t.Errorf("%s: %v, left: %+v", at, err, h)
		}
	}
}
