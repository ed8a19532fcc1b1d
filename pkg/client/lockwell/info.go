package lockwell

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Info is what the server says of an object beside its bytes.
type Info struct {
	Bucket    string
	Key       string
	VersionID string
	Size      int64 // of the whole object, bytes
	// Attributes without Tags: TagCount says how many there are.
	Attributes
	TagCount     int
	ETag         string // quotes included
	LastModified time.Time
	Checksums    Checksums
	Composite    bool // Checksums[SHA256] is of the parts' digests, not of the bytes
	Encryption   string
	Compression  string
	StorageClass string
}

// infoFrom reads the headers of a GET or HEAD. A header that cannot be read is
// an empty field; only the size must be known.
func infoFrom(bucket, key string, resp *http.Response) (Info, error) {
	h := resp.Header
	in := Info{
		Bucket: bucket, Key: key, VersionID: h.Get("X-Lockwell-Version-Id"), ETag: h.Get("ETag"),
		Attributes: Attributes{
			ContentType: h.Get("Content-Type"), CacheControl: h.Get("Cache-Control"), ContentDisposition: h.Get("Content-Disposition"),
			ContentEncoding: h.Get("Content-Encoding"), Retention: retentionFrom(h), LegalHold: h.Get("X-Lockwell-Legal-Hold") == holdOn,
		},
		Encryption: h.Get("X-Lockwell-Encryption"), Compression: h.Get("X-Lockwell-Compression"), StorageClass: h.Get("X-Lockwell-Storage-Class"),
	}
	in.LastModified, _ = http.ParseTime(h.Get("Last-Modified"))
	in.TagCount, _ = strconv.Atoi(h.Get("X-Lockwell-Tag-Count"))
	sums := map[string]string{}
	for name, values := range h {
		if meta, ok := strings.CutPrefix(name, metaPrefix); ok {
			if in.Metadata == nil {
				in.Metadata = map[string]string{}
			}
			in.Metadata[strings.ToLower(meta)] = values[0]
		}
		if alg, ok := strings.CutPrefix(name, checksumPrefix); ok && alg != "Type" {
			sums[strings.ToLower(alg)] = values[0]
		}
	}
	in.Checksums = decodeChecksums(sums)
	for item := range strings.SplitSeq(h.Get(checksumPrefix+"Type"), ",") {
		alg, kind, _ := strings.Cut(strings.TrimSpace(item), "=")
		in.Composite = in.Composite || Algorithm(strings.ToLower(alg)) == SHA256 && strings.EqualFold(kind, composite)
	}
	in.Size = resp.ContentLength
	if resp.StatusCode == http.StatusPartialContent {
		_, _, size, err := parseContentRange(h.Get("Content-Range"))
		if err != nil {
			return in, err
		}
		in.Size = size
	}
	if in.Size < 0 {
		return in, fmt.Errorf("the server did not say how long the object is")
	}
	return in, nil
}

func retentionFrom(h http.Header) *Retention {
	until, err := time.Parse(time.RFC3339, h.Get("X-Lockwell-Retain-Until"))
	mode := h.Get("X-Lockwell-Retention-Mode")
	if err != nil || mode == "" {
		return nil
	}
	return &Retention{Mode: RetentionMode(mode), Until: until}
}

// parseContentRange reads "bytes first-last/size" into offset, length and size.
func parseContentRange(v string) (offset, length, size int64, err error) {
	bad := fmt.Errorf("the server answered with the Content-Range %q", v)
	span, total, ok := strings.Cut(strings.TrimPrefix(v, "bytes "), "/")
	first, last, ok2 := strings.Cut(span, "-")
	if !ok || !ok2 || !strings.HasPrefix(v, "bytes ") {
		return 0, 0, 0, bad
	}
	var numbers [3]int64
	for i, s := range [...]string{first, last, total} {
		if numbers[i], err = strconv.ParseInt(s, 10, 64); err != nil || numbers[i] < 0 {
			return 0, 0, 0, bad
		}
	}
	if numbers[0] > numbers[1] || numbers[1] >= numbers[2] {
		return 0, 0, 0, bad
	}
	return numbers[0], numbers[1] - numbers[0] + 1, numbers[2], nil
}
