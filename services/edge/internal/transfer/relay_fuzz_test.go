package transfer

import (
	"bytes"
	"context"
	"testing"
)

// deaf is a Link that loses everything.
type deaf struct{}

func (deaf) Listen(context.Context, string, func(Message)) (func(), error) { return func() {}, nil }
func (deaf) Send(string, string, []byte) error                             { return nil }
func (deaf) Inbox() string                                                 { return "inbox" }

// FuzzRelayFrame holds the parser against the encoder, and both ends against
// whatever somebody may send them.
func FuzzRelayFrame(f *testing.F) {
	for _, m := range []frame{
		{kind: framePull, numbers: [3]uint64{1, 9, 1}}, {kind: framePull, numbers: [3]uint64{1 << 63, 1<<64 - 1, 7}}, {kind: frameDone, numbers: [3]uint64{5}},
		{kind: frameChunk, numbers: [3]uint64{3}, data: []byte("data")}, {kind: frameEnd, numbers: [3]uint64{1, 2}}, {kind: frameBroken}, {kind: frameWell}, {kind: frameAlive}, {kind: frameQuit},
	} {
		f.Add(m.encode(nil))
	}
	f.Add([]byte{})
	f.Add([]byte("C12345678"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := parseFrame(b)
		if ok && !bytes.Equal(m.encode(nil), b) {
			t.Errorf("%q is read as %+v", b, m)
		}
		r := &Relay{Link: deaf{}}
		s, err := r.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.take([]byte("something"), false)
		s.receive(Message{Reply: "reader", Data: b})
		s.next()
		s.next()
		if s.want > s.have+RelayWindow || s.sent > s.first+uint64(len(s.chunks)) {
			t.Errorf("%q makes %d asked for behind %d, and %d sent", b, s.want, s.have, s.sent)
		}
		got := &Fetched{relay: r, news: make(chan struct{}, 1), owed: make(chan struct{}, 1), slots: map[uint64][]byte{}}
		got.receive(Message{Data: b})
		if len(got.slots) > RelayWindow {
			t.Errorf("%q takes %d slots", b, len(got.slots))
		}
	})
}
