package lockr_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/dialect/lockr"
)

// rangeForm is what a Content-Range may look like at all.
var rangeForm = regexp.MustCompile(`^(?i:bytes) +(?:\d+-\d+|\*)/(?:\d+|\*)$`)

func FuzzContentRange(f *testing.F) {
	for _, v := range []string{
		"bytes 0-8/9", "bytes */9", "bytes */*", "bytes 0-0/*", "BYTES  4-8/9", "bytes 8-4/9", "bytes -4/9", "bytes 0-/9", "items 0-1/2", "bytes=0-1/2", "bytes 0-1/2, 3-4/5",
		"bytes 0-99999999999999999999/9", "bytes 1152921504606846976-1152921504606846976/*", "bytes +0-1/2", "bytes 0-1/ 2", "bytes", "", "bytes */", "bytes 00-01/09",
	} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		first, last, total, ok := lockr.ParseContentRange(v)
		if !ok {
			return
		}
		if !rangeForm.MatchString(v) {
			t.Fatalf("%q was read", v)
		}
		const most = 1 << 60
		if first > last || last > most || total > most || first < -1 || total < -1 || (first < 0) != (last < 0) {
			t.Fatalf("%q is %d-%d/%d", v, first, last, total)
		}
		span, size := "*", "*"
		if first >= 0 {
			span = fmt.Sprintf("%d-%d", first, last)
		}
		if total >= 0 {
			size = fmt.Sprint(total)
		}
		if a, b, c, ok := lockr.ParseContentRange("bytes " + span + "/" + size); !ok || a != first || b != last || c != total {
			t.Fatalf("%q is %d-%d/%d, and that %d-%d/%d", v, first, last, total, a, b, c)
		}
	})
}

func FuzzUploadMetadata(f *testing.F) {
	for _, v := range []string{"filename " + b64("a.txt"), "filename " + b64("a") + ",filetype " + b64("b") + " , empty", "a,a", "a !", "", " ", ",", "a ,b", "ä YQ==", "key YQ==,keyHash YQ==,x YQ==", "a YQ", "a  YQ=="} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		meta, err := lockr.ParseMetadata(v)
		if err != nil {
			return
		}
		var pairs []string
		for k, value := range meta {
			if k == "" || strings.ContainsAny(k, " ,") {
				t.Fatalf("%q has the key %q", v, k)
			}
			pairs = append(pairs, k+" "+base64.StdEncoding.EncodeToString([]byte(value)))
		}
		again, err := lockr.ParseMetadata(strings.Join(pairs, ","))
		if err != nil && len(strings.Join(pairs, ",")) <= 6<<10 || err == nil && fmt.Sprint(again) != fmt.Sprint(meta) {
			t.Fatalf("%q is %v, written again %v %v", v, meta, again, err)
		}
		told, err := lockr.ParseMetadata(lockr.WithoutKeys(v))
		if err != nil {
			t.Fatalf("%q without keys: %v", v, err)
		}
		delete(meta, "key")
		delete(meta, "keyHash")
		if fmt.Sprint(told) != fmt.Sprint(meta) {
			t.Fatalf("%q without keys is %v", v, told)
		}
	})
}

func FuzzUploadChecksum(f *testing.F) {
	for _, v := range []string{"sha1 " + b64(strings.Repeat("a", 20)), "sha256 " + b64(strings.Repeat("a", 32)), "md5 " + b64(strings.Repeat("a", 16)), "crc32 " + b64("abcd"), "sha1", "sha1 ", "rot13 YQ==", "", "sha1 !", "SHA1 " + b64(strings.Repeat("a", 20))} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		c, err := lockr.ParseChecksum(v)
		if err != nil {
			if c != nil {
				t.Fatal("a check beside an error")
			}
			return
		}
		if len(c.Want) != c.Hash.Size() {
			t.Fatalf("%q wants %d bytes of %d", v, len(c.Want), c.Hash.Size())
		}
	})
}
