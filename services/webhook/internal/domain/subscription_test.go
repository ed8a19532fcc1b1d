package domain_test

import (
	"slices"
	"testing"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/services/webhook/internal/domain"
)

func TestSubscription_OldSecrets(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := domain.Subscription{Secret: []byte("0")}
	secrets := func(now time.Time) (out []string) {
		for _, b := range s.Sealed(now) {
			out = append(out, string(b))
		}
		return out
	}
	s.Renew([]byte("1"), at)
	for now, want := range map[time.Time][]string{at: {"1", "0"}, at.Add(24*time.Hour - 1): {"1", "0"}, at.Add(24 * time.Hour): {"1"}} {
		if got := secrets(now); !slices.Equal(got, want) {
			t.Errorf("at %s: %v, want %v", now, got, want)
		}
	}
	for i := range 9 {
		s.Renew([]byte{'2' + byte(i)}, at.Add(25*time.Hour))
	}
	if got := secrets(at.Add(26 * time.Hour)); !slices.Equal(got, []string{":", "9", "8", "7", "6"}) || len(s.Old) != 4 {
		t.Errorf("%v", got)
	}
	if got := secrets(at.Add(50 * time.Hour)); !slices.Equal(got, []string{":"}) {
		t.Errorf("%v", got)
	}
}

func TestSubscription_Wants(t *testing.T) {
	t.Parallel()
	one := domain.Subscription{Events: []string{webhookv1.EventContainerCreated}}
	for _, e := range webhookv1.SubscriptionEvents() {
		if !(&domain.Subscription{}).Wants(e) || (&domain.Subscription{Disabled: true}).Wants(e) || one.Wants(e) != (e == webhookv1.EventContainerCreated) {
			t.Error(e)
		}
	}
}

// TestSubscription_View does not blame an address for what another one did.
func TestSubscription_View(t *testing.T) {
	t.Parallel()
	bad := domain.Endpoint{URL: "http://a", Off: true, OffWhy: "x", Failing: time.Now()}
	for url, off := range map[string]bool{"http://a": true, "http://b": false} {
		s := domain.Subscription{URL: url}
		if v := s.View("acc", bad); v.Disabled != off || (v.DisabledWhy != "") != off || v.FailingSince.IsZero() == off || v.AccountID != "acc" {
			t.Errorf("%+v", v)
		}
	}
}

// TestNotices holds what receivers read to its bytes.
func TestNotices(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.FixedZone("", 3600))
	container := linksv1.ContainerEvent{Time: at, Was: linksv1.Online, Container: linksv1.Container{
		ID: "abcdefghij1", AccountID: "acc_1", Title: "T & <b>", Status: linksv1.Partial, Counts: linksv1.Counts{Online: 2, Offline: 1},
		Hosts: []string{"b.example", "a.example"}, CheckedAt: &at,
	}}
	created := linksv1.ContainerEvent{Time: at, Container: linksv1.Container{ID: "abcdefghij1", AccountID: "acc_1", Title: "T", Status: linksv1.Unknown}}
	link := linksv1.LinkEvent{ContainerID: "abcdefghij1", AccountID: "acc_1", Title: "T", Was: linksv1.Unknown, Time: at, Link: linksv1.Link{
		LinkInput: linksv1.LinkInput{URL: "https://a.example/f?x=1&y=2"}, Host: "a.example", Status: linksv1.Offline, CheckedAt: &at,
	}}
	for want, c := range map[string]struct {
		kind string
		e    linksv1.ContainerEvent
	}{
		`{"type":"container.status_changed","timestamp":"2026-01-02T02:04:05.006Z","data":{"container_id":"abcdefghij1","title":"T \u0026 \u003cb\u003e","status":"partial","was":"online","stats":{"online":2,"offline":1,"unknown":0},"hosts":["b.example","a.example"],"checked_at":"2026-01-02 02:04:05"}}`: {linksv1.ContainerStatusChanged.Type, container},
		`{"type":"container.created","timestamp":"2026-01-02T02:04:05.006Z","data":{"container_id":"abcdefghij1","title":"T","status":"unknown","stats":{"online":0,"offline":0,"unknown":0},"hosts":[],"checked_at":null}}`:                                                                                    {linksv1.ContainerCreated.Type, created},
		`{"type":"container.deleted","timestamp":"2026-01-02T02:04:05.006Z","data":{"container_id":"abcdefghij1","title":"T","status":"unknown","stats":{"online":0,"offline":0,"unknown":0},"hosts":[],"checked_at":null}}`:                                                                                    {linksv1.ContainerDeleted.Type, created},
	} {
		n, ok, err := domain.ContainerNotice("ev", c.kind, c.e)
		if err != nil || !ok || string(n.Body) != want || n.AccountID != "acc_1" || n.EventID != "ev" {
			t.Errorf("%+v, %t, %v\n%s\n%s", n, ok, err, n.Body, want)
		}
	}
	n, err := domain.LinkNotice("ev", link)
	want := `{"type":"link.status_changed","timestamp":"2026-01-02T02:04:05.006Z","data":{"container_id":"abcdefghij1","title":"T","url":"https://a.example/f?x=1\u0026y=2","host":"a.example","status":"offline","was":"unknown","checked_at":"2026-01-02 02:04:05"}}`
	if err != nil || string(n.Body) != want || n.Event != webhookv1.EventLinkStatusChanged || n.AccountID != "acc_1" {
		t.Errorf("%+v, %v\n%s", n, err, n.Body)
	}
	if _, ok, err := domain.ContainerNotice("ev", "evt.links.v1.container.odd", container); ok || err != nil {
		t.Errorf("an unknown event: %t, %v", ok, err)
	}
}
