package core_test

import (
	"math"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/settings"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

func TestPlikBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		-1: "0 B", 0: "0 B", 9: "9 B", 10: "10 B", 11: "11 B", 999: "999 B", 1000: "1.0 kB", 1234: "1.2 kB", 1250: "1.3 kB", 9999: "10 kB", 10_000_000_000: "10 GB", 2_500_000: "2.5 MB",
		999_999: "1000 kB", math.MaxInt64: "9.2 EB",
	} {
		if got := core.PlikBytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestPlikFileLimit(t *testing.T) {
	t.Parallel()
	for _, k := range []struct{ server, own, plan, want int64 }{
		{10, 0, 0, 10}, {10, 20, 0, 20}, {10, 5, 0, 5}, {10, -1, 0, 0}, {0, 0, 0, 0}, {-1, 0, 0, 0}, {10, 0, 7, 7}, {10, -1, 7, 7}, {0, 0, 7, 7}, {10, 5, 7, 5}, {-1, -1, -1, 0},
	} {
		c := &core.Core{Plik: core.PlikSettings{MaxFileSize: settings.Bytes(k.server)}}
		by := core.Caller{Principal: authv1.Principal{AccountID: "a", Limits: authv1.Limits{ObjectBytes: k.plan}}, Plik: authv1.PlikLimits{MaxFileSize: k.own}}
		if got := c.PlikFileLimit(by); got != k.want {
			t.Errorf("%+v: %d", k, got)
		}
		by.Principal.AccountID = objectv1.GuestAccount
		by.Plik = authv1.PlikLimits{}
		if got := c.PlikFileLimit(by); got != max(k.server, 0) {
			t.Errorf("nobody with %+v: %d", k, got)
		}
	}
}
