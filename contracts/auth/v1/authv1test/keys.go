package authv1test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

func accessKeys(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	r := authv1.CreateAccessKeyRequest{AccountID: a.ID, ExpiresAt: &expires, Grant: authv1.Grant{
		Scopes:  []authv1.Scope{authv1.ScopeWrite, authv1.ScopeRead, authv1.ScopeWrite},
		Buckets: []string{"photos", "docs"}, Prefixes: []string{"2026/", "ä b/"},
	}}
	first, err := w.svc.CreateAccessKey(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	grant := authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead, authv1.ScopeWrite}, Buckets: r.Grant.Buckets, Prefixes: r.Grant.Prefixes}
	if len(first.ID) != 20 || !strings.HasPrefix(first.ID, "LWAK") || len(first.Secret) != 40 || first.AccountID != a.ID ||
		!reflect.DeepEqual(first.Grant, grant) || first.ExpiresAt == nil || !first.ExpiresAt.Equal(expires) || first.RevokedAt != nil || first.CreatedAt.IsZero() {
		t.Errorf("%+v", first)
	}
	second := w.key(t, a.ID)
	if second.ID == first.ID || second.Secret == first.Secret {
		t.Error("two keys are one")
	}
	l, err := w.svc.ListAccessKeys(t.Context(), authv1.ListAccessKeysRequest{AccountID: a.ID})
	if err != nil || len(l.Keys) != 2 || l.Keys[0].CreatedAt.Before(l.Keys[1].CreatedAt) {
		t.Fatalf("%+v, %v", l, err)
	}
	for _, k := range l.Keys {
		if k.ID == first.ID && !reflect.DeepEqual(k, first.AccessKey) {
			t.Errorf("listed %+v, made %+v", k, first.AccessKey)
		}
	}
	other := w.create(t, "other").Account
	if l, err := w.svc.ListAccessKeys(t.Context(), authv1.ListAccessKeysRequest{AccountID: other.ID}); err != nil || len(l.Keys) != 0 {
		t.Errorf("another account lists %+v, %v", l, err)
	}
}

func keyRefuses(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	read := []authv1.Scope{authv1.ScopeRead}
	past := time.Now().Add(-time.Second)
	many := make([]string, 101)
	for i := range many {
		many[i] = strings.Repeat("b", 1+i%60)
	}
	for what, r := range map[string]authv1.CreateAccessKeyRequest{
		"no scope":        {AccountID: a.ID},
		"unknown scope":   {AccountID: a.ID, Grant: authv1.Grant{Scopes: []authv1.Scope{"read", "root"}}},
		"scope's case":    {AccountID: a.ID, Grant: authv1.Grant{Scopes: []authv1.Scope{"READ"}}},
		"empty bucket":    {AccountID: a.ID, Grant: authv1.Grant{Scopes: read, Buckets: []string{""}}},
		"empty prefix":    {AccountID: a.ID, Grant: authv1.Grant{Scopes: read, Prefixes: []string{""}}},
		"long bucket":     {AccountID: a.ID, Grant: authv1.Grant{Scopes: read, Buckets: []string{strings.Repeat("b", 64)}}},
		"NUL":             {AccountID: a.ID, Grant: authv1.Grant{Scopes: read, Prefixes: []string{"a\x00"}}},
		"too many":        {AccountID: a.ID, Grant: authv1.Grant{Scopes: read, Buckets: many}},
		"too long in all": {AccountID: a.ID, Grant: authv1.Grant{Scopes: read, Prefixes: []string{strings.Repeat("a", 1024), strings.Repeat("b", 1024), strings.Repeat("c", 1024), "d"}}},
		"expired":         {AccountID: a.ID, Grant: authv1.Grant{Scopes: read}, ExpiresAt: &past},
	} {
		got, err := w.svc.CreateAccessKey(t.Context(), r)
		want(t, what, got, err, fault.ErrInvalid)
	}
	got, err := w.svc.CreateAccessKey(t.Context(), authv1.CreateAccessKeyRequest{AccountID: "acc_none", Grant: authv1.Grant{Scopes: read}})
	want(t, "unknown account", got, err, authv1.ErrAccountNotFound)
	if l, err := w.svc.ListAccessKeys(t.Context(), authv1.ListAccessKeysRequest{AccountID: a.ID}); err != nil || len(l.Keys) != 0 {
		t.Errorf("refused keys exist: %+v, %v", l, err)
	}
}

func revoke(t *testing.T, w world) {
	a, other := w.create(t, "alice").Account, w.create(t, "other").Account
	k, kept := w.key(t, a.ID), w.key(t, a.ID)
	for what, r := range map[string]authv1.RevokeAccessKeyRequest{
		"another account's": {AccountID: other.ID, KeyID: k.ID},
		"unknown":           {AccountID: a.ID, KeyID: "LWAKAAAAAAAAAAAAAAAA"},
		"malformed":         {AccountID: a.ID, KeyID: "*"},
		"empty":             {AccountID: a.ID},
		"nobody's":          {KeyID: k.ID},
	} {
		got, err := w.svc.RevokeAccessKey(t.Context(), r)
		want(t, what, got, err, authv1.ErrKeyNotFound)
	}
	if err := mintFor(t.Context(), w.svc, k.ID, k.Secret); err != nil {
		t.Fatal(err)
	}
	got, err := w.svc.RevokeAccessKey(t.Context(), authv1.RevokeAccessKeyRequest{AccountID: a.ID, KeyID: k.ID})
	if err != nil || got.RevokedAt == nil || got.ID != k.ID {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := mintFor(t.Context(), w.svc, k.ID, k.Secret); !errors.Is(err, authv1.ErrBadCredentials) {
		t.Errorf("a revoked key gives a token: %v", err)
	}
	again, err := w.svc.RevokeAccessKey(t.Context(), authv1.RevokeAccessKeyRequest{AccountID: a.ID, KeyID: k.ID})
	if err != nil || !reflect.DeepEqual(again, got) {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	if err := mintFor(t.Context(), w.svc, kept.ID, kept.Secret); err != nil {
		t.Errorf("the other key: %v", err)
	}
	l, err := w.svc.ListAccessKeys(t.Context(), authv1.ListAccessKeysRequest{AccountID: a.ID})
	if err != nil || len(l.Keys) != 2 {
		t.Errorf("a revoked key stays in the list: %+v, %v", l, err)
	}
}

func mint(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	k, other := w.key(t, a.ID), w.key(t, a.ID)
	tok, err := w.svc.MintAccessToken(t.Context(), authv1.MintAccessTokenRequest{KeyID: k.ID, Secret: k.Secret, Source: "192.0.2.1"})
	left := time.Until(tok.ExpiresAt)
	if err != nil || !strings.HasPrefix(tok.Token, authv1.TokenPrefix) || tok.AccountID != a.ID || left < 59*time.Minute || left > time.Hour {
		t.Errorf("%+v, %v", tok, err)
	}
	var told []string
	for what, r := range map[string]authv1.MintAccessTokenRequest{
		"wrong secret":         {KeyID: k.ID, Secret: strings.Repeat("x", 40)},
		"another key's secret": {KeyID: k.ID, Secret: other.Secret},
		"cut secret":           {KeyID: k.ID, Secret: k.Secret[:39]},
		"no secret":            {KeyID: k.ID},
		"unknown key":          {KeyID: "LWAKAAAAAAAAAAAAAAAA", Secret: k.Secret},
		"lower case":           {KeyID: strings.ToLower(k.ID), Secret: k.Secret},
		"no key":               {Secret: k.Secret},
		"stand-in":             {KeyID: "LWAK0000000000000000", Secret: k.Secret},
	} {
		got, err := w.svc.MintAccessToken(t.Context(), r)
		want(t, what, got, err, authv1.ErrBadCredentials)
		told = append(told, fault.From(err).Message)
	}
	for _, m := range told {
		if m != told[0] {
			t.Errorf("answers differ: %q, %q", m, told[0])
		}
	}
}

func mintThrottled(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	k, other := w.key(t, a.ID), w.key(t, a.ID)
	hammer := func(what, id, secret string) {
		var err error
		for range tries {
			if err = mintFor(t.Context(), w.svc, id, secret); errors.Is(err, authv1.ErrThrottled) {
				break
			}
		}
		if !errors.Is(err, authv1.ErrThrottled) || fault.From(err).RetryAfter < time.Second {
			t.Errorf("%s: %v, after %s", what, err, fault.From(err).RetryAfter)
		}
	}
	hammer("wrong secret", k.ID, "wrong")
	hammer("unknown key", "LWAKBBBBBBBBBBBBBBBB", "wrong")
	if err := mintFor(t.Context(), w.svc, k.ID, k.Secret); err != nil {
		t.Errorf("strangers lock the owner out: %v", err)
	}
	hammer("right secret", k.ID, k.Secret)
	if err := mintFor(t.Context(), w.svc, other.ID, other.Secret); err != nil {
		t.Errorf("another key is throttled too: %v", err)
	}
}

func disable(t *testing.T, w world) {
	s := w.create(t, "alice")
	k := w.key(t, s.Account.ID)
	set := func(disabled bool) {
		t.Helper()
		for range 2 { // idempotent
			a, err := w.svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: s.Account.ID, Disabled: disabled})
			if err != nil || a.Disabled != disabled {
				t.Fatalf("%+v, %v", a, err)
			}
		}
	}
	set(true)
	a, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token})
	want(t, "token", a, err, authv1.ErrBadToken)
	l, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: s.Account.Username, Password: Password})
	want(t, "login", l, err, authv1.ErrBadCredentials)
	if err := mintFor(t.Context(), w.svc, k.ID, k.Secret); !errors.Is(err, authv1.ErrBadCredentials) {
		t.Errorf("mint: %v", err)
	}
	st, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID})
	if err != nil || st.Account.Active || !st.Account.NotBefore.After(time.Now().Add(-time.Minute)) {
		t.Errorf("state: %+v, %v", st, err)
	}
	set(false)
	a, err = w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: s.Token})
	want(t, "a token from before", a, err, authv1.ErrBadToken)
	l, err = w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: s.Account.Username, Password: Password})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: l.Token}); err != nil {
		t.Errorf("a token from after: %v", err)
	}
	if err := mintFor(t.Context(), w.svc, k.ID, k.Secret); err != nil {
		t.Errorf("mint after enabling: %v", err)
	}
	for _, id := range []string{"", "acc_none"} {
		got, err := w.svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: id, Disabled: true})
		want(t, "unknown account", got, err, authv1.ErrAccountNotFound)
	}
}

func keyState(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	k := w.key(t, a.ID)
	before, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID})
	if err != nil || !before.Found || !before.Key.Active || before.Key.KeyID != k.ID || before.Key.AccountID != a.ID || before.Key.Revision < 1 ||
		!reflect.DeepEqual(before.Key.Grant, k.Grant) || !before.Account.Active || before.Account.AccountID != a.ID || before.Account.Limits != a.Limits || before.Account.Username != a.Username {
		t.Errorf("%+v, %v", before, err)
	}
	if _, err := w.svc.RevokeAccessKey(t.Context(), authv1.RevokeAccessKeyRequest{AccountID: a.ID, KeyID: k.ID}); err != nil {
		t.Fatal(err)
	}
	after, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID})
	if err != nil || !after.Found || after.Key.Active || after.Key.Revision <= before.Key.Revision {
		t.Errorf("%+v, %v", after, err)
	}
	for _, id := range []string{"", "LWAKAAAAAAAAAAAAAAAA", "*", strings.Repeat("A", 5000)} {
		if st, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: id}); err != nil || st.Found {
			t.Errorf("%.30q: %+v, %v", id, st, err)
		}
	}
}
