package webdav

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// maxConditions bounds an If header.
const maxConditions = 64

// condition is one of RFC 4918, 10.4: a lock's token or an entity tag, or that
// it is not so.
type condition struct {
	not   bool
	token string
	etag  string // quotes included; empty: a token
}

// conditionList holds when all of its conditions do.
type conditionList struct {
	resource string // a URL; empty: the request's
	all      []condition
}

// ifHeader holds when one of its lists does.
type ifHeader struct{ lists []conditionList }

// tokens are those that the header submits: every one it names, whatever holds
// (RFC 4918, 10.4.1).
func (h ifHeader) tokens() []string {
	var out []string
	for _, l := range h.lists {
		for _, c := range l.all {
			if c.token != "" && !slices.Contains(out, c.token) {
				out = append(out, c.token)
			}
		}
	}
	return out
}

// readIf reads the If header; without one there are no lists.
func readIf(h http.Header) (ifHeader, error) {
	values := h.Values("If")
	if len(values) == 0 {
		return ifHeader{}, nil
	}
	out, ok := parseIf(strings.Join(values, " "))
	if !ok {
		return ifHeader{}, errBadHeader.Msgf("the If header is malformed")
	}
	return out, nil
}

// parseIf reads lists in parentheses, all of them with a URL in front or none.
func parseIf(s string) (out ifHeader, ok bool) {
	p := ifParser{rest: s}
	resource, tagged, n := "", false, 0
	for p.skip(); p.rest != ""; p.skip() {
		if p.rest[0] == '<' {
			if len(out.lists) > 0 && !tagged {
				return ifHeader{}, false // a URL after lists without one
			}
			if resource, ok = p.until('<', '>'); !ok {
				return ifHeader{}, false
			}
			tagged = true
			if p.skip(); p.rest == "" || p.rest[0] != '(' {
				return ifHeader{}, false
			}
		}
		list, ok := p.list()
		if n += len(list); !ok || n > maxConditions {
			return ifHeader{}, false
		}
		out.lists = append(out.lists, conditionList{resource: resource, all: list})
	}
	return out, len(out.lists) > 0
}

type ifParser struct{ rest string }

func (p *ifParser) skip() { p.rest = strings.TrimLeft(p.rest, " \t") }

// until takes what stands between two characters and is not empty.
func (p *ifParser) until(from, to byte) (string, bool) {
	if p.rest == "" || p.rest[0] != from {
		return "", false
	}
	end := strings.IndexByte(p.rest, to)
	if end < 2 {
		return "", false
	}
	s := p.rest[1:end]
	p.rest = p.rest[end+1:]
	return s, true
}

func (p *ifParser) list() (all []condition, ok bool) {
	if p.rest[0] != '(' {
		return nil, false
	}
	p.rest = p.rest[1:]
	for {
		p.skip()
		if strings.HasPrefix(p.rest, ")") {
			p.rest = p.rest[1:]
			return all, len(all) > 0
		}
		var c condition
		if len(p.rest) > 3 && strings.EqualFold(p.rest[:3], "Not") {
			c.not, p.rest = true, p.rest[3:]
			p.skip()
		}
		if strings.HasPrefix(p.rest, "[") {
			c.etag, ok = p.until('[', ']')
			ok = ok && strings.HasSuffix(c.etag, `"`) && strings.HasPrefix(strings.TrimPrefix(c.etag, "W/"), `"`) && len(c.etag) > 1
		} else {
			c.token, ok = p.until('<', '>')
		}
		if all = append(all, c); !ok || len(all) > maxConditions {
			return nil, false
		}
	}
}

// evaluateIf holds the If header against locks and entity tags, and gives the
// tokens that it submits.
func (h *Handler) evaluateIf(r *http.Request, at target) ([]string, error) {
	header, err := readIf(r.Header)
	if err != nil || len(header.lists) == 0 {
		return nil, err
	}
	e := ifEvaluation{h: h, r: r, etags: map[string]string{}}
	for _, l := range header.lists {
		holds, err := e.list(r.Context(), l, at)
		if err != nil {
			return nil, err
		}
		if holds {
			return header.tokens(), nil
		}
	}
	return nil, objectv1.ErrPrecondition
}

// ifEvaluation asks for each entity tag once.
type ifEvaluation struct {
	h     *Handler
	r     *http.Request
	etags map[string]string // by path; "" where there is none
}

func (e *ifEvaluation) list(ctx context.Context, l conditionList, at target) (bool, error) {
	if l.resource != "" {
		t, err := within(e.r, l.resource)
		if err != nil {
			return false, nil //nolint:nilerr // what is not here has no state that could hold
		}
		at = t
	}
	for _, c := range l.all {
		holds, err := e.one(ctx, c, at)
		if err != nil || holds == c.not {
			return false, err
		}
	}
	return true, nil
}

func (e *ifEvaluation) one(ctx context.Context, c condition, at target) (bool, error) {
	if c.etag == "" {
		locks := e.h.locks.covering(principal(e.r).AccountID, at.path)
		return slices.ContainsFunc(locks, func(l lock) bool { return l.token == c.token }), nil
	}
	etag, known := e.etags[at.path]
	if !known {
		n, err := e.h.core.StatNode(ctx, principal(e.r), at.path)
		switch {
		case err == nil && n.Object != nil:
			etag = n.Object.ETag
		case err != nil && !errors.Is(err, objectv1.ErrNodeNotFound):
			return false, err //nolint:wrapcheck // it says what was being done
		}
		e.etags[at.path] = etag
	}
	return etag != "" && etag == c.etag, nil
}

// mayChange decides whether locks let the request change these places: each lock
// in the way must have its token in the If header, which must hold (RFC 4918,
// 7.4–7.6).
func (h *Handler) mayChange(r *http.Request, at target, changes ...change) error {
	tokens, err := h.evaluateIf(r, at)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if l := h.locks.obstacle(principal(r).AccountID, c, tokens); l != nil {
			return &lockedError{href: l.href}
		}
	}
	return nil
}
