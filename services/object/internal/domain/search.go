package domain

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

const (
	maxQuery      = 200 // bytes
	maxSearchPage = 100
	// searchSteps is how many entries of the index a page of a search looks at.
	searchSteps = 500
	searchFetch = 50
)

// SearchNodes gives a page of the public folders, and of the files in them, whose
// names hold all words of the query. It goes through the entries of the longest one
// in the index, and takes those whose nodes say the same.
func (s *Service) SearchNodes(ctx context.Context, r objectv1.SearchNodesRequest) (objectv1.ListChildrenResponse, error) {
	out := objectv1.ListChildrenResponse{Nodes: []objectv1.DriveNode{}}
	if r.Query == "" || len(r.Query) > maxQuery || !utf8.ValidString(r.Query) {
		return out, fault.ErrInvalid.Msgf("a query is 1-%d bytes of UTF-8", maxQuery)
	}
	if r.Limit < 1 || r.Limit > maxSearchPage {
		return out, fault.ErrInvalid.Msgf("limit is 1 to %d", maxSearchPage)
	}
	after, err := placeIn(r.After)
	if err != nil {
		return out, err
	}
	q := searching{words: SearchWords(r.Query)}
	for _, w := range q.words {
		if len(w) > len(q.longest) {
			q.longest = w
		}
	}
	switch {
	case len(q.words) == 0:
		return out, nil
	case r.After != "" && !strings.HasPrefix(after.Text, q.longest):
		return out, errPlace
	}
	p := drivePage{out: &out, limit: r.Limit}
	for step := 0; step < searchSteps; step += searchFetch {
		page, err := s.st.Words.Scan(ctx, q.longest, after, searchFetch)
		if err != nil {
			return out, fmt.Errorf("searching: %w", err)
		}
		views := make([]*objectv1.DriveNode, len(page))
		err = together(len(page), func(i int) (err error) {
			views[i], err = s.hit(ctx, q, page[i])
			return err
		})
		if err != nil {
			return out, err
		}
		for i, view := range views {
			full, err := p.add(view)
			if err != nil {
				return out, err
			}
			if full {
				out.Next = after.place()
				return out, nil
			}
			after = page[i]
		}
		if len(page) < searchFetch {
			return out, nil
		}
	}
	out.Next = after.place()
	return out, nil
}

// errPlace is the answer to a place where no page of the search ended.
var errPlace = fault.ErrInvalid.Msgf("after is the next of the page before")

// searching is what a search looks for.
type searching struct {
	words   []string
	longest string
}

// matches reports whether each word of the query begins one of these words, and
// whether of all entries that lead to them text is the first one.
func (q searching) matches(words []string, text string) bool {
	first := ""
	for _, w := range words {
		if strings.HasPrefix(w, q.longest) && (first == "" || w < first) {
			first = w
		}
	}
	return first == text && !slices.ContainsFunc(q.words, func(want string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, want) })
	})
}

// place is where a page that ended with w goes on.
func (w Word) place() string {
	return base64.RawURLEncoding.EncodeToString([]byte(w.Text + "\x00" + w.Node))
}

// placeIn is the reverse of place.
func placeIn(after string) (Word, error) {
	if after == "" {
		return Word{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(after)
	text, node, ok := strings.Cut(string(raw), "\x00")
	if err != nil || !ok || !isNodeID(node) || len(text) > maxWord || !utf8.ValidString(text) {
		return Word{}, errPlace
	}
	return Word{Text: text, Node: node}, nil
}

// hit gives what an entry of the index leads to, nil when that is nothing which
// matches, or nothing for everybody.
func (s *Service) hit(ctx context.Context, q searching, w Word) (*objectv1.DriveNode, error) {
	for range casAttempts {
		n, rev, err := s.st.Nodes.Get(ctx, w.Node)
		if errors.Is(err, ErrNoDocument) || err == nil && !q.matches(SearchWords(n.Name), w.Text) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading a node: %w", err)
		}
		found, err := s.everybodys(ctx, n)
		if err != nil || !found {
			return nil, err
		}
		var view objectv1.DriveNode
		g, err := s.sightOf(ctx, n, rev, false)
		if err == nil {
			view, err = s.driveNode(ctx, driveOf(n.Account, n.Region), g, false)
		}
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

// everybodys reports whether everybody may find a node: a public folder, or a file
// in one that asks for no password.
func (s *Service) everybodys(ctx context.Context, n Node) (bool, error) {
	if n.Folder {
		return n.Visibility == objectv1.VisibilityPublic, nil
	}
	if n.Parent == Root || !n.hasFolder() {
		return false, nil
	}
	up, _, err := s.st.Nodes.Get(ctx, n.Parent)
	if err != nil && !errors.Is(err, ErrNoDocument) {
		return false, fmt.Errorf("reading a folder: %w", err)
	}
	return err == nil && up.showsFiles(), nil
}
