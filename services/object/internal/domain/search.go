package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

const (
	maxQuery      = 200 // bytes
	maxSearchPage = 100
	// searchSteps is how many folders and files a page of a search looks at.
	searchSteps = 2000
)

// searching is a page of a search that is being filled.
type searching struct {
	drivePage
	words []string
	steps int
	done  bool   // the page is full
	at    string // behind what was looked at of the folder: "" nothing, "/" the folder itself, "/name" a file
}

// SearchNodes gives a page of the public folders, and of the files in them, whose
// names hold all words of the query. It goes through the folders by their names.
func (s *Service) SearchNodes(ctx context.Context, r objectv1.SearchNodesRequest) (objectv1.ListChildrenResponse, error) {
	out := objectv1.ListChildrenResponse{Nodes: []objectv1.DriveNode{}}
	if r.Query == "" || len(r.Query) > maxQuery || !utf8.ValidString(r.Query) {
		return out, fault.ErrInvalid.Msgf("a query is 1-%d bytes of UTF-8", maxQuery)
	}
	if r.Limit < 1 || r.Limit > maxSearchPage {
		return out, fault.ErrInvalid.Msgf("limit is 1 to %d", maxSearchPage)
	}
	// The place is the folder before, and what was seen of this one; ':' is in no
	// place of a folder.
	before, at, _ := strings.Cut(r.After, ":")
	if !utf8.ValidString(at) || at != "" && at[0] != '/' {
		return out, fault.ErrInvalid.Msgf("after is the next of the page before")
	}
	p := &searching{drivePage: drivePage{out: &out, limit: r.Limit}, words: wordsOf(r.Query), at: at}
	for len(p.words) > 0 {
		page, next, err := s.st.Nodes.Public(ctx, before, 1)
		if before != "" && fault.KindOf(err) == fault.Invalid {
			return out, fault.ErrInvalid.Msgf("after is the next of the page before").Because(err)
		}
		if err != nil {
			return out, fmt.Errorf("searching: %w", err)
		}
		if len(page) == 0 {
			break
		}
		if err := s.searchFolder(ctx, p, page[0]); err != nil {
			return out, err
		}
		if p.done {
			out.Next = before + ":" + p.at
			break
		}
		if before, p.at = next, ""; next == "" {
			break
		}
	}
	return out, nil
}

// searchFolder takes what matches of a public folder into the page.
func (s *Service) searchFolder(ctx context.Context, p *searching, folder Node) error {
	g, err := s.sightOf(ctx, folder, 0, false)
	if errors.Is(err, objectv1.ErrNodeNotFound) {
		p.steps++
		return nil
	}
	if err != nil {
		return err
	}
	if folder, err = s.numbered(ctx, folder); err != nil {
		return moved(gone(err))
	}
	l := listing{b: driveOf(folder.Account, folder.Region), folder: folder, path: g.path}
	if p.at == "" {
		view := func() (*objectv1.DriveNode, error) {
			n, err := s.driveNode(ctx, l.b, g, false)
			return &n, err
		}
		if err := p.look(folder.Name, "/", view); err != nil || p.done {
			return err
		}
	}
	for {
		from := p.at[1:]
		if from != "" {
			from += "\x00"
		}
		page, err := s.st.Nodes.OfKind(ctx, folder.Account, folder.ID, false, from, folderFetch)
		if err != nil {
			return fmt.Errorf("searching a folder: %w", err)
		}
		for _, n := range page {
			view := func() (*objectv1.DriveNode, error) { return s.listedDriveNode(ctx, l, n) }
			if err := p.look(n.Name, "/"+n.Sort, view); err != nil || p.done {
				return err
			}
		}
		if len(page) < folderFetch {
			return nil
		}
	}
}

// look takes something into the page if its name matches, and remembers where it was.
func (p *searching) look(name, at string, view func() (*objectv1.DriveNode, error)) error {
	if p.steps++; p.steps > searchSteps {
		p.done = true
		return nil
	}
	if p.matches(name) {
		n, err := view()
		if err = moved(gone(err)); err != nil {
			return err
		}
		if p.done, err = p.add(n); err != nil || p.done {
			return err
		}
	}
	p.at = at
	return nil
}

// matches reports whether each word of the query begins a word of the name.
func (p *searching) matches(name string) bool {
	words := wordsOf(name)
	return !slices.ContainsFunc(p.words, func(want string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, want) })
	})
}

// wordsOf gives the words of a text: letters and digits, whatever their case.
func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
