package model_test

import (
	"encoding/json"
	"net/http"
	"time"
)

// sub is a request about a version's locks: where there are none, where there is
// no version, where it is a marker.
func (r *runner) sub(b *bucket, key, kind, method string, body any, o op) (*version, error) {
	id := b.pick(key, o.Which)
	v, path := b.find(key, id), objectPath(b, kind, key, id)
	switch {
	case !b.lock:
		_, err := r.want(method, path, body, nil, http.StatusBadRequest, "object_lock_not_enabled")
		return nil, err
	case v == nil || v.marker:
		a, err := r.want(method, path, body, nil, http.StatusNotFound, "not_found")
		if err != nil {
			return nil, err
		}
		return nil, r.absent(a, v != nil)
	}
	return v, nil
}

func (r *runner) putRetention(b *bucket, key string, o op) error {
	mode, until := retention(o.How)
	body := map[string]any{"mode": mode, "retainUntil": until.Format(time.RFC3339Nano)}
	v, err := r.sub(b, key, "object-retention", http.MethodPut, body, o)
	if v == nil || err != nil {
		return err
	}
	path := objectPath(b, "object-retention", key, v.id)
	if v.retained() && (until.Before(v.until) || v.mode == "COMPLIANCE" && mode != "COMPLIANCE") {
		_, err := r.want(http.MethodPut, path, body, nil, http.StatusForbidden, "object_locked")
		return err
	}
	a, err := r.want(http.MethodPut, path, body, nil, http.StatusOK, "")
	if err != nil {
		return err
	}
	v.mode, v.until = mode, until
	return v.keeps(a.Body)
}

// keeps compares a retention on the wire with the version's.
func (v *version) keeps(body []byte) error {
	var got struct{ Mode, RetainUntil string }
	if json.Unmarshal(body, &got) != nil || got.Mode != v.mode || v.differsFrom(got.RetainUntil) {
		return differs("retention %s, want %s until %v", body, v.mode, v.until)
	}
	return nil
}

func (r *runner) getRetention(b *bucket, key string, o op) error {
	v, err := r.sub(b, key, "object-retention", http.MethodGet, nil, o)
	if v == nil || err != nil {
		return err
	}
	path := objectPath(b, "object-retention", key, v.id)
	if v.mode == "" {
		_, err := r.want(http.MethodGet, path, nil, nil, http.StatusNotFound, "no_retention")
		return err
	}
	a, err := r.want(http.MethodGet, path, nil, nil, http.StatusOK, "")
	if err != nil {
		return err
	}
	return v.keeps(a.Body)
}

func (r *runner) putHold(b *bucket, key string, o op) error {
	on := o.How%2 == 0
	body := map[string]any{"status": onOff(on)}
	v, err := r.sub(b, key, "object-legal-hold", http.MethodPut, body, o)
	if v == nil || err != nil {
		return err
	}
	a, err := r.want(http.MethodPut, objectPath(b, "object-legal-hold", key, v.id), body, nil, http.StatusOK, "")
	if err != nil {
		return err
	}
	v.hold = on
	return v.held(a.Body)
}

func (v *version) held(body []byte) error {
	var got struct{ Status string }
	if json.Unmarshal(body, &got) != nil || got.Status != onOff(v.hold) {
		return differs("legal hold %s, want %v", body, v.hold)
	}
	return nil
}

func (r *runner) getHold(b *bucket, key string, o op) error {
	v, err := r.sub(b, key, "object-legal-hold", http.MethodGet, nil, o)
	if v == nil || err != nil {
		return err
	}
	a, err := r.want(http.MethodGet, objectPath(b, "object-legal-hold", key, v.id), nil, nil, http.StatusOK, "")
	if err != nil {
		return err
	}
	return v.held(a.Body)
}
