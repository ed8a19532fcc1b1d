package plik_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	bob, eve := join(t, w, "bobby", false), join(t, w, "eve", false)
	var first, second struct{ Token, Comment, CreatedAt string }
	bob.gets(t, w, &first, "POST", "/me/token", "")
	bob.gets(t, w, &second, "POST", "/me/token", `{"Comment":"laptop","token":"mine","createdAt":"2001-01-01T00:00:00Z"}`)
	at, err := time.Parse(time.RFC3339Nano, second.CreatedAt)
	if err != nil || time.Since(at) > time.Minute || second.Token == "mine" || second.Comment != "laptop" || first.Comment != "" ||
		!regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`).MatchString(second.Token) {
		t.Errorf("%+v %v", second, err)
	}
	// They are shown again and again, to their owner.
	for range 2 {
		r := bob.does(t, w, "GET", "/me/token", "")
		says(t, r, 200, `{"after":null,"before":null,"results":[{"token":"`+second.Token+`","comment":"laptop","createdAt":"`+second.CreatedAt+`"},{"token":"`+first.Token+`","createdAt":"`+first.CreatedAt+`"}],"total":2}`)
		if r.Header.Get("Cache-Control") != "no-store" {
			t.Error("it may be kept by others")
		}
	}
	says(t, eve.does(t, w, "GET", "/me/token", ""), 200, `{"after":null,"before":null,"results":[],"total":0}`)
	for _, k := range []struct {
		who    person
		token  string
		status int
		text   string
	}{
		{eve, second.Token, 404, "token not found"},
		{bob, "00000000-0000-4000-8000-00000000ffff", 404, "token not found"},
		{bob, bob.session, 404, "token not found"}, // it is no upload token
		{bob, strings.Repeat("x", 2000), 404, "token not found"},
		{bob, second.Token, 200, "ok"},
		{bob, second.Token, 404, "token not found"},
	} {
		says(t, k.who.does(t, w, "DELETE", "/me/token/"+k.token, ""), k.status, k.text)
	}
	says(t, bob.does(t, w, "GET", "/me", ""), 200, "")
	says(t, ask(t, w, "GET", anUpload, "", "X-PlikToken", second.Token), 403, "invalid token")
	for body, text := range map[string]string{
		`{"comment":5}`: `unable to deserialize request body : "comment" must not be a JSON number`,
		`{`:             "unable to deserialize request body : unexpected end of JSON input",
		`{"comment":"` + strings.Repeat("x", 2000) + `"}`: "unable to create token : a comment has 1024 bytes at most",
	} {
		says(t, bob.does(t, w, "POST", "/me/token", body), 400, text)
	}
	w.Auth.SetFail("CreateToken", authv1.ErrTooManyTokens)
	says(t, bob.does(t, w, "POST", "/me/token", ""), 409, "unable to create token : the account has too many tokens; revoke one first")
}
