package lockwell_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

type batchResults struct {
	Results []struct {
		Key, VersionID, DeleteMarkerVersionID string
		Deleted, DeleteMarker                 bool
		Error                                 *struct{ Code, Message string }
	}
}

func batchOf(keys ...string) string {
	type ref struct {
		Key string `json:"key"`
	}
	refs := make([]ref, len(keys))
	for i, k := range keys {
		refs[i].Key = k
	}
	b, err := json.Marshal(map[string]any{"objects": refs})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestBatchDelete_Results(t *testing.T) {
	t.Parallel()
	w, version := locked(t)
	path := api + "/buckets/vault/objects:batchDelete"
	w.Want(t, 200, "PUT", api+"/buckets/vault/object-legal-hold/k", `{"status":"ON"}`, nil)
	long := strings.Repeat("k", 1030)
	var got batchResults
	decode(t, w.Want(t, 200, "POST", path, fmt.Sprintf(`{"objects":[{"key":"absent"},{"key":"k","versionId":%q},{"key":"k"},{"key":""},{"key":"a\u0000b"},{"key":%q},{"key":"../x"},{"key":"k"}]}`, version, long), nil), &got)
	if len(got.Results) != 8 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []string{"absent", "k", "k", "", "a\x00b", long, "../x", "k"} {
		if got.Results[i].Key != want {
			t.Errorf("result %d is of %.40q", i, got.Results[i].Key)
		}
	}
	for i, code := range map[int]string{1: "object_locked", 3: "invalid_key", 4: "invalid_key", 5: "invalid_key"} {
		if r := got.Results[i]; r.Deleted || r.Error == nil || r.Error.Code != code || r.Error.Message == "" {
			t.Errorf("result %d: %+v", i, r)
		}
	}
	for _, i := range []int{0, 2, 6, 7} {
		if r := got.Results[i]; !r.Deleted || r.Error != nil || !r.DeleteMarker || r.DeleteMarkerVersionID == "" || r.VersionID != "" {
			t.Errorf("result %d: %+v", i, r)
		}
	}
	if got.Results[1].VersionID != version {
		t.Errorf("%+v", got.Results[1])
	}
	r := w.Want(t, 200, "POST", api+"/buckets/box/objects:batchDelete", batchOf("absent"), nil)
	if strings.TrimSpace(r.Body) != `{"results":[{"key":"absent","deleted":true}]}` {
		t.Error(r.Body)
	}
}

func TestBatchDelete_Refused(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/objects:batchDelete"
	refusals(t, w, "POST", path, "invalid_request",
		``, `{}`, `null`, `[]`, `{"objects":null}`, `{"objects":[]}`, `{"objects":{}}`, `{"objects":[null]}`, `{"objects":["a"]}`, `{"objects":[{"key":1}]}`,
		`{"objects":[{"key":"a","versionID2":"x"}]}`, `{"objects":[{"key":"a","versionId":" "}]}`, `{"objects":[{"key":"a","key":"b"}]}`, `{"objects":[{"key":"\udc00"}]}`,
		"{\"objects\":[{\"key\":\"\xfe\"}]}", batchOf(make([]string, 1001)...), `{"objects":[{"key":"a"}]} x`, `{"objects":[{"key":"a"}`)
	if r := w.Do(t, "POST", path, `{"objects":[{"key":"`+strings.Repeat("x", 9<<20)+`"}]}`, nil); r.Status != 413 || r.Code() != "too_large" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	w.Want(t, 405, "GET", path, "", nil)
	w.Want(t, 404, "POST", api+"/buckets/none/objects:batchDelete", batchOf(""), nil)
	_, writer := w.NewKey(t, authv1.ScopeRead, authv1.ScopeWrite, authv1.ScopeAdmin)
	w.Want(t, 403, "POST", path, batchOf(""), bearer(writer))
	if n := w.Object.Called("DeleteObjects"); n != 2 {
		t.Errorf("%d calls", n)
	}
}

func TestBatchDelete_Pieces(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	keys := make([]string, 250)
	for i := range keys {
		keys[i] = fmt.Sprintf("%04d", i) + strings.Repeat("\x01", 1020) // six bytes each on the wire
	}
	var got batchResults
	decode(t, w.Want(t, 200, "POST", api+"/buckets/box/objects:batchDelete", batchOf(keys...), nil), &got)
	for i, r := range got.Results {
		if r.Key != keys[i] || !r.Deleted {
			t.Fatalf("result %d: %+v", i, r)
		}
	}
	if most := slices.Max(w.Object.Batches); most*6*1024 > 1<<20 || most < 50 {
		t.Errorf("pieces %v", w.Object.Batches)
	}
	w.Object.Batches = nil
	keys = make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	w.Want(t, 200, "POST", api+"/buckets/box/objects:batchDelete", batchOf(keys...), nil)
	if want := slices.Repeat([]int{objectv1.MaxDeleteObjects}, 1000/objectv1.MaxDeleteObjects); !slices.Equal(w.Object.Batches, want) {
		t.Errorf("pieces %v", w.Object.Batches)
	}
}

func TestBatchDelete_FailsHalfWay(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	keys := make([]string, objectv1.MaxDeleteObjects+2)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	w.Object.FailAfter("DeleteObjects", 1, fault.ErrUnavailable.Because(fmt.Errorf("/secret")))
	r := w.Want(t, 200, "POST", api+"/buckets/box/objects:batchDelete", batchOf(keys...), nil)
	var got batchResults
	decode(t, r, &got)
	if n := len(keys); len(got.Results) != n || !got.Results[n-3].Deleted || got.Results[n-2].Error == nil || got.Results[n-1].Error.Code != "unavailable" || strings.Contains(r.Body, "secret") {
		t.Errorf("%d results, the last %+v", len(got.Results), got.Results[len(got.Results)-1])
	}
	w.Want(t, 503, "POST", api+"/buckets/box/objects:batchDelete", batchOf(keys...), nil)
}
