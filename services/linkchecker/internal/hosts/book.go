package hosts

import (
	"net/url"
	"strings"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// Item is a link to be checked.
type Item struct {
	URL *url.URL // absolute, http or https
	ID  string   // of the file, where a host's rule knows it
	// Normal is the link as its host would write it.
	Normal string
}

// Of finds the rule for a link, and what it asks about. Nil is the generic rule.
func (b *Book) Of(u *url.URL) (*Host, Item) {
	it := Item{URL: u, Normal: u.String()}
	h := b.byName[Domain(u.Hostname())]
	if h == nil || h.ID.Regexp == nil {
		return h, it
	}
	m := h.ID.FindStringSubmatch(u.RequestURI())
	if m == nil {
		return h, it
	}
	it.ID = m[max(h.ID.SubexpIndex("id"), 1)]
	if h.Normal != "" {
		it.Normal = h.Normal.with("{id}", it.ID)
	}
	return h, it
}

// Domain is a host's name without "www.", lower case.
func Domain(host string) string {
	return strings.TrimPrefix(strings.ToLower(strings.TrimSuffix(host, ".")), "www.")
}

// Lane gives the form of a link that is the same for all of its spellings, and the
// name under which its host is treated politely.
func (b *Book) Lane(u *url.URL) (normal, lane string) {
	h, it := b.Of(u)
	if h == nil {
		return it.Normal, Domain(u.Hostname())
	}
	return it.Normal, h.Name
}

// Through is the lane of a redirect's target, for a link whose lane it may be, too.
func (b *Book) Through(from, to *url.URL) string {
	if h, _ := b.Of(from); h != nil && h.owns(to) {
		return h.Name
	}
	_, lane := b.Lane(to)
	return lane
}

// LimitOf is how politely a lane is treated.
func (b *Book) LimitOf(lane string) Limit {
	l := b.limit
	for _, h := range b.byName {
		if h.Name != lane {
			continue
		}
		if h.Limit.Concurrency > 0 {
			l.Concurrency = h.Limit.Concurrency
		}
		if h.Limit.Rate > 0 {
			l.Rate = h.Limit.Rate
		}
		break
	}
	return l
}

// BatchOf is how many links like u one request may ask about.
func (b *Book) BatchOf(u *url.URL) int {
	if h, it := b.Of(u); h != nil && h.Call != nil && it.ID != "" {
		return h.Call.Batch
	}
	return 1
}

// Generic is the name of the rule for hosts of which nothing is known.
const Generic = "generic"

// RuleOf is the name of the rule that a link is checked by.
func (b *Book) RuleOf(u *url.URL) string {
	if h, it := b.Of(u); h != nil && it.ID != "" {
		return h.Name
	}
	return Generic
}

// Finding is what a check of a link found.
type Finding struct {
	Status     linksv1.Status
	Reason     linksv1.Reason
	HTTPStatus int
	Name       string
	Size       int64 // bytes; 0: not said
	// RetryAfter is what the host asked for; seconds, 0: nothing.
	RetryAfter int
}
