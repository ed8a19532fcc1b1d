package webdav

import (
	"context"
	"errors"
	"net/http"
	"sync"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// transport is a COPY or MOVE.
type transport struct {
	from, to target
	source   objectv1.Node
	there    objectv1.Node // what is at the destination
	replace  bool          // it may be replaced
	taken    bool          // there is something
}

// Move answers MOVE: 201 for a new name, 204 where something was replaced.
func (h *Handler) Move(w http.ResponseWriter, r *http.Request) error {
	t, err := h.transport(r, true)
	if err != nil {
		return err
	}
	if depth, err := depthOf(r.Header, depthInfinity); err != nil || t.source.Folder && depth != depthInfinity {
		return errBadHeader.Msgf("a MOVE of a folder is of all that is in it: Depth infinity")
	}
	err = h.core.MoveNode(r.Context(), objectv1.MoveNodeRequest{Principal: principal(r), From: t.from.path, To: t.to.path, Replace: t.replace, Origin: origin(r)})
	if err != nil {
		return t.fault(err)
	}
	account := dialect.CallOf(r).AccountID
	h.locks.forget(account, t.from.path) // RFC 4918, 7.5: locks stay behind
	return h.arrived(w, r, t)
}

// Copy answers COPY as Move does. A folder that broke off leaves what was
// copied, and 207 says what was not.
func (h *Handler) Copy(w http.ResponseWriter, r *http.Request) error {
	t, err := h.transport(r, false)
	if err != nil {
		return err
	}
	depth, err := depthOf(r.Header, depthInfinity)
	if err != nil || depth == 1 {
		return errBadHeader.Msgf("a COPY has Depth 0 or infinity")
	}
	if t.taken && (t.source.Folder || t.there.Folder) {
		// RFC 4918, 9.8.4: the old goes whole, nothing of it is merged with the new.
		if err := h.removeAll(r, t.to.path); err != nil && !errors.Is(err, objectv1.ErrNodeNotFound) {
			return err
		}
	}
	if !t.source.Folder {
		if err := h.copyFile(r, t.from.path, t.to.path, t.replace); err != nil {
			return t.fault(err)
		}
		return h.arrived(w, r, t)
	}
	if err := h.core.MakeFolder(r.Context(), principal(r), t.to.path); err != nil {
		return t.fault(err)
	}
	if depth == depthInfinity {
		c := folderCopy{h: h, r: r}
		if err := c.run(r.Context(), t.from.path, t.to.path); err != nil {
			return err
		}
		if len(c.failed) > 0 {
			return c.answer(w)
		}
	}
	return h.arrived(w, r, t)
}

// arrived sets the time that the client names and answers.
func (h *Handler) arrived(w http.ResponseWriter, r *http.Request, t transport) error {
	mod, err := modTime(r.Header)
	if err != nil {
		return err
	}
	if mod != nil && !t.source.Folder {
		if err := h.core.SetModTime(r.Context(), principal(r), t.to.path, *mod); err != nil {
			return err //nolint:wrapcheck // it says what was being done
		}
		w.Header().Set(headerModTime, "accepted")
	}
	if !t.taken {
		w.Header().Set("Location", href(principal(r).Username, t.to.path, t.source.Folder))
	}
	return made(w, !t.taken)
}

// transport reads the headers, looks at both ends, and asks the locks.
func (h *Handler) transport(r *http.Request, move bool) (transport, error) {
	var t transport
	var err error
	if t.from, err = h.at(r); err != nil {
		return t, err
	}
	values := r.Header.Values("Destination")
	if len(values) != 1 {
		return t, errBadHeader.Msgf("one Destination is needed")
	}
	if t.to, err = within(r, values[0]); err != nil {
		return t, err
	}
	if t.replace, err = overwrite(r.Header); err != nil {
		return t, err
	}
	if _, err := modTime(r.Header); err != nil {
		return t, err
	}
	if r.ContentLength != 0 {
		return t, errNoBody
	}
	a, b := t.from.path, t.to.path
	switch {
	case t.from.top, t.to.fixed(), move && t.from.fixed():
		return t, errFixed
	case a == b, below(b, a), below(a, b):
		return t, errSamePlace
	}
	return t, h.ends(r, &t, move)
}

func (h *Handler) ends(r *http.Request, t *transport, move bool) error {
	changes := []change{{at: t.to, tree: true, member: true}}
	if move {
		changes = append(changes, change{at: t.from, tree: true, member: true})
	}
	if err := h.mayChange(r, t.from, changes...); err != nil {
		return err
	}
	ctx, p := r.Context(), principal(r)
	var err error
	if t.source, err = h.core.StatNode(ctx, p, t.from.path); err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	t.there, err = h.core.StatNode(ctx, p, t.to.path)
	switch {
	case err == nil:
		t.taken = true
		if !t.replace {
			return objectv1.ErrPrecondition.Msgf("the destination is there, and Overwrite is F")
		}
		return nil
	case !errors.Is(err, objectv1.ErrNodeNotFound):
		return newcomer(err)
	}
	folder, err := h.core.StatNode(ctx, p, parentOf(t.to.path))
	if err == nil && !folder.Folder {
		return errNoParent
	}
	if err != nil {
		return newcomer(err)
	}
	return nil
}

// fault translates what object says of a move whose source was there.
func (t transport) fault(err error) error {
	switch {
	case errors.Is(err, objectv1.ErrNodeExists) && !t.replace:
		return objectv1.ErrPrecondition.Because(err)
	case errors.Is(err, objectv1.ErrNodeCycle):
		return errSamePlace.Because(err)
	case errors.Is(err, objectv1.ErrNodeExists):
		return err // it came between: the client may repeat
	}
	return newcomer(err)
}

func (h *Handler) copyFile(r *http.Request, from, to string, replace bool) error {
	_, err := h.core.CopyObject(r.Context(), objectv1.CopyObjectRequest{
		Principal: principal(r), Bucket: objectv1.DriveBucket, Key: to, SourceBucket: objectv1.DriveBucket, SourceKey: from,
		Conditions: objectv1.Conditions{IfNoneMatchAny: !replace}, Origin: origin(r),
	})
	return err //nolint:wrapcheck // it says what was being done
}

// How many files of a folder are copied at a time, and how many failures a copy
// goes on after.
const (
	copying   = 8
	maxFailed = 100
)

// folderCopy copies what is in a folder, file by file, and goes on where one
// cannot be copied.
type folderCopy struct {
	h *Handler
	r *http.Request

	mu     sync.Mutex
	failed []failure
}

type failure struct {
	href string
	err  error
}

func (c *folderCopy) run(ctx context.Context, from, to string) error {
	for after, first := "", true; first || after != ""; first = false {
		page, err := c.h.core.ListFolder(ctx, objectv1.ListFolderRequest{Principal: principal(c.r), Path: from, After: after, Limit: listed})
		if err != nil {
			return err //nolint:wrapcheck // it says what was being done
		}
		var folders []objectv1.Node
		var wg sync.WaitGroup
		slots := make(chan struct{}, copying)
		for _, n := range page.Nodes {
			if n.Folder {
				folders = append(folders, n)
				continue
			}
			slots <- struct{}{}
			if c.enough(ctx) {
				break
			}
			wg.Go(func() {
				defer func() { <-slots }()
				c.note(n, to, c.h.copyFile(c.r, from+"/"+n.Name, to+"/"+n.Name, true))
			})
		}
		wg.Wait()
		for _, n := range folders {
			if c.enough(ctx) {
				break
			}
			err := c.h.core.MakeFolder(ctx, principal(c.r), to+"/"+n.Name)
			if err == nil {
				err = c.run(ctx, from+"/"+n.Name, to+"/"+n.Name)
			}
			c.note(n, to, err)
		}
		if after = page.Next; c.enough(ctx) {
			break
		}
	}
	return ctx.Err() //nolint:wrapcheck // the client left
}

// enough reports whether going on makes no sense.
func (c *folderCopy) enough(ctx context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ctx.Err() != nil || len(c.failed) >= maxFailed
}

// note keeps what went wrong with a node on its way to a folder.
func (c *folderCopy) note(n objectv1.Node, to string, err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = append(c.failed, failure{href(principal(c.r).Username, to+"/"+n.Name, n.Folder), err})
}

// answer says what failed.
func (c *folderCopy) answer(w http.ResponseWriter) error {
	m := newMultistatus(w)
	for _, f := range c.failed {
		b := m.begin(f.href)
		text(b, "d:status", statusLine(statusOf(fault.From(f.err))))
		if err := m.end(); err != nil {
			return err
		}
	}
	return m.close()
}
