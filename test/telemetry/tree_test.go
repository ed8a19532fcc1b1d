package telemetry_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// tree is the spans of one trace by their ids.
type tree map[string]span

// step is what a span on the way from a cause to its effect has to be.
type step struct {
	service string
	kind    tracepb.Span_SpanKind
	attrs   map[string]string // an empty value is any
}

func (s step) is(p span) bool {
	if p.service != s.service || p.kind != s.kind {
		return false
	}
	for k, v := range s.attrs {
		if have, ok := p.attrs[k]; !ok || v != "" && have != v {
			return false
		}
	}
	return true
}

func (s step) String() string { return fmt.Sprintf("%s %v %v", s.service, s.kind, s.attrs) }

// ways counts the spans that are the last step and have the other ones above them,
// in this order, from the root on; the root is a child of the span given.
func (t tree) ways(under string, steps ...step) int {
	n := 0
	for _, p := range t {
		if steps[len(steps)-1].is(p) && t.reached(p, under, steps) {
			n++
		}
	}
	return n
}

// reached walks from a span to the root.
func (t tree) reached(p span, under string, steps []step) bool {
	i := len(steps) - 1
	for {
		if i >= 0 && steps[i].is(p) {
			i--
		}
		above, ok := t[p.parent]
		if !ok {
			return i < 0 && p.parent == under
		}
		p = above
	}
}

// faults finds what a trace store would show wrongly.
func (t tree) faults(under string) []string {
	var out []string
	for _, p := range t {
		above, ok := t[p.parent]
		switch {
		case !ok && p.parent != under:
			out = append(out, fmt.Sprintf("%s of %s has a parent that nobody sent", p.name, p.service))
		case ok && p.start+uint64(5*time.Millisecond) < above.start:
			out = append(out, fmt.Sprintf("%s began before its cause %s", p.name, above.name))
		case p.service == "" || p.pid == "" || p.name == "" || p.end < p.start:
			out = append(out, fmt.Sprintf("%+v is not whole", p))
		}
		if want := named(p); want != "" && p.name != want {
			out = append(out, fmt.Sprintf("%q should be %q by the semantic conventions", p.name, want))
		}
		if to := p.attrs["messaging.destination.name"]; to != "" && !ofMessage(p.name, p.attrs["messaging.operation.name"], to) {
			out = append(out, fmt.Sprintf("%q should say what it does with %q", p.name, to))
		}
	}
	return out
}

// ofMessage reports whether a span's name is the operation and the destination, or
// of a subject with a token for each host or thing, its first token.
func ofMessage(name, operation, destination string) bool {
	what, ok := strings.CutPrefix(name, operation+" ")
	return ok && (what == destination || strings.HasPrefix(destination, what+"."))
}

// named gives the name that the semantic conventions of HTTP and RPC want; empty for
// other spans.
func named(p span) string {
	a := p.attrs
	switch {
	case p.kind == tracepb.Span_SPAN_KIND_SERVER && a["http.request.method"] != "":
		return strings.TrimSpace(a["http.request.method"] + " " + a["http.route"])
	case p.kind == tracepb.Span_SPAN_KIND_CLIENT && a["http.request.method"] != "":
		return a["http.request.method"]
	case a["rpc.method"] != "":
		return a["rpc.method"]
	}
	return ""
}

// services that took part, and how many processes they ran in.
func (t tree) services() (names []string, processes int) {
	of, pids := map[string]bool{}, map[string]bool{}
	for _, p := range t {
		of[p.service], pids[p.pid] = true, true
	}
	return slices.Sorted(maps.Keys(of)), len(pids)
}

// String draws the trace: who did what, when it began after the first, how long it took.
func (t tree) String() string {
	below := map[string][]span{}
	var roots []span
	first := uint64(0)
	for _, p := range t {
		if _, ok := t[p.parent]; ok {
			below[p.parent] = append(below[p.parent], p)
		} else {
			roots = append(roots, p)
		}
		if first == 0 || p.start < first {
			first = p.start
		}
	}
	var b strings.Builder
	lines := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	var draw func(ps []span, indent string)
	draw = func(ps []span, indent string) {
		slices.SortFunc(ps, func(a, b span) int { return cmp.Compare(a.start, b.start) })
		for i, p := range ps {
			branch, deeper := "├─ ", "│  "
			if i == len(ps)-1 {
				branch, deeper = "└─ ", "   "
			}
			kind := strings.ToLower(strings.TrimPrefix(p.kind.String(), "SPAN_KIND_"))
			fmt.Fprintf(lines, "%8.1f ms +%.1f ms\t%s\t%s\t%s\n", ms(p.start-first), ms(p.end-p.start), p.service, kind, indent+branch+p.name)
			draw(below[p.id], indent+deeper)
		}
	}
	draw(roots, "")
	_ = lines.Flush() // to memory
	return b.String()
}

func ms(nanoseconds uint64) float64 { return float64(nanoseconds) / 1e6 }
