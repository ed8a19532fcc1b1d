package platform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// placements reads Blob.Placement: by region, where its object stores are made.
// Each entry is REGION=TERM;TERM…, a term tag:NAME or cluster:NAME; a server
// must be in that cluster and have all the tags. Tags may hold colons
// (tag:region:us).
func (s Settings) placements() (map[string]*jetstream.Placement, error) {
	out := map[string]*jetstream.Placement{}
	for _, entry := range s.Blob.Placement {
		region, terms, ok := strings.Cut(strings.TrimSpace(entry), "=")
		if !ok || terms == "" {
			return nil, fmt.Errorf("blob.placement %q: it is REGION=tag:NAME;cluster:NAME", entry)
		}
		if !slices.Contains(s.Regions, region) {
			return nil, fmt.Errorf("blob.placement: there is no region %q; regions has %s", region, strings.Join(s.Regions, ", "))
		}
		if out[region] != nil {
			return nil, fmt.Errorf("blob.placement: region %s is there twice; join its terms by ;", region)
		}
		p, err := placement(terms)
		if err != nil {
			return nil, fmt.Errorf("blob.placement, region %s: %w", region, err)
		}
		out[region] = p
	}
	return out, nil
}

func placement(terms string) (*jetstream.Placement, error) {
	p := &jetstream.Placement{}
	for term := range strings.SplitSeq(terms, ";") {
		kind, name, _ := strings.Cut(strings.TrimSpace(term), ":")
		if name == "" || strings.ContainsAny(name, " \t\r\n") {
			return nil, fmt.Errorf("%q is not tag:NAME or cluster:NAME", term)
		}
		switch {
		case kind == "tag" && !slices.Contains(p.Tags, name):
			p.Tags = append(p.Tags, name)
		case kind == "cluster" && p.Cluster == "":
			p.Cluster = name
		default:
			return nil, fmt.Errorf("%q is not tag:NAME or cluster:NAME, or there twice", term)
		}
	}
	return p, nil
}
