package lockwell

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

const (
	metaPrefix     = "X-Lockwell-Meta-"
	checksumPrefix = "X-Lockwell-Checksum-"

	headerTags          = "X-Lockwell-Tags"
	headerRetentionMode = "X-Lockwell-Retention-Mode"
	headerRetainUntil   = "X-Lockwell-Retain-Until"
	headerLegalHold     = "X-Lockwell-Legal-Hold"
)

var (
	errIdempotencyNeedsChecksum = fault.New(fault.Invalid, "edge.idempotency_requires_checksum", "Idempotency-Key needs at least one X-Lockwell-Checksum-* header")
)

// checksumBytes lists the digests that a header may announce, by the ends of
// the headers' names, with their length.
var checksumBytes = map[blob.Algorithm]int{blob.CRC32: 4, blob.CRC32C: 4, blob.CRC64NVME: 8, blob.SHA1: 20, blob.SHA256: 32}

// metadata reads the headers that a PUT stores.
func metadata(h http.Header) (objectv1.Metadata, error) {
	var m objectv1.Metadata
	for name, to := range map[string]*string{
		"Content-Type": &m.ContentType, "Cache-Control": &m.CacheControl,
		"Content-Disposition": &m.ContentDisposition, "Content-Encoding": &m.ContentEncoding,
	} {
		*to = strings.Join(h.Values(name), ", ")
		if err := checkStored(name, *to); err != nil {
			return m, err
		}
	}
	size := 0
	for name, values := range h {
		rest, ok := strings.CutPrefix(name, metaPrefix)
		if !ok {
			continue
		}
		v := strings.Join(values, ", ")
		size += len(rest) + len(v)
		if rest == "" || !utf8.ValidString(v) || size > objectv1.MaxUserMetadata {
			return m, fault.ErrInvalid.Msgf("%s* headers need a name, UTF-8 values, and may have %d bytes in all", metaPrefix, objectv1.MaxUserMetadata)
		}
		if m.User == nil {
			m.User = map[string]string{}
		}
		m.User[strings.ToLower(rest)] = v
	}
	var err error
	m.Tags, err = tags(h.Values(headerTags))
	return m, err
}

// checkStored looks at a value that answers will carry in a header of its own.
func checkStored(name, v string) error {
	if len(v) > objectv1.MaxStoredHeader || !validHeader(v) {
		return fault.ErrInvalid.Msgf("%s must be UTF-8 of %d bytes at most, without control characters", name, objectv1.MaxStoredHeader)
	}
	return nil
}

// validHeader reports whether v can be a header's value as it is.
func validHeader(v string) bool {
	return utf8.ValidString(v) && v == strings.Trim(v, " \t") && !strings.ContainsFunc(v, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

// userMetadata checks metadata that comes in a body, by the rules of the headers.
func userMetadata(in map[string]string) (map[string]string, error) {
	var out map[string]string
	size := 0
	for name, v := range in {
		size += len(name) + len(v)
		lower := strings.ToLower(name)
		if _, twice := out[lower]; twice || !token(lower) || !validHeader(v) || size > objectv1.MaxUserMetadata {
			return nil, fault.ErrInvalid.Msgf("metadata needs names that can be headers, each once, UTF-8 values, and may have %d bytes in all", objectv1.MaxUserMetadata)
		}
		if out == nil {
			out = map[string]string{}
		}
		out[lower] = v
	}
	return out, nil
}

// token reports whether s can be the name of a header (RFC 9110, 5.6.2).
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

// single reads a header that may be there once.
func single(h http.Header, name string) (v string, there bool, err error) {
	values := h.Values(name)
	if len(values) > 1 {
		return "", false, fault.ErrInvalid.Msgf("%s is given more than once", name)
	}
	if len(values) == 0 {
		return "", false, nil
	}
	return values[0], true, nil
}

// tags reads X-Lockwell-Tags, a query string.
func tags(values []string) (map[string]string, error) {
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return nil, nil
	}
	q, err := url.ParseQuery(strings.Join(values, "&"))
	if err != nil || len(q) > objectv1.MaxTags {
		return nil, fault.ErrInvalid.Msgf("X-Lockwell-Tags must be a query string of %d tags at most", objectv1.MaxTags)
	}
	out := make(map[string]string, len(q))
	for k, vs := range q {
		if len(vs) > 1 {
			return nil, fault.ErrInvalid.Msgf("X-Lockwell-Tags names %.64q more than once", k)
		}
		out[k] = vs[0]
	}
	return out, objectv1.CheckTags(out)
}

// digests reads what the body must hash to.
func digests(h http.Header) (map[blob.Algorithm][]byte, error) {
	out := map[blob.Algorithm][]byte{}
	for name, values := range h {
		alg, size := blob.MD5, 16
		if name != "Content-Md5" {
			rest, ok := strings.CutPrefix(name, checksumPrefix)
			if !ok {
				continue
			}
			alg = blob.Algorithm(strings.ToLower(rest))
			if size = checksumBytes[alg]; size == 0 {
				return nil, fault.ErrInvalid.Msgf("there is no header %.64s; the checksums are CRC32, CRC32C, CRC64NVME, SHA1, SHA256", name)
			}
		}
		sum, err := base64.StdEncoding.Strict().DecodeString(strings.Join(values, ","))
		if err != nil || len(sum) != size {
			return nil, fault.ErrInvalid.Msgf("%s must be base64 of %d bytes", name, size)
		}
		out[alg] = sum
	}
	return out, nil
}

// putConditions reads what must hold of the current version at the commit.
func putConditions(h http.Header) (objectv1.Conditions, error) {
	var c objectv1.Conditions
	if values := h.Values("If-None-Match"); len(values) > 0 {
		if strings.TrimSpace(strings.Join(values, ",")) != "*" {
			return c, fault.ErrInvalid.Msgf("a PUT takes If-None-Match only as *")
		}
		c.IfNoneMatchAny = true
	}
	if values := h.Values("If-Match"); len(values) > 0 {
		var ok bool
		if c.IfMatch, ok = transfer.Tags(values); !ok {
			return c, fault.ErrInvalid.Msgf("If-Match must be * or a list of entity tags in quotes")
		}
	}
	return c, nil
}

// describe sets the headers that say what is known of an object.
func describe(h http.Header, o objectv1.Object) {
	setIf := func(name, v string) {
		if v != "" {
			h.Set(name, v)
		}
	}
	setIf("Cache-Control", o.Metadata.CacheControl)
	setIf("Content-Disposition", o.Metadata.ContentDisposition)
	setIf("Content-Encoding", o.Metadata.ContentEncoding)
	setIf("X-Lockwell-Version-Id", o.VersionID)
	setIf("X-Lockwell-Storage-Class", o.StorageClass)
	h.Set("X-Lockwell-Encryption", encryption)
	h.Set("X-Lockwell-Compression", compression(o.Compressed))
	h.Set("X-Lockwell-Tag-Count", strconv.Itoa(len(o.Metadata.Tags)))
	setChecksums(h, o.Digests)
	setIf(checksumPrefix+"Type", checksumTypeHeader(o))
	if o.Retention != nil {
		h.Set(headerRetentionMode, o.Retention.Mode)
		h.Set(headerRetainUntil, instant(o.Retention.Until).String())
	}
	if o.ObjectLock {
		h.Set(headerLegalHold, holdStatus(o.LegalHold))
	}
	for name, v := range o.Metadata.User {
		h.Set(metaPrefix+name, v)
	}
}

func setChecksums(h http.Header, digests map[blob.Algorithm][]byte) {
	for alg, sum := range checksums(digests) {
		h.Set(checksumPrefix+alg, sum)
	}
}

// checksumTypeHeader lists the digests of a multipart object by name.
func checksumTypeHeader(o objectv1.Object) string {
	types := checksumTypes(o.Digests, o.Composite)
	var out []string
	for _, alg := range slices.Sorted(maps.Keys(types)) {
		out = append(out, alg+"="+types[alg])
	}
	return strings.Join(out, ", ")
}
