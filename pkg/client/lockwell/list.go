package lockwell

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"time"
)

// ListOptions choose what a listing gives; zero values leave nothing out.
type ListOptions struct {
	Prefix     string
	Delimiter  string // keys that share what stands before it, behind Prefix, become one Entry
	StartAfter string // only keys behind this one
	PageSize   int    // 1–1000; 0 means 1000
	Full       bool   // also what is set under "only with Full"
}

// Entry is an object of a listing, or what several keys have in common before
// the delimiter.
type Entry struct {
	Key          string // or the common prefix
	IsPrefix     bool   // the other fields are empty
	Size         int64
	ETag         string
	LastModified time.Time
	VersionID    string
	StorageClass string
	ContentType  string

	// Only with Full.
	Checksums   Checksums
	Encryption  string
	Compression string
	Retention   *Retention
	LegalHold   bool
}

type wireEntry struct {
	Key          string            `json:"key"`
	Size         int64             `json:"size"`
	ETag         string            `json:"etag"`
	LastModified time.Time         `json:"lastModified"`
	VersionID    string            `json:"versionId"`
	StorageClass string            `json:"storageClass"`
	ContentType  string            `json:"contentType"`
	Checksums    map[string]string `json:"checksums"`
	Encryption   string            `json:"encryption"`
	Compression  string            `json:"compression"`
	Retention    *Retention        `json:"retention"`
	LegalHold    bool              `json:"legalHold"`
}

func (w wireEntry) entry() Entry {
	return Entry{
		Key: w.Key, Size: w.Size, ETag: w.ETag, LastModified: w.LastModified, VersionID: w.VersionID, StorageClass: w.StorageClass,
		ContentType: w.ContentType, Checksums: decodeChecksums(w.Checksums), Encryption: w.Encryption, Compression: w.Compression,
		Retention: w.Retention, LegalHold: w.LegalHold,
	}
}

// List gives the objects of a bucket in the order of their keys' bytes, page by
// page as they are asked for. An error is the last element.
func (c *Client) List(ctx context.Context, bucket string, o ListOptions) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		r := bucketRequest("list ", http.MethodGet, bucket, "/objects")
		r.query = query("prefix", o.Prefix, "delimiter", o.Delimiter, "startAfter", o.StartAfter, "maxKeys", pageSize(o.PageSize))
		if o.Full {
			r.query.Set("fields", "full")
		}
		for {
			var page struct {
				Objects        []wireEntry `json:"objects"`
				CommonPrefixes []string    `json:"commonPrefixes"`
				IsTruncated    bool        `json:"isTruncated"`
				Next           string      `json:"nextContinuationToken"`
			}
			if err := c.json(ctx, r, nil, &page); err != nil {
				yield(Entry{}, err)
				return
			}
			if !merge(page.Objects, page.CommonPrefixes, yield) || !page.IsTruncated {
				return
			}
			if page.Next == "" {
				yield(Entry{}, endless(r.op))
				return
			}
			r.query.Set("continuationToken", page.Next)
		}
	}
}

// merge gives objects and prefixes, each sorted, in one order.
func merge(objects []wireEntry, prefixes []string, yield func(Entry, error) bool) bool {
	for len(objects) > 0 || len(prefixes) > 0 {
		var e Entry
		if len(objects) == 0 || len(prefixes) > 0 && prefixes[0] < objects[0].Key {
			e, prefixes = Entry{Key: prefixes[0], IsPrefix: true}, prefixes[1:]
		} else {
			e, objects = objects[0].entry(), objects[1:]
		}
		if !yield(e, nil) {
			return false
		}
	}
	return true
}

func pageSize(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(min(n, 1000))
}

// endless is a list that says that it goes on, but not where.
func endless(op string) error {
	return &Error{Op: op, Code: ErrUnexpectedAnswer, Message: "the list goes on, but the server did not say where", Status: http.StatusOK}
}

// Version is a version of an object, or a delete marker.
type Version struct {
	Key          string    `json:"key"`
	VersionID    string    `json:"versionId"`
	IsLatest     bool      `json:"isLatest"`
	DeleteMarker bool      `json:"deleteMarker"`
	Size         int64     `json:"size"`
	ETag         string    `json:"etag"`
	LastModified time.Time `json:"lastModified"`
}

// ListVersions gives all versions below a prefix, the newest first within a
// key. An error is the last element.
func (c *Client) ListVersions(ctx context.Context, bucket, prefix string) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		r := bucketRequest("list versions of ", http.MethodGet, bucket, "/versions")
		r.query = query("prefix", prefix)
		for {
			var page struct {
				Versions    []Version `json:"versions"`
				IsTruncated bool      `json:"isTruncated"`
				NextKey     string    `json:"nextKeyMarker"`
				NextVersion string    `json:"nextVersionIdMarker"`
			}
			if err := c.json(ctx, r, nil, &page); err != nil {
				yield(Version{}, err)
				return
			}
			for _, v := range page.Versions {
				if !yield(v, nil) {
					return
				}
			}
			if !page.IsTruncated {
				return
			}
			if page.NextKey == "" {
				yield(Version{}, endless(r.op))
				return
			}
			r.query = query("prefix", prefix, "keyMarker", page.NextKey, "versionIdMarker", page.NextVersion)
		}
	}
}
