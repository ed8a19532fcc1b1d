package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/contracts/links/v1/linksv1test"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/sluice/internal/cli"
)

func account(_ context.Context, name string) (authv1.Account, error) {
	if name != "alice" && name != "bob" {
		return authv1.Account{}, authv1.ErrAccountNotFound
	}
	return authv1.Account{ID: "acc_" + name, Username: name}, nil
}

func newLinks() *linksv1test.Fake { return linksv1test.NewFake(linksv1test.NewClock().Now, nil) }

func get(t *testing.T, f *linksv1test.Fake, id string) linksv1.Container {
	t.Helper()
	c, err := f.GetContainer(t.Context(), linksv1.ContainerRequest{ID: id})
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	return c
}

func TestImport(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range linksv1.MaxLinks {
		many = append(many, fmt.Sprintf("https://a.example/%d?%s", i, strings.Repeat("&", 500)))
	}
	full, _ := json.Marshal(map[string]any{"numeric_id": "5", "title": "full", "links": many})
	in := strings.Join([]string{
		`{"numeric_id":"7541014","id":"iiom6uw3pn7","title":"Linux ISOs","password":"123","links":["https://rapidgator.net/file/1"],"owner":"bob","created_at":"2019-05-06 07:08:09"}`,
		``,
		`  {"numeric_id":42,"title":"Größe","links":[{"url":"https://b.example/1"},{"url":"https://b.example/2","mirror":1,"backup":true}],"created_at":"2019-05-06T07:08:09Z"}` + "\r",
		`nonsense`,
		`{"numeric_id":"x","title":"t","links":["https://b.example/1"]}`,
		`{"numeric_id":"6","title":"t","links":["ftp://b.example/1"]}`,
		`{"numeric_id":"7","title":"t","links":["https://b.example/1"],"owner":"carol"}`,
		`{"numeric_id":"8","title":"t","links":["https://b.example/1"]} {"numeric_id":"9"}`,
		`{"numeric_id":"42","title":"again","links":["https://c.example/1"]}`,
		`{"title":"t","links":["https://b.example/1"]}`,
		`{"numeric_id":"10","title":"t","links":["https://b.example/1"],"created_at":"yesterday"}`,
		string(full), // no line end
	}, "\n")
	f := newLinks()
	for range 2 { // the second time changes nothing
		var errs bytes.Buffer
		done, err := cli.Import(t.Context(), f, account, "alice", strings.NewReader(in), &errs)
		if err == nil || done != 4 {
			t.Errorf("%d, %v", done, err)
		}
		var lines []string
		for l := range strings.Lines(errs.String()) {
			n, _, _ := strings.Cut(l, ":")
			lines = append(lines, n)
		}
		if got := strings.Join(lines, " "); got != "line 4 line 5 line 6 line 7 line 8 line 10 line 11" {
			t.Errorf("%s", errs.String())
		}
	}
	if c := get(t, f, "7541014"); c.ID != "iiom6uw3pn7" || c.AccountID != "acc_bob" || !c.Protected || c.CreatedAt.Year() != 2019 {
		t.Errorf("%+v", c)
	}
	if c := get(t, f, "42"); c.Title != "Größe" || c.Size != 2 || c.AccountID != "acc_alice" {
		t.Errorf("%+v", c)
	}
	if c := get(t, f, "5"); c.Size != linksv1.MaxLinks {
		t.Errorf("%d links", c.Size)
	}
}

func TestImport_LongLine(t *testing.T) {
	t.Parallel()
	in := strings.Repeat("a", 17<<20) + "\n" + `{"numeric_id":"1","title":"t","links":["https://b.example/1"]}` + "\n"
	var errs bytes.Buffer
	done, err := cli.Import(t.Context(), newLinks(), account, "alice", strings.NewReader(in), &errs)
	if err == nil || done != 1 || !strings.HasPrefix(errs.String(), "line 1: it has more than") {
		t.Errorf("%d, %v, %.100s", done, err, errs.String())
	}
}

// TestImport_Away stops when the system is, instead of refusing every line.
func TestImport_Away(t *testing.T) {
	t.Parallel()
	f := newLinks()
	f.Down(fault.ErrUnavailable)
	line := `{"numeric_id":"1","title":"t","links":["https://b.example/1"]}` + "\n"
	var errs bytes.Buffer
	done, err := cli.Import(t.Context(), f, account, "alice", strings.NewReader(line+line), &errs)
	if err == nil || done != 0 || errs.Len() != 0 || !strings.HasPrefix(err.Error(), "line 1: ") {
		t.Errorf("%d, %v, %s", done, err, errs.String())
	}
}

func FuzzParseOld(f *testing.F) {
	for _, s := range []string{`{"numeric_id":"7","links":["https://a.example"]}`, `{"numeric_id":7,"links":[{"url":"x","mirror":1}]}`, `{"numeric_id":1e3}`, `null`, `[]`, `{"numeric_id":"1","links":[null,1]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		numeric, urls, err := cli.ParseOld(b)
		if err != nil {
			return
		}
		if !linksv1.ValidNumericID(numeric) {
			t.Fatalf("%q: the id is %q", b, numeric)
		}
		for _, u := range urls {
			_, _ = linksv1.ParseURL(u)
		}
	})
}
