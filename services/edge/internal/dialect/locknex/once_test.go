package locknex_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func withKey(by http.Header, key string) http.Header {
	h := by.Clone()
	h.Set("Idempotency-Key", key)
	return h
}

// TestCreateContainer_Once: a key makes one container, also of more links than one
// message takes.
func TestCreateContainer_Once(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	ada, grace := keyOf(t, w, "ada"), keyOf(t, w, "grace")
	many := make([]string, 450)
	for i := range many {
		many[i] = fmt.Sprintf("https://a.example/%d", i)
	}
	for name, body := range map[string]string{
		"two":  `{"title":"a","password":"123",` + twoLinks + `}`,
		"many": `{"title":"b","links":["` + strings.Join(many, `","`) + `"]}`,
	} {
		id := create(t, w, withKey(ada, name), body)
		if again := create(t, w, withKey(ada, name), body); again != id {
			t.Errorf("%s: %s, then %s", name, id, again)
		}
		if theirs := create(t, w, withKey(grace, name), body); theirs == id {
			t.Errorf("%s: another account has the same", name)
		}
	}
	refused(t, w.Do(t, "POST", container+"/create", `{"title":"c",`+twoLinks+`}`, withKey(ada, "two")), 409, "idempotency_conflict")
	for _, key := range []string{"", " ", "a b", "ä", strings.Repeat("k", 256)} {
		refused(t, w.Do(t, "POST", container+"/create", `{"title":"c",`+twoLinks+`}`, withKey(ada, key)), 400, "invalid_request")
		refused(t, w.Do(t, "POST", container+"/bulk", `{"action":"create","items":[{}]}`, withKey(ada, key)), 400, "invalid_request")
	}
	twice := ada.Clone()
	twice["Idempotency-Key"] = []string{"a", "a"}
	refused(t, w.Do(t, "POST", container+"/create", `{"title":"c",`+twoLinks+`}`, twice), 400, "invalid_request")
}

// TestBulk_Once: each item has a key of its own.
func TestBulk_Once(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	by := withKey(keyOf(t, w, "ada"), strings.Repeat("k", 255))
	item := `{"title":"a",` + twoLinks + `}`
	made := bulk(t, w, by, "create", item, item)
	again := bulk(t, w, by, "create", item, item, item)
	if made.Succeeded != 2 || again.Succeeded != 3 || made.Results[0].ID == made.Results[1].ID ||
		again.Results[0].ID != made.Results[0].ID || again.Results[1].ID != made.Results[1].ID || again.Results[2].ID == made.Results[1].ID {
		t.Errorf("%+v, then %+v", made, again)
	}
	if id := create(t, w, by, item); id == made.Results[0].ID || id == made.Results[1].ID {
		t.Error("a single request has an item's key")
	}
}
