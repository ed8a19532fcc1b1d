package core

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// PurposeLink is the keys purpose that signs links to files.
const PurposeLink = "lockr-download"

// ErrBadLink is of a signed link that was altered, or has run out.
var ErrBadLink = fault.New(fault.Forbidden, "edge.bad_link", "the signed link is not valid, or not any more")

// Link is the query of a signed link: whoever has it may read the file until
// Expires, without credential and key.
type Link struct {
	Expires   int64 // Unix seconds
	Signature string
}

// SignLink makes a link to a file for as long as LinkLife.
func (c *Core) SignLink(nodeID string) (Link, time.Time) {
	ends := c.Now().Add(c.LinkLife).Truncate(time.Second).UTC()
	return Link{Expires: ends.Unix(), Signature: hex.EncodeToString(c.FileLinks.Sign(linkText(nodeID, ends.Unix())))}, ends
}

func linkText(nodeID string, expires int64) []byte {
	return []byte(nodeID + "\n" + strconv.FormatInt(expires, 10))
}

func (c *Core) checkLink(nodeID string, l Link) error {
	code, err := hex.DecodeString(l.Signature)
	if err != nil || !c.FileLinks.Verify(linkText(nodeID, l.Expires), code) || c.Now().Unix() >= l.Expires {
		return ErrBadLink
	}
	return nil
}

// MayRead decides whether the caller may read a file: by a signed link if one is
// given, which then must hold; as its owner; with its key; or because it has none.
func (c *Core) MayRead(by Caller, f objectv1.File, keyHash string, link *Link) error {
	if link != nil {
		return c.checkLink(f.NodeID, *link)
	}
	if Owns(by, f) {
		return nil
	}
	return c.mayOpen(f, keyHash)
}

// Owns reports whether the file is in the caller's drive; guests own nothing.
func Owns(by Caller, f objectv1.File) bool {
	return by.Principal.AccountID == f.AccountID && by.Principal.AccountID != "" && !by.Guest()
}

// SendFile answers a GET or HEAD with a file, as something to keep or, with
// inline and where it is safe, to look at. A GET that sends the first byte of
// what is to be kept counts as a download. Whatever the content is, it never acts as a page of ours.
func (c *Core) SendFile(w http.ResponseWriter, r *http.Request, o objectv1.Object, inline bool) error {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Cache-Control", "private, no-cache") // a key may be set, and the file deleted, at any time
	typ, kind := servedType(o.Metadata.ContentType), "attachment"
	if inline {
		if p := PreviewOf(o.Metadata.ContentType); p.Kind != "" {
			typ, kind = p.Type, "inline"
		}
	}
	h.Set("Content-Disposition", Disposition(kind, o.File.Name))
	if o.Metadata.ContentEncoding != "" {
		h.Set("Content-Encoding", o.Metadata.ContentEncoding)
	}
	if sum := o.Digests[blob.SHA256]; len(sum) > 0 && !slices.Contains(o.Composite, blob.SHA256) {
		h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":") // RFC 9530, 3: of the whole, also for a range
	}
	cw := &countingWriter{ResponseWriter: w, count: func() {
		if r.Method == http.MethodGet && kind != "inline" {
			c.Downloads.Add(o.File.NodeID)
		}
	}}
	return c.Transfer.Send(cw, r, transfer.Source{ETag: o.ETag, Modified: o.CreatedAt, Type: typ, Manifest: o.Manifest}) //nolint:wrapcheck // it says what was being done
}

// countingWriter calls count when an answer begins that has the first byte.
type countingWriter struct {
	http.ResponseWriter
	count func()
	begun bool
}

// Unwrap lets http.ResponseController reach the connection.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *countingWriter) WriteHeader(status int) {
	if !w.begun {
		w.begun = true
		part := w.Header().Get("Content-Range")
		if status == http.StatusOK || status == http.StatusPartialContent && strings.HasPrefix(part, "bytes 0-") {
			w.count()
		}
	}
	w.ResponseWriter.WriteHeader(status)
}
