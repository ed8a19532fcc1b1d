package linksv1_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/goldentest"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/paging"
)

// messages are one filled value per message that crosses a boundary. Inside v1
// their JSON may only gain optional fields.
func messages() map[string]any {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	who := authv1.Principal{AccountID: "acc_1", Username: "alice"}
	input := linksv1.LinkInput{URL: "https://rapidgator.net/file/1", Mirror: 1, Backup: true}
	options := linksv1.Options{Captcha: true, NoClickNLoad: true, NoSingleLinks: true, Group: "iso"}
	change := linksv1.OptionsChange{Captcha: &options.Captcha, NoClickNLoad: &options.NoClickNLoad, NoSingleLinks: &options.NoSingleLinks, Group: &options.Group}
	quota := linksv1.Quota{ContainersPerDay: 100, Links: 10000}
	title, password := "Linux ISOs", "123"
	container := linksv1.Container{
		ID: "iiom6uw3pn7", NumericID: "7541014", AccountID: "acc_1", Title: title, Protected: true, Options: options, Size: 3, Status: linksv1.Partial,
		Counts: linksv1.Counts{Online: 1, Offline: 1, Unknown: 1}, Hosts: []string{"rapidgator.net", "ddownload.com"}, CreatedAt: at, CheckedAt: &at, Revision: 7, UpdatedAt: at,
	}
	link := linksv1.Link{
		LinkInput: input, Index: 2, Host: "rapidgator.net", Status: linksv1.Unknown, CheckedAt: &at, HTTPStatus: 503, Reason: linksv1.ReasonServer, Name: "a.iso",
		Size: 5, Failures: 2, Definite: linksv1.Online, DefiniteAt: &at,
	}
	return map[string]any{
		"create_request":      linksv1.CreateRequest{Principal: who, Title: title, Password: password, Options: options, Links: []linksv1.LinkInput{input}, More: true, Quota: quota, Idempotency: &linksv1.Idempotency{Key: "k", Fingerprint: []byte("print")}},
		"add_links_request":   linksv1.AddLinksRequest{Principal: who, ID: "iiom6uw3pn7", Edit: "ed_1", From: 200, Links: []linksv1.LinkInput{input}, More: true},
		"written":             linksv1.Written{Container: container, Edit: "ed_1"},
		"update_request":      linksv1.UpdateRequest{Principal: who, ID: "7541014", Title: &title, Password: &password, Options: &change, Links: []linksv1.LinkInput{input}, More: true, Quota: quota},
		"container_request":   linksv1.ContainerRequest{Principal: who, ID: "iiom6uw3pn7"},
		"container":           container,
		"list_request":        linksv1.ListRequest{Principal: who, Status: linksv1.Online, Group: "iso", Page: paging.Request{Limit: 10, After: "c"}},
		"list_response":       linksv1.ListResponse{Containers: []linksv1.Container{container}, Place: paging.Place{After: "c", Before: "b", Total: 3}},
		"unlock_request":      linksv1.UnlockRequest{ID: "iiom6uw3pn7", Password: password, Source: "192.0.2.1"},
		"unlocked":            linksv1.Unlocked{Container: container, Pass: "lkp_a.b"},
		"list_links_request":  linksv1.ListLinksRequest{Principal: who, ID: "iiom6uw3pn7", Pass: "lkp_a.b", From: 200},
		"list_links_response": linksv1.ListLinksResponse{Links: []linksv1.Link{link}, Next: 400},
		"recheck_request":     linksv1.RecheckRequest{ID: "iiom6uw3pn7", Within: time.Hour},
		"import_request":      linksv1.ImportRequest{Username: "alice", AccountID: "acc_1", NumericID: "7541014", ID: "iiom6uw3pn7", Title: title, Password: password, Links: []linksv1.LinkInput{input}, More: true, CreatedAt: at},
		"empty":               linksv1.Empty{},
		"badge":               linksv1.Badge{ID: "iiom6uw3pn7", NumericID: "7541014", Status: linksv1.Online, Counts: linksv1.Counts{Online: 3}, Gone: true, Revision: 7},
		"event_container":     linksv1.ContainerEvent{Container: container, Was: linksv1.Online, Time: at},
		"event_link":          linksv1.LinkEvent{ContainerID: "iiom6uw3pn7", AccountID: "acc_1", Title: title, Link: link, Was: linksv1.Online, Time: at},
	}
}

func TestMessages_Golden(t *testing.T) {
	t.Parallel()
	goldentest.Messages(t, messages())
}

// TestSubjects holds calls and events to their roots: a stream that captured a
// call would answer the caller itself.
func TestSubjects(t *testing.T) {
	t.Parallel()
	calls := []string{
		linksv1.CreateContainer.Subject, linksv1.AddLinks.Subject, linksv1.GetContainer.Subject, linksv1.ListContainers.Subject, linksv1.UpdateContainer.Subject,
		linksv1.DeleteContainer.Subject, linksv1.Unlock.Subject, linksv1.ListLinks.Subject, linksv1.Recheck.Subject, linksv1.ImportContainer.Subject,
	}
	seen := map[string]bool{}
	for _, s := range calls {
		if !strings.HasPrefix(s, linksv1.Name+".v1.") || seen[s] {
			t.Errorf("a call on %s", s)
		}
		seen[s] = true
	}
	if n := reflect.TypeFor[linksv1.Service]().NumMethod(); n != len(calls) {
		t.Errorf("%d methods, %d subjects", n, len(calls))
	}
	for _, s := range []string{linksv1.ContainerCreated.Type, linksv1.ContainerStatusChanged.Type, linksv1.ContainerDeleted.Type, linksv1.LinkStatusChanged.Type} {
		if !strings.HasPrefix(s, "evt.links.v1.") || seen[s] {
			t.Errorf("an event on %s", s)
		}
		seen[s] = true
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	seen := map[linksv1.Reason]bool{}
	for _, r := range linksv1.Reasons() {
		if seen[r] || r == "" {
			t.Errorf("reason %q", r)
		}
		seen[r] = true
	}
}
