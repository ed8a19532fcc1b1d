package transfer

import "github.com/sluicehq/sluice/pkg/blob"

// Midstate reads a midstate of n bytes, hashes more, and gives the next one with
// the SHA-256 so far.
func Midstate(mid []byte, n int64, more []byte) (next, sum []byte, err error) {
	s, err := readSums(mid, n)
	if err != nil {
		return nil, nil, err
	}
	_, _ = s.Write(more)
	next, err = s.encode()
	return next, s.digests()[blob.SHA256], err
}

// Frames gives one of each message of a stream.
func Frames() [][]byte {
	var out [][]byte
	for _, f := range []frame{
		{kind: framePull, numbers: [3]uint64{1, 9, 1}}, {kind: framePull, numbers: [3]uint64{1 << 63, 1<<64 - 1, 7}}, {kind: frameDone, numbers: [3]uint64{5}},
		{kind: frameChunk, numbers: [3]uint64{3}, data: []byte("data")}, {kind: frameEnd, numbers: [3]uint64{1, 2}},
		{kind: frameBroken}, {kind: frameWell}, {kind: frameAlive}, {kind: frameQuit},
	} {
		out = append(out, f.encode(nil))
	}
	return out
}

// Reframe parses a message of a stream and encodes it again; nil: it is none.
func Reframe(b []byte) []byte {
	f, ok := parseFrame(b)
	if !ok {
		return nil
	}
	return f.encode(nil)
}

// Receive gives a message to an uploader's end that has begun, and says how far it
// may send behind what its reader has, and whether it has sent what is not there.
func (s *Stream) Receive(m Message) (ahead uint64, wrong bool) {
	s.take([]byte("something"), false)
	s.receive(m)
	s.next()
	s.next()
	return s.want - s.have, s.want < s.have || s.sent > s.first+uint64(len(s.chunks))
}

// Receive gives a message to a reader's end that has just begun, and says how many
// chunks it keeps.
func Receive(r *Relay, m Message) int {
	f := &Fetched{relay: r, news: make(chan struct{}, 1), owed: make(chan struct{}, 1), slots: map[uint64][]byte{}}
	f.receive(m)
	return len(f.slots)
}
