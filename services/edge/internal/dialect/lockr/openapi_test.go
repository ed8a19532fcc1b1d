package lockr_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
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
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
	"github.com/sluicehq/sluice/services/edge/internal/transfer"
)

func TestOpenAPI_Routes(t *testing.T) {
	t.Parallel()
	edgetest.OpenAPI(t, openapi.Lockr()).HoldRoutes(t, lockr.New(&core.Core{}).Routes(), api)
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
	table := edgetest.OpenAPI(t, openapi.Lockr()).Components.Schemas.ErrorCode
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
