package plik

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/sluicehq/sluice/pkg/paging"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

// ListMyUploads answers GET /me/uploads.
func (h *Handler) ListMyUploads(w http.ResponseWriter, r *http.Request) error {
	return h.listUploads(w, r, core.PlikQuery{})
}

// ListUploads answers GET /uploads.
func (h *Handler) ListUploads(w http.ResponseWriter, r *http.Request) error {
	return h.listUploads(w, r, core.PlikQuery{All: true, UserID: r.URL.Query().Get("user")})
}

// listUploads writes a page of uploads as their files are read. What is not told
// in other answers is told here: tokens, the owner, the address (4.2).
func (h *Handler) listUploads(w http.ResponseWriter, r *http.Request, q core.PlikQuery) error {
	var err error
	if q.Page, err = pageOf(r); err != nil {
		return err
	}
	query := r.URL.Query()
	q.Token, q.BySize = query.Get("token"), query.Get("sort") == "size"
	uploads, at, err := h.core.ListPliks(r.Context(), callerOf(r), q)
	if err != nil {
		return tokenError(err)
	}
	private(w)
	out := longPage{w: w}
	if err := out.begin(at); err != nil {
		return err
	}
	for u, err := range uploads {
		if err != nil {
			return err //nolint:wrapcheck // it says what was being done
		}
		if err := out.add(listedToWire(u)); err != nil {
			return err
		}
	}
	out.end(at)
	return nil
}

// listedToWire shows an upload as lists do: with its secret, but without admin and
// download domain.
func listedToWire(u core.PlikListed) wireUpload {
	out := uploadToWire(u.PlikUpload, u.Files)
	out.Admin, out.UploadToken = false, u.Token
	out.UploadIP, out.User, out.Token = u.SourceIP, u.UserID, u.Made
	return out
}

// heldBack is how much of a page is kept before its first byte goes out: an error
// within it is still told as one.
const heldBack = 256 << 10

// longPage writes a page entry by entry, so that its memory does not grow with it.
type longPage struct {
	w     http.ResponseWriter
	b     bytes.Buffer
	comma bool
	began bool
}

func (p *longPage) begin(at paging.Place) error {
	head, err := json.Marshal(placeOf(at))
	if err != nil {
		return fmt.Errorf("encoding the place of a page: %w", err)
	}
	p.b.Write(head[:len(head)-1])
	p.b.WriteString(`,"results":[`)
	return nil
}

func (p *longPage) add(entry any) error {
	if p.comma {
		p.b.WriteByte(',')
	}
	p.comma = true
	e := json.NewEncoder(&p.b)
	e.SetEscapeHTML(false)
	if err := e.Encode(entry); err != nil {
		return fmt.Errorf("encoding an entry of a page: %w", err)
	}
	p.b.Truncate(p.b.Len() - 1) // the end of line
	if p.b.Len() < heldBack {
		return nil
	}
	if !p.began {
		p.began = true
		p.w.Header().Set("Content-Type", "application/json")
		p.w.Header().Set("X-Content-Type-Options", "nosniff")
	}
	if _, err := p.b.WriteTo(p.w); err != nil {
		return fmt.Errorf("writing a page: %w", err)
	}
	return nil
}

func (p *longPage) end(at paging.Place) {
	fmt.Fprintf(&p.b, `],"total":%d}`, at.Total)
	if p.began {
		_, _ = p.b.WriteTo(p.w) // the client that is gone is in the access log
		return
	}
	write(p.w, http.StatusOK, "application/json", p.b.Bytes())
}
