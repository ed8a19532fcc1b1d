package domain

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

const (
	// numberBlock is how many numbers a process takes at a time. What it has not
	// given out when it ends stays a gap.
	numberBlock = 64
	shortLength = 8
	upperCase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits      = "0123456789"
	base62      = upperCase + "abcdefghijklmnopqrstuvwxyz" + digits
)

// The sequences, by what they number.
const (
	fileNumbers   = "files"
	folderNumbers = "folders"
)

// numbers gives out the numbers of one sequence from blocks, so that they cost the
// store next to nothing. Safe for concurrent use.
type numbers struct {
	mu   sync.Mutex
	next int64
	end  int64 // behind the block
}

// take gives the next number of a sequence; it is nobody else's, and never 0.
func (n *numbers) take(ctx context.Context, st Sequences, name string) (int64, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == n.end {
		first, err := st.Take(ctx, name, numberBlock)
		if err != nil {
			return 0, fmt.Errorf("taking numbers: %w", err)
		}
		n.next, n.end = first, first+numberBlock
	}
	n.next++
	return n.next - 1, nil
}

// newShort gives a short name for a file. With a digit and an upper-case letter it
// is none of the words that the site has as first segments of its paths.
func newShort() string {
	var raw [4 * shortLength]byte
	for {
		_, _ = rand.Read(raw[:]) // never fails
		short := make([]byte, 0, shortLength)
		for _, b := range raw {
			if c := int(b & 63); c < len(base62) && len(short) < shortLength {
				short = append(short, base62[c])
			}
		}
		if isShort(string(short)) {
			return string(short)
		}
	}
}

// isShort reports whether a short name has the form of what newShort gives.
func isShort(short string) bool {
	return len(short) == shortLength && strings.Trim(short, base62) == "" && strings.ContainsAny(short, digits) && strings.ContainsAny(short, upperCase)
}

// number gives a node its number, and a file a fresh short name.
func (s *Service) number(ctx context.Context, n *Node) (err error) {
	if n.Folder {
		n.Number, err = s.folders.take(ctx, s.st.Sequences, folderNumbers)
		return err
	}
	n.Short = newShort()
	n.Number, err = s.files.take(ctx, s.st.Sequences, fileNumbers)
	return err
}

// numbered gives a node that is older than numbers what it lacks. It is
// object.node_not_found when it went meanwhile.
func (s *Service) numbered(ctx context.Context, n Node) (Node, error) {
	if n.Number != 0 || n.ID == Root {
		return n, nil
	}
	for range casAttempts {
		cur, rev, err := s.st.Nodes.Get(ctx, n.ID)
		switch {
		case errors.Is(err, ErrNoDocument):
			return n, objectv1.ErrNodeNotFound
		case err != nil:
			return n, fmt.Errorf("reading a node: %w", err)
		}
		if cur.Number == 0 {
			if err := s.number(ctx, &cur); err != nil {
				return n, err
			}
			err = s.st.Nodes.Replace(ctx, cur, rev)
		}
		if err == nil {
			n.Number, n.Short = cur.Number, cur.Short
			return n, nil
		}
		if !errors.Is(err, ErrStale) && !errors.Is(err, ErrTaken) {
			return n, fmt.Errorf("numbering a node: %w", err)
		}
	}
	return n, errBusy
}
