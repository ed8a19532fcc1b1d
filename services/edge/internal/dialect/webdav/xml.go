package webdav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Bounds of a body: what clients send has hundreds of bytes and five levels.
const (
	maxXML      = 256 << 10
	maxElements = 1000
	maxText     = 4 << 10 // of one element
	maxDepth    = 16
)

const (
	spaceDAV  = "DAV:"
	spaceOC   = "http://owncloud.org/ns"
	spaceWin  = "urn:schemas-microsoft-com:"
	xmlHead   = `<?xml version="1.0" encoding="utf-8"?>` + "\n"
	xmlSpaces = ` xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"`
)

// element is a body as a tree: names, text, and no attributes.
type element struct {
	name     xml.Name
	text     string
	children []*element
}

// child gives the first one of a name in DAV:, or nil.
func (e *element) child(local string) *element {
	for _, c := range e.children {
		if c.is(local) {
			return c
		}
	}
	return nil
}

func (e *element) is(local string) bool { return e.name == xml.Name{Space: spaceDAV, Local: local} }

// readBody reads a request's XML; nil when there is none.
func readBody(r *http.Request) (*element, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxXML+1))
	var f *fault.Error
	switch {
	case errors.As(err, &f):
		return nil, err
	case err != nil:
		return nil, dialect.ErrIncompleteBody.Because(err)
	case len(body) > maxXML:
		return nil, errXMLTooLarge
	}
	return parseXML(body)
}

// parseXML reads one element. Document types are refused and entities are not
// known beyond XML's five, so that nothing grows; encodings other than UTF-8
// are refused.
func parseXML(body []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	var t tree
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && len(t.open) == 0 {
			return t.root, nil
		}
		if err != nil {
			return nil, errBadXML.Because(err)
		}
		if err := t.add(token); err != nil {
			return nil, err
		}
	}
}

// tree is an element that is being read.
type tree struct {
	root *element
	open []*element
	n    int
}

func (t *tree) add(token xml.Token) error {
	switch token := token.(type) {
	case xml.Directive:
		return errBadXML.Msgf("the body has a document type or another directive")
	case xml.StartElement:
		return t.begin(token)
	case xml.EndElement:
		t.open = t.open[:len(t.open)-1]
	case xml.CharData:
		if len(t.open) > 0 {
			in := t.open[len(t.open)-1]
			if in.text += string(token); len(in.text) > maxText {
				return errBadXML.Msgf("the body has too long a text")
			}
		} else if len(bytes.TrimSpace(token)) > 0 {
			return errBadXML
		}
	}
	return nil
}

func (t *tree) begin(token xml.StartElement) error {
	t.n++
	switch {
	case t.n > maxElements, len(t.open) == maxDepth, len(t.open) == 0 && t.root != nil:
		return errBadXML.Msgf("the body has too many elements, or too deep ones")
	case strings.Contains(token.Name.Local, ":"), slices.ContainsFunc(token.Attr, undeclares):
		return errBadXML.Msgf("the body has a name that name spaces do not allow")
	}
	e := &element{name: token.Name}
	if len(t.open) == 0 {
		t.root = e
	} else {
		in := t.open[len(t.open)-1]
		in.children = append(in.children, e)
	}
	t.open = append(t.open, e)
	return nil
}

// undeclares reports whether an attribute takes a prefix back, which only later
// XML allows (Namespaces in XML 1.0, 2).
func undeclares(a xml.Attr) bool { return a.Name.Space == "xmlns" && a.Value == "" }

// text writes an element with text in it; what XML cannot have becomes U+FFFD.
func text(b *bytes.Buffer, name, s string) {
	b.WriteString("<" + name + ">")
	_ = xml.EscapeText(b, []byte(s)) // a buffer takes everything
	b.WriteString("</" + name + ">")
}

// empty writes an element of any name without content.
func empty(b *bytes.Buffer, n xml.Name) {
	switch n.Space {
	case spaceDAV:
		b.WriteString("<d:" + n.Local + "/>")
	case spaceOC:
		b.WriteString("<oc:" + n.Local + "/>")
	case "":
		b.WriteString("<" + n.Local + "/>") // there is no default name space in our answers
	default:
		b.WriteString("<x:" + n.Local + ` xmlns:x="`)
		_ = xml.EscapeText(b, []byte(n.Space))
		b.WriteString(`"/>`)
	}
}

// writeXML answers with a body that is known whole.
func writeXML(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that left misses nothing
}

// multistatus writes the answer that has a part for each of many resources
// (RFC 4918, 13), piece by piece.
type multistatus struct {
	w   http.ResponseWriter
	buf bytes.Buffer
	err error
	out bool
}

// flushAt is how much of an answer is put together before it goes out, bytes.
const flushAt = 64 << 10

func newMultistatus(w http.ResponseWriter) *multistatus {
	m := &multistatus{w: w}
	m.buf.WriteString(xmlHead + "<d:multistatus" + xmlSpaces + ">")
	return m
}

// begin starts the part of one resource, end finishes it.
func (m *multistatus) begin(href string) *bytes.Buffer {
	m.buf.WriteString("<d:response>")
	text(&m.buf, "d:href", href)
	return &m.buf
}

func (m *multistatus) end() error {
	m.buf.WriteString("</d:response>")
	if m.buf.Len() >= flushAt {
		m.flush()
	}
	return m.err
}

func (m *multistatus) flush() {
	if !m.out {
		m.out = true
		m.w.Header().Set("Content-Type", "application/xml; charset=utf-8")
		m.w.WriteHeader(http.StatusMultiStatus)
	}
	if m.err == nil {
		_, m.err = m.w.Write(m.buf.Bytes())
	}
	m.buf.Reset()
}

func (m *multistatus) close() error {
	m.buf.WriteString("</d:multistatus>\n")
	m.flush()
	return m.err
}

// statusLine is how a status stands inside of a body.
func statusLine(status int) string {
	return "HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status)
}
