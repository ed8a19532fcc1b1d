package files

import (
	"fmt"
	"path"
	"strings"
	"unicode"
)

// scheme marks an address of an object.
const scheme = "lw://"

// address is lw://bucket/key. The key is taken as it stands: nothing in it is
// unescaped or cleaned.
type address struct{ bucket, key string }

func (a address) String() string { return show(scheme + a.bucket + "/" + a.key) }

// isRemote reports whether an argument of cp means an object.
func isRemote(arg string) bool { return strings.HasPrefix(arg, scheme) }

func parseAddress(arg string) (address, error) {
	rest, ok := strings.CutPrefix(arg, scheme)
	if !ok {
		return address{}, usage("%s is no address such as lw://bucket/key", show(arg))
	}
	bucket, key, _ := strings.Cut(rest, "/")
	if bucket == "" {
		return address{}, usage("%s names no bucket", show(arg))
	}
	return address{bucket, key}, nil
}

// parseObject is parseAddress for one object.
func parseObject(arg string) (address, error) {
	a, err := parseAddress(arg)
	if err == nil && a.key == "" {
		err = usage("%s names a bucket, no object in it", show(arg))
	}
	return a, err
}

// parseBucket is parseAddress for a bucket alone.
func parseBucket(arg string) (string, error) {
	if !isRemote(arg) {
		arg = scheme + arg
	}
	a, err := parseAddress(arg)
	if err == nil && a.key != "" {
		err = usage("%s names an object, no bucket", show(arg))
	}
	return a.bucket, err
}

// below makes a folder's prefix of a key: with a slash at its end, unless it is
// the whole bucket.
func below(key string) string {
	if key == "" || strings.HasSuffix(key, "/") {
		return key
	}
	return key + "/"
}

// into gives the address of a file called name when a is where it shall go: a
// itself, or below it when a is a folder or a bucket.
func (a address) into(name string) address {
	if a.key == "" || strings.HasSuffix(a.key, "/") {
		a.key += name
	}
	return a
}

// base is the last name of a key.
func base(key string) string { return path.Base("/" + key) }

// show makes a name harmless for a terminal: what is not printable is escaped.
func show(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	q := fmt.Sprintf("%+q", s)
	return q[1 : len(q)-1]
}
