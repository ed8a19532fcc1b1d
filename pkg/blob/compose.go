package blob

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// maxComposed bounds the segments of a composed content, and with them the
// memory that composing takes: some 70 bytes each. 2^20 segments are 8 TiB.
const maxComposed = 1 << 20

// errParts says that what is to be composed does not go together: a mistake of
// the caller.
var errParts = errors.New("the parts do not make one content")

// Compose makes one manifest of the parts that it is given, in their order. It
// reads and writes no content, only lists of segments: those of long parts, and
// its own when that does not fit into the manifest. All parts are of one domain
// and one region; parts of no bytes are allowed, and without any part the
// content is empty and has no region. ErrTooLarge when there are more segments
// than a manifest takes.
//
// The parts keep their segments from the collector until the manifest is
// committed, so the caller must not let go of them before, and commits it within
// half of Config.Lease where Contents meets it after the parts: README.md,
// Collector.
func (s *Store) Compose(ctx context.Context, parts Contents) (Manifest, error) {
	c := composition{size: 1, list: newListWriter()}
	err := parts(ctx, func(m Manifest) error { return c.add(ctx, s, m) })
	if err == nil && !c.inline() {
		err = s.putComposed(ctx, &c)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("composing content: %w", transferFault(err))
	}
	if c.inline() {
		c.m.Segments = c.refs
	}
	return c.m, nil
}

// composition is a manifest in the making.
type composition struct {
	m     Manifest
	began bool
	refs  []SegmentRef // nil once they are too many
	size  int          // of refs as JSON
	list  *listWriter  // of all
}

func (c *composition) inline() bool { return c.size <= MaxInlineManifest }

func (c *composition) add(ctx context.Context, s *Store, part Manifest) error {
	if !c.began {
		c.m.Region, c.m.Domain, c.began = part.Region, part.Domain, true
	}
	if part.Region != c.m.Region || part.Domain != c.m.Domain {
		return fmt.Errorf("%w: one is of %s in %s, another of %s in %s", errParts, c.m.Domain, c.m.Region, part.Domain, part.Region)
	}
	refs, err := s.readList(ctx, part)
	if err != nil {
		return err
	}
	var size int64
	for _, r := range refs {
		if r.Len < 1 || r.Len > part.Size-size || r.Domain != part.Domain {
			return ErrDamaged.Because(fmt.Errorf("%w: segments and size of a part disagree", errParts))
		}
		size += r.Len
	}
	if size != part.Size || part.Size > math.MaxInt64-c.m.Size {
		return ErrDamaged.Because(fmt.Errorf("%w: segments and size of a part disagree", errParts))
	}
	c.m.Size += part.Size
	c.m.Stored += part.Stored
	for _, r := range refs {
		if err := c.append(r); err != nil {
			return err
		}
	}
	return nil
}

func (c *composition) append(r SegmentRef) error {
	if c.list.count == maxComposed {
		return ErrTooLarge.Msgf("the content has more than %d segments", maxComposed)
	}
	if err := c.list.add(r); err != nil {
		return err
	}
	if !c.inline() {
		return nil
	}
	n, err := inlineSize(r)
	if err != nil {
		return err
	}
	c.size += n
	c.refs = append(c.refs, r)
	if !c.inline() {
		c.refs = nil
	}
	return nil
}

// putComposed stores the list. Its segments are the only ones that nothing
// refers to yet, and putList leases them.
func (s *Store) putComposed(ctx context.Context, c *composition) error {
	layout := s.layouts[c.m.Region]
	if layout == nil {
		return ErrRegion.Msgf("there is no region %q", c.m.Region)
	}
	domain, err := s.cfg.Ring.Domain(ctx, c.m.Domain)
	if err != nil {
		return fmt.Errorf("opening the keys of a domain: %w", err)
	}
	began := s.cfg.Clock()
	c.m.Indirect, err = s.putList(ctx, segmentJob{domain: domain, name: c.m.Domain, layout: layout}, c.list.bytes())
	if err == nil && s.cfg.Clock().Sub(began) > s.cfg.Lease/4 { // as in Writer.Finish
		err = s.touchAll(ctx, c.m.Indirect)
	}
	return err
}
