package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// maxMarkdown bounds a comment that is rendered, bytes; the page shows longer
// ones as they are. It bounds what a hostile one costs, too: some milliseconds.
const maxMarkdown = 8 << 10

// deepest is the level to which quotes and lists nest. A line that opens more of
// them is refused before it costs the parser their square.
const deepest = 20

// comments makes HTML of the comments of temporary uploads, which anybody writes
// (plik-wire.md 4.2). The renderer lets no HTML through, the policy behind it
// knows few elements and no other attribute than a link's address.
type comments struct {
	markdown goldmark.Markdown
	policy   *bluemonday.Policy
}

func newComments() comments {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h3", "h4", "h5", "h6", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("mailto")
	for _, scheme := range []string{"http", "https"} { // without a host they lead to a path here
		p.AllowURLSchemeWithCustomPolicy(scheme, func(u *url.URL) bool { return u.Host != "" })
	}
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	p.AddTargetBlankToFullyQualifiedLinks(true)
	return comments{
		markdown: goldmark.New(
			goldmark.WithExtensions(extension.Strikethrough, extension.Linkify), // no tables: cells are rows times columns
			goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(tamed{}, 100))),
		),
		policy: p,
	}
}

// render makes HTML that a page may take in.
func (c comments) render(source []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := c.markdown.Convert(source, &b); err != nil {
		return nil, fmt.Errorf("rendering a comment: %w", err)
	}
	return c.policy.SanitizeBytes(b.Bytes()), nil
}

// tamed changes what a comment must not do on a page: a picture would tell its
// server who reads, so that it becomes a link; headings stand below the page's
// own; and what nests without end is cut.
type tamed struct{}

// Transform implements parser.ASTTransformer.
func (tamed) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	var images []*ast.Image
	depth := 0
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker fails never
		switch n := n.(type) {
		case *ast.Blockquote, *ast.List:
			if !entering {
				depth--
				break
			}
			if depth++; depth > deepest {
				n.RemoveChildren(n)
			}
		case *ast.Heading:
			if entering {
				n.Level = min(6, n.Level+2)
			}
		case *ast.Image:
			if entering {
				images = append(images, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, image := range images {
		link := ast.NewLink()
		link.Destination = image.Destination
		for child := image.FirstChild(); child != nil; child = image.FirstChild() {
			link.AppendChild(link, child)
		}
		if !link.HasChildren() {
			link.AppendChild(link, ast.NewString([]byte("picture")))
		}
		image.Parent().ReplaceChild(image.Parent(), image, link)
	}
}

// nests reports whether a line of the source opens more quotes and lists than
// there may be.
func nests(source []byte) bool {
	for line := range bytes.Lines(source) {
		opened := 0
		for i, c := range line {
			if !bytes.ContainsRune([]byte(" \t>-+*.)0123456789"), rune(c)) {
				break
			}
			ends := i+1 == len(line) || line[i+1] <= ' '
			if c == '>' || ends && bytes.ContainsRune([]byte("-+*.)"), rune(c)) {
				opened++
			}
		}
		if opened > deepest {
			return true
		}
	}
	return false
}

// RenderComments answers POST /pages/comments: markdown in, HTML out, to be put
// into a page.
func (h *Handler) RenderComments(w http.ResponseWriter, r *http.Request) error {
	source, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxMarkdown))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return dialect.ErrBodyTooLarge.Msgf("comments of more than %d KiB are not rendered", maxMarkdown>>10)
	case err != nil:
		return fmt.Errorf("reading comments: %w", err)
	case !utf8.Valid(source):
		return fault.ErrInvalid.Msgf("the comments are not text")
	case nests(source):
		return fault.ErrInvalid.Msgf("the comments nest more than %d deep", deepest)
	}
	html, err := h.comments.render(source)
	if err != nil {
		return err
	}
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Security-Policy", "default-src 'none'; sandbox") // opened by itself it is nothing
	head.Set("Cache-Control", "no-store")
	send(w, http.StatusOK, html)
	return nil
}
