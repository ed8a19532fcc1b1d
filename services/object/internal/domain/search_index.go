package domain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

const (
	// maxWords is how many words of a name are found by, and maxWord how much of each, bytes.
	maxWords = 16
	maxWord  = 100
	// followPage is how many files of a folder are asked to follow it at once.
	followPage = 200
)

// Word is an entry of the index of what everybody may find.
type Word struct {
	Text string // folded; see Words
	Node string
}

// Follow is how far the files of a folder were asked to follow a change of who
// finds them: those with a Sort from From on have yet to be.
type Follow struct {
	From string `bson:"from"`
}

// SearchWords gives the words of a text: runs of letters and digits, without
// regard to case, accents and the form in which they are written, each once, in
// their order.
func SearchWords(text string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		w := word.String()
		word.Reset()
		if w != "" && len(words) < maxWords && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	for _, r := range norm.NFKD.String(text) {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Cf): // an accent of the letter before, or nothing that is seen
		case unicode.In(r, unicode.L, unicode.N, unicode.Mc):
			if r = foldRune(r); word.Len()+utf8.RuneLen(r) <= maxWord {
				word.WriteRune(r)
			}
		default:
			end()
		}
	}
	end()
	return words
}

// foldRune gives the same rune for all that differ by case alone.
func foldRune(r rune) rune {
	r = unicode.ToLower(r)
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if unicode.IsLower(f) && (f < least || !unicode.IsLower(least)) {
			least = f
		}
	}
	return least
}

// showsFiles reports whether everybody may find what is in the folder.
func (n Node) showsFiles() bool {
	return n.Folder && n.State == "" && n.Visibility == objectv1.VisibilityPublic && len(n.PasswordHash) == 0
}

// follow asks for what a change of who finds a folder, and the files in it, brings
// with it.
func (n *Node) follow(was Node) {
	if n.Visibility != was.Visibility {
		n.recount(n.ModifiedAt)
	}
	if n.showsFiles() != was.showsFiles() {
		n.recount(n.ModifiedAt)
		n.Follow = &Follow{}
	}
}

// spread marks a page of the files that have to follow their folder, and gives how
// far it came: nil when all are marked.
func (s *Service) spread(ctx context.Context, n Node) (*Follow, error) {
	page, err := s.st.Nodes.OfKind(ctx, n.Account, n.ID, false, n.Follow.From, followPage)
	if err != nil {
		return nil, fmt.Errorf("looking for files that follow their folder: %w", err)
	}
	err = together(len(page), func(i int) error {
		err := s.st.Nodes.Mark(ctx, page[i].ID, s.now())
		if err != nil && !errors.Is(err, ErrNoDocument) {
			return fmt.Errorf("marking a file that follows its folder: %w", err)
		}
		return nil
	})
	if err != nil || len(page) < followPage {
		return nil, err
	}
	return &Follow{From: page[len(page)-1].Sort + "\x00"}, nil
}

// wanted is by which words everybody may find a node: those of public folders, and
// of the files in such that ask for no password. The folder is read behind the node.
func (r *recounting) wanted(ctx context.Context, c counted) ([]string, error) {
	switch {
	case !c.counts:
		return nil, nil
	case c.Folder:
		if c.Visibility != objectv1.VisibilityPublic {
			return nil, nil
		}
		return SearchWords(c.Name), nil
	case c.Parent == Root:
		return nil, nil
	}
	f := r.folders[baseOf(c.Account, c.Parent)]
	if f == nil { // it was not brought in line, so the node is not
		return nil, ErrStale
	}
	if f.gone || !f.n.showsFiles() {
		return nil, nil
	}
	return SearchWords(c.Name), nil
}

// index brings a node's words in line. From its first one on the node says for
// life that it may have some.
func (s *Service) index(ctx context.Context, f *Found, want []string) error {
	if !f.Indexed && len(want) == 0 {
		return nil
	}
	if !f.Indexed {
		f.Indexed = true
		if err := s.st.Nodes.Replace(ctx, f.Node, f.Rev); err != nil {
			return err
		}
		f.Rev++
	}
	have, err := s.st.Words.Of(ctx, f.ID)
	if err != nil {
		return fmt.Errorf("reading the words of a node: %w", err)
	}
	for _, w := range want {
		if slices.Contains(have, w) {
			continue
		}
		if err := s.st.Words.Put(ctx, w, f.ID); err != nil {
			return fmt.Errorf("writing a word: %w", err)
		}
	}
	for _, w := range have {
		if slices.Contains(want, w) {
			continue
		}
		if err := s.st.Words.Drop(ctx, w, f.ID); err != nil {
			return fmt.Errorf("removing a word: %w", err)
		}
	}
	return nil
}

// reindex asks for a look at a node that changed while its words were written, and
// takes the words of one away that is gone.
func (s *Service) reindex(ctx context.Context, id string) error {
	err := s.st.Nodes.Mark(ctx, id, s.now())
	if errors.Is(err, ErrNoDocument) {
		return s.dropWords(ctx, id)
	}
	return err
}

func (s *Service) dropWords(ctx context.Context, node string) error {
	words, err := s.st.Words.Of(ctx, node)
	if err != nil {
		return fmt.Errorf("reading the words of a node: %w", err)
	}
	for _, w := range words {
		if err := s.st.Words.Drop(ctx, w, node); err != nil {
			return fmt.Errorf("removing a word: %w", err)
		}
	}
	return nil
}
