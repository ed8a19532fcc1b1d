package lockr_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/openapi"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/lockr"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

// document is as much of the OpenAPI document as these tests look at; it is held
// against OpenAPI in test/openapi.
type document struct {
	Paths      map[string]map[string]struct{ OperationID string }
	Components struct {
		Schemas struct {
			ErrorCode struct {
				Enum   []string
				Status map[string]int `json:"x-status"`
			}
		}
	}
}

func load(t testing.TB) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(openapi.Lockr(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestOpenAPI_Routes fails on a route that the document lacks, or has under
// another name, and on an operation that is no route.
func TestOpenAPI_Routes(t *testing.T) {
	t.Parallel()
	d := load(t)
	served := map[string]bool{}
	for _, rt := range lockr.New(&core.Core{}).Routes() {
		path, method := strings.TrimPrefix(rt.Path, api), strings.ToLower(rt.Method)
		served[path+" "+method] = true
		if id := d.Paths[path][method].OperationID; id == "" {
			t.Errorf("the document lacks %s %s", rt.Method, path)
		} else if !strings.EqualFold(id, rt.Name) || id[1:] != rt.Name[1:] {
			t.Errorf("%s %s is %s in the document and %s in the routes", rt.Method, path, id, rt.Name)
		}
	}
	ids := map[string]bool{}
	for path, ops := range d.Paths {
		for method, op := range ops {
			// HEAD is GET's route.
			if !served[path+" "+method] && (method != "head" || !served[path+" get"]) {
				t.Errorf("there is no route %s %s", method, path)
			}
			if op.OperationID == "" || ids[op.OperationID] {
				t.Errorf("%s %s is called %q, as another operation is", method, path, op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
}

// met lists the faults that a route of lockr may end with.
func met() []*fault.Error {
	return []*fault.Error{
		fault.ErrInternal, fault.ErrTimeout, fault.ErrUnavailable, fault.ErrInvalid, blob.ErrTooLarge,
		authv1.ErrBadCredentials, authv1.ErrBadToken, authv1.ErrThrottled, authv1.ErrUsernameTaken, authv1.ErrEmailTaken, authv1.ErrTokenNotFound, authv1.ErrTooManyTokens,
		objectv1.ErrTooLarge, objectv1.ErrQuotaExceeded, objectv1.ErrUploadGone, objectv1.ErrObjectLocked, objectv1.ErrNodeNotFound, objectv1.ErrFileTaken,
		objectv1.ErrUnknownRegion, objectv1.ErrAccountClosed, objectv1.ErrPrecondition,
		uploadv1.ErrGone, uploadv1.ErrSessionGone, uploadv1.ErrSessionBusy, uploadv1.ErrSessionDone, uploadv1.ErrSizeMismatch, uploadv1.ErrWrongOffset,
		dialect.ErrNoRoute, dialect.ErrMethodNotAllowed, dialect.ErrBadJSON, dialect.ErrBodyTooLarge, dialect.ErrIncompleteBody, dialect.ErrSlowBody, dialect.ErrBadQuery, dialect.ErrAuditUnavailable,
		transfer.ErrShortBody, transfer.ErrBadRange, transfer.ErrChecksum,
		core.ErrNoFile, core.ErrKeyNeeded, core.ErrWrongKey, core.ErrGuestKey, core.ErrBadLink, core.ErrTooFast, core.ErrCrossOrigin, core.ErrSessionEnded,
		fault.New(fault.Precondition, "edge.tus_version", "as the dialect declares it"), fault.New(fault.Invalid, "edge.unsupported_media_type", "as the dialect declares it"),
	}
}

// TestOpenAPI_Codes fails on a code or a status that a fault is answered with
// and the document's table lacks, and on a code that no fault leads to.
func TestOpenAPI_Codes(t *testing.T) {
	t.Parallel()
	table := load(t).Components.Schemas.ErrorCode
	if !slices.Equal(slices.Sorted(slices.Values(table.Enum)), slices.Sorted(maps.Keys(table.Status))) {
		t.Error("enum and x-status list different codes")
	}
	h := lockr.New(&core.Core{})
	used := map[string]bool{}
	for _, f := range met() {
		rec := httptest.NewRecorder()
		h.RenderError(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, api, nil), f)
		var e struct{ Error, Code string }
		if err := json.Unmarshal(rec.Body.Bytes(), &e); err != nil || e.Error == "" {
			t.Fatal(err, rec.Body)
		}
		used[e.Code] = true
		if table.Status[e.Code] != rec.Code {
			t.Errorf("%v is answered with %s, %d; the document says %d", f, e.Code, rec.Code, table.Status[e.Code])
		}
	}
	for code := range table.Status {
		if !used[code] {
			t.Errorf("nothing leads to the code %s", code)
		}
	}
}
