package domain_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/keys/keystest"
	"github.com/sluicehq/sluice/services/object/internal/domain"
)

// sorted is heads in memory, for listings only. reads counts what listings read.
type sorted struct {
	domain.Heads
	keys  []string
	reads int
}

func (s *sorted) Visible(_ context.Context, bucket string, r domain.Range, limit int) ([]domain.Head, error) {
	i, _ := slices.BinarySearch(s.keys, r.From)
	var out []domain.Head
	for ; i < len(s.keys) && len(out) < limit; i++ {
		k := s.keys[i]
		if r.To != "" && k >= r.To {
			break
		}
		if !r.After || k > r.From {
			out = append(out, domain.Head{Bucket: bucket, Key: k, Current: "v"})
		}
	}
	s.reads += len(out)
	return out, nil
}

type oneBucket struct{ domain.Buckets }

func (oneBucket) ByName(context.Context, string, string) (domain.Bucket, int64, error) {
	return domain.Bucket{ID: "B", Account: "alice", Name: "files"}, 1, nil
}

func listing(t testing.TB, keys []string) (*domain.Service, *sorted) {
	t.Helper()
	slices.Sort(keys)
	heads := &sorted{keys: slices.Compact(keys)}
	s := domain.New(domain.Options{}, domain.Deps{
		Store: domain.Store{Buckets: oneBucket{}, Heads: heads}, Signer: keystest.Master(t).Signer("list"),
	})
	return s, heads
}

// naive lists by looking at every key.
func naive(keys []string, prefix, delimiter, after string) []string {
	var out []string
	for _, k := range keys {
		if !strings.HasPrefix(k, prefix) || k <= after {
			continue
		}
		if delimiter != "" {
			if i := strings.Index(k[len(prefix):], delimiter); i >= 0 {
				k = "P " + k[:len(prefix)+i+len(delimiter)]
				if !slices.Contains(out, k) {
					out = append(out, k)
				}
				continue
			}
		}
		out = append(out, "O "+k)
	}
	return out
}

// paged lists through pages and merges objects and common prefixes.
func paged(t testing.TB, s *domain.Service, r objectv1.ListObjectsRequest) []string {
	t.Helper()
	var out []string
	for range 10_000 {
		p, err := s.ListObjects(t.Context(), r)
		if err != nil {
			t.Fatalf("listing %+v: %v", r, err)
		}
		n := len(p.Objects) + len(p.CommonPrefixes)
		if n > r.MaxKeys || n == 0 && p.NextToken != "" {
			t.Fatalf("a page of %d for maxKeys %d, token %q", n, r.MaxKeys, p.NextToken)
		}
		var page []string
		for _, o := range p.Objects {
			page = append(page, "O "+o.Key)
		}
		for _, c := range p.CommonPrefixes {
			page = append(page, "P "+c)
		}
		slices.SortFunc(page, func(a, b string) int { return strings.Compare(a[2:], b[2:]) })
		out = append(out, page...)
		if r.Token = p.NextToken; r.Token == "" {
			return out
		}
	}
	t.Fatal("the listing never ends")
	return nil
}

func FuzzListObjects(f *testing.F) {
	f.Add("a/b a/c b ab/ /x // a//b", "", "/", "", 1)
	f.Add("a/b a/c b", "a/", "/", "a/b", 2)
	f.Add("\xf4\x8f\xbf\xbf/x \xf4\x8f\xbf\xbf é/ü", "\xf4\x8f\xbf\xbf", "/", "", 1)
	f.Add("aXXb aXXc aX a", "a", "XX", "", 3)
	f.Fuzz(func(t *testing.T, all, prefix, delimiter, after string, maxKeys int) {
		keys := slices.DeleteFunc(strings.Split(all, " "), func(k string) bool { return objectv1.CheckKey(k) != nil })
		s, heads := listing(t, keys)
		r := objectv1.ListObjectsRequest{
			Principal: alice, Bucket: "files", Prefix: prefix, Delimiter: delimiter, StartAfter: after, MaxKeys: maxKeys,
		}
		if _, err := s.ListObjects(t.Context(), r); err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("listing: %v", err)
			}
			return
		}
		if d := cmp.Diff(naive(heads.keys, prefix, delimiter, after), paged(t, s, r)); d != "" {
			t.Fatalf("prefix %q delimiter %q after %q: %s", prefix, delimiter, after, d)
		}
	})
}

func FuzzListToken(f *testing.F) {
	s, _ := listing(f, []string{"a", "b", "c"})
	r := objectv1.ListObjectsRequest{Principal: alice, Bucket: "files", MaxKeys: 1}
	p, err := s.ListObjects(f.Context(), r)
	if err != nil {
		f.Fatal(err)
	}
	good := p.NextToken
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add("e30")
	f.Fuzz(func(t *testing.T, token string) {
		r := r
		r.Token = token
		_, err := s.ListObjects(t.Context(), r)
		if token != good && token != "" && fault.KindOf(err) != fault.Invalid {
			t.Fatalf("token %q was taken: %v", token, err)
		}
	})
}

func TestList_TokenBelongsToItsListing(t *testing.T) {
	t.Parallel()
	s, _ := listing(t, []string{"a", "b", "c"})
	r := objectv1.ListObjectsRequest{Principal: alice, Bucket: "files", MaxKeys: 1}
	p, err := s.ListObjects(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Token, r.Prefix = p.NextToken, "b"
	_, err = s.ListObjects(t.Context(), r)
	wantErr(t, err, fault.ErrInvalid)
}

func TestList_CostsThePage(t *testing.T) {
	t.Parallel()
	var keys []string
	for d := range 50 {
		for f := range 2000 {
			keys = append(keys, fmt.Sprintf("dir%02d/file%05d", d, f))
		}
	}
	s, heads := listing(t, keys)
	r := objectv1.ListObjectsRequest{Principal: alice, Bucket: "files", Delimiter: "/", MaxKeys: 1000}
	p, err := s.ListObjects(t.Context(), r)
	if err != nil || len(p.CommonPrefixes) != 50 || p.NextToken != "" {
		t.Fatalf("%d prefixes, %v", len(p.CommonPrefixes), err)
	}
	if heads.reads > 50*20 {
		t.Fatalf("50 folders cost %d reads", heads.reads)
	}
	heads.reads = 0
	r = objectv1.ListObjectsRequest{Principal: alice, Bucket: "files", StartAfter: "dir25/file01000", MaxKeys: 1000}
	if _, err = s.ListObjects(t.Context(), r); err != nil || heads.reads != 1001 {
		t.Fatalf("a page cost %d reads, %v", heads.reads, err)
	}
}

func TestList_AnswerFitsIntoAMessage(t *testing.T) {
	t.Parallel()
	var keys []string
	for i := range 1000 {
		keys = append(keys, fmt.Sprintf("%04d", i)+strings.Repeat("\x01", 1000))
	}
	s, heads := listing(t, keys)
	r := objectv1.ListObjectsRequest{Principal: alice, Bucket: "files", MaxKeys: 1000}
	if got := paged(t, s, r); len(got) != len(heads.keys) {
		t.Fatalf("%d of %d keys", len(got), len(heads.keys))
	}
	p, err := s.ListObjects(t.Context(), r)
	if err != nil || len(p.Objects) > 200 || p.NextToken == "" {
		t.Fatalf("%d objects in one message, %v", len(p.Objects), err)
	}
}

// TestList_OnTheStore holds the same listings against the real index.
func TestList_OnTheStore(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("size, not concurrency: make test has it without the race detector")
	}
	e := newEnv(t, envOptions{})
	e.bucket("files", false)
	rnd := rand.New(rand.NewPCG(1, 2))
	parts := []string{"a", "b", "/", "ü", "\U0010ffff", "a/", "//", "%2F", " "}
	var keys []string
	for range 100 {
		k := ""
		for range 1 + rnd.IntN(4) {
			k += parts[rnd.IntN(len(parts))]
		}
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
			e.put("files", k, "x")
		}
	}
	slices.Sort(keys)
	for range 150 {
		r := objectv1.ListObjectsRequest{Principal: alice, Bucket: "files", MaxKeys: 1 + rnd.IntN(20)}
		if rnd.IntN(2) == 0 {
			r.Prefix = parts[rnd.IntN(len(parts))]
		}
		if rnd.IntN(3) > 0 {
			r.Delimiter = parts[rnd.IntN(len(parts))]
		}
		if rnd.IntN(3) == 0 {
			r.StartAfter = keys[rnd.IntN(len(keys))]
		}
		if d := cmp.Diff(naive(keys, r.Prefix, r.Delimiter, r.StartAfter), paged(t, e.Service, r)); d != "" {
			t.Fatalf("%+v: %s", r, d)
		}
	}
	if _, ok := docstore.PrefixEnd("\U0010ffff"); !ok {
		t.Fatal("no end behind the last character")
	}
}
