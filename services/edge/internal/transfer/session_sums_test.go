package transfer_test

import (
	"bytes"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// FuzzMidstate: what is read back gives the same bytes again, and goes on to
// where hashing without a break does; everything else is refused.
func FuzzMidstate(f *testing.F) {
	for _, data := range []string{"", "a", "hello, world"} {
		mid, _, err := transfer.Midstate(nil, 0, []byte(data))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(mid, int64(len(data)), []byte("more"))
		f.Add(mid[:len(mid)-1], int64(len(data)), []byte("more"))
		f.Add(append(mid, 0), int64(len(data)), []byte("more"))
	}
	f.Add([]byte{1, 2, 3}, int64(-1), []byte{})
	f.Fuzz(func(t *testing.T, mid []byte, n int64, more []byte) {
		again, _, err := transfer.Midstate(mid, n, nil)
		if err != nil {
			return
		}
		if len(mid) > 0 && !bytes.Equal(again, mid) {
			t.Fatalf("%x reads back as %x", mid, again)
		}
		at, sum, err := transfer.Midstate(mid, n, more)
		if err != nil {
			t.Fatal(err)
		}
		half, _, err := transfer.Midstate(mid, n, more[:len(more)/2])
		if err != nil {
			t.Fatal(err)
		}
		rest, sum2, err := transfer.Midstate(half, n+int64(len(more)/2), more[len(more)/2:])
		if err != nil || !bytes.Equal(rest, at) || !bytes.Equal(sum, sum2) {
			t.Fatalf("%x and %x, %v", at, rest, err)
		}
	})
}
