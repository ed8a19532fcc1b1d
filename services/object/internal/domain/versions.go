package domain

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
)

// versionBytes is what an entry of a version listing takes beside its key, bytes of JSON.
const versionBytes = 300

// ListVersions gives a page of versions and delete markers, by key and newest
// first within a key.
func (s *Service) ListVersions(ctx context.Context, r objectv1.ListVersionsRequest) (objectv1.ListVersionsResponse, error) {
	none := objectv1.ListVersionsResponse{}
	b, _, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionListObjects, r.Prefix)
	if err == nil && b.isDrive() {
		err = objectv1.ErrNotInDrive
	}
	if err != nil {
		return none, err
	}
	if err := checkVersionListing(r); err != nil {
		return none, err
	}
	l := versionLister{s: s, b: b, prefix: r.Prefix, max: r.MaxKeys, out: []objectv1.ListedVersion{}}
	if err := l.start(ctx, r); err != nil {
		return none, err
	}
	if err := l.fill(ctx); err != nil {
		return none, err
	}
	out := objectv1.ListVersionsResponse{Versions: l.out, Truncated: l.more}
	if last := len(l.out) - 1; l.more && last >= 0 {
		out.NextKeyMarker, out.NextVersionIDMarker = l.out[last].Key, l.out[last].VersionID
	}
	return out, nil
}

func checkVersionListing(r objectv1.ListVersionsRequest) error {
	if r.MaxKeys < 1 || r.MaxKeys > maxKeys {
		return fault.ErrInvalid.Msgf("maxKeys is 1 to %d", maxKeys)
	}
	for _, text := range []string{r.Prefix, r.KeyMarker} {
		if len(text) > objectv1.MaxKey || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			return fault.ErrInvalid.Msgf("prefix and keyMarker are at most %d bytes of UTF-8 without NUL", objectv1.MaxKey)
		}
	}
	if r.VersionIDMarker == "" || r.VersionIDMarker == nullAlias && r.KeyMarker != "" {
		return nil
	}
	if _, err := ulid.ParseStrict(r.VersionIDMarker); err != nil || r.KeyMarker == "" {
		return fault.ErrInvalid.Msgf("versionIdMarker is a version id, and comes with keyMarker")
	}
	return nil
}

// versionLister fills one page. Versions are read in the order of the index, by
// key and oldest first; what a key shows, and in which order, its head decides.
type versionLister struct {
	s      *Service
	b      Bucket
	prefix string
	max    int
	at     Range // where the next key is looked for
	out    []objectv1.ListedVersion
	bytes  int
	more   bool // there is at least one entry behind those in out
}

// start finds the place behind the markers, and takes what is left of the
// marker's key.
func (l *versionLister) start(ctx context.Context, r objectv1.ListVersionsRequest) error {
	to, bounded := docstore.PrefixEnd(l.prefix)
	if !bounded {
		to = ""
	}
	l.at = Range{From: l.prefix, To: to}
	if r.KeyMarker < l.prefix || r.KeyMarker == "" {
		return nil
	}
	l.at.From, l.at.After = r.KeyMarker, true
	if r.VersionIDMarker == "" || !strings.HasPrefix(r.KeyMarker, l.prefix) {
		return nil
	}
	below, err := l.below(ctx, r.KeyMarker, r.VersionIDMarker)
	if err != nil {
		return err
	}
	return l.key(ctx, r.KeyMarker, below)
}

// below is the order of the version that a marker names. One that was removed
// since it was listed may be forgotten: then its key is listed from its start,
// so that nothing is missed.
func (l *versionLister) below(ctx context.Context, key, id string) (int64, error) {
	h, _, err := l.s.st.Heads.Get(ctx, l.b.ID, key)
	if err != nil {
		return 0, fmt.Errorf("reading the head: %w", err)
	}
	if id == nullAlias {
		id = h.Null
	}
	if id != "" && id == h.Current {
		return h.Order, nil
	}
	v, err := l.s.st.Versions.Get(ctx, id)
	switch {
	case errors.Is(err, ErrNoDocument):
		return math.MaxInt64, nil
	case err != nil:
		return 0, fmt.Errorf("reading the version: %w", err)
	case v.Bucket != l.b.ID || v.Key != key || v.Order == 0:
		return math.MaxInt64, nil // another object's id is answered as one that never was
	}
	return v.Order, nil
}

// fill reads versions until the page is full. What shows nothing, uploads under
// way for one, is passed over in steps that grow.
func (l *versionLister) fill(ctx context.Context) error {
	fetch := 0
	for rest := true; rest && !l.more; {
		had := len(l.out)
		fetch = max(fetch, l.max+1-had, 2)
		var err error
		if rest, err = l.read(ctx, min(fetch, maxKeys+1)); err != nil {
			return err
		}
		if fetch *= 2; len(l.out) > had {
			fetch = 0
		}
	}
	return nil
}

// read takes the next keys, and reports whether others follow.
func (l *versionLister) read(ctx context.Context, limit int) (bool, error) {
	page, rest, err := l.s.st.Versions.Between(ctx, l.b.ID, l.at, limit)
	if err != nil {
		return false, fmt.Errorf("listing versions: %w", err)
	}
	met := byKey(page)
	if !rest {
		return false, l.keys(ctx, met)
	}
	// The last key may have more versions than were read.
	last := met[len(met)-1][0].Key
	if met = met[:len(met)-1]; len(met) > 0 {
		err = l.keys(ctx, met)
		l.at.From, l.at.After = last, false
	} else {
		err = l.key(ctx, last, math.MaxInt64)
		l.at.From, l.at.After = last, true
	}
	return true, err
}

// byKey cuts a page of versions where the key changes.
func byKey(page []Version) [][]Version {
	var groups [][]Version
	for i, v := range page {
		if i == 0 || v.Key != page[i-1].Key {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], v)
	}
	return groups
}

// keys takes all versions of some keys, which were met in the order of the index.
func (l *versionLister) keys(ctx context.Context, met [][]Version) error {
	heads := make([]Head, len(met))
	err := together(len(met), func(i int) (err error) {
		heads[i], _, err = l.s.st.Heads.Get(ctx, l.b.ID, met[i][0].Key)
		return err
	})
	if err != nil {
		return fmt.Errorf("reading heads: %w", err)
	}
	groups, err := l.again(ctx, heads, met)
	if err != nil {
		return err
	}
	for i, g := range groups {
		if l.more {
			return nil
		}
		if !l.arrange(heads[i], g) {
			// The head has moved on since it was read.
			if err := l.key(ctx, met[i][0].Key, math.MaxInt64); err != nil {
				return err
			}
		}
	}
	return nil
}

// again reads the versions a second time, behind their heads. Before them, a
// version that its head had discarded could be read, and after them the head when
// nothing in it tells of that any more. A key that shows its current version
// alone needs none of this.
func (l *versionLister) again(ctx context.Context, heads []Head, met [][]Version) ([][]Version, error) {
	alone, total := true, 0 // of each key no more than the current version is shown
	for i, g := range met {
		total += len(g)
		alone = alone && !slices.ContainsFunc(g, heads[i].shows)
	}
	if alone {
		return met, nil
	}
	r := Range{From: l.at.From, After: l.at.After, To: met[len(met)-1][0].Key + "\x00"}
	page, rest, err := l.s.st.Versions.Between(ctx, l.b.ID, r, total+len(met))
	if err != nil {
		return nil, fmt.Errorf("listing versions: %w", err)
	}
	now := byKey(page)
	if rest && len(now) > 0 {
		now = now[:len(now)-1] // cut short: it is looked at alone
	}
	groups, next := make([][]Version, len(met)), 0
	for i, g := range met {
		for next < len(now) && now[next][0].Key < g[0].Key {
			next++ // it came since
		}
		if next < len(now) && now[next][0].Key == g[0].Key {
			groups[i] = now[next]
		}
	}
	return groups, nil
}

// arrange takes the versions of a key as its head shows them; false when the
// head shows one that is not among them.
func (l *versionLister) arrange(h Head, versions []Version) bool {
	if h.Current == "" {
		return true
	}
	at := slices.IndexFunc(versions, func(v Version) bool { return v.ID == h.Current })
	if at < 0 || versions[at].State == VersionRemoving || versions[at].State == VersionRemoved {
		return false
	}
	l.add(versions[at], true)
	for _, v := range slices.Backward(versions) {
		if h.shows(v) {
			l.add(v, false)
		}
	}
	return true
}

// shows reports whether v is a version of h's key behind the current one.
func (h Head) shows(v Version) bool {
	return v.ID != h.Current && v.State == VersionCommitted && v.Order < h.Order && !h.discards(v.ID)
}

// add takes an entry, or notes that there is one more.
func (l *versionLister) add(v Version, latest bool) {
	e := objectv1.ListedVersion{
		Key: v.Key, VersionID: v.ID, Latest: latest, DeleteMarker: v.Marker, Size: v.Size, ETag: v.ETag,
		LastModified: v.CreatedAt, StorageClass: v.StorageClass,
	}
	n := jsonLen(v.Key) + versionBytes
	if l.more = l.more || len(l.out) >= l.max || len(l.out) > 0 && l.bytes+n > maxListBytes; l.more {
		return
	}
	l.bytes += n
	l.out = append(l.out, e)
}

// key takes the versions of one key whose order is below that one.
func (l *versionLister) key(ctx context.Context, key string, below int64) error {
	for range casAttempts {
		h, _, err := l.s.st.Heads.Get(ctx, l.b.ID, key)
		if err != nil {
			return fmt.Errorf("reading the head: %w", err)
		}
		if h.Current == "" {
			return nil
		}
		if h.Order < below {
			v, err := l.s.st.Versions.Get(ctx, h.Current)
			if errors.Is(err, ErrNoDocument) {
				continue // the head has moved on
			}
			if err != nil {
				return fmt.Errorf("reading the version: %w", err)
			}
			if v.State == VersionRemoving || v.State == VersionRemoved {
				if err := l.s.finishCurrent(ctx, l.b, v); err != nil {
					return err
				}
				continue
			}
			l.add(v, true)
		}
		return l.older(ctx, h, min(below, h.Order))
	}
	return errBusy
}

// older takes the versions of a key behind that order.
func (l *versionLister) older(ctx context.Context, h Head, below int64) error {
	for !l.more {
		page, err := l.s.st.Versions.Before(ctx, h.Bucket, h.Key, below, l.max+1-len(l.out))
		if err != nil {
			return fmt.Errorf("listing versions: %w", err)
		}
		for _, v := range page {
			if h.shows(v) {
				l.add(v, false)
			}
			below = v.Order
		}
		if len(page) == 0 {
			return nil
		}
	}
	return nil
}
