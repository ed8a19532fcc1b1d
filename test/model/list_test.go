package model_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/test/harness"
)

// prefixes and delimiters of listings.
var (
	prefixes   = []string{"", "", "dir/", "dir", "dir/sub/ü", "zzz"}
	delimiters = []string{"", "/", "/sub"}
)

// list reads a whole listing by pages and holds it against the model.
func (r *runner) list(b *bucket, _ string, o op) error {
	return r.listAll(b, prefixes[o.How%len(prefixes)], delimiters[o.Which%len(delimiters)], 1+o.Size)
}

func (r *runner) listAll(b *bucket, prefix, delimiter string, size int) error {
	var got []string
	query := url.Values{"prefix": {prefix}, "delimiter": {delimiter}, "maxKeys": {fmt.Sprint(size)}}
	for {
		a, err := r.want(http.MethodGet, harness.BucketPath(b.name, "/objects?")+query.Encode(), nil, nil, http.StatusOK, "")
		if err != nil {
			return err
		}
		var page harness.Listing
		if err := json.Unmarshal(a.Body, &page); err != nil {
			return differs("a listing: %s", a.Body)
		}
		if n := len(page.Objects) + len(page.CommonPrefixes); n != page.KeyCount || n > size {
			return differs("a page of %d has %d of %d", size, n, page.KeyCount)
		}
		var entries []string
		for _, e := range page.Objects {
			entries = append(entries, fmt.Sprintf("%s %s %s %d %s", e.Key, e.VersionID, e.ETag, e.Size, e.ContentType))
		}
		for _, p := range page.CommonPrefixes {
			entries = append(entries, p+" ...")
		}
		slices.Sort(entries)
		got = append(got, entries...)
		if !page.IsTruncated {
			break
		}
		if query.Set("continuationToken", page.NextContinuationToken); len(got) > 100 {
			return differs("a listing without end: %v", got)
		}
	}
	if want := b.listing(prefix, delimiter); !slices.Equal(got, want) {
		return differs("%s lists %q (prefix %q, delimiter %q, by %d), want %q", b.name, got, prefix, delimiter, size, want)
	}
	return nil
}

// listing is what a listing must show, in its order.
func (b *bucket) listing(prefix, delimiter string) (out []string) {
	for _, key := range b.sorted(prefix, false) {
		if head, _, cut := strings.Cut(key[len(prefix):], delimiter); delimiter != "" && cut {
			if folder := prefix + head + delimiter + " ..."; len(out) == 0 || out[len(out)-1] != folder {
				out = append(out, folder)
			}
			continue
		}
		v := b.current(key)
		out = append(out, fmt.Sprintf("%s %s %s %d %s", key, v.id, v.etag, len(v.body), v.typ))
	}
	return out
}

// versions reads all versions by pages and holds them against the model.
func (r *runner) versions(b *bucket, _ string, o op) error {
	return r.allVersions(b, prefixes[o.How%len(prefixes)], 1+o.Size)
}

func (r *runner) allVersions(b *bucket, prefix string, size int) error {
	var got []string
	query := url.Values{"prefix": {prefix}, "maxKeys": {fmt.Sprint(size)}}
	for {
		a, err := r.want(http.MethodGet, harness.BucketPath(b.name, "/versions?")+query.Encode(), nil, nil, http.StatusOK, "")
		if err != nil {
			return err
		}
		var page harness.Versions
		if json.Unmarshal(a.Body, &page) != nil || len(page.Versions) > size {
			return differs("a page of %d versions: %s", size, a.Body)
		}
		for _, v := range page.Versions {
			got = append(got, fmt.Sprintf("%s %s %v %v %d %s", v.Key, v.VersionID, v.IsLatest, v.DeleteMarker, v.Size, v.ETag))
		}
		if !page.IsTruncated {
			break
		}
		query.Set("keyMarker", page.NextKeyMarker)
		if query.Set("versionIdMarker", page.NextVersionIDMarker); len(got) > 10_000 {
			return differs("versions without end")
		}
	}
	var want []string
	for _, key := range b.sorted(prefix, true) {
		for i, v := range b.keys[key] {
			want = append(want, fmt.Sprintf("%s %s %v %v %d %s", key, v.id, i == 0, v.marker, len(v.body), v.etag))
		}
	}
	if !slices.Equal(got, want) {
		return differs("%s has the versions\n%s\nwant\n%s\n(prefix %q, by %d)", b.name, strings.Join(got, "\n"), strings.Join(want, "\n"), prefix, size)
	}
	return nil
}

// whole looks at everything that the model knows, once.
func (r *runner) whole() error {
	for _, b := range r.buckets {
		r.ripen(b)
		if err := r.openUploads(b, "", op{}); err != nil {
			return err
		}
		for _, u := range slices.Clone(b.uploads) {
			if err := r.parts(b, "", op{Which: slices.Index(b.uploads, u), How: 2}); err != nil {
				return err
			}
		}
		if err := r.listAll(b, "", "", 1000); err != nil {
			return err
		}
		if err := r.listAll(b, "", "/", 2); err != nil {
			return err
		}
		if err := r.allVersions(b, "", 1000); err != nil {
			return err
		}
		if err := r.everyVersion(b); err != nil {
			return err
		}
		if err := r.usage(b, "", op{}); err != nil {
			return err
		}
	}
	return nil
}

// everyVersion reads each version that there is, and that there was.
func (r *runner) everyVersion(b *bucket) error {
	for key, vs := range b.keys {
		for _, v := range vs {
			if v.marker {
				continue
			}
			a, err := r.want(http.MethodGet, objectPath(b, "objects", key, v.id), nil, nil, http.StatusOK, "")
			if err != nil {
				return err
			}
			if err := v.holds(b, a, asked{status: http.StatusOK, to: len(v.body)}, true); err != nil {
				return fmt.Errorf("%s %s: %w", key, v.id, err)
			}
		}
		for _, id := range b.gone[key] {
			if _, err := r.want(http.MethodGet, objectPath(b, "objects", key, id), nil, nil, http.StatusNotFound, "not_found"); err != nil {
				return err
			}
		}
	}
	return nil
}
