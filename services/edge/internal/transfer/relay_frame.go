package transfer

import "encoding/binary"

// Messages of a stream are a letter, numbers of 8 bytes each, and data. A reader
// sends pull (what it has, what it wants, whether again), done (bytes) and quit;
// an uploader's edge sends chunk (its number, data), alive, end (chunks, bytes),
// broken and well. Either sends trace (its span's ids), once, where it is recorded.
const (
	framePull   = 'P'
	frameDone   = 'D'
	frameQuit   = 'Q'
	frameChunk  = 'C'
	frameAlive  = 'A'
	frameEnd    = 'E'
	frameBroken = 'B'
	frameWell   = 'W'
	frameTrace  = 'T'
)

// frame is a message of a stream.
type frame struct {
	kind    byte
	numbers [3]uint64
	data    []byte // of a chunk
}

// numbersOf says how many numbers a kind has; -1: there is no such kind.
func numbersOf(kind byte) int {
	switch kind {
	case framePull, frameTrace:
		return 3
	case frameEnd:
		return 2
	case frameDone, frameChunk:
		return 1
	case frameQuit, frameAlive, frameBroken, frameWell:
		return 0
	}
	return -1
}

// encode appends the frame to b.
func (f frame) encode(b []byte) []byte {
	b = append(b, f.kind)
	for _, n := range f.numbers[:numbersOf(f.kind)] {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return append(b, f.data...)
}

// parseFrame is the reverse of encode; the data is that of b.
func parseFrame(b []byte) (frame, bool) {
	if len(b) == 0 {
		return frame{}, false
	}
	f := frame{kind: b[0]}
	n := numbersOf(f.kind)
	if n < 0 || len(b) < 1+8*n {
		return frame{}, false
	}
	b = b[1:]
	for i := range n {
		f.numbers[i], b = binary.BigEndian.Uint64(b), b[8:]
	}
	if f.kind == frameChunk {
		f.data = b
		return f, len(b) > 0 && len(b) <= RelayChunk
	}
	return f, len(b) == 0
}
