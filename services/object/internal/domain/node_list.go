package domain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// maxDriveSteps is how many nodes a page of a folder looks at beyond its limit:
// there may be any number of those that show nothing.
const maxDriveSteps = 1000

// ListChildren gives a page of what a folder holds.
func (s *Service) ListChildren(ctx context.Context, r objectv1.ListChildrenRequest) (objectv1.ListChildrenResponse, error) {
	out := objectv1.ListChildrenResponse{Nodes: []objectv1.DriveNode{}}
	if r.Kind != "" && r.Kind != objectv1.KindFile && r.Kind != objectv1.KindFolder {
		return out, fault.ErrInvalid.Msgf("there is no kind %.40q", r.Kind)
	}
	if err := checkPage(r.After, r.Limit, maxFolderPage); err != nil {
		return out, err
	}
	l, err := s.listing(ctx, r)
	if err != nil {
		return out, err
	}
	l.page = func(from string, limit int) ([]Node, error) {
		if r.Kind == "" {
			return s.st.Nodes.Children(ctx, l.b.Account, l.folder.ID, from, limit)
		}
		return s.st.Nodes.OfKind(ctx, l.b.Account, l.folder.ID, r.Kind == objectv1.KindFolder, from, limit)
	}
	return out, s.fillDriveNodes(ctx, l, &out)
}

// checkPage holds what is asked of a page against its bounds.
func checkPage(after string, limit, most int) error {
	if limit < 1 || limit > most {
		return fault.ErrInvalid.Msgf("limit is 1 to %d", most)
	}
	if len(after) > maxNodeName+1 || !utf8.ValidString(after) || strings.IndexByte(after, 0) >= 0 {
		return fault.ErrInvalid.Msgf("after is the next of the page before")
	}
	return nil
}

// listing is a folder that is being listed.
type listing struct {
	b      Bucket
	folder Node
	path   string
	after  string
	limit  int
	page   func(from string, limit int) ([]Node, error)
}

// listing finds the folder that is to be listed.
func (s *Service) listing(ctx context.Context, r objectv1.ListChildrenRequest) (listing, error) {
	l := listing{after: r.After, limit: r.Limit, folder: rootOf(r.Principal.AccountID)}
	if r.FolderID == "" {
		b, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionListObjects, "")
		l.b = b
		return l, err
	}
	b, g, err := s.seen(ctx, r.Principal, r.Anybody, r.FolderID, false)
	if err == nil && !g.n.Folder {
		err = objectv1.ErrNotAFolder
	}
	if err == nil && !r.Anybody {
		_, _, err = s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionListObjects, g.path+"/")
	}
	if err == nil {
		g.n, err = s.numbered(ctx, g.n)
	}
	l.b, l.folder, l.path = b, g.n, g.path
	return l, err
}

// fillDriveNodes reads a folder until the page is full.
func (s *Service) fillDriveNodes(ctx context.Context, l listing, out *objectv1.ListChildrenResponse) error {
	p, after := drivePage{out: out, limit: l.limit}, l.after
	for steps := 0; ; {
		from := ""
		if after != "" {
			from = after + "\x00" // the next sort key there can be
		}
		fetch := min(folderFetch, l.limit-len(out.Nodes)+1)
		page, err := l.page(from, fetch)
		if err != nil {
			return fmt.Errorf("listing a folder: %w", err)
		}
		views := make([]*objectv1.DriveNode, len(page))
		err = together(len(page), func(i int) (err error) {
			views[i], err = s.listedDriveNode(ctx, l, page[i])
			return err
		})
		if err != nil {
			return err
		}
		for i, view := range views {
			full, err := p.add(view)
			if err != nil {
				return err
			}
			if steps++; full || steps > l.limit+maxDriveSteps {
				out.Next = after
				return nil
			}
			after = page[i].Sort
		}
		if len(page) < fetch {
			return nil
		}
	}
}

// drivePage is a page that is being filled.
type drivePage struct {
	out   *objectv1.ListChildrenResponse
	limit int
	bytes int
}

// add takes an entry into the page, nil is none, or reports that it is full.
func (p *drivePage) add(view *objectv1.DriveNode) (full bool, err error) {
	if view == nil {
		return false, nil
	}
	if len(p.out.Nodes) == p.limit {
		return true, nil
	}
	raw, err := json.Marshal(view)
	if err != nil {
		return false, fmt.Errorf("measuring an entry: %w", err)
	}
	if p.bytes += len(raw) + 1; p.bytes > maxListBytes && len(p.out.Nodes) > 0 {
		return true, nil
	}
	p.out.Nodes = append(p.out.Nodes, *view)
	return false, nil
}

// listedDriveNode is a node of a listing, nil when readers do not see it.
func (s *Service) listedDriveNode(ctx context.Context, l listing, n Node) (*objectv1.DriveNode, error) {
	if n.State == NodeRemoving {
		return nil, nil
	}
	for range casAttempts {
		g := sight{n: n}
		if n.Parent != Trash {
			g.path = under(l.path, n.Name)
		}
		var err error
		if g.h, err = s.showing(ctx, n); err != nil {
			return nil, err
		}
		if !n.Folder && !g.h.Visible() {
			return nil, nil
		}
		view, err := s.driveNodeIn(ctx, l.b, g, l.folder.Number, false)
		switch {
		case err == nil:
			return &view, nil
		case errors.Is(err, objectv1.ErrNodeNotFound):
			return nil, nil
		case !errors.Is(err, errAgain):
			return nil, err
		}
	}
	return nil, errBusy
}

// ListTrash gives a page of what lies in the trash, newest first.
func (s *Service) ListTrash(ctx context.Context, r objectv1.ListTrashRequest) (objectv1.ListChildrenResponse, error) {
	out := objectv1.ListChildrenResponse{Nodes: []objectv1.DriveNode{}}
	if err := checkPage(r.After, r.Limit, maxFolderPage); err != nil {
		return out, err
	}
	b, _, err := s.authorize(ctx, r.Principal, objectv1.DriveBucket, objectv1.ActionListObjects, "")
	if err != nil {
		return out, err
	}
	l := listing{b: b, after: r.After, limit: r.Limit}
	l.page = func(from string, limit int) ([]Node, error) {
		return s.st.Nodes.Children(ctx, b.Account, Trash, from, limit)
	}
	return out, s.fillDriveNodes(ctx, l, &out)
}
