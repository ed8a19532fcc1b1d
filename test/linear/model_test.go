package linear_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// kind of an operation on one key.
type kind string

const (
	read    kind = "read"    // GET, HEAD, or the key's line in a listing
	write   kind = "write"   // PUT, copy or complete; with a condition or without
	remove  kind = "remove"  // DELETE
	discard kind = "discard" // DELETE of one version
	turn    kind = "turn"    // PUT of the bucket's versioning
)

// request is what a client asked for. Values are ETags: no two writes of a
// history have the same content.
type request struct {
	Kind   kind   `json:"kind"`
	Way    string `json:"way"` // how it was asked for; the model does not look at it
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`  // write: what; discard: the value, or the marker, or null; turn: enabled or suspended
	Absent bool   `json:"absent,omitempty"` // write: only where nothing shows
	Match  string `json:"match,omitempty"`  // write: only over this value
}

// answer is what came back. Nothing is known of an operation without one: it
// may happen later, or never.
type answer struct {
	Known   bool   `json:"known"`
	Refused bool   `json:"refused,omitempty"` // write: 412
	Value   string `json:"value,omitempty"`   // read: what shows; "": nothing
	Marker  string `json:"marker,omitempty"`  // remove: the marker that was put; read: "yes" when nothing shows for a marker
	Blind   bool   `json:"blind,omitempty"`   // read: it cannot tell a marker from nothing
}

// Versioning as a bucket may turn to it; none turns back.
const (
	enabled   = "Enabled"
	suspended = "Suspended"
)

// nulls stands before the null version, markers before a delete marker.
const (
	nulls   = "~"
	markers = "m:"
)

// step is the whole specification of a key. The state is the bucket's versioning
// and then the versions of the key, oldest first, each behind a space.
func step(state string, in request, out answer) (bool, string) {
	versioning, versions, _ := strings.Cut(state, " ")
	list := strings.Fields(versions)
	shows := ""
	if len(list) > 0 {
		shows = strings.TrimPrefix(list[len(list)-1], nulls)
	}
	marker := strings.HasPrefix(shows, markers)
	visible := shows != "" && !marker
	next := func(versioning string, list []string) (bool, string) {
		return true, strings.Join(append([]string{versioning}, list...), " ")
	}
	switch in.Kind {
	case read:
		if out.Value != "" {
			return out.Value == shows, state
		}
		return !visible && (out.Blind || marker == (out.Marker != "")), state
	case write:
		holds := (!in.Absent || !visible) && (in.Match == "" || in.Match == shows)
		if out.Known && holds == out.Refused {
			return false, state
		}
		if !holds {
			return true, state
		}
		return next(versioning, push(versioning, list, in.Value))
	case remove:
		switch marks := visible && versioning != ""; {
		case out.Known && marks != (out.Marker != ""):
			return false, state
		case marks:
			return next(versioning, push(versioning, list, markers+out.Marker))
		case visible:
			return next(versioning, nil)
		}
		return true, state
	case discard:
		return next(versioning, slices.DeleteFunc(list, func(v string) bool {
			return strings.TrimPrefix(v, nulls) == in.Value || in.Value == "null" && strings.HasPrefix(v, nulls)
		}))
	case turn:
		return next(in.Value, list)
	}
	return false, state
}

// push adds a version, or a marker. Unless versions are kept it is the null
// version and takes the place of the one there was.
func push(versioning string, list []string, version string) []string {
	if versioning == enabled {
		return append(list, version)
	}
	list = slices.DeleteFunc(list, func(v string) bool { return strings.HasPrefix(v, nulls) })
	return append(list, nulls+version)
}

// model is step as porcupine wants it, a key at a time.
func model() porcupine.Model {
	return porcupine.Model{
		Partition: func(h []porcupine.Operation) [][]porcupine.Operation {
			byKey := map[string][]porcupine.Operation{}
			var keys []string
			for _, op := range h {
				k := op.Input.(request).Key
				if byKey[k] == nil {
					keys = append(keys, k)
				}
				byKey[k] = append(byKey[k], op)
			}
			slices.Sort(keys)
			parts := make([][]porcupine.Operation, len(keys))
			for i, k := range keys {
				parts[i] = byKey[k]
			}
			return parts
		},
		Init: func() any { return "" },
		Step: func(state, in, out any) (bool, any) {
			ok, next := step(state.(string), in.(request), out.(answer))
			return ok, next
		},
		DescribeOperation: func(in, out any) string { return describe(in.(request), out.(answer)) },
		DescribeState:     func(state any) string { return fmt.Sprintf("[%s]", short(strings.TrimSpace(state.(string)))) },
	}
}

func describe(in request, out answer) string {
	s := in.Way
	if in.Value != "" {
		s += " " + short(in.Value)
	}
	if in.Absent {
		s += " if absent"
	}
	if in.Match != "" {
		s += " over " + short(in.Match)
	}
	switch {
	case !out.Known:
		return s + " → no answer"
	case out.Refused:
		return s + " → refused"
	case in.Kind == read && out.Value != "":
		return s + " → " + short(out.Value)
	case in.Kind == read && out.Marker != "":
		return s + " → marker"
	case in.Kind == read:
		return s + " → nothing"
	case out.Marker != "":
		return s + " → marker " + short(out.Marker)
	}
	return s + " → done"
}

// short cuts the values of a text to what tells them apart.
func short(s string) string {
	f := strings.Fields(strings.ReplaceAll(s, `"`, ""))
	for i, v := range f {
		if p, ok := strings.CutPrefix(v, "m:"); ok {
			f[i] = "m:" + p[max(0, len(p)-6):]
		} else if len(v) > 8 {
			f[i] = v[:8]
		}
	}
	return strings.Join(f, " ")
}

// never is later than every return.
const never = int64(math.MaxInt64)

// check tells whether a history is linearizable, and shows the first key of
// which it is not. The checker tries all orders, and what went unanswered and
// was never seen may stand anywhere or be left out; so it is left out at first,
// since it may always have happened after the end. Then come the removals: of
// what was written and seen by nobody, few orders need any.
func check(h []porcupine.Operation, within time.Duration) (porcupine.CheckResult, porcupine.LinearizationInfo) {
	for _, key := range model().Partition(seen(h)) {
		known := without(key, func(kind) bool { return true })
		removed := without(key, func(k kind) bool { return k == write })
		if porcupine.CheckOperationsTimeout(model(), known, within) == porcupine.Ok ||
			porcupine.CheckOperationsTimeout(model(), removed, within) == porcupine.Ok {
			continue
		}
		if result, info := porcupine.CheckOperationsVerbose(model(), key, within); result != porcupine.Ok {
			return result, info
		}
	}
	return porcupine.Ok, porcupine.LinearizationInfo{}
}

// without leaves out what nobody knows of, of the kinds that drop names.
func without(h []porcupine.Operation, drop func(kind) bool) []porcupine.Operation {
	return slices.DeleteFunc(slices.Clone(h), func(op porcupine.Operation) bool {
		return op.Return == never && drop(op.Input.(request).Kind)
	})
}

// seen drops reads without an answer, and ends writes without one when somebody
// first saw what they wrote: by then they had happened.
func seen(h []porcupine.Operation) []porcupine.Operation {
	first := map[string]int64{}
	note := func(key, value string, at int64) {
		if k := key + " " + value; value != "" && (first[k] == 0 || at < first[k]) {
			first[k] = at
		}
	}
	for _, op := range h {
		in, out := op.Input.(request), op.Output.(answer)
		if out.Known && in.Kind == read {
			note(in.Key, out.Value, op.Return)
		}
		if out.Known && in.Kind == write && !out.Refused {
			note(in.Key, in.Match, op.Return)
		}
	}
	var rest []porcupine.Operation
	for _, op := range h {
		in := op.Input.(request)
		if op.Output.(answer).Known {
			rest = append(rest, op)
			continue
		}
		if in.Kind == read {
			continue
		}
		op.Return = never
		if at := first[in.Key+" "+in.Value]; in.Kind == write && at != 0 {
			op.Return = at
		}
		rest = append(rest, op)
	}
	return rest
}

// TestCheck_Histories holds the checker itself to histories that people can judge.
func TestCheck_Histories(t *testing.T) {
	t.Parallel()
	put := func(v string) request { return request{Kind: write, Way: "put", Key: "k", Value: v} }
	over := func(v, old string) request { return request{Kind: write, Way: "put", Key: "k", Value: v, Match: old} }
	fresh := func(v string) request { return request{Kind: write, Way: "put", Key: "k", Value: v, Absent: true} }
	turns := func(to string) request { return request{Kind: turn, Way: "turn", Key: "k", Value: to} }
	gone := func(v string) request { return request{Kind: discard, Way: "delete version", Key: "k", Value: v} }
	get, del := request{Kind: read, Way: "get", Key: "k"}, request{Kind: remove, Way: "delete", Key: "k"}
	done, lost := answer{Known: true}, answer{}
	sees := func(v string) answer { return answer{Known: true, Value: v} }
	refused := answer{Known: true, Refused: true}
	marker := func(id string) answer { return answer{Known: true, Marker: id} }
	op := func(from, to int64, in request, out answer) porcupine.Operation {
		return porcupine.Operation{Input: in, Output: out, Call: from, Return: to}
	}
	for name, c := range map[string]struct {
		h    []porcupine.Operation
		want porcupine.CheckResult
	}{
		"in turn":                  {[]porcupine.Operation{op(1, 2, put("a"), done), op(3, 4, get, sees("a"))}, porcupine.Ok},
		"stale read":               {[]porcupine.Operation{op(1, 2, put("a"), done), op(3, 4, put("b"), done), op(5, 6, get, sees("a"))}, porcupine.Illegal},
		"read beside a write":      {[]porcupine.Operation{op(1, 2, put("a"), done), op(3, 6, put("b"), done), op(4, 5, get, sees("a"))}, porcupine.Ok},
		"new, then old":            {[]porcupine.Operation{op(1, 2, put("a"), done), op(3, 9, put("b"), done), op(4, 5, get, sees("b")), op(6, 7, get, sees("a"))}, porcupine.Illegal},
		"lost update":              {[]porcupine.Operation{op(1, 2, put("a"), done), op(3, 6, over("b", "a"), done), op(4, 7, over("c", "a"), done)}, porcupine.Illegal},
		"one update wins":          {[]porcupine.Operation{op(1, 2, put("a"), done), op(3, 6, over("b", "a"), refused), op(4, 7, over("c", "a"), done)}, porcupine.Ok},
		"two firsts":               {[]porcupine.Operation{op(1, 4, fresh("a"), done), op(2, 3, fresh("b"), done)}, porcupine.Illegal},
		"refused for nothing":      {[]porcupine.Operation{op(1, 2, fresh("a"), refused)}, porcupine.Illegal},
		"acknowledged, then gone":  {[]porcupine.Operation{op(1, 2, put("a"), done), op(3, 4, get, sees(""))}, porcupine.Illegal},
		"unanswered, happened":     {[]porcupine.Operation{op(1, 2, put("a"), done), op(3, 4, put("b"), lost), op(9, 10, get, sees("b"))}, porcupine.Ok},
		"unanswered, did not":      {[]porcupine.Operation{op(1, 2, put("a"), done), op(3, 4, put("b"), lost), op(9, 10, get, sees("a"))}, porcupine.Ok},
		"unanswered, and undone":   {[]porcupine.Operation{op(1, 2, put("a"), lost), op(3, 4, get, sees("a")), op(5, 6, get, sees(""))}, porcupine.Illegal},
		"unanswered, unseen":       {[]porcupine.Operation{op(1, 2, put("a"), done), op(3, 4, put("b"), lost), op(5, 6, over("c", "a"), refused)}, porcupine.Ok},
		"unanswered, twice":        {[]porcupine.Operation{op(1, 2, put("a"), lost), op(3, 4, get, sees("a")), op(5, 6, del, done), op(7, 8, get, sees("a"))}, porcupine.Illegal},
		"from before it was asked": {[]porcupine.Operation{op(1, 2, get, sees("a")), op(3, 4, put("a"), lost)}, porcupine.Illegal},
		"marker of nothing":        {[]porcupine.Operation{op(1, 2, turns(enabled), done), op(3, 4, del, marker("1"))}, porcupine.Illegal},
		"marker without versions":  {[]porcupine.Operation{op(1, 2, put("a"), done), op(3, 4, del, marker("1"))}, porcupine.Illegal},
		"marker taken away": {[]porcupine.Operation{
			op(1, 2, turns(enabled), done), op(3, 4, put("a"), done), op(5, 6, del, marker("1")), op(7, 8, get, marker("yes")),
			op(9, 10, gone("m:1"), done), op(11, 12, get, sees("a")),
		}, porcupine.Ok},
		"version comes back": {[]porcupine.Operation{
			op(1, 2, turns(enabled), done), op(3, 4, put("a"), done), op(5, 6, put("b"), done), op(7, 8, gone("b"), done),
			op(9, 10, get, sees("a")), op(11, 12, get, sees("b")),
		}, porcupine.Illegal},
		"null version replaced": {[]porcupine.Operation{
			op(1, 2, put("a"), done), op(3, 4, turns(enabled), done), op(5, 6, put("b"), done), op(7, 8, turns(suspended), done),
			op(9, 10, put("c"), done), op(11, 12, gone("c"), done), op(13, 14, get, sees("b")), op(15, 16, gone("b"), done), op(17, 18, get, sees("")),
		}, porcupine.Ok},
		"null version twice": {[]porcupine.Operation{
			op(1, 2, put("a"), done), op(3, 4, turns(enabled), done), op(5, 6, turns(suspended), done),
			op(7, 8, put("c"), done), op(9, 10, gone("null"), done), op(11, 12, get, sees("a")),
		}, porcupine.Illegal},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := check(c.h, time.Minute); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
