package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// driveFetch is how many nodes of a folder are read at first; fetches grow from
// there, since mostly the page is full soon or jumps over the rest.
const driveFetch = 16

// driveLister fills a page of the listing that a bucket with the drive's paths as
// keys would give. Folders are walked in the order of their nodes' sort keys,
// which is the byte order of the paths; what lies in front of the place where the
// next entry is looked for is skipped by seeking.
type driveLister struct {
	s     *Service
	b     Bucket
	l     *lister
	steps int
	done  bool // nothing follows
	more  bool // the page is full
}

// fillDrive is lister.fill for a drive.
func (s *Service) fillDrive(ctx context.Context, b Bucket, l *lister) (bool, error) {
	if l.at.End {
		return false, nil
	}
	d := driveLister{s: s, b: b, l: l}
	err := d.folder(ctx, Root, "")
	return d.more, err
}

// passed reports whether all of a folder lies before the next entry. Its path
// ends in '/'.
func (p position) passed(folder string) bool {
	return p.End || p.Key > folder && !strings.HasPrefix(p.Key, folder)
}

// before reports whether a key lies before the next entry.
func (p position) before(key string) bool {
	return p.End || key < p.Key || p.After && key == p.Key
}

// folder lists what is in a folder whose path, '/' included, is base.
func (d *driveLister) folder(ctx context.Context, id, base string) error {
	fetch := min(driveFetch, d.l.max+1)
	for from := seek(base, d.l.at.Key); ; {
		page, err := d.s.st.Nodes.Children(ctx, d.b.Account, id, from, fetch)
		if err != nil {
			return fmt.Errorf("listing a folder: %w", err)
		}
		heads, err := d.heads(ctx, base, page)
		if err != nil {
			return err
		}
		for i, n := range page {
			if err := d.node(ctx, n, base+n.Sort, heads[i]); err != nil || d.done || d.more {
				return err
			}
			from = n.Sort + "\x00"
		}
		if len(page) < fetch || base != "" && d.l.at.passed(base) {
			return nil
		}
		if next := seek(base, d.l.at.Key); next > from {
			from = next
			fetch = min(driveFetch, d.l.max+1) // a jump makes another one likely
		} else {
			fetch = min(2*fetch, maxKeys+1)
		}
	}
}

// heads reads, side by side, what the files of a page show that come into the
// listing as they are. Others wait until it is known that they are needed: the
// first one of a common prefix is enough.
func (d *driveLister) heads(ctx context.Context, base string, page []Node) ([]*Head, error) {
	out := make([]*Head, len(page))
	err := together(len(page), func(i int) error {
		path := base + page[i].Sort
		if page[i].Folder || d.l.at.before(path) || !strings.HasPrefix(path, d.l.prefix) || d.l.folded(path) {
			return nil
		}
		h, err := d.s.showing(ctx, page[i])
		out[i] = &h
		return err
	})
	return out, err
}

// folded reports whether a key goes into a common prefix.
func (l *lister) folded(key string) bool {
	return l.delimiter != "" && strings.Contains(key[len(l.prefix):], l.delimiter)
}

// node takes a file into the page, or all of a folder.
func (d *driveLister) node(ctx context.Context, n Node, path string, h *Head) error {
	// Folders without a file show nothing, and there may be any number of them.
	if d.steps++; d.steps > d.s.cfg.ListSteps {
		d.more = true
		if !d.l.at.before(path) && strings.HasPrefix(path, d.l.prefix) {
			d.l.at = position{Key: path}
		}
		return nil
	}
	prefix := d.l.prefix
	if n.Folder && strings.HasPrefix(prefix, path) {
		return d.folder(ctx, n.ID, path)
	}
	if !strings.HasPrefix(path, prefix) {
		d.done = path > prefix
		return nil
	}
	if n.Folder {
		if d.l.at.passed(path) {
			return nil
		}
		return d.folder(ctx, n.ID, path)
	}
	if d.l.at.before(path) {
		return nil
	}
	if h == nil {
		found, err := d.s.showing(ctx, n)
		if err != nil {
			return err
		}
		h = &found
	}
	d.take(path, *h)
	return nil
}

// take adds what a file shows to the page.
func (d *driveLister) take(path string, h Head) {
	if !h.Visible() {
		return
	}
	h.Key = path
	if d.more = d.l.full(h); !d.more {
		d.l.add(h)
	}
}

// detailedDrive is detailed for a drive: an entry whose version is gone by now
// becomes the one that followed it at its path, if any.
func (s *Service) detailedDrive(ctx context.Context, b Bucket, page []objectv1.ListedObject) ([]objectv1.ListedObject, error) {
	gone := make([]bool, len(page))
	err := together(len(page), func(i int) error {
		v, err := s.st.Versions.Get(ctx, page[i].VersionID)
		for range casAttempts {
			if err == nil && v.State != VersionRemoving && v.State != VersionRemoved {
				break
			}
			if err != nil && !errors.Is(err, ErrNoDocument) {
				return fmt.Errorf("reading the version: %w", err)
			}
			_, h, ferr := s.fileAt(ctx, b.Account, page[i].Key)
			if errors.Is(ferr, objectv1.ErrNotFound) {
				gone[i] = true
				return nil
			}
			if ferr != nil {
				return ferr
			}
			v, err = s.st.Versions.Get(ctx, h.Current)
		}
		path := page[i].Key
		page[i] = v.listed()
		page[i].Key = path
		return nil
	})
	i := -1
	return slices.DeleteFunc(page, func(objectv1.ListedObject) bool {
		i++
		return gone[i]
	}), err
}
