package badge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
)

// Picture is a badge as it is sent. It is shared: nobody changes it.
type Picture struct {
	Body        []byte
	ContentType string
	ETag        string // strong, quotes included
}

const (
	shelfBytes  = 16 << 20
	shelfExtra  = 512 // what a picture costs beside its bytes, about
	drawAtOnce  = 2   // of one shelf
	etagHashLen = 16  // bytes
)

// pictureKey is all that a picture depends on.
type pictureKey struct {
	face Face
	look Look
}

// shelf keeps pictures that were drawn, in bounded memory and by bounded work.
type shelf struct {
	turns chan struct{}

	mu    sync.RWMutex
	have  map[pictureKey]*Picture
	bytes int
}

func newShelf() *shelf {
	return &shelf{turns: make(chan struct{}, drawAtOnce), have: map[pictureKey]*Picture{}}
}

func (s *shelf) find(k pictureKey) *Picture {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.have[k]
}

// put keeps a picture, and drops half of the others, whichever, when there are too
// many.
func (s *shelf) put(k pictureKey, p *Picture) {
	size := func(k pictureKey, p *Picture) int { return len(p.Body) + len(k.look.Label) + shelfExtra }
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.have[k] != nil {
		return
	}
	if s.bytes+size(k, p) > shelfBytes {
		for k, p := range s.have {
			if s.bytes <= shelfBytes/2 {
				break
			}
			s.bytes -= size(k, p)
			delete(s.have, k)
		}
	}
	s.have[k] = p
	s.bytes += size(k, p)
}

// gallery draws each picture once. Labels that somebody thinks up have a shelf of
// their own: however many, the usual ones stay and do not wait for them.
type gallery struct {
	painter *painter
	usual   *shelf
	others  *shelf
}

// picture gives what face looks like. It waits for its turn to draw within ctx.
func (g *gallery) picture(ctx context.Context, face Face, look Look) (*Picture, error) {
	s, k := g.usual, pictureKey{face, look}
	if look.Label != defaultLabel {
		s = g.others
	}
	if p := s.find(k); p != nil {
		return p, nil
	}
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to draw a badge: %w", ctx.Err())
	}
	if p := s.find(k); p != nil { // drawn by whom we waited for
		return p, nil
	}
	body, err := g.painter.encode(face, look)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	p := &Picture{Body: body, ContentType: look.Form.contentType(), ETag: `"` + hex.EncodeToString(sum[:etagHashLen]) + `"`}
	s.put(k, p)
	return p, nil
}
