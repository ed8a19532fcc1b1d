package endpoint_test

import (
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

func (w world) rotate(t *testing.T, account string) string {
	t.Helper()
	c, err := w.svc.RotateToken(t.Context(), authv1.RotateTokenRequest{AccountID: account, Kind: authv1.TokenAPIKey})
	if err != nil {
		t.Fatal(err)
	}
	return c.Token
}

func (w world) apiKey(t *testing.T, key string) bool {
	t.Helper()
	_, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: key, Kind: authv1.TokenAPIKey})
	return err == nil
}

// TestRotateToken_BrokenOff holds a rotation to one write: it happened or it did not.
func TestRotateToken_BrokenOff(t *testing.T) {
	t.Parallel()
	for n := range 2 {
		w := open(t, time.Now)
		a := w.alice(t).Account
		before := w.rotate(t, a.ID)
		w.faults.after(n)
		made, err := w.svc.RotateToken(t.Context(), authv1.RotateTokenRequest{AccountID: a.ID, Kind: authv1.TokenAPIKey})
		w.faults.after(-1)
		if (err == nil) != (n > 0) || w.apiKey(t, before) != (n == 0) || w.apiKey(t, made.Token) != (n > 0) {
			t.Errorf("after %d writes: %v, %+v", n, err, made)
		}
		l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: a.ID})
		if err != nil || len(l.Tokens) != 2 {
			t.Errorf("after %d writes: %+v, %v", n, l, err)
		}
	}
}

// TestRotateToken_AwayFromTheBus needs no edge to know: API keys are asked about here.
func TestRotateToken_AwayFromTheBus(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	a := w.alice(t).Account
	w.relay.set(true)
	before := w.rotate(t, a.ID)
	after := w.rotate(t, a.ID)
	if w.apiKey(t, before) || !w.apiKey(t, after) {
		t.Error("the old key holds, or the new one does not")
	}
}

func TestAPIKey_UnderAnotherMasterKey(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	a := w.alice(t).Account
	key := w.rotate(t, a.ID)
	if _, err := w.master.Rotate(); err != nil {
		t.Fatal(err)
	}
	if !w.apiKey(t, key) {
		t.Error("it does not hold under another master key")
	}
	if next := w.rotate(t, a.ID); w.apiKey(t, key) || !w.apiKey(t, next) {
		t.Error("the rotation under another master key")
	}
}

func TestPlan_BoundsContainers(t *testing.T) {
	t.Parallel()
	w := open(t, time.Now)
	a := w.alice(t).Account
	got, err := w.svc.SetAccount(t.Context(), authv1.SetAccountRequest{AccountID: a.ID, Plan: "gold"})
	if err != nil || got.Limits.ContainersPerDay != 7 || got.Limits.Links != 9 {
		t.Fatalf("%+v, %v", got, err)
	}
	k, err := w.svc.CreateAccessKey(t.Context(), authv1.CreateAccessKeyRequest{AccountID: a.ID, Grant: authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead}}})
	if err != nil {
		t.Fatal(err)
	}
	st, err := w.svc.KeyState(t.Context(), authv1.KeyStateRequest{KeyID: k.ID})
	if err != nil || st.Account.Limits != got.Limits {
		t.Errorf("%+v, %v", st, err)
	}
	known, err := w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: w.rotate(t, a.ID), Kind: authv1.TokenAPIKey})
	if err != nil || known.Limits != got.Limits {
		t.Errorf("%+v, %v", known, err)
	}
}
