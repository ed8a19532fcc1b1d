package hosts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// call asks a host's checker about a batch.
func (h *Host) call(ctx context.Context, ask Asker, items []Item) ([]Finding, error) {
	req, err := h.Call.request(ctx, items)
	if err != nil {
		return nil, fmt.Errorf("making the call to %s: %w", h.Name, err)
	}
	a, err := send(ctx, ask, h, req)
	if err != nil {
		f, err := failure(ctx, err)
		return slices.Repeat([]Finding{f}, len(items)), err
	}
	out := slices.Repeat([]Finding{{Status: linksv1.Unknown, Reason: linksv1.ReasonUnclear, HTTPStatus: a.status, RetryAfter: retryAfter(a.header)}}, len(items))
	if busy, why := a.trouble(); busy {
		for i := range out {
			out[i].Reason = why
		}
		return out, nil
	}
	if len(items) == 1 && slices.Contains(h.Call.Gone, a.status) {
		out[0].Status, out[0].Reason = linksv1.Offline, linksv1.ReasonGone
		return out, nil
	}
	// Half an answer leaves files out that are there.
	if a.status != http.StatusOK || a.cut {
		return out, nil
	}
	if h.Call.Entries != nil {
		h.Call.Entries.read(a.body, items, out)
	} else {
		h.Call.Lines.read(a, items, out)
	}
	return out, nil
}

func (c *Call) request(ctx context.Context, items []Item) (*http.Request, error) {
	ids, urls := make([]string, len(items)), make([]string, len(items))
	for i, it := range items {
		ids[i], urls[i] = it.ID, it.Normal
	}
	join := c.Join
	if join == "" {
		join = ","
	}
	escaped := make([]string, len(ids))
	for i, id := range ids {
		escaped[i] = url.PathEscape(id)
	}
	to := c.URL.with("{ids}", strings.Join(escaped, ","))
	var body io.Reader
	mediaType := ""
	switch {
	case len(c.Form) > 0:
		form := url.Values{}
		for name, v := range c.Form {
			if strings.Contains(v, "{id}") || strings.Contains(v, "{url}") {
				for i := range items {
					form.Add(name, template(v).with("{id}", ids[i], "{url}", urls[i]))
				}
				continue
			}
			form.Set(name, template(v).with("{ids}", strings.Join(ids, join), "{urls}", strings.Join(urls, join)))
		}
		body, mediaType = strings.NewReader(form.Encode()), "application/x-www-form-urlencoded"
	case c.JSON != "":
		list, err := json.Marshal(ids)
		if err != nil {
			return nil, err //nolint:wrapcheck // the caller says what was being done
		}
		body, mediaType = strings.NewReader(strings.ReplaceAll(c.JSON, `"{ids}"`, string(list))), "application/json"
	}
	req, err := http.NewRequestWithContext(ctx, c.Method, to, body)
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	for k, v := range c.Headers {
		req.Header.Set(k, v)
	}
	// It asks, whatever its method: the transport may send it again when a connection
	// that was idle turns out to be closed. The header itself is not sent.
	req.Header["Idempotency-Key"] = nil
	return req, nil
}

// read finds the files in a JSON answer.
func (e *Entries) read(body []byte, items []Item, out []Finding) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var all any
	if err := d.Decode(&all); err != nil {
		return
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return // something else stands behind it
	}
	for _, s := range e.Sane {
		if !s.holds(all) {
			return
		}
	}
	list, there := at(all, e.List)
	if !there {
		return
	}
	entries := byID{exact: map[string]any{}, folded: map[string]any{}}
	switch list := list.(type) {
	case []any:
		for _, x := range list {
			if id, ok := at(x, e.ID); ok {
				entries.add(literal(id), x, items)
			}
		}
	case map[string]any:
		if e.ID != "" { // about one file, or no answer
			id, ok := at(list, e.ID)
			if !ok {
				return
			}
			entries.add(literal(id), list, items)
			break
		}
		for id, x := range list {
			entries.add(id, x, items)
		}
	default:
		return
	}
	for i, it := range items {
		x, known := entries.of(it.ID)
		e.decide(x, known, &out[i])
	}
}

// byID finds entries. Some hosts write ids in another case than links do; but one that
// was asked for as it stands is nobody else's.
type byID struct{ exact, folded map[string]any }

func (b byID) add(id string, x any, asked []Item) {
	b.exact[id] = x
	if !slices.ContainsFunc(asked, func(it Item) bool { return it.ID == id }) {
		b.folded[strings.ToLower(id)] = x
	}
}

func (b byID) of(id string) (x any, known bool) {
	if x, known = b.exact[id]; !known {
		x, known = b.folded[strings.ToLower(id)]
	}
	return x, known
}

// decide says what an entry, or that there is none, tells of a file.
func (e *Entries) decide(x any, known bool, f *Finding) {
	switch {
	case !known && e.Absent == string(linksv1.Offline), known && anyHolds(e.Gone, x):
		f.Status, f.Reason = linksv1.Offline, linksv1.ReasonRemoved
	case known && anyHolds(e.Locked, x):
		f.Status, f.Reason = linksv1.Online, linksv1.ReasonRestricted
	case known && anyHolds(e.Online, x):
		f.Status, f.Reason = linksv1.Online, linksv1.ReasonFound
	}
	if f.Status == linksv1.Online {
		f.Name, f.Size = text(valueAt(x, e.Name)), size(valueAt(x, e.Size))
	}
}

func anyHolds(fields []Field, x any) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.holds(x) })
}

func (f Field) holds(x any) bool {
	v, there := at(x, f.Path)
	if !there || v == nil {
		return false
	}
	return len(f.In) == 0 || slices.Contains(f.In, literal(v))
}

// at follows a path of names through objects; "" is where it stands.
func at(v any, path string) (any, bool) {
	if path == "" {
		return v, true
	}
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[name]; !ok {
			return nil, false
		}
	}
	return v, true
}

func valueAt(v any, path string) string {
	if path == "" {
		return ""
	}
	x, _ := at(v, path)
	return literal(x)
}

// literal writes a value as rules do.
func literal(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// read finds the stretches that tell of the files.
func (l *Lines) read(a answer, items []Item, out []Finding) {
	parts := l.stretches(string(a.body))
	for i, it := range items {
		// A URL is the surer sign: short ids stand in other places too.
		part := find(parts, it.Normal)
		if part == "" {
			part = find(parts, it.ID)
		}
		if part == "" {
			continue
		}
		b, f := []byte(part), &out[i]
		switch {
		case l.Offline.in(b):
			f.Status, f.Reason = linksv1.Offline, linksv1.ReasonRemoved
		case l.Locked.in(b):
			f.Status, f.Reason = linksv1.Online, linksv1.ReasonRestricted
		case l.Online.in(b):
			f.Status, f.Reason = linksv1.Online, linksv1.ReasonFound
		}
		if f.Status == linksv1.Online {
			f.Name, f.Size = text(l.Name.group(b)), size(l.Size.group(b))
		}
	}
}

// stretches parts an answer.
func (l *Lines) stretches(body string) []string {
	parts := strings.Split(body, l.Split)
	if l.End == "" {
		return parts
	}
	parts = parts[1:]
	for i, p := range parts {
		parts[i], _, _ = strings.Cut(p, l.End)
	}
	return parts
}

// find gives the first stretch with what in it, as a whole: an id may be the
// beginning of another one.
func find(parts []string, what string) string {
	for _, p := range parts {
		for at, rest := 0, p; ; {
			i := strings.Index(rest, what)
			if i < 0 {
				break
			}
			end := i + len(what)
			if before, after := p[:at+i], rest[end:]; !ofID(before, len(before)-1) && !ofID(after, 0) {
				return p
			}
			at, rest = at+end, rest[end:]
		}
	}
	return ""
}

// ofID reports whether the byte at i is one that ids are made of.
func ofID(s string, i int) bool {
	if i < 0 || i >= len(s) {
		return false
	}
	c := s[i]
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
