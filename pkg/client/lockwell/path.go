package lockwell

import (
	"net/url"
	"strings"
)

// bucketPath gives the escaped path of a bucket and what stands behind it.
func bucketPath(bucket, rest string) string {
	return "/buckets/" + escapeKey(strings.ReplaceAll(bucket, "/", "\x00")) + rest
}

// keyPath gives the escaped path of a key below one of a bucket's collections.
func keyPath(bucket, collection, key string) string {
	return bucketPath(bucket, "/"+collection+"/"+escapeKey(key))
}

const upperHex = "0123456789ABCDEF"

// escapeKey escapes a key so that it arrives exactly. Whatever is not unreserved
// (RFC 3986, 2.3) is escaped. Segments "." and "..", and the slash behind an
// empty segment, are escaped too: on the way somebody might clean the path.
func escapeKey(key string) string {
	var b strings.Builder
	b.Grow(len(key) + 16)
	segments := strings.Split(key, "/")
	for i, s := range segments {
		if s == "." || s == ".." {
			b.WriteString(strings.Repeat("%2E", len(s)))
		} else {
			escapeSegment(&b, s)
		}
		switch {
		case i == len(segments)-1:
		case s == "":
			b.WriteString("%2F")
		default:
			b.WriteByte('/')
		}
	}
	return b.String()
}

func escapeSegment(b *strings.Builder, s string) {
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&15])
	}
}

// query makes a query of pairs, leaving out empty values.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}
