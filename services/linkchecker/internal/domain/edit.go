package domain

import (
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// EditLife is how long a list under way waits for its next batch.
const EditLife = time.Minute

// maxGiven bounds the links of one list before doubles are left out.
const maxGiven = 10 * linksv1.MaxLinks

// Edit is a list under way. It is to nobody until its last batch is there.
type Edit struct {
	ID    string    `bson:"id"`
	Till  time.Time `bson:"till"` // then the sweep gives it up
	List  List      `bson:"list"`
	Seen  []byte    `bson:"seen"`  // seenSize bytes per link: what tells doubles
	Given int       `bson:"given"` // links that were brought, doubles too
	Done  int       `bson:"done"`  // of these, those whose documents stand
	// The batch brought last: Given before it, and the size of the list.
	LastFrom  int   `bson:"last_from"`
	LastStart int   `bson:"last_start"`
	Quota     int64 `bson:"quota,omitempty"` // links that the account may have; 0: any number

	// What the commit changes beside the list.
	Title    *string                `bson:"title,omitempty"`
	Password *string                `bson:"password,omitempty"` // PHC
	Options  *linksv1.OptionsChange `bson:"options,omitempty"`
}

const seenSize = 12

func newEdit(now time.Time) *Edit {
	return &Edit{ID: "ed_" + randomID(), Till: now.Add(EditLife), List: List{ID: "ls_" + randomID()}}
}

func randomID() string { return strings.ToLower(rand.Text()[:20]) }

// entry is a link that was read.
type entry struct {
	linksv1.LinkInput
	linksv1.Address
}

// parse reads the links of a batch, of which the first is number from in its list.
func parse(links []linksv1.LinkInput, from int) ([]entry, error) {
	if len(links) > linksv1.MaxBatch {
		return nil, fault.ErrInvalid.Msgf("a request brings %d links at most", linksv1.MaxBatch)
	}
	out := make([]entry, len(links))
	for i, l := range links {
		a, err := linksv1.ParseURL(l.URL)
		n := from + i + 1
		switch {
		case err != nil:
			return nil, linksv1.ErrBadLink.Msgf("link %d: %s", n, fault.From(err).Message)
		case l.Mirror < 0 || l.Mirror >= linksv1.MaxLinks:
			return nil, linksv1.ErrBadLink.Msgf("link %d: a mirror is from 0 to %d", n, linksv1.MaxLinks-1)
		case l.Backup && n == 1:
			return nil, linksv1.ErrBadLink.Msgf("link 1: a backup stands behind the link that it stands in for")
		}
		out[i] = entry{l, a}
	}
	return out, nil
}

// take adds a batch to the list, or finds the links of one that was added before,
// and gives them. Nothing is taken of a batch that does not fit.
func (e *Edit) take(container string, from int, batch []entry, lane func(linksv1.Address) (normal, host string)) ([]Link, error) {
	start := len(e.Seen) / seenSize
	switch {
	case from == e.Given && e.Done == e.Given:
	case from == e.LastFrom && from+len(batch) == e.Given:
		start = e.LastStart // again
	default:
		return nil, fault.ErrInvalid.Msgf("from is %d; the request has %d links so far", from, e.Done)
	}
	seen := map[string]bool{}
	for i := range start {
		seen[string(e.Seen[i*seenSize:(i+1)*seenSize])] = true
	}
	marks, hosts := slices.Clone(e.Seen[:start*seenSize]), slices.Clone(e.List.Hosts)
	var links []Link
	for _, b := range batch {
		sum := sha256.Sum256([]byte(b.Key))
		mark := string(sum[:seenSize])
		if seen[mark] {
			continue
		}
		seen[mark] = true
		marks = append(marks, mark...)
		if !slices.Contains(hosts, b.Host) {
			hosts = append(hosts, b.Host)
		}
		normal, host := lane(b.Address)
		links = append(links, newLink(container, e.List.ID, start+len(links), b, normal, host))
	}
	if start+len(links) > linksv1.MaxLinks || from+len(batch) > maxGiven {
		return nil, linksv1.ErrTooManyLinks
	}
	if from == e.Given {
		e.LastFrom, e.LastStart, e.Given = from, start, from+len(batch)
		e.List.grow(len(links))
		e.Seen, e.List.Hosts = marks, hosts
	}
	return links, nil
}
