package lockwell_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
)

// sha of "x" in base64.
const shaX = "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE="

func TestPutObject_Idempotency(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/objects/k"
	base := http.Header{"Idempotency-Key": {"once!~"}, "X-Lockwell-Checksum-Sha256": {shaX}, "Content-Type": {"text/plain"}, "X-Lockwell-Meta-A": {"1"}, "X-Lockwell-Meta-B": {"2"}, "X-Lockwell-Tags": {"t=1&u=2"}}
	with := func(changes ...string) http.Header {
		h := maps.Clone(base)
		for i := 0; i < len(changes); i += 2 {
			h[changes[i]] = []string{changes[i+1]}
		}
		return h
	}
	first := w.Want(t, 201, "PUT", path, "x", base)
	if first.Header.Get("Idempotent-Replayed") != "" {
		t.Error(first.Header)
	}
	for _, h := range []http.Header{base, with("X-Lockwell-Idempotency-Key", "once!~"), with("If-None-Match", "*"), with("X-Lockwell-Tags", "u=2&t=1")} {
		again := w.Want(t, 201, "PUT", path, "x", h)
		if again.Header.Get("Idempotent-Replayed") != "true" || again.Body != first.Body || again.Header.Get("X-Lockwell-Version-Id") != first.Header.Get("X-Lockwell-Version-Id") {
			t.Errorf("%v %s", again.Header, again.Body)
		}
	}
	named := with("X-Lockwell-Idempotency-Key", "once!~")
	delete(named, "Idempotency-Key")
	if r := w.Want(t, 201, "PUT", path, "x", named); r.Header.Get("Idempotent-Replayed") != "true" {
		t.Error(r.Header)
	}
	for _, h := range []http.Header{
		with("Content-Type", "text/html"), with("X-Lockwell-Meta-A", "3"), with("X-Lockwell-Tags", "t=2"), with("Cache-Control", "no-cache"), with("X-Lockwell-Checksum-Crc32", "jNwWgw=="),
	} {
		if r := w.Want(t, 409, "PUT", path, "x", h); r.Code() != "idempotency_conflict" {
			t.Errorf("%v: %s", h, r.Body)
		}
	}
	if r := w.Want(t, 409, "PUT", path, "xy", base); r.Code() != "idempotency_conflict" {
		t.Error(r.Body)
	}
	w.Want(t, 201, "PUT", api+"/buckets/box/objects/other", "x", base)
	if n := w.Object.Called("CommitPut"); n != 2 {
		t.Errorf("%d commits", n)
	}
}

func TestPutObject_IdempotencyRefused(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/objects/k"
	for _, h := range []http.Header{{"Idempotency-Key": {"k"}}, {"X-Lockwell-Idempotency-Key": {"k"}}, {"Idempotency-Key": {"k"}, "Content-Md5": {"ndTvBhfxIHjdDXFpGXi2fg=="}}} {
		if r := w.Want(t, 400, "PUT", path, "x", h); r.Code() != "idempotency_requires_checksum" {
			t.Errorf("%v: %s", h, r.Body)
		}
	}
	for _, h := range []http.Header{
		{"Idempotency-Key": {""}}, {"Idempotency-Key": {"a b"}}, {"Idempotency-Key": {"é"}}, {"Idempotency-Key": {strings.Repeat("k", 256)}}, {"Idempotency-Key": {"a", "a"}},
		{"Idempotency-Key": {"a"}, "X-Lockwell-Idempotency-Key": {"b"}}, {"Idempotency-Key": {"a"}, "X-Lockwell-Idempotency-Key": {""}},
	} {
		h.Set("X-Lockwell-Checksum-Sha256", shaX)
		if r := w.Want(t, 400, "PUT", path, "x", h); r.Code() != "invalid_request" {
			t.Errorf("%v: %s", h, r.Body)
		}
	}
	w.Want(t, 201, "PUT", path, "x", http.Header{"Idempotency-Key": {strings.Repeat("k", 255)}, "X-Lockwell-Checksum-Sha256": {shaX}})
	if n := len(w.Object.Keys("acc-ada", "box")); n != 1 {
		t.Errorf("%d objects", n)
	}
}
