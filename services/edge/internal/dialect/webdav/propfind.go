package webdav

import (
	"context"
	"net/http"
	"strings"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// listed is how many nodes a page of a folder has.
const listed = 1000

// FindProperties answers PROPFIND. It makes one call for the resource and one
// for each page of a folder, and sends the pages as they come.
func (h *Handler) FindProperties(w http.ResponseWriter, r *http.Request) error {
	at, err := h.at(r)
	if err != nil {
		return err
	}
	depth, err := depthOf(r.Header, depthInfinity)
	if err != nil {
		return err
	}
	if depth == depthInfinity {
		return errInfinite
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	ask, err := readProperties(body)
	if err != nil {
		return err
	}
	v := view{Handler: h, ctx: r.Context(), p: principal(r), ask: ask, m: newMultistatus(w)}
	if err := v.findQuota(); err != nil {
		return err
	}
	if at.top {
		err = v.top(depth)
	} else {
		err = v.node(at.path, depth)
	}
	if err != nil {
		return err
	}
	return v.m.close()
}

// view is one PROPFIND.
type view struct {
	*Handler
	ctx             context.Context //nolint:containedctx // it lives as long as the one request
	p               authv1.Principal
	ask             properties
	m               *multistatus
	available, used *int64
}

// findQuota asks how much the account uses, if anybody wants to know.
func (v *view) findQuota() error {
	if !v.ask.asks(dav("quota-available-bytes"), dav("quota-used-bytes")) {
		return nil
	}
	u, err := v.core.Usage(v.ctx, v.p)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	v.used = &u.Used
	if limit := v.p.Limits.StorageBytes; limit > 0 {
		left := max(0, limit-u.Used-u.Reserved)
		v.available = &left
	}
	return nil
}

// top shows /dav: the account's folder is all that is in it.
func (v *view) top(depth int) error {
	root, err := v.core.StatNode(v.ctx, v.p, "")
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	res := resource{href: prefix + "/", name: "dav", node: root, available: v.available, used: v.used}
	if err := v.ask.write(v.m, res); err != nil || depth == 0 {
		return err
	}
	return v.write(root)
}

func (v *view) node(path string, depth int) error {
	n, err := v.core.StatNode(v.ctx, v.p, path)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	n.Path = path
	if err := v.write(n); err != nil || depth == 0 || !n.Folder {
		return err
	}
	for after, first := "", true; first || after != ""; first = false {
		page, err := v.core.ListFolder(v.ctx, objectv1.ListFolderRequest{Principal: v.p, Path: path, After: after, Limit: listed})
		if err != nil {
			return err //nolint:wrapcheck // it says what was being done
		}
		for _, n := range page.Nodes {
			if n.Path = n.Name; path != "" {
				n.Path = path + "/" + n.Name
			}
			if err := v.write(n); err != nil {
				return err
			}
		}
		after = page.Next
	}
	return nil
}

func (v *view) write(n objectv1.Node) error {
	res := resource{href: href(v.p.Username, n.Path, n.Folder), name: n.Name, node: n}
	if n.Path == "" {
		res.name = v.p.Username
	}
	if n.Folder {
		res.available, res.used = v.available, v.used
	}
	if v.ask.names == nil || v.ask.asks(dav("lockdiscovery")) {
		res.locks = v.locks.covering(v.p.AccountID, n.Path)
	}
	return v.ask.write(v.m, res)
}

func principal(r *http.Request) authv1.Principal { return dialect.CallOf(r).Caller.Principal }

func origin(r *http.Request) objectv1.Origin {
	c := dialect.CallOf(r)
	return objectv1.Origin{RequestID: c.RequestID, SourceIP: c.Source, Dialect: "webdav"}
}

// The depths of a request.
const depthInfinity = -1

// depthOf reads Depth; missing is what its method says.
func depthOf(h http.Header, missing int) (int, error) {
	switch v := strings.ToLower(strings.TrimSpace(strings.Join(h.Values("Depth"), ","))); v {
	case "":
		return missing, nil
	case "0":
		return 0, nil
	case "1":
		return 1, nil
	case "infinity":
		return depthInfinity, nil
	}
	return 0, errBadHeader.Msgf("Depth is 0, 1 or infinity")
}
