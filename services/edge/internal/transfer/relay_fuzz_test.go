package transfer_test

import (
	"bytes"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// FuzzRelayFrame holds the parser of messages against the encoder, and both ends of
// a stream against whatever somebody may send them.
func FuzzRelayFrame(f *testing.F) {
	for _, b := range transfer.Frames() {
		f.Add(b)
	}
	f.Add([]byte{})
	f.Add([]byte("C12345678"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if again := transfer.Reframe(b); again != nil && !bytes.Equal(again, b) {
			t.Errorf("%q is read as %q", b, again)
		}
		r := &transfer.Relay{Link: edgetest.NewLink()}
		s, err := r.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if ahead, wrong := s.Receive(transfer.Message{Reply: "reader", Data: b}); ahead > transfer.RelayWindow || wrong {
			t.Errorf("%q lets the reader be %d behind, wrong: %t", b, ahead, wrong)
		}
		if n := transfer.Receive(r, transfer.Message{Data: b}); n > transfer.RelayWindow {
			t.Errorf("%q takes %d slots", b, n)
		}
	})
}
