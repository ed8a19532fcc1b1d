package webhookv1test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// Account is one that no other test uses, with a receiver.
type Account struct {
	Principal authv1.Principal
	URL       string // of the receiver
	// Happen has one of webhookv1.SubscriptionEvents happen to a container of the
	// account, whose title is given.
	Happen func(event, title string)
	Answer func(status int)          // what the receiver says from now on; 204 at first
	Got    func(id string) []Request // with this webhook-id; empty: all
}

// Request is one that the receiver got.
type Request struct {
	ContentType, ID, Timestamp, Signature, Body string
}

func runSubscriptions(t *testing.T, w World) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, w World, a Account)
	}{
		{"Subscriptions", subscriptions},
		{"CreateSubscription_Refuses", createSubscriptionRefuses},
		{"CreateSubscription_Bound", subscriptionBound},
		{"Subscriptions_OfOthers", subscriptionsOfOthers},
		{"UpdateSubscription", updateSubscription},
		{"Subscription_Delivery", subscriptionDelivery},
		{"Subscription_Events", subscriptionEvents},
		{"Subscription_NewSecret", subscriptionNewSecret},
		{"Subscription_Disabled", subscriptionDisabled},
		{"Subscription_OffAndOnAgain", subscriptionOffAndOn},
		{"DeleteSubscription", deleteSubscription},
		{"ReplaySubscription", replaySubscription},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, w, w.NewAccount(t))
		})
	}
}

func (w World) subscribe(t *testing.T, a Account, events ...string) webhookv1.CreatedSubscription {
	t.Helper()
	s, err := w.Service.CreateSubscription(t.Context(), webhookv1.CreateSubscriptionRequest{Principal: a.Principal, URL: a.URL, Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wants asserts a fault, and that nothing came with it.
func wants[T any](t *testing.T, what string, got T, err error, target *fault.Error) {
	t.Helper()
	var zero T
	if !errors.Is(err, target) || fault.KindOf(err) != target.Kind || fmt.Sprint(got) != fmt.Sprint(zero) {
		t.Errorf("%s: %+v, %v; want %s", what, got, err, target.Code)
	}
}

// log gives all deliveries of a subscription in a state, newest first.
func (w World) log(t *testing.T, a Account, id string, s webhookv1.State) (all []webhookv1.Delivery) {
	t.Helper()
	r := webhookv1.SubscriptionDeliveriesRequest{Principal: a.Principal, ID: id, State: s, Limit: 2}
	for {
		p, err := w.Service.SubscriptionDeliveries(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Deliveries...)
		if r.Cursor = p.Cursor; r.Cursor == "" {
			return all
		}
	}
}

// logged waits until n deliveries of a subscription have the state.
func (w World) logged(t *testing.T, a Account, id string, s webhookv1.State, n int) (all []webhookv1.Delivery) {
	t.Helper()
	await(t, fmt.Sprintf("%d deliveries %s", n, s), func() bool {
		all = w.log(t, a, id, s)
		return len(all) == n
	})
	return all
}

// signed reports which of the secrets signed a request, in the header's order.
func signed(r Request, secrets ...string) (by []int) {
	for _, s := range strings.Split(r.Signature, " ") {
		for i, shown := range secrets {
			secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(shown, "whsec_"))
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(r.ID + "." + r.Timestamp + "." + r.Body))
			if err == nil && s == "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
				by = append(by, i)
			}
		}
	}
	return by
}

// body is what a receiver reads.
type body struct {
	Type, Timestamp string
	Data            map[string]any
}

func decode(t *testing.T, text string) (b body) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	return b
}

func subscriptions(t *testing.T, w World, a Account) {
	first, err := w.Service.CreateSubscription(t.Context(), webhookv1.CreateSubscriptionRequest{
		Principal: a.Principal, URL: a.URL, Description: "my bööard",
		Events: []string{webhookv1.EventLinkStatusChanged, webhookv1.EventContainerCreated, webhookv1.EventLinkStatusChanged},
	})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(first.Secret, "whsec_"))
	if err != nil || len(secret) != 32 || !strings.HasPrefix(first.Secret, "whsec_") {
		t.Errorf("the secret %q, %v", first.Secret, err)
	}
	if !strings.HasPrefix(first.ID, "whk_") || len(first.ID) != 30 || first.AccountID != a.Principal.AccountID || first.URL != a.URL ||
		!slices.Equal(first.Events, []string{webhookv1.EventContainerCreated, webhookv1.EventLinkStatusChanged}) ||
		first.Description != "my bööard" || time.Since(first.CreatedAt).Abs() > time.Hour || first.Disabled || first.DisabledWhy != "" || !first.FailingSince.IsZero() {
		t.Errorf("%+v", first)
	}
	second := w.subscribe(t, a)
	if second.ID == first.ID || second.Secret == first.Secret || second.Events == nil || len(second.Events) != 0 {
		t.Errorf("%+v", second)
	}
	for _, s := range []webhookv1.CreatedSubscription{first, second} {
		got, err := w.Service.GetSubscription(t.Context(), webhookv1.SubscriptionRequest{Principal: a.Principal, ID: s.ID})
		if err != nil || !reflect.DeepEqual(got, s.Subscription) {
			t.Errorf("%+v, %v; made %+v", got, err, s)
		}
	}
	l, err := w.Service.ListSubscriptions(t.Context(), webhookv1.ListSubscriptionsRequest{Principal: a.Principal})
	if err != nil || !reflect.DeepEqual(l.Subscriptions, []webhookv1.Subscription{first.Subscription, second.Subscription}) {
		t.Errorf("%+v, %v", l, err)
	}
}

func createSubscriptionRefuses(t *testing.T, w World, a Account) {
	ok := webhookv1.CreateSubscriptionRequest{Principal: a.Principal, URL: a.URL}
	for what, c := range map[string]struct {
		change func(r *webhookv1.CreateSubscriptionRequest)
		err    *fault.Error
	}{
		"no URL":           {func(r *webhookv1.CreateSubscriptionRequest) { r.URL = "" }, webhookv1.ErrBadURL},
		"relative":         {func(r *webhookv1.CreateSubscriptionRequest) { r.URL = "/hook" }, webhookv1.ErrBadURL},
		"other scheme":     {func(r *webhookv1.CreateSubscriptionRequest) { r.URL = "ftp://example.com/" }, webhookv1.ErrBadURL},
		"script":           {func(r *webhookv1.CreateSubscriptionRequest) { r.URL = "javascript:alert(1)" }, webhookv1.ErrBadURL},
		"private":          {func(r *webhookv1.CreateSubscriptionRequest) { r.URL = "http://10.1.2.3/" }, webhookv1.ErrBadURL},
		"metadata":         {func(r *webhookv1.CreateSubscriptionRequest) { r.URL = "http://169.254.169.254/latest" }, webhookv1.ErrBadURL},
		"IPv6 loopback":    {func(r *webhookv1.CreateSubscriptionRequest) { r.URL = "http://[::1]/" }, webhookv1.ErrBadURL},
		"decimal address":  {func(r *webhookv1.CreateSubscriptionRequest) { r.URL = "http://167837955/" }, webhookv1.ErrBadURL},
		"password in it":   {func(r *webhookv1.CreateSubscriptionRequest) { r.URL = "http://a:b@10.1.2.3/" }, webhookv1.ErrBadURL},
		"long URL":         {func(r *webhookv1.CreateSubscriptionRequest) { r.URL = a.URL + "?" + strings.Repeat("a", 2048) }, webhookv1.ErrBadURL},
		"NUL in it":        {func(r *webhookv1.CreateSubscriptionRequest) { r.URL = a.URL + "\x00" }, webhookv1.ErrBadURL},
		"unknown event":    {func(r *webhookv1.CreateSubscriptionRequest) { r.Events = []string{"container.opened"} }, webhookv1.ErrUnknownEvent},
		"the event's case": {func(r *webhookv1.CreateSubscriptionRequest) { r.Events = []string{"Container.Created"} }, webhookv1.ErrUnknownEvent},
		"empty event":      {func(r *webhookv1.CreateSubscriptionRequest) { r.Events = []string{""} }, webhookv1.ErrUnknownEvent},
		"all events":       {func(r *webhookv1.CreateSubscriptionRequest) { r.Events = []string{"*"} }, webhookv1.ErrUnknownEvent},
		"long description": {func(r *webhookv1.CreateSubscriptionRequest) { r.Description = strings.Repeat("ä", 201) }, fault.ErrInvalid},
		"line end":         {func(r *webhookv1.CreateSubscriptionRequest) { r.Description = "a\nb" }, fault.ErrInvalid},
		"nobody's":         {func(r *webhookv1.CreateSubscriptionRequest) { r.Principal.AccountID = "" }, fault.ErrInvalid},
		"somebody huge":    {func(r *webhookv1.CreateSubscriptionRequest) { r.Principal.AccountID = strings.Repeat("a", 5000) }, fault.ErrInvalid},
	} {
		r := ok
		c.change(&r)
		got, err := w.Service.CreateSubscription(t.Context(), r)
		wants(t, what, got, err, c.err)
	}
	if l, err := w.Service.ListSubscriptions(t.Context(), webhookv1.ListSubscriptionsRequest{Principal: a.Principal}); err != nil || len(l.Subscriptions) != 0 {
		t.Errorf("refused ones exist: %+v, %v", l, err)
	}
	l, err := w.Service.ListSubscriptions(t.Context(), webhookv1.ListSubscriptionsRequest{})
	wants(t, "list of nobody's", l, err, fault.ErrInvalid)
}

func subscriptionBound(t *testing.T, w World, a Account) {
	const crowd = webhookv1.MaxSubscriptions + 10
	errs := make(chan error, crowd)
	for range crowd {
		go func() {
			_, err := w.Service.CreateSubscription(t.Context(), webhookv1.CreateSubscriptionRequest{Principal: a.Principal, URL: a.URL})
			errs <- err
		}()
	}
	made := 0
	for range crowd {
		if err := <-errs; err == nil {
			made++
		} else if !errors.Is(err, webhookv1.ErrTooManySubscriptions) {
			t.Error(err)
		}
	}
	l, err := w.Service.ListSubscriptions(t.Context(), webhookv1.ListSubscriptionsRequest{Principal: a.Principal})
	if err != nil || made != webhookv1.MaxSubscriptions || len(l.Subscriptions) != made {
		t.Fatalf("%d made, %d there, %v", made, len(l.Subscriptions), err)
	}
	if _, err := w.Service.DeleteSubscription(t.Context(), webhookv1.SubscriptionRequest{Principal: a.Principal, ID: l.Subscriptions[7].ID}); err != nil {
		t.Fatal(err)
	}
	w.subscribe(t, a)
}

func subscriptionsOfOthers(t *testing.T, w World, a Account) {
	bob := w.NewAccount(t)
	mine := w.subscribe(t, a)
	a.Happen(webhookv1.EventContainerCreated, "mine")
	d := w.logged(t, a, mine.ID, webhookv1.Delivered, 1)[0]
	bobs := w.subscribe(t, bob)
	for _, id := range []string{mine.ID, "", "whk_none", "*", strings.Repeat("whk_", 2000), "bkt_1.cfg_1", "whk_\x00"} {
		got, err := w.Service.GetSubscription(t.Context(), webhookv1.SubscriptionRequest{Principal: bob.Principal, ID: id})
		wants(t, "get "+id[:min(len(id), 40)], got, err, webhookv1.ErrSubscriptionNotFound)
		updated, err := w.Service.UpdateSubscription(t.Context(), webhookv1.UpdateSubscriptionRequest{Principal: bob.Principal, ID: id, NewSecret: true})
		wants(t, "update", updated, err, webhookv1.ErrSubscriptionNotFound)
		log, err := w.Service.SubscriptionDeliveries(t.Context(), webhookv1.SubscriptionDeliveriesRequest{Principal: bob.Principal, ID: id})
		wants(t, "log", log, err, webhookv1.ErrSubscriptionNotFound)
		replayed, err := w.Service.ReplaySubscription(t.Context(), webhookv1.ReplaySubscriptionRequest{Principal: bob.Principal, ID: id, DeliveryID: d.ID})
		wants(t, "replay", replayed, err, webhookv1.ErrSubscriptionNotFound)
		if _, err := w.Service.DeleteSubscription(t.Context(), webhookv1.SubscriptionRequest{Principal: bob.Principal, ID: id}); err != nil {
			t.Errorf("deleting what is not there: %v", err)
		}
	}
	replayed, err := w.Service.ReplaySubscription(t.Context(), webhookv1.ReplaySubscriptionRequest{Principal: bob.Principal, ID: bobs.ID, DeliveryID: d.ID})
	wants(t, "another's delivery", replayed, err, webhookv1.ErrDeliveryNotFound)
	got, err := w.Service.GetSubscription(t.Context(), webhookv1.SubscriptionRequest{Principal: a.Principal, ID: mine.ID})
	if err != nil || !reflect.DeepEqual(got, mine.Subscription) {
		t.Errorf("after a stranger's tries: %+v, %v", got, err)
	}
	a.Happen(webhookv1.EventContainerDeleted, "mine")
	w.logged(t, a, mine.ID, webhookv1.Delivered, 2)
	if n := len(bob.Got("")); n != 0 {
		t.Errorf("another account's receiver got %d requests", n)
	}
}

func updateSubscription(t *testing.T, w World, a Account) {
	s := w.subscribe(t, a, webhookv1.EventContainerCreated)
	want := s.Subscription
	url, description, events, none, disabled := a.URL+"?other", "text", []string{webhookv1.EventLinkStatusChanged}, []string{}, true
	for what, c := range map[string]struct {
		r     webhookv1.UpdateSubscriptionRequest
		apply func()
	}{
		"nothing":     {webhookv1.UpdateSubscriptionRequest{}, func() {}},
		"URL":         {webhookv1.UpdateSubscriptionRequest{URL: &url}, func() { want.URL = url }},
		"events":      {webhookv1.UpdateSubscriptionRequest{Events: &events}, func() { want.Events = events }},
		"no events":   {webhookv1.UpdateSubscriptionRequest{Events: &none}, func() { want.Events = none }},
		"description": {webhookv1.UpdateSubscriptionRequest{Description: &description}, func() { want.Description = description }},
		"disabled":    {webhookv1.UpdateSubscriptionRequest{Disabled: &disabled}, func() { want.Disabled = true }},
	} {
		c.r.Principal, c.r.ID = a.Principal, s.ID
		c.apply()
		got, err := w.Service.UpdateSubscription(t.Context(), c.r)
		if err != nil || !reflect.DeepEqual(got, webhookv1.CreatedSubscription{Subscription: want}) {
			t.Errorf("%s: %+v, %v; want %+v", what, got, err, want)
		}
	}
	private, unknown, long := "http://192.168.1.1/", []string{"x"}, strings.Repeat("a", 201)
	for what, c := range map[string]struct {
		r   webhookv1.UpdateSubscriptionRequest
		err *fault.Error
	}{
		"URL":         {webhookv1.UpdateSubscriptionRequest{URL: &private, Description: &url}, webhookv1.ErrBadURL},
		"events":      {webhookv1.UpdateSubscriptionRequest{Events: &unknown, NewSecret: true}, webhookv1.ErrUnknownEvent},
		"description": {webhookv1.UpdateSubscriptionRequest{Description: &long}, fault.ErrInvalid},
	} {
		c.r.Principal, c.r.ID = a.Principal, s.ID
		got, err := w.Service.UpdateSubscription(t.Context(), c.r)
		wants(t, what, got, err, c.err)
	}
	got, err := w.Service.GetSubscription(t.Context(), webhookv1.SubscriptionRequest{Principal: a.Principal, ID: s.ID})
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func subscriptionDelivery(t *testing.T, w World, a Account) {
	s := w.subscribe(t, a)
	const title = `<b>"tïtle" & more</b>`
	a.Happen(webhookv1.EventContainerStatusChanged, title)
	d := w.logged(t, a, s.ID, webhookv1.Delivered, 1)[0]
	if d.EndpointID != s.ID || d.AccountID != a.Principal.AccountID || d.EventType != webhookv1.EventContainerStatusChanged || d.EventID == "" ||
		d.URL != a.URL || len(d.Attempts) != 1 || d.Attempts[0].Status != http.StatusNoContent {
		t.Errorf("%+v", d)
	}
	got := a.Got(d.ID)
	if len(got) != 1 || got[0].ContentType != "application/json; charset=utf-8" || !slices.Equal(signed(got[0], s.Secret), []int{0}) {
		t.Fatalf("%+v", got)
	}
	body := decode(t, got[0].Body)
	if body.Type != webhookv1.EventContainerStatusChanged || body.Data["title"] != title {
		t.Errorf("%s", got[0].Body)
	}
	if at, err := time.Parse(time.RFC3339, body.Timestamp); err != nil || time.Since(at).Abs() > time.Hour {
		t.Errorf("%s", got[0].Body)
	}
	full, err := w.Service.GetDelivery(t.Context(), webhookv1.GetDeliveryRequest{ID: d.ID})
	if err != nil || full.EndpointID != s.ID {
		t.Errorf("%+v, %v", full, err)
	}
}

func subscriptionEvents(t *testing.T, w World, a Account) {
	all, links := w.subscribe(t, a), w.subscribe(t, a, webhookv1.EventLinkStatusChanged)
	for _, e := range webhookv1.SubscriptionEvents() {
		a.Happen(e, e)
	}
	types := func(ds []webhookv1.Delivery) (out []string) {
		for _, d := range ds {
			for _, r := range a.Got(d.ID) {
				if b := decode(t, r.Body); b.Type != d.EventType || b.Data["title"] != d.EventType || b.Data["container_id"] == "" {
					t.Errorf("%s for %+v", r.Body, d)
				}
			}
			out = append(out, d.EventType)
		}
		slices.Sort(out)
		return out
	}
	want := webhookv1.SubscriptionEvents()
	slices.Sort(want)
	if got := types(w.logged(t, a, all.ID, webhookv1.Delivered, len(want))); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if got := types(w.logged(t, a, links.ID, webhookv1.Delivered, 1)); !slices.Equal(got, []string{webhookv1.EventLinkStatusChanged}) {
		t.Errorf("%v", got)
	}
	if n := len(a.Got("")); n != len(want)+1 {
		t.Errorf("%d requests", n)
	}
}

func subscriptionNewSecret(t *testing.T, w World, a Account) {
	s := w.subscribe(t, a)
	secrets := []string{s.Secret}
	for n := range 3 {
		a.Happen(webhookv1.EventContainerCreated, fmt.Sprint(n))
		d := w.logged(t, a, s.ID, webhookv1.Delivered, n+1)[0]
		want := []int{}
		for i := n; i >= 0; i-- {
			want = append(want, i)
		}
		if got := a.Got(d.ID); len(got) != 1 || !slices.Equal(signed(got[0], secrets...), want) {
			t.Errorf("after %d rotations: %+v", n, got)
		}
		r, err := w.Service.UpdateSubscription(t.Context(), webhookv1.UpdateSubscriptionRequest{Principal: a.Principal, ID: s.ID, NewSecret: true})
		if err != nil || slices.Contains(secrets, r.Secret) || !strings.HasPrefix(r.Secret, "whsec_") || !reflect.DeepEqual(r.Subscription, s.Subscription) {
			t.Fatalf("%+v, %v", r, err)
		}
		secrets = append(secrets, r.Secret)
	}
}

func subscriptionDisabled(t *testing.T, w World, a Account) {
	off, on := w.subscribe(t, a), w.subscribe(t, a)
	disable := func(disabled bool) {
		t.Helper()
		got, err := w.Service.UpdateSubscription(t.Context(), webhookv1.UpdateSubscriptionRequest{Principal: a.Principal, ID: off.ID, Disabled: &disabled})
		if err != nil || got.Disabled != disabled || got.DisabledWhy != "" || got.Secret != "" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	disable(true)
	a.Happen(webhookv1.EventContainerCreated, "while off")
	w.logged(t, a, on.ID, webhookv1.Delivered, 1)
	disable(false)
	a.Happen(webhookv1.EventContainerCreated, "on again")
	w.logged(t, a, on.ID, webhookv1.Delivered, 2)
	w.logged(t, a, off.ID, webhookv1.Delivered, 1)
	if all := w.log(t, a, off.ID, ""); len(all) != 1 {
		t.Errorf("%+v", all)
	}
}

func subscriptionOffAndOn(t *testing.T, w World, a Account) {
	s := w.subscribe(t, a)
	get := func() webhookv1.Subscription {
		t.Helper()
		got, err := w.Service.GetSubscription(t.Context(), webhookv1.SubscriptionRequest{Principal: a.Principal, ID: s.ID})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	a.Answer(http.StatusGone)
	a.Happen(webhookv1.EventContainerCreated, "1")
	w.logged(t, a, s.ID, webhookv1.Dead, 1)
	if got := get(); !got.Disabled || got.DisabledWhy == "" || got.FailingSince.IsZero() {
		t.Errorf("after 410: %+v", got)
	}
	a.Happen(webhookv1.EventContainerCreated, "2")
	w.logged(t, a, s.ID, webhookv1.Dead, 2)
	a.Answer(http.StatusOK)
	enabled := false
	for range 2 { // idempotent
		got, err := w.Service.UpdateSubscription(t.Context(), webhookv1.UpdateSubscriptionRequest{Principal: a.Principal, ID: s.ID, Disabled: &enabled})
		if err != nil || got.Disabled || got.DisabledWhy != "" || !got.FailingSince.IsZero() {
			t.Errorf("enabled: %+v, %v", got, err)
		}
	}
	a.Happen(webhookv1.EventContainerCreated, "3")
	w.logged(t, a, s.ID, webhookv1.Delivered, 1)
	if got := get(); !reflect.DeepEqual(got, s.Subscription) {
		t.Errorf("%+v", got)
	}
}

func deleteSubscription(t *testing.T, w World, a Account) {
	s, stays := w.subscribe(t, a), w.subscribe(t, a)
	a.Answer(http.StatusServiceUnavailable)
	a.Happen(webhookv1.EventContainerCreated, "1")
	var waits, first webhookv1.Delivery
	await(t, "a failed attempt of each", func() bool {
		l, other := w.log(t, a, s.ID, webhookv1.Pending), w.log(t, a, stays.ID, webhookv1.Pending)
		if len(l) != 1 || len(other) != 1 {
			return false
		}
		waits, first = l[0], other[0]
		return len(waits.Attempts) > 0 && len(first.Attempts) > 0
	})
	for range 2 { // idempotent
		if _, err := w.Service.DeleteSubscription(t.Context(), webhookv1.SubscriptionRequest{Principal: a.Principal, ID: s.ID}); err != nil {
			t.Fatal(err)
		}
		got, err := w.Service.GetSubscription(t.Context(), webhookv1.SubscriptionRequest{Principal: a.Principal, ID: s.ID})
		wants(t, "deleted", got, err, webhookv1.ErrSubscriptionNotFound)
		if d, err := w.Service.GetDelivery(t.Context(), webhookv1.GetDeliveryRequest{ID: waits.ID}); err != nil || d.State != webhookv1.Dead {
			t.Errorf("what waited: %+v, %v", d, err)
		}
	}
	a.Answer(http.StatusOK)
	a.Happen(webhookv1.EventContainerCreated, "2")
	await(t, "the second event of what stays", func() bool { // the first is repeated about then
		return slices.ContainsFunc(w.log(t, a, stays.ID, webhookv1.Delivered), func(d webhookv1.Delivery) bool { return d.ID != first.ID })
	})
	for _, d := range list(t, w, webhookv1.ListDeliveriesRequest{EndpointID: s.ID}) {
		if d.ID != waits.ID {
			t.Errorf("after the deletion: %+v", d)
		}
	}
}

func replaySubscription(t *testing.T, w World, a Account) {
	s := w.subscribe(t, a)
	a.Answer(http.StatusGone)
	for i := range 3 {
		a.Happen(webhookv1.EventContainerCreated, fmt.Sprint(i))
		w.logged(t, a, s.ID, webhookv1.Dead, i+1)
	}
	dead := w.log(t, a, s.ID, webhookv1.Dead)
	now := time.Now()
	for what, c := range map[string]struct {
		r   webhookv1.ReplaySubscriptionRequest
		err *fault.Error
	}{
		"neither":          {webhookv1.ReplaySubscriptionRequest{}, fault.ErrInvalid},
		"both":             {webhookv1.ReplaySubscriptionRequest{DeliveryID: dead[0].ID, Since: &now}, fault.ErrInvalid},
		"unknown delivery": {webhookv1.ReplaySubscriptionRequest{DeliveryID: "dlv_none"}, webhookv1.ErrDeliveryNotFound},
		"malformed":        {webhookv1.ReplaySubscriptionRequest{DeliveryID: "\x00"}, webhookv1.ErrDeliveryNotFound},
	} {
		c.r.Principal, c.r.ID = a.Principal, s.ID
		got, err := w.Service.ReplaySubscription(t.Context(), c.r)
		wants(t, what, got, err, c.err)
	}
	a.Answer(http.StatusNoContent)
	replay := func(r webhookv1.ReplaySubscriptionRequest, n int) {
		t.Helper()
		r.Principal, r.ID = a.Principal, s.ID
		if got, err := w.Service.ReplaySubscription(t.Context(), r); err != nil || got.Replayed != n {
			t.Errorf("%+v, %v; want %d", got, err, n)
		}
	}
	later := now.Add(time.Hour)
	replay(webhookv1.ReplaySubscriptionRequest{Since: &later}, 0)
	replay(webhookv1.ReplaySubscriptionRequest{DeliveryID: dead[1].ID}, 1)
	w.logged(t, a, s.ID, webhookv1.Delivered, 1)
	replay(webhookv1.ReplaySubscriptionRequest{Since: &dead[0].CreatedAt}, 1)
	w.logged(t, a, s.ID, webhookv1.Delivered, 2)
	replay(webhookv1.ReplaySubscriptionRequest{Since: &time.Time{}}, 1)
	w.logged(t, a, s.ID, webhookv1.Delivered, 3)
	replay(webhookv1.ReplaySubscriptionRequest{Since: &time.Time{}}, 0)
	for i, d := range dead { // the first was refused; the others came while it was off
		if n := len(a.Got(d.ID)); n != 1+i/2 {
			t.Errorf("delivery %d came %d times", i, n)
		}
	}
}
