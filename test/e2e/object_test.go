package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// firstSteps is the README's tour: key, token, bucket, object in, out, listed, gone.
func firstSteps(t *testing.T, w *harness.World) {
	c := account(t, w)
	if !strings.HasPrefix(c.KeyID, "LWAK") || len(c.KeyID) != 20 || len(c.Secret) != 40 || !strings.HasPrefix(c.Token, "lwtk_") {
		t.Errorf("key %q, secret of %d characters, token %.8q", c.KeyID, len(c.Secret), c.Token)
	}
	c.Bucket(t, "tour")
	if r := c.Do(t, http.MethodPost, "/api/v1/buckets", map[string]any{"name": "tour"}, nil).Want(t, http.StatusConflict); r.Code() != "bucket_exists" {
		t.Errorf("code %s", r.Code())
	}

	size := 20 << 20 // several segments
	if harness.Full() {
		size = 128 << 20
	}
	data := randomBytes(t, size)
	sum := sha256.Sum256(data)
	var put struct {
		VersionID, ETag, Encryption, StorageClass string
		Size                                      int64
		Checksums                                 map[string]string
	}
	r := c.Put(t, "tour", "films/a film.mkv", data, http.Header{"Content-Type": {"video/x-matroska"}, "X-Lockwell-Meta-Camera": {"K-3"}})
	r.JSON(t, &put)
	if put.Size != int64(size) || put.Encryption != "AES256" || put.StorageClass != "STANDARD" || put.Checksums["sha256"] != base64.StdEncoding.EncodeToString(sum[:]) || put.Checksums["crc64nvme"] == "" {
		t.Errorf("PUT answered %s", r.Body)
	}
	if want := `"` + hex.EncodeToString(sum[:16]) + `-1"`; put.ETag != want || r.Header.Get("Etag") != want {
		t.Errorf("ETag %s / %s, want %s", put.ETag, r.Header.Get("Etag"), want)
	}

	got := c.Get(t, "tour", "films/a film.mkv", nil).Want(t, http.StatusOK)
	if !bytes.Equal(got.Body, data) {
		t.Fatal("what came back is not what went in")
	}
	for k, v := range map[string]string{
		"Content-Type": "video/x-matroska", "X-Lockwell-Meta-Camera": "K-3", "Accept-Ranges": "bytes", "Content-Length": strconv.Itoa(size),
		"Etag": put.ETag, "X-Lockwell-Version-Id": put.VersionID, "X-Lockwell-Encryption": "AES256", "X-Lockwell-Checksum-Sha256": put.Checksums["sha256"],
	} {
		if got.Header.Get(k) != v {
			t.Errorf("GET: %s: %q, want %q", k, got.Header.Get(k), v)
		}
	}
	if got.Header.Get("X-Request-Id") == "" || got.Header.Get("Last-Modified") == "" {
		t.Error("GET lacks X-Request-Id or Last-Modified")
	}
	head := c.Do(t, http.MethodHead, harness.ObjectPath("tour", "films/a film.mkv"), nil, nil).Want(t, http.StatusOK)
	if len(head.Body) != 0 || head.Header.Get("Content-Length") != strconv.Itoa(size) {
		t.Errorf("HEAD: %d bytes, Content-Length %s", len(head.Body), head.Header.Get("Content-Length"))
	}

	c.Put(t, "tour", "empty", nil, nil)
	if r := c.Get(t, "tour", "empty", nil).Want(t, http.StatusOK); len(r.Body) != 0 {
		t.Errorf("an empty object has %d bytes", len(r.Body))
	}
	// A body of unknown length is sent in chunks.
	c.Put(t, "tour", "stream", io.MultiReader(bytes.NewReader(data[:1<<20]), bytes.NewReader(data[1<<20:9<<20])), nil)
	if r := c.Get(t, "tour", "stream", nil); !bytes.Equal(r.Body, data[:9<<20]) {
		t.Error("a body of unknown length came back changed")
	}
	c.Put(t, "tour", "empty", "no more", nil)
	if r := c.Get(t, "tour", "empty", nil); string(r.Body) != "no more" {
		t.Errorf("after an overwrite: %q", r.Body)
	}

	if all := c.ListAll(t, "tour"); len(all) != 3 || all["films/a film.mkv"] != int64(size) {
		t.Errorf("listing: %v", all)
	}
	if r := c.Do(t, http.MethodDelete, "/api/v1/buckets/tour", nil, nil).Want(t, http.StatusConflict); r.Code() != "bucket_not_empty" {
		t.Errorf("code %s", r.Code())
	}
	for _, key := range []string{"films/a film.mkv", "empty", "stream", "never was"} {
		c.Do(t, http.MethodDelete, harness.ObjectPath("tour", key), nil, nil).Want(t, http.StatusNoContent)
	}
	if r := c.Get(t, "tour", "empty", nil).Want(t, http.StatusNotFound); r.Code() != "not_found" {
		t.Errorf("code %s", r.Code())
	}
	c.Do(t, http.MethodDelete, "/api/v1/buckets/tour", nil, nil).Want(t, http.StatusNoContent)
	c.Do(t, http.MethodGet, "/api/v1/buckets/tour", nil, nil).Want(t, http.StatusNotFound)
}

// escapeAll percent-encodes every byte but letters and digits, slashes too.
func escapeAll(key string) string {
	var b strings.Builder
	for i := range len(key) {
		if c := key[i]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func b64(t *testing.T, h string) string {
	t.Helper()
	b, err := hex.DecodeString(h)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}
