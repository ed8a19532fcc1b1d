package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// set is the labels that an expression's series have. The zero value is a scalar's.
type set map[string]bool

// checker follows labels through expressions.
type checker struct {
	known       map[string]map[string][]string
	parser      parser.Parser
	asked       map[string]bool
	expressions int
	where       string
	problems    []string
}

// newChecker also knows what Prometheus itself makes, and the labels that it adds.
func newChecker(known map[string]map[string][]string) *checker {
	c := &checker{known: maps.Clone(known), parser: parser.NewParser(parser.Options{}), asked: map[string]bool{}}
	c.known["up"] = map[string][]string{}
	c.known["ALERTS"] = map[string][]string{"alertname": nil, "alertstate": {"pending", "firing"}, "severity": {"page", "ticket"}}
	for name, ls := range c.known {
		ls = maps.Clone(ls)
		ls["instance"], ls["job"] = nil, []string{"sluice"}
		c.known[name] = ls
	}
	return c
}

func (c *checker) complain(format string, args ...any) {
	c.problems = append(c.problems, c.where+": "+fmt.Sprintf(format, args...))
}

// rule checks a rule; what it records can be asked for afterwards.
func (c *checker) rule(r rule) {
	c.where = r.where
	s, ok := c.expr(r.expr)
	if !ok {
		return
	}
	c.show(s, r.shows)
	if r.record != "" {
		c.known[r.record] = map[string][]string{}
		for l := range s {
			c.known[r.record][l] = nil
		}
	}
}

func (c *checker) query(q query) {
	c.where = q.where
	s, ok := c.expr(q.expr)
	if !ok {
		return
	}
	c.show(s, q.shows)
	if q.values != "" {
		c.show(s, []string{q.values})
	}
}

func (c *checker) show(s set, ls []string) {
	for _, l := range ls {
		if !s[l] {
			c.complain("shows label %s, which the result has not", l)
		}
	}
}

func (c *checker) expr(text string) (set, bool) {
	c.expressions++
	before := len(c.problems)
	e, err := c.parser.ParseExpr(plain(text))
	if err != nil {
		c.complain("%v", err)
		return nil, false
	}
	s := c.labels(e)
	return s, len(c.problems) == before
}

// labels gives those of an expression's series.
func (c *checker) labels(e parser.Expr) set {
	switch e := e.(type) {
	case *parser.VectorSelector:
		return c.selector(e)
	case *parser.MatrixSelector:
		return c.labels(e.VectorSelector)
	case *parser.SubqueryExpr:
		return c.labels(e.Expr)
	case *parser.ParenExpr:
		return c.labels(e.Expr)
	case *parser.UnaryExpr:
		return c.labels(e.Expr)
	case *parser.AggregateExpr:
		return c.aggregate(e)
	case *parser.Call:
		return c.call(e)
	case *parser.BinaryExpr:
		return c.binary(e)
	}
	return nil
}

func (c *checker) selector(v *parser.VectorSelector) set {
	ls, ok := c.known[v.Name]
	if !ok {
		c.complain("nobody reports %s", v.Name)
		return set{}
	}
	c.asked[v.Name] = true
	for _, m := range v.LabelMatchers {
		if m.Name == labels.MetricName {
			continue
		}
		values, ok := ls[m.Name]
		if !ok {
			c.complain("%s has no label %s", v.Name, m.Name)
			continue
		}
		for _, value := range alternatives(m) {
			if values != nil && !slices.Contains(values, value) {
				c.complain("label %s of %s is never %q", m.Name, v.Name, value)
			}
		}
	}
	out := set{}
	for l := range ls {
		out[l] = true
	}
	return out
}

var words = regexp.MustCompile(`^[\w.]+(\|[\w.]+)*$`)

// alternatives gives the values that a matcher names; patterns, Grafana's variables
// and the empty value, which means that the label is absent, name none.
func alternatives(m *labels.Matcher) []string {
	switch {
	case strings.Contains(m.Value, "$"), m.Value == "":
		return nil
	case m.Type == labels.MatchEqual, m.Type == labels.MatchNotEqual:
		return []string{m.Value}
	case words.MatchString(m.Value):
		return strings.Split(m.Value, "|")
	}
	return nil
}

func (c *checker) aggregate(a *parser.AggregateExpr) set {
	in := c.labels(a.Expr)
	out := set{}
	for _, l := range a.Grouping {
		if !in[l] {
			c.complain("groups by %s, which %s has not", l, a.Expr)
		}
		out[l] = true
	}
	switch {
	case a.Op == parser.TOPK || a.Op == parser.BOTTOMK:
		return in
	case a.Without:
		rest := maps.Clone(in)
		for l := range out {
			delete(rest, l)
		}
		return rest
	}
	return out
}

func (c *checker) call(f *parser.Call) set {
	var in set
	for _, arg := range f.Args {
		if s := c.labels(arg); in == nil {
			in = s
		}
	}
	switch f.Func.Name {
	case "vector":
		return set{}
	case "histogram_quantile":
		if !in["le"] {
			c.complain("histogram_quantile of %s, which has no buckets", f.Args[1])
		}
		in = maps.Clone(in)
		delete(in, "le")
	}
	return in
}

func (c *checker) binary(b *parser.BinaryExpr) set {
	l, r := c.labels(b.LHS), c.labels(b.RHS)
	m := b.VectorMatching
	if m == nil { // one of them is a scalar
		if l == nil {
			return r
		}
		return l
	}
	for _, name := range m.MatchingLabels {
		if m.On && (!l[name] || !r[name]) {
			c.complain("%s matches on %s, which not both sides have", b.Op, name)
		}
	}
	if b.Op == parser.LOR {
		all := maps.Clone(l)
		maps.Copy(all, r)
		return all
	}
	if !m.On && len(m.MatchingLabels) == 0 && !maps.Equal(l, r) {
		c.complain("%s of series with labels %v and %v, which never match", b.Op, names(l), names(r))
	}
	if m.On && m.Card == parser.CardOneToOne && !b.Op.IsSetOperator() {
		on := set{}
		for _, name := range m.MatchingLabels {
			on[name] = true
		}
		return on
	}
	return l
}

func names(s set) []string { return slices.Sorted(maps.Keys(s)) }
