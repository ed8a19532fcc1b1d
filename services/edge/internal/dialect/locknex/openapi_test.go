package locknex_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/contracts/openapi"
	webhookv1 "github.com/sluicehq/sluice/contracts/webhook/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/locknex"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestOpenAPI_Routes(t *testing.T) {
	t.Parallel()
	edgetest.OpenAPI(t, openapi.Locknex()).HoldRoutes(t, locknex.New(&core.Core{}).Routes(), "")
}

// met lists the faults that a route of locknex may end with.
func met() []*fault.Error {
	return []*fault.Error{
		fault.ErrInternal, fault.ErrTimeout, fault.ErrUnavailable, fault.ErrInvalid,
		authv1.ErrBadCredentials, authv1.ErrBadToken, authv1.ErrThrottled, authv1.ErrAccountNotFound, objectv1.ErrAccessDenied,
		linksv1.ErrNotFound, linksv1.ErrBadTitle, linksv1.ErrBadLink, linksv1.ErrTooManyLinks, linksv1.ErrQuota, linksv1.ErrEditGone,
		linksv1.ErrWrongPassword, linksv1.ErrThrottled, linksv1.ErrLocked, linksv1.ErrIdempotencyConflict, linksv1.ErrIdempotencyBusy,
		webhookv1.ErrSubscriptionNotFound, webhookv1.ErrTooManySubscriptions, webhookv1.ErrBadURL, webhookv1.ErrUnknownEvent, webhookv1.ErrDeliveryNotFound,
		paging.ErrBadCursor, paging.ErrBothCursors, paging.ErrCursorSkips,
		dialect.ErrNoRoute, dialect.ErrMethodNotAllowed, dialect.ErrBadJSON, dialect.ErrBodyTooLarge, dialect.ErrIncompleteBody, dialect.ErrSlowBody, dialect.ErrBadQuery, dialect.ErrAuditUnavailable,
		core.ErrRateLimited,
		fault.New(fault.Invalid, "oauth.unsupported_grant_type", "as the dialect declares it"), fault.New(fault.Invalid, "oauth.invalid_scope", "as the dialect declares it"),
	}
}

// TestOpenAPI_Codes fails on a code or a status that a fault is answered with
// and the document's table lacks, and on a code that no fault leads to.
func TestOpenAPI_Codes(t *testing.T) {
	t.Parallel()
	table := edgetest.OpenAPI(t, openapi.Locknex()).Components.Schemas.ErrorCode
	if !slices.Equal(slices.Sorted(slices.Values(table.Enum)), slices.Sorted(maps.Keys(table.Status))) {
		t.Error("enum and x-status list different codes")
	}
	h := locknex.New(&core.Core{})
	used := map[string]bool{"invalid_client": true} // OAuth's word for unauthorized
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
