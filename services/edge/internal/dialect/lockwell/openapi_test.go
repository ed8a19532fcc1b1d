package lockwell_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/contracts/catalog"
	"github.com/sluicehq/sluice/contracts/openapi"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/lockwell"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

func TestOpenAPI_Routes(t *testing.T) {
	t.Parallel()
	edgetest.OpenAPI(t, openapi.Lockwell()).HoldRoutes(t, lockwell.New(&core.Core{}, nil, nil).Routes(), api)
}

// TestOpenAPI_Codes fails on a code or a status that a fault is answered with
// and the document's table lacks, and on a code that no fault leads to.
func TestOpenAPI_Codes(t *testing.T) {
	t.Parallel()
	table := edgetest.OpenAPI(t, openapi.Lockwell()).Components.Schemas.ErrorCode
	if !slices.Equal(slices.Sorted(slices.Values(table.Enum)), slices.Sorted(maps.Keys(table.Status))) {
		t.Error("enum and x-status list different codes")
	}
	h := lockwell.New(&core.Core{}, nil, nil)
	used := map[string]bool{}
	check := func(err error) {
		rec := httptest.NewRecorder()
		h.RenderError(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, api, nil), err)
		var p struct {
			Code   string
			Status int
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if p.Code == "canceled" { // nobody receives it
			return
		}
		used[p.Code] = true
		if table.Status[p.Code] != rec.Code || p.Status != rec.Code {
			t.Errorf("%v is answered with %s, %d; the document says %d", err, p.Code, rec.Code, table.Status[p.Code])
		}
	}
	for _, f := range catalog.Errors() {
		check(f)
	}
	for _, k := range fault.Kinds() {
		check(fault.New(k, "any.code", "any message"))
	}
	for _, f := range []*fault.Error{
		dialect.ErrNoRoute, dialect.ErrMethodNotAllowed, dialect.ErrBadJSON, dialect.ErrBodyTooLarge, dialect.ErrIncompleteBody, dialect.ErrSlowBody,
		dialect.ErrBadQuery, dialect.ErrAuditUnavailable, transfer.ErrBadDigest, transfer.ErrShortBody, transfer.ErrBadRange,
		fault.New(fault.Invalid, "edge.idempotency_requires_checksum", "as the dialect declares it"),
	} {
		check(f)
	}
	for code := range table.Status {
		if !used[code] {
			t.Errorf("nothing leads to the code %s", code)
		}
	}
}

func TestOpenAPI_ServedAsCommitted(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	none := http.Header{"Authorization": nil}
	r := w.Want(t, 200, "GET", api+"/openapi.json", "", none)
	if r.Body != string(openapi.Lockwell()) || r.Header.Get("Etag") == "" || r.Header.Get("Content-Type") != "application/json" {
		t.Error("not the committed bytes")
	}
	w.Want(t, 304, "GET", api+"/openapi.json", "", http.Header{"If-None-Match": {r.Header.Get("Etag")}})
	if h := w.Want(t, 200, "GET", api+"/healthz", "", none); strings.TrimSpace(h.Body) != `{"status":"ok"}` {
		t.Error(h.Body)
	}
}
