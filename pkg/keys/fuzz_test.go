package keys_test

import (
	"testing"

	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
)

// FuzzRing_Record gives a ring records that somebody else wrote into the
// bucket: only the true one may open.
func FuzzRing_Record(f *testing.F) {
	m := keystest.Master(f)
	true1 := keystest.NewMemory()
	ring, err := keys.OpenRing(f.Context(), true1, m)
	if err != nil {
		f.Fatal(err)
	}
	d, err := ring.Domain(f.Context(), "a")
	if err != nil {
		f.Fatal(err)
	}
	name := d.HashID([32]byte{})
	e, err := true1.Get(f.Context(), "domain.a")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(e.Value)
	f.Add([]byte(`{"version":1,"domain":"a","current":1,"data":[{"id":1}],"hash":{}}`))
	f.Add([]byte(`{"version":1,"domain":"a","current":4294967295,"data":[{}],"hash":{"master":1,"wrapped":"AAAA"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := keystest.NewMemory()
		if _, err := s.Create(t.Context(), "domain.a", b); err != nil {
			t.Fatal(err)
		}
		r, err := keys.OpenRing(t.Context(), s, m)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := r.Domain(t.Context(), "a"); err == nil && d.HashID([32]byte{}) != name {
			t.Fatalf("opened %q", b)
		}
	})
}
