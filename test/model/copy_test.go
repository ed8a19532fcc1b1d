package model_test

import (
	"maps"
	"net/http"

	"github.com/sluicehq/sluice/test/harness"
)

// copy makes an object from a version of another bucket, another key or its own.
func (r *runner) copy(b *bucket, key string, o op) error {
	from, fromKey := r.buckets[o.Size%len(r.buckets)], keys[o.How%len(keys)]
	r.ripen(from)
	id := from.pick(fromKey, o.Which)
	src := from.find(fromKey, id)
	body := map[string]any{"sourceBucket": from.name, "sourceKey": fromKey}
	if id != "" {
		body["sourceVersionId"] = id
	}
	path := harness.KeyPath(b.name, "object-copy", key)
	if src == nil || src.marker {
		_, err := r.want(http.MethodPost, path, body, nil, http.StatusNotFound, "not_found")
		return err
	}
	v := &version{body: src.body, etag: src.etag, typ: src.typ, meta: src.meta, tags: maps.Clone(src.tags)}
	holds := v.instead(body, o.How)
	switch h, ok := b.conditions(key, o.How/7); {
	case h.Get("If-None-Match") != "":
		body["requireAbsent"], holds = true, holds && ok
	case h.Get("If-Match") != "":
		body["requireMatchEtag"], holds = h.Get("If-Match"), holds && ok
	}
	if !holds {
		_, err := r.want(http.MethodPost, path, body, nil, http.StatusPreconditionFailed, "precondition_failed")
		return err
	}
	a, err := r.want(http.MethodPost, path, body, nil, http.StatusCreated, "")
	if err != nil {
		return err
	}
	return r.made(b, key, v, a)
}

// instead chooses a directive and conditions on the source, and reports whether
// they hold.
func (v *version) instead(body map[string]any, how int) bool {
	if how%3 == 0 {
		v.typ, v.meta = "application/x-replaced", map[string]string{"From": "copy"}
		body["metadataDirective"], body["contentType"], body["metadata"] = "REPLACE", v.typ, v.meta
	}
	switch how % 11 {
	case 0:
		body["ifMatch"] = v.etag
	case 1:
		body["ifMatch"] = `"0"`
		return false
	case 2:
		body["ifNoneMatch"] = v.etag
		return false
	case 3:
		body["ifNoneMatch"] = `"0"`
	}
	return true
}
