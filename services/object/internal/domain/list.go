package domain

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
)

const (
	maxKeys = 1000
	// maxListBytes bounds an answer as JSON: it has to fit into a message of the
	// bus. A page that would be longer ends earlier, with a token.
	maxListBytes = 700 << 10
	// entryBytes is what an entry takes beside its strings, bytes of JSON, and
	// detailBytes what the details of a full listing add.
	entryBytes  = 220
	detailBytes = 700
	// firstFetch is how many heads are read after a jump. A delimiter makes
	// another jump likely; without one the fetches grow.
	firstFetch = 16
)

// ListObjects gives a page of the objects that a bucket shows.
func (s *Service) ListObjects(ctx context.Context, r objectv1.ListObjectsRequest) (objectv1.ListObjectsResponse, error) {
	out := objectv1.ListObjectsResponse{Objects: []objectv1.ListedObject{}, CommonPrefixes: []string{}}
	if err := granted(r.Principal, r.Bucket, objectv1.ActionListObjects, r.Prefix); err != nil {
		return out, err
	}
	if r.MaxKeys < 1 || r.MaxKeys > maxKeys {
		return out, fault.ErrInvalid.Msgf("maxKeys is 1 to %d", maxKeys)
	}
	for _, text := range []string{r.Prefix, r.Delimiter, r.StartAfter} {
		if len(text) > objectv1.MaxKey || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			return out, fault.ErrInvalid.Msgf("prefix, delimiter and startAfter are at most %d bytes of UTF-8 without NUL", objectv1.MaxKey)
		}
	}
	b, _, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionListObjects, r.Prefix)
	if err != nil {
		return out, err
	}
	at, err := s.listFrom(b, r)
	if err != nil {
		return out, err
	}
	l := lister{heads: s.st.Heads, bucket: b.ID, prefix: r.Prefix, delimiter: r.Delimiter, max: r.MaxKeys, at: at, out: &out, entry: entryBytes}
	if r.Full {
		l.entry += detailBytes
	}
	fill, detailed := l.fill, s.detailed
	if b.isDrive() {
		fill = func(ctx context.Context) (bool, error) { return s.fillDrive(ctx, b, &l) }
		detailed = s.detailedDrive
	}
	more, err := fill(ctx)
	if err == nil && r.Full {
		out.Objects, err = detailed(ctx, b, out.Objects)
	}
	if err != nil {
		return out, fmt.Errorf("listing objects: %w", err)
	}
	if more {
		out.NextToken = s.listToken(b, r, l.at)
	}
	return out, nil
}

// lister fills one page. at is where the next entry is looked for, always
// behind everything that is in out.
type lister struct {
	heads             Heads
	bucket            string
	prefix, delimiter string
	max               int
	at                position
	out               *objectv1.ListObjectsResponse
	bytes             int
	entry             int // what an entry takes beside its strings
}

// position is a place between keys.
type position struct {
	Key   string
	After bool // behind Key, not at it
	End   bool // behind everything
}

// fill reads heads until the page is full and reports whether more entries follow.
func (l *lister) fill(ctx context.Context) (bool, error) {
	to, bounded := docstore.PrefixEnd(l.prefix)
	if !bounded {
		to = ""
	}
	fetch := l.max + 1
	if l.delimiter != "" {
		fetch = min(fetch, firstFetch)
	}
	for !l.at.End {
		page, err := l.heads.Visible(ctx, l.bucket, Range{From: l.at.Key, After: l.at.After, To: to}, fetch)
		if err != nil {
			return false, err
		}
		jumped := false
		for _, h := range page {
			if l.full(h) {
				return true, nil
			}
			if jumped = l.add(h); jumped {
				break
			}
		}
		switch {
		case jumped:
			fetch = min(l.max+1, firstFetch)
		case len(page) < fetch:
			return false, nil
		default:
			fetch = min(2*fetch, maxKeys+1)
		}
	}
	return false, nil
}

func (l *lister) full(next Head) bool {
	n := len(l.out.Objects) + len(l.out.CommonPrefixes)
	return n >= l.max || n > 0 && l.bytes+jsonLen(next.Key)+jsonLen(next.ContentType)+l.entry > maxListBytes
}

// add takes one head into the page and reports whether it jumped over all keys
// of a common prefix.
func (l *lister) add(h Head) bool {
	if l.delimiter != "" {
		rest := h.Key[len(l.prefix):]
		if i := strings.Index(rest, l.delimiter); i >= 0 {
			common := h.Key[:len(l.prefix)+i+len(l.delimiter)]
			l.out.CommonPrefixes = append(l.out.CommonPrefixes, common)
			l.bytes += jsonLen(common)
			end, ok := docstore.PrefixEnd(common)
			l.at = position{Key: end, End: !ok}
			return true
		}
	}
	l.out.Objects = append(l.out.Objects, objectv1.ListedObject{
		Key: h.Key, Size: h.Size, ETag: h.ETag, LastModified: h.LastModified, VersionID: h.Current,
		StorageClass: h.StorageClass, ContentType: h.ContentType,
	})
	l.bytes += jsonLen(h.Key) + jsonLen(h.ContentType) + l.entry
	l.at = position{Key: h.Key, After: true}
	return false
}

// jsonLen is an upper bound for s as a JSON string.
func jsonLen(s string) int {
	n := 3
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x20 || c == '<' || c == '>' || c == '&' || c == 0x7f || c == 0xe2:
			n += 6
		case c == '"' || c == '\\':
			n += 2
		default:
			n++
		}
	}
	return n
}

// listFrom is where a listing starts.
func (s *Service) listFrom(b Bucket, r objectv1.ListObjectsRequest) (position, error) {
	at := position{Key: r.Prefix}
	if r.StartAfter >= r.Prefix && r.StartAfter != "" {
		at = position{Key: r.StartAfter, After: true}
	}
	if r.Token == "" {
		return at, nil
	}
	bad := fault.ErrInvalid.Msgf("the continuation token is not one of this listing")
	raw, err := base64.RawURLEncoding.DecodeString(r.Token)
	if err != nil {
		return at, bad
	}
	var t token
	if json.Unmarshal(raw, &t) != nil || !s.d.Signer.Verify(t.signed(b, r), t.MAC) {
		return at, bad
	}
	return position{Key: string(t.Key), After: t.After}, nil
}

// token says where the next page starts. It holds only for the same listing;
// keys are bytes, since a place between keys need not be UTF-8.
type token struct {
	Key   []byte `json:"k"`
	After bool   `json:"a,omitempty"`
	MAC   []byte `json:"m"`
}

// signed is what the MAC of t covers: the place and what is listed.
func (t token) signed(b Bucket, r objectv1.ListObjectsRequest) []byte {
	out := []byte("object list token 1\x00")
	for _, part := range []string{b.ID, r.Prefix, r.Delimiter} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	if t.After {
		out = append(out, 1)
	} else {
		out = append(out, 0)
	}
	return append(out, t.Key...)
}

func (s *Service) listToken(b Bucket, r objectv1.ListObjectsRequest, at position) string {
	t := token{Key: []byte(at.Key), After: at.After}
	t.MAC = s.d.Signer.Sign(t.signed(b, r))
	raw, err := json.Marshal(t)
	if err != nil {
		return "" // bytes and a bool always encode
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}
