package core_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

var (
	guest   = core.Caller{Principal: authv1.Principal{AccountID: objectv1.GuestAccount}}
	account = core.Caller{Principal: authv1.Principal{AccountID: "acc"}}
)

func TestAdmission(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	a := core.NewAdmission(6, 0, func() time.Time { return now })
	for i := range 6 {
		if err := a.Upload(guest, "192.0.2.1"); err != nil {
			t.Fatal(i, err)
		}
	}
	err := a.Upload(guest, "192.0.2.1")
	if !errors.Is(err, core.ErrTooFast) || fault.From(err).RetryAfter != 10*time.Second {
		t.Errorf("%v, again after %s", err, fault.From(err).RetryAfter)
	}
	for _, other := range []string{"192.0.2.2", "", "no address"} {
		if err := a.Upload(guest, other); err != nil {
			t.Errorf("%q: %v", other, err)
		}
	}
	now = now.Add(10 * time.Second)
	if a.Upload(guest, "192.0.2.1") != nil || a.Upload(guest, "192.0.2.1") == nil {
		t.Error("not one after its interval")
	}
	for range 1000 { // 0 sets no bound
		if err := a.Upload(account, "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	// One client has a /64, and an address in two spellings is one.
	for i := range 6 {
		if err := a.Upload(guest, fmt.Sprintf("2001:db8::%d", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if a.Upload(guest, "2001:db8:0:0:ffff::1") == nil || a.Upload(guest, "::ffff:192.0.2.1") == nil {
		t.Error("another spelling has another share")
	}
	if err := a.Upload(guest, "2001:db8:0:1::1"); err != nil {
		t.Error(err)
	}
}

func TestAdmission_Keys(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	a := core.NewAdmission(3, 3, func() time.Time { return now })
	for range 100 { // right ones cost nothing
		if err := a.Key("192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		a.WrongKey("192.0.2.1")
	}
	if a.Key("192.0.2.1") == nil || a.Key("192.0.2.9") != nil || a.Upload(guest, "192.0.2.1") != nil {
		t.Error("keys and uploads, or addresses, are taken for one another")
	}
}

// TestAdmission_Bounded: addresses without end cost no memory without end.
func TestAdmission_Bounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	a := core.NewAdmission(1, 0, func() time.Time { return now })
	for i := range 101_000 {
		if err := a.Upload(guest, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.Addresses(); n > 100_000 {
		t.Errorf("%d addresses are remembered", n)
	}
}
