package web

import (
	"encoding/json"
	"hash/maphash"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// liveRow is what a page says of a link beside its state, in the reader's language.
type liveRow struct {
	Link    int        `json:"link"`
	Name    string     `json:"name,omitempty"`
	About   string     `json:"about,omitempty"`
	Checked *time.Time `json:"checked,omitempty"`
}

func rowOf(in words, l linksv1.Link) liveRow {
	return liveRow{Link: l.Index, Name: l.Name, About: in.About(l), Checked: l.CheckedAt}
}

// liveRows tells one page which rows have changed since it was told last. It
// remembers eight bytes of each. nil has no rows.
type liveRows struct {
	in       words
	page     int64 // the revision that the page was made of; 0: it wants changes only
	revision int64 // that was told last
	seed     maphash.Seed
	told     []uint64
}

// changed gives the rows of a containerState that the page does not have.
func (r *liveRows) changed(value any) []liveRow {
	s, ok := value.(containerState)
	if r == nil || !ok || s.revision == r.revision {
		return nil
	}
	first := r.revision == 0
	if r.revision = s.revision; first {
		r.seed = maphash.MakeSeed()
	}
	same := len(r.told) == len(s.links) // else the page is to be loaded again
	told := make([]uint64, len(s.links))
	var out []liveRow
	for i, l := range s.links {
		row := rowOf(r.in, l)
		b, _ := json.Marshal(row) // nothing in it that JSON does not hold
		told[i] = maphash.Bytes(r.seed, b)
		if first && r.page != 0 && s.revision != r.page || same && told[i] != r.told[i] {
			out = append(out, row)
		}
	}
	r.told = told
	return out
}
