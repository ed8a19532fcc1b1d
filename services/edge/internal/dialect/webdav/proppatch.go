package webdav

import (
	"encoding/xml"
	"net/http"
	"strings"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
)

// PatchProperties answers PROPPATCH: all of it is done or nothing. A file's time
// can be set; what Windows sets beside it is accepted and not kept (W-8).
func (h *Handler) PatchProperties(w http.ResponseWriter, r *http.Request) error {
	at, err := h.at(r)
	if err != nil {
		return err
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	patch, err := readPatch(body)
	if err != nil {
		return err
	}
	if at.fixed() {
		return errFixed
	}
	if err := h.mayChange(r, at, change{at: at}); err != nil {
		return err
	}
	n, err := h.core.StatNode(r.Context(), principal(r), at.path)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	if n.Folder && patch.time != nil {
		patch.refused = append(patch.refused, patch.timeNames...)
	}
	if len(patch.refused) == 0 && patch.time != nil {
		if err := h.core.SetModTime(r.Context(), principal(r), at.path, *patch.time); err != nil {
			return err //nolint:wrapcheck // it says what was being done
		}
	}
	m := newMultistatus(w)
	b := m.begin(href(principal(r).Username, at.path, n.Folder))
	if len(patch.refused) == 0 {
		writePropstat(b, patch.names, http.StatusOK)
	} else {
		writePropstat(b, patch.refused, http.StatusForbidden)
		if rest := without(patch.names, patch.refused); len(rest) > 0 {
			writePropstat(b, rest, http.StatusFailedDependency)
		}
		b.WriteString("<d:error><d:cannot-modify-protected-property/></d:error>")
	}
	if err := m.end(); err != nil {
		return err
	}
	return m.close()
}

// patch is what a PROPPATCH asks for.
type patch struct {
	names     []xml.Name
	refused   []xml.Name
	time      *time.Time
	timeNames []xml.Name
}

func readPatch(root *element) (patch, error) {
	var p patch
	if root == nil || !root.is("propertyupdate") {
		return p, errBadXML.Msgf("the body is no DAV:propertyupdate")
	}
	for _, op := range root.children {
		prop := op.child("prop")
		if prop == nil || !op.is("set") && !op.is("remove") {
			continue // RFC 4918, 17: what nobody knows is passed over
		}
		for _, c := range prop.children {
			if err := p.add(c, op.is("set")); err != nil {
				return p, err
			}
		}
	}
	if len(p.names) == 0 {
		return p, errBadXML.Msgf("the DAV:propertyupdate names no property")
	}
	return p, nil
}

func (p *patch) add(c *element, set bool) error {
	p.names = append(p.names, c.name)
	switch kindOfProp(c.name) {
	case propTime:
		if set {
			t, ok := propTimeOf(c.text)
			if !ok {
				return fault.ErrInvalid.Msgf("%s is no time", c.name.Local)
			}
			p.time, p.timeNames = &t, append(p.timeNames, c.name)
			return nil
		}
	case propPassed:
		return nil
	}
	p.refused = append(p.refused, c.name)
	return nil
}

type propKind int

const (
	propProtected propKind = iota
	propTime               // the file's time, by one of its names
	propPassed             // accepted and not kept
)

func kindOfProp(n xml.Name) propKind {
	switch n {
	case dav("getlastmodified"), dav("lastmodified"), xml.Name{Space: spaceWin, Local: "Win32LastModifiedTime"}:
		return propTime
	case xml.Name{Space: spaceWin, Local: "Win32CreationTime"}, xml.Name{Space: spaceWin, Local: "Win32LastAccessTime"},
		xml.Name{Space: spaceWin, Local: "Win32FileAttributes"}:
		return propPassed
	}
	return propProtected
}

// propTimeOf reads the times that clients write: ownCloud's seconds, HTTP's
// dates, RFC 3339.
func propTimeOf(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if t, ok := unixTime(s); ok {
		return t, true
	}
	t, err := http.ParseTime(s)
	if err != nil {
		if t, err = time.Parse(time.RFC3339, s); err != nil {
			return time.Time{}, false
		}
	}
	t = t.UTC().Truncate(time.Millisecond)
	return t, t.Year() >= firstYear && t.Year() <= lastYear
}

// without gives the names that are not in drop.
func without(names, drop []xml.Name) []xml.Name {
	var out []xml.Name
	for _, n := range names {
		kept := true
		for _, d := range drop {
			kept = kept && n != d
		}
		if kept {
			out = append(out, n)
		}
	}
	return out
}
