package target_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
	"github.com/sluicehq/sluice/services/webhook/internal/target"
)

// object answers what it is told to.
type object struct {
	objectv1.Service
	mu    sync.Mutex
	calls int
	url   string
	err   error
	takes time.Duration
}

func (o *object) ResolveNotification(_ context.Context, r objectv1.ResolveNotificationRequest) (objectv1.NotificationTarget, error) {
	time.Sleep(o.takes)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls++
	return objectv1.NotificationTarget{
		Config: objectv1.NotificationConfig{ID: r.ConfigID, URL: o.url}, BucketID: r.BucketID, AccountID: "acc", SealedSecret: []byte("sealed"),
	}, o.err
}

// opener opens secrets that are sealed with their config's id.
type opener struct{}

func (opener) Open(sealed, aad []byte) ([]byte, error) {
	if string(aad) == "broken" {
		return nil, fault.New(fault.Internal, "keys.cannot_open", "no")
	}
	return append(sealed, aad...), nil
}

func TestResolver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &object{url: "http://one"}
		r := target.NewResolver(o, opener{}, time.Now)
		want := func(url string, calls int) {
			t.Helper()
			got, err := r.Resolve(t.Context(), "b", "c")
			if err != nil || got.URL != url || string(got.Secret) != "sealedc" || got.AccountID != "acc" || o.calls != calls {
				t.Errorf("%+v, %v, %d calls; want %s after %d", got, err, o.calls, url, calls)
			}
		}
		want("http://one", 1)
		o.url = "http://two"
		want("http://one", 1) // still fresh
		time.Sleep(5 * time.Second)
		want("http://two", 2)

		time.Sleep(time.Minute)
		o.err = fault.ErrUnavailable
		want("http://two", 3) // the last answer stands in
		time.Sleep(15 * time.Minute)
		if _, err := r.Resolve(t.Context(), "b", "c"); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("after a quarter of an hour: %v", err)
		}
		for _, gone := range []error{objectv1.ErrConfigNotFound, objectv1.ErrBucketNotFound} {
			o.err = gone
			if _, err := r.Resolve(t.Context(), "b", "c"); !errors.Is(err, domain.ErrNoConfig) {
				t.Errorf("%v became %v", gone, err)
			}
		}
		o.err = nil
		if _, err := r.Resolve(t.Context(), "b", "broken"); fault.CodeOf(err) != "keys.cannot_open" {
			t.Errorf("a secret that does not open: %v", err)
		}
	})
}

func TestResolver_OneCallForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &object{takes: time.Second}
		r := target.NewResolver(o, opener{}, time.Now)
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				ctx := t.Context()
				if i == 0 {
					ctx = short
				}
				if _, err := r.Resolve(ctx, "b", "c"); (err != nil) != (i == 0) {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if o.calls != 1 {
			t.Errorf("%d calls", o.calls)
		}
	})
}
