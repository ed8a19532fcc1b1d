package yetishare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

const (
	listPage = 1000      // nodes of one call
	listHeld = 256 << 10 // bytes of an answer that are held back, so that most errors are told as such
)

// ListFolder answers /folder/listing: everything right in a folder, as it is read.
// An error behind the first bytes can only cut the connection.
func (h *Handler) ListFolder(w http.ResponseWriter, r *http.Request) error {
	q, err := h.enter(r)
	if err != nil {
		return err
	}
	dir, err := h.folderNamed(q, q.params[paramParent], errNoFolder.Msgf("Could not find folder based on parent_folder_id."))
	if err != nil {
		return err
	}
	base, out := baseOf(r), &listing{w: w}
	list := func(kind objectv1.NodeKind, wire func(objectv1.DriveNode) any) error {
		return h.eachChild(r, objectv1.ListChildrenRequest{Principal: q.by.Principal, FolderID: *dir, Kind: kind, Limit: listPage}, func(n objectv1.DriveNode) error {
			return out.add(wire(n))
		})
	}
	out.begin(`{"data":{"folders":[`)
	if err := list(objectv1.KindFolder, func(n objectv1.DriveNode) any { return folderToWire(base, n) }); err != nil {
		return ofFolder(err)
	}
	out.begin(`],"files":[`)
	if err := list(objectv1.KindFile, func(n objectv1.DriveNode) any { return fileToWire(base, n) }); err != nil {
		return ofFolder(err)
	}
	out.begin(`]},"_status":"` + statusSuccess + `","_datetime":"` + h.now() + "\"}\n")
	return out.end()
}

// eachChild reads a folder page by page.
func (h *Handler) eachChild(r *http.Request, ask objectv1.ListChildrenRequest, do func(objectv1.DriveNode) error) error {
	for {
		page, err := h.core.ListChildren(r.Context(), ask)
		if err != nil {
			return err //nolint:wrapcheck // it says what was being done
		}
		for _, n := range page.Nodes {
			if err := do(n); err != nil {
				return err
			}
		}
		if ask.After = page.Next; ask.After == "" {
			return nil
		}
	}
}

// listing writes lists as they grow.
type listing struct {
	w     http.ResponseWriter
	buf   bytes.Buffer
	begun bool // something is out
	some  bool // the list has an item
}

// begin writes what stands before a list, or behind the last one.
func (l *listing) begin(text string) {
	l.buf.WriteString(text)
	l.some = false
}

// add writes an item.
func (l *listing) add(item any) error {
	if l.some {
		l.buf.WriteByte(',')
	}
	l.some = true
	e := json.NewEncoder(&l.buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(item); err != nil {
		return fmt.Errorf("encoding a listing: %w", err)
	}
	l.buf.Truncate(l.buf.Len() - 1) // the encoder's end of line
	if l.buf.Len() < listHeld {
		return nil
	}
	return l.flush()
}

// end writes what is left.
func (l *listing) end() error {
	if !l.begun {
		l.w.Header().Set("Content-Length", fmt.Sprint(l.buf.Len()))
	}
	return l.flush()
}

func (l *listing) flush() error {
	if !l.begun {
		l.begun = true
		head := l.w.Header()
		head.Set("Content-Type", "application/json")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Cache-Control", "no-store")
		l.w.WriteHeader(http.StatusOK)
	}
	if _, err := l.buf.WriteTo(l.w); err != nil {
		return fmt.Errorf("sending a listing: %w", err)
	}
	return nil
}
