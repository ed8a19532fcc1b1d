package openapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/sluicehq/sluice/contracts/openapi"
)

// TestDocument_Valid holds the documents against OpenAPI 3.1, and every example
// in them against its schema.
func TestDocument_Valid(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{"lockwell": openapi.Lockwell(), "lockr": openapi.Lockr(), "locknex": openapi.Locknex(), "plik": openapi.Plik(), "yetishare": openapi.Yetishare()} {
		d := load(t, b)
		if !d.IsOpenAPI31OrLater() {
			t.Errorf("%s: version %s", name, d.OpenAPI)
		}
		if err := d.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDocument_Examples makes sure that the validation of examples finds what is
// wrong: a document with a broken one must not pass.
func TestDocument_Examples(t *testing.T) {
	t.Parallel()
	good := string(openapi.Lockwell())
	for _, k := range []struct{ from, to string }{
		{`"tokenType": "Bearer"`, `"tokenType": "Basic"`},
		{`"expiresIn": 3600`, `"expiresIn": "soon"`},
		{`"code": "bad_digest"`, `"code": "bad_digests"`},
		{`"status": "Suspended"`, `"state": "Suspended"`},
		{`"example": "bytes=0-99"`, `"example": 99`},
	} {
		broken := strings.Replace(good, k.from, k.to, 1)
		if broken == good {
			t.Errorf("the document does not say %s", k.from)
			continue
		}
		if load(t, []byte(broken)).Validate(t.Context(), openapi3.EnableExamplesValidation()) == nil {
			t.Errorf("%s passes", k.to)
		}
	}
}

// TestDocument_Complete wants every operation to be described: with a summary, an
// example in and out wherever there is JSON, the request id on each answer, and a
// list of codes that agrees with its statuses.
func TestDocument_Complete(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{"lockwell": openapi.Lockwell(), "lockr": openapi.Lockr(), "locknex": openapi.Locknex()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			complete(t, load(t, b))
		})
	}
}

func complete(t *testing.T, d *openapi3.T) {
	t.Helper()
	statuses, _ := d.Components.Schemas["ErrorCode"].Value.Extensions["x-status"].(map[string]any)
	for path, item := range d.Paths.Map() {
		for method, op := range item.Operations() {
			at := method + " " + path
			if op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 || d.Tags.Get(op.Tags[0]) == nil {
				t.Errorf("%s: id %q, summary %q, tags %v", at, op.OperationID, op.Summary, op.Tags)
			}
			if op.RequestBody != nil {
				checkContent(t, at, op.RequestBody.Value.Content)
			}
			for _, p := range op.Parameters {
				if p.Value.Description == "" || p.Value.Schema == nil {
					t.Errorf("%s: %s is not described", at, p.Value.Name)
				}
			}
			for status, r := range op.Responses.Map() {
				checkContent(t, at+" "+status, r.Value.Content)
				if r.Value.Headers["X-Request-Id"] == nil {
					t.Errorf("%s %s: no X-Request-Id", at, status)
				}
			}
			checkCodes(t, at, op, statuses)
		}
	}
}

func checkContent(t *testing.T, at string, content openapi3.Content) {
	t.Helper()
	for mediaType, m := range content {
		if strings.HasSuffix(mediaType, "json") && m.Schema.Ref != "" && m.Example == nil && len(m.Examples) == 0 {
			t.Errorf("%s: no example of %s", at, mediaType)
		}
	}
}

func checkCodes(t *testing.T, at string, op *openapi3.Operation, statuses map[string]any) {
	t.Helper()
	codes, _ := op.Extensions["x-error-codes"].([]any)
	said := map[string]bool{}
	for _, c := range codes {
		status := fmt.Sprint(statuses[c.(string)])
		said[status] = true
		if op.Responses.Value(status) == nil {
			t.Errorf("%s: the code %s needs the status %s", at, c, status)
		}
	}
	for status := range op.Responses.Map() {
		if status >= "400" && !said[status] {
			t.Errorf("%s: no code has the status %s", at, status)
		}
	}
}
