package yetishare_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/contracts/openapi"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect/yetishare"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestOpenAPI_Routes(t *testing.T) {
	t.Parallel()
	edgetest.OpenAPI(t, openapi.Yetishare()).HoldRoutes(t, yetishare.New(&core.Core{}).Routes(), "")
}

// TestOpenAPI_Sentences holds the document's examples of errors to the table of
// sentences, in their order, and its parameters to each other by POST and GET.
func TestOpenAPI_Sentences(t *testing.T) {
	t.Parallel()
	var d struct {
		Paths map[string]map[string]struct {
			Parameters  []struct{ Name string }
			RequestBody struct {
				Content map[string]struct {
					Schema struct{ Properties map[string]any }
				}
			}
			Responses map[string]struct {
				Content map[string]struct {
					Examples map[string]struct{ Value struct{ Response string } }
				}
			}
		}
	}
	if err := json.Unmarshal(openapi.Yetishare(), &d); err != nil {
		t.Fatal(err)
	}
	for _, k := range sentences() {
		said := false
		for _, e := range d.Paths[api+k.path]["post"].Responses["200"].Content["application/json"].Examples {
			said = said || e.Value.Response == k.want
		}
		if !said {
			t.Errorf("%s: the document lacks %q", k.path, k.want)
		}
	}
	for path, ops := range d.Paths {
		if !strings.HasPrefix(path, api) {
			continue
		}
		var byGet []string
		for _, p := range ops["get"].Parameters {
			byGet = append(byGet, p.Name)
		}
		byPost := ops["post"].RequestBody.Content["multipart/form-data"].Schema.Properties
		for name := range byPost {
			if !slices.Contains(byGet, name) && name != "upload_file" {
				t.Errorf("%s: GET does not take %s", path, name)
			}
		}
	}
}
