package lockr_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

type listing struct {
	Files      []file
	NextCursor string
	Usage      struct{ Used, Quota int64 }
}

func list(t testing.TB, w *edgetest.World, query string, h http.Header) listing {
	t.Helper()
	var l listing
	read(t, w.Want(t, 200, "GET", api+"/files"+query, "", h), &l)
	return l
}

func TestListFiles(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	if r := w.Want(t, 200, "GET", api+"/files", "", ada(w)); !strings.Contains(r.Body, `"files":[]`) || strings.Contains(r.Body, "nextCursor") || r.Header.Get("Cache-Control") != "no-store" {
		t.Error(r.Body)
	}
	var want []string
	for i := range 7 {
		want = append(want, upload(t, w, "12345", ada(w, "X-File-Name", fmt.Sprintf("%d.txt", i))).ID)
	}
	upload(t, w, "x", guest())
	slices.Reverse(want)
	var got []string
	for q := "?limit=3"; ; {
		l := list(t, w, q, ada(w))
		for _, f := range l.Files {
			got = append(got, f.ID)
			ends, err := time.Parse(time.RFC3339, f.SignedURLExpiresAt)
			if err != nil || time.Until(ends) > 15*time.Minute || time.Until(ends) < 14*time.Minute || f.Path != f.Name || f.SHA256 == "" {
				t.Errorf("%+v", f)
			}
		}
		if l.Usage.Used != 35 || l.Usage.Quota != 1e11 {
			t.Errorf("%+v", l.Usage)
		}
		if l.NextCursor == "" {
			break
		}
		q = "?limit=3&cursor=" + l.NextCursor
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, q := range []string{"?limit=0", "?limit=1001", "?limit=x", "?limit=", "?limit=-1", "?limit=1&limit=2", "?cursor=junk", "?cursor=" + strings.Repeat("x", 5000), "?limit=%zz", "?cursor=%ff"} {
		if r := w.Do(t, "GET", api+"/files"+q, "", ada(w)); r.Status != 400 || r.Code() == "" {
			t.Errorf("%s: %d %s", q, r.Status, r.Body)
		}
	}
}

func TestRegisterFile(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	bob := header("Authorization", "Bearer "+signUp(t, w, "bob"))
	f := upload(t, w, "hello", guest("X-File-Name", "a.txt"))
	upload(t, w, "mine", ada(w, "X-File-Name", "a.txt"))
	body := `{"id":"` + f.ID + `"}`
	var got file
	read(t, w.Want(t, 200, "POST", api+"/files/register", body, ada(w)), &got)
	if got.Name != "a (2).txt" || got.ExpiresAt != "" || got.Size != 5 {
		t.Errorf("%+v", got)
	}
	w.Want(t, 200, "POST", api+"/files/register", body, ada(w)) // mine
	refused(t, w.Do(t, "POST", api+"/files/register", body, bob), 403, "file_taken")
	// The link that was handed out still works, and so does the new one.
	for _, id := range []string{f.ID, got.ID} {
		if r := w.Want(t, 200, "GET", api+"/download/"+id, "", guest()); r.Body != "hello" {
			t.Error(r.Body)
		}
	}
	if l := list(t, w, "", ada(w)); len(l.Files) != 2 || l.Usage.Used != 9 {
		t.Errorf("%+v", l)
	}
	big := upload(t, w, "0123456789", guest())
	w.Auth.SetLimits("acc-bob", authv1.Limits{StorageBytes: 9, ObjectBytes: 9})
	refused(t, w.Do(t, "POST", api+"/files/register", `{"id":"`+big.ID+`"}`, bob), 403, "quota_exceeded")
	w.Object.ExpireFiles()
	refused(t, w.Do(t, "POST", api+"/files/register", `{"id":"`+big.ID+`"}`, ada(w)), 404, "not_found")
	for _, body := range []string{"", "{}", `{"id":""}`, `{"id":5}`, `{"id":null}`, `[]`, `{"id":"a","id":"b"}`, `{"id":"` + strings.Repeat("x", 2000) + `"}`} {
		if r := w.Do(t, "POST", api+"/files/register", body, ada(w)); r.Status != 400 || r.Code() == "" {
			t.Errorf("%s: %d %s", body, r.Status, r.Body)
		}
	}
	for _, id := range []string{"nothing", "us-central1_aaaaaaaaaaaaaaaa_x", "../../etc", "a_b_c", "é_aaaaaaaaaaaa_x"} {
		refused(t, w.Do(t, "POST", api+"/files/register", `{"id":"`+id+`"}`, ada(w)), 404, "not_found")
	}
}

func TestSetFileKey(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	bob := header("Authorization", "Bearer "+signUp(t, w, "bob"))
	f := upload(t, w, "secret", ada(w, "X-File-Name", "a.txt"))
	at := api + "/files/" + f.ID + "/key"
	get := func(keyHash string) edgetest.Response {
		return w.Do(t, "GET", api+"/download/"+f.ID+keyHash, "", guest())
	}
	for _, k := range []struct {
		body string
		has  bool
	}{
		{`{"key":"open sesame"}`, true}, {`{"key":""}`, false}, {`{"key":"open sesame"}`, true}, {`{"key":null}`, false},
		{`{"keyHash":"` + sha("open sesame") + `"}`, true}, {`{"keyHash":""}`, false}, {`{"key":"пароль"}`, true}, {`{"key":"open sesame","more":1}`, true},
	} {
		r := w.Want(t, 200, "POST", at, k.body, ada(w))
		if r.Body != fmt.Sprintf(`{"id":"%s","hasKey":%v}`+"\n", f.ID, k.has) {
			t.Errorf("%s: %s", k.body, r.Body)
		}
		if r := get(""); (r.Status == 403) != k.has {
			t.Errorf("%s: without a key %d", k.body, r.Status)
		}
	}
	if r := get("?keyHash=" + sha("open sesame")); r.Status != 200 || r.Body != "secret" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if l := list(t, w, "", ada(w)); !l.Files[0].HasKey {
		t.Error("the list does not tell of the key")
	}
	for _, body := range []string{`{}`, `{"key":5}`, `{"key":["a"]}`, `{"keyHash":"x"}`, `{"key":"a","keyHash":"` + sha("a") + `"}`, `{"key":"` + strings.Repeat("x", 1025) + `"}`, `{"key":"\ud800"}`, ``, `null`, `{"key":"a"}{}`} {
		if r := w.Do(t, "POST", at, body, ada(w)); r.Status != 400 || r.Code() == "" {
			t.Errorf("%s: %d %s", body, r.Status, r.Body)
		}
	}
	refused(t, w.Do(t, "POST", at, `{"key":""}`, bob), 404, "not_found")
	refused(t, w.Do(t, "POST", at, `{"key":""}`, guest()), 401, "unauthorized")
	refused(t, w.Do(t, "POST", api+"/files/junk/key", `{"key":""}`, ada(w)), 404, "not_found")
	refused(t, get(""), 403, "key_required") // nothing of that changed it
}

func TestDeleteFile(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	bob := header("Authorization", "Bearer "+signUp(t, w, "bob"))
	f, g := upload(t, w, "x", ada(w)), upload(t, w, "x", guest())
	refused(t, w.Do(t, "DELETE", api+"/files/"+f.ID, "", bob), 404, "not_found")
	refused(t, w.Do(t, "DELETE", api+"/files/"+f.ID, "", guest()), 401, "unauthorized")
	refused(t, w.Do(t, "DELETE", api+"/files/"+g.ID, "", ada(w)), 404, "not_found")
	if r := w.Want(t, 200, "DELETE", api+"/files/"+f.ID, "", ada(w)); r.Body != `{"id":"`+f.ID+`","deleted":true}`+"\n" {
		t.Error(r.Body)
	}
	refused(t, w.Do(t, "DELETE", api+"/files/"+f.ID, "", ada(w)), 404, "not_found")
	refused(t, w.Do(t, "GET", api+"/download/"+f.ID, "", ada(w)), 404, "not_found")
	for _, id := range []string{"x", "a_b", "%00_aaaaaaaaaaaaaaaa_x", "us-central1_AAAAAAAAAAAAAAAA_x", "us-central1_aaaaaaaaaaaaaaaa_", "us-central1_aaaaaaaaaaaaaaaa_a%2Fb", "%ff", "_aaaaaaaaaaaaaaaa_x", strings.Repeat("x", 3000)} {
		refused(t, w.Do(t, "DELETE", api+"/files/"+id, "", ada(w)), 404, "not_found")
	}
	w.Want(t, 404, "GET", api+"/files/x/y/z", "", ada(w))
	if r := w.Want(t, 405, "PUT", api+"/files/"+f.ID, "", ada(w)); r.Header.Get("Allow") != "DELETE" {
		t.Errorf("%v", r.Header)
	}
	w.Want(t, 405, "POST", api+"/files", "", ada(w))
}

func TestFiles_ServicesAway(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	f := upload(t, w, "x", ada(w))
	for method, k := range map[string]struct{ verb, path, body string }{
		"ListFiles": {"GET", "/files", ""}, "RegisterFile": {"POST", "/files/register", `{"id":"` + f.ID + `"}`}, "UpdateFile": {"POST", "/files/" + f.ID + "/key", `{"key":"a"}`},
		"RemoveNode": {"DELETE", "/files/" + f.ID, ""}, "StatFile": {"GET", "/download/" + f.ID, ""}, "GetUsage": {"GET", "/account", ""},
	} {
		w.Object.SetFail(method, fault.ErrUnavailable)
		r := w.Do(t, k.verb, api+k.path, k.body, ada(w))
		refused(t, r, 503, "unavailable")
		if r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", method)
		}
		w.Object.SetFail(method, nil)
	}
}
