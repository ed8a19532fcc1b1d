package authv1test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func byIdentity(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	local := authv1.Identity{Provider: authv1.ProviderLocal, Login: a.Username}
	if a.Identity != local || a.Name != "" || a.Plik != (authv1.PlikLimits{}) {
		t.Errorf("%+v", a)
	}
	if got, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Identity: &local}); err != nil || got != a {
		t.Errorf("%+v, %v", got, err)
	}
	for _, id := range []authv1.Identity{
		{Provider: authv1.ProviderGoogle, Login: a.Username}, {Login: a.Username}, {Provider: "LOCAL", Login: a.Username}, {Provider: authv1.ProviderLocal},
		{Provider: authv1.ProviderLocal, Login: strings.ToUpper(a.Username)}, {Provider: authv1.ProviderLocal, Login: a.Email}, {},
		{Provider: authv1.ProviderOIDC, Login: strings.Repeat("x", 100_000)},
	} {
		got, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Identity: &id})
		want(t, fmt.Sprintf("%.80v", id), got, err, authv1.ErrAccountNotFound)
	}
	for _, r := range []authv1.GetAccountRequest{{ID: a.ID, Identity: &local}, {Username: a.Username, Identity: &local}, {ID: a.ID, Username: a.Username}} {
		got, err := w.svc.GetAccount(t.Context(), r)
		want(t, "named twice", got, err, fault.ErrInvalid)
	}
}

func enter(t *testing.T, w world) {
	id := authv1.Identity{Provider: authv1.ProviderGoogle, Login: "Alice.B@" + w.name + ".example"}
	r := authv1.EnterRequest{Identity: id, Email: "Alice@" + w.name + ".example", Name: " Alice\tB. ", Life: 3600, Source: "192.0.2.1"}
	got, err := w.svc.Enter(t.Context(), r)
	want(t, "without an account", got, err, authv1.ErrAccountNotFound)
	r.Create = true
	first, err := w.svc.Enter(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	a := first.Account
	if a.Identity != id || !strings.HasPrefix(a.Username, "alice.b") || a.Email != r.Email || a.Name != "Alice B." || a.Admin || a.Plan == "" || a.Limits.StorageBytes != 100e9 {
		t.Errorf("%+v", a)
	}
	by, err := w.authenticate(t, first.Token, authv1.TokenSession)
	if err != nil || by.Account != a {
		t.Errorf("%+v, %v", by, err)
	}
	for _, r := range []authv1.EnterRequest{{Identity: id}, {Identity: id, Create: true, Email: "other@" + w.name + ".example", Name: "Other"}} {
		if s, err := w.svc.Enter(t.Context(), r); err != nil || unlogged(s.Account) != a || s.Token == first.Token {
			t.Errorf("again: %+v, %v", s, err)
		}
	}
	if got, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Identity: &id}); err != nil || unlogged(got) != a {
		t.Errorf("%+v, %v", got, err)
	}
	notLocal, err := w.svc.GetAccount(t.Context(), authv1.GetAccountRequest{Identity: &authv1.Identity{Provider: authv1.ProviderLocal, Login: a.Username}})
	want(t, "the user name as a local identity", notLocal, err, authv1.ErrAccountNotFound)
	for _, name := range []string{a.Username, a.Email} { // nobody's password is right
		for _, password := range []string{"", Password} {
			got, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: name, Password: password})
			want(t, "a password", got, err, authv1.ErrBadCredentials)
		}
	}
	// Another provider's or another case is another person, who does not get the e-mail.
	for _, other := range []authv1.Identity{{Provider: authv1.ProviderOVH, Login: id.Login}, {Provider: id.Provider, Login: strings.ToLower(id.Login)}} {
		s, err := w.svc.Enter(t.Context(), authv1.EnterRequest{Identity: other, Create: true, Email: strings.ToUpper(r.Email)})
		if err != nil || s.Account.ID == a.ID || s.Account.Username == a.Username || s.Account.Email != "" || s.Account.Identity != other {
			t.Errorf("%+v: %+v, %v", other, s.Account, err)
		}
	}
	if _, err := w.svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: a.ID, Disabled: true}); err != nil {
		t.Fatal(err)
	}
	got, err = w.svc.Enter(t.Context(), r)
	want(t, "disabled", got, err, authv1.ErrBadCredentials)
}

func enterRefuses(t *testing.T, w world) {
	ok := w.identity("x")
	for what, r := range map[string]authv1.EnterRequest{
		"local":       {Identity: authv1.Identity{Provider: authv1.ProviderLocal, Login: ok.Login}},
		"no provider": {Identity: authv1.Identity{Login: ok.Login}},
		"unknown":     {Identity: authv1.Identity{Provider: "github", Login: ok.Login}},
		"no login":    {Identity: authv1.Identity{Provider: authv1.ProviderOVH}},
		"long login":  {Identity: authv1.Identity{Provider: authv1.ProviderOVH, Login: strings.Repeat("l", 255)}},
		"line end":    {Identity: authv1.Identity{Provider: authv1.ProviderOVH, Login: "a\nb"}},
		"NUL":         {Identity: authv1.Identity{Provider: authv1.ProviderOVH, Login: "a\x00"}},
		"life":        {Identity: ok, Life: -1},
		"long life":   {Identity: ok, Life: 1 << 62},
	} {
		r.Create = true
		got, err := w.svc.Enter(t.Context(), r)
		want(t, what, got, err, fault.ErrInvalid)
	}
	for i, r := range []authv1.EnterRequest{ // what is wrong with a person does not keep it out
		{Identity: authv1.Identity{Provider: authv1.ProviderOIDC, Login: strings.Repeat("9", 254)}, Email: "no address", Name: strings.Repeat("é", 1000)},
		{Identity: w.identity("日本 語/../<b>"), Email: strings.Repeat("a", 400) + "@example.com", Name: "a\x00\xff"},
		{Identity: w.identity("@"), Email: "A <a@b.example>"},
	} {
		r.Create = true
		s, err := w.svc.Enter(t.Context(), r)
		if err != nil || s.Account.Email != "" || s.Account.Identity != r.Identity || s.Account.Username == "" {
			t.Errorf("%d: %+v, %v", i, s.Account, err)
		}
	}
}

func enterRace(t *testing.T, w world) {
	const n = 6
	type result struct {
		s   authv1.Session
		err error
	}
	results := make(chan result, n)
	r := authv1.EnterRequest{Identity: w.identity("same"), Email: "same@" + w.name + ".example", Create: true}
	for range n {
		go func() {
			s, err := w.svc.Enter(t.Context(), r)
			results <- result{s, err}
		}()
	}
	ids := map[string]bool{}
	for range n {
		got := <-results
		if got.err != nil {
			t.Error(got.err)
			continue
		}
		ids[got.s.Account.ID] = true
	}
	if len(ids) != 1 {
		t.Errorf("%d accounts of one identity", len(ids))
	}
}

func enterThrottled(t *testing.T, w world) {
	const source = "2001:db8:5::1"
	r := authv1.EnterRequest{Identity: w.identity("known"), Create: true, Source: source}
	if _, err := w.svc.Enter(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := range 2 * tries {
		if _, err = w.svc.Enter(t.Context(), authv1.EnterRequest{Identity: w.identity(fmt.Sprint(i)), Create: true, Source: source}); err != nil {
			break
		}
	}
	if !errors.Is(err, authv1.ErrThrottled) || fault.From(err).RetryAfter < time.Second {
		t.Errorf("new accounts of one address: %v", err)
	}
	if _, err := w.svc.Enter(t.Context(), r); err != nil {
		t.Errorf("an account that is there: %v", err)
	}
}
