package linksv1test_test

import (
	"errors"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/pkg/fault"
)

func TestFake_Contract(t *testing.T) {
	t.Parallel()
	linksv1test.Run(t, func(*testing.T) linksv1test.World {
		clock := linksv1test.NewClock()
		f := linksv1test.NewFake(clock.Now, nil)
		return linksv1test.World{Service: f, Clock: clock, Check: f.Check, Sweep: func() {}}
	})
}

func TestFake_DoesWhatItIsTold(t *testing.T) {
	t.Parallel()
	clock := linksv1test.NewClock()
	var badges []linksv1.Badge
	f := linksv1test.NewFake(clock.Now, func(b linksv1.Badge) { badges = append(badges, b) })
	who := authv1.Principal{AccountID: "acc"}
	c, err := f.CreateContainer(t.Context(), linksv1.CreateRequest{Principal: who, Title: "t", Links: []linksv1.LinkInput{{URL: "https://a.example/1"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Check("https://a.example/1", linksv1test.Up); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Recheck(t.Context(), linksv1.RecheckRequest{ID: c.ID}); err != nil || f.Asked(c.ID) != 1 {
		t.Error(err, f.Asked(c.ID))
	}
	if _, err := f.DeleteContainer(t.Context(), linksv1.ContainerRequest{Principal: who, ID: c.ID}); err != nil {
		t.Fatal(err)
	}
	if len(badges) != 3 || badges[1].Counts.Online != 1 || !badges[2].Gone || badges[2].Revision <= badges[1].Revision {
		t.Errorf("%+v", badges)
	}
	f.Down(fault.ErrUnavailable)
	if _, err := f.GetContainer(t.Context(), linksv1.ContainerRequest{ID: c.ID}); !errors.Is(err, fault.ErrUnavailable) {
		t.Error(err)
	}
}
