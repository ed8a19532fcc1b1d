package lockwell_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/edgetest"
)

const api = "/api/v1"

func bucketed(t *testing.T) *edgetest.World {
	t.Helper()
	w := edgetest.New(t)
	w.Want(t, http.StatusCreated, "POST", api+"/buckets", `{"name":"box"}`, nil)
	return w
}

func TestRoutes_Tour(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	account := http.Header{"Authorization": {"Bearer " + w.Account}}

	r := w.Want(t, 201, "POST", api+"/account/access-keys", `{"scopes":["read","write","delete","admin"]}`, account)
	var key struct{ AccessKeyID, SecretKey string }
	decode(t, r, &key)
	if len(key.SecretKey) != 40 || r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%+v %v", key, r.Header)
	}
	r = w.Want(t, 200, "GET", api+"/account/access-keys", "", account)
	if strings.Contains(r.Body, key.SecretKey) || !strings.Contains(r.Body, key.AccessKeyID) {
		t.Fatalf("listing: %s", r.Body)
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(key.AccessKeyID+":"+key.SecretKey))
	for _, mint := range []edgetest.Response{
		w.Want(t, 200, "POST", api+"/auth/token", "", http.Header{"Authorization": {basic}}),
		w.Want(t, 200, "POST", api+"/auth/token", fmt.Sprintf(`{"accessKeyId":%q,"secretKey":%q}`, key.AccessKeyID, key.SecretKey), nil),
	} {
		var tok struct {
			AccessToken, TokenType string
			ExpiresIn              int
			ExpiresAt              time.Time
		}
		decode(t, mint, &tok)
		if !strings.HasPrefix(tok.AccessToken, "lwtk_") || tok.TokenType != "Bearer" || tok.ExpiresIn < 3590 || time.Until(tok.ExpiresAt) < 59*time.Minute {
			t.Fatalf("%+v", tok)
		}
		w.Token = tok.AccessToken
	}

	r = w.Want(t, 201, "POST", api+"/buckets", `{"name":"tour","versioning":true}`, nil)
	if r.Header.Get("Location") != w.URL+api+"/buckets/tour" {
		t.Errorf("Location %q", r.Header.Get("Location"))
	}
	if r := w.Want(t, 409, "POST", api+"/buckets", `{"name":"tour"}`, nil); r.Code() != "bucket_exists" {
		t.Error(r.Body)
	}
	w.Want(t, 200, "GET", api+"/buckets", "", nil)
	w.Want(t, 200, "GET", api+"/buckets/tour", "", nil)

	put := w.Want(t, 201, "PUT", api+"/buckets/tour/objects/a/b.txt", "hello world", http.Header{
		"Content-Type": {"text/plain"}, "Cache-Control": {"max-age=5"}, "Content-Disposition": {"inline"}, "X-Lockwell-Meta-Camera": {"K-3"}, "X-Lockwell-Tags": {"a=1&b=%20"},
	})
	get := w.Want(t, 200, "GET", api+"/buckets/tour/objects/a/b.txt", "", nil)
	if get.Body != "hello world" {
		t.Fatalf("%q", get.Body)
	}
	head := w.Want(t, 200, "HEAD", api+"/buckets/tour/objects/a/b.txt", "", nil)
	for name, want := range map[string]string{
		"Content-Type": "text/plain", "Cache-Control": "max-age=5", "Content-Disposition": "inline", "X-Lockwell-Meta-Camera": "K-3", "X-Lockwell-Tag-Count": "2",
		"Etag": put.Header.Get("Etag"), "Content-Length": "11", "Accept-Ranges": "bytes", "X-Lockwell-Encryption": "AES256", "X-Lockwell-Compression": "none",
		"X-Lockwell-Storage-Class": "STANDARD", "X-Lockwell-Checksum-Sha256": "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=", "X-Content-Type-Options": "nosniff",
	} {
		if get.Header.Get(name) != want || head.Header.Get(name) != want {
			t.Errorf("%s: GET %q, HEAD %q, want %q", name, get.Header.Get(name), head.Header.Get(name), want)
		}
	}
	if get.Header.Get("X-Lockwell-Checksum-Crc64nvme") == "" || get.Header.Get("Last-Modified") == "" || head.Body != "" {
		t.Error("GET lacks headers, or HEAD has a body")
	}
	var list struct {
		Objects  []struct{ Key string }
		KeyCount int
	}
	decode(t, w.Want(t, 200, "GET", api+"/buckets/tour/objects?prefix=a/", "", nil), &list)
	if list.KeyCount != 1 || list.Objects[0].Key != "a/b.txt" {
		t.Errorf("%+v", list)
	}
	if r := w.Want(t, 409, "DELETE", api+"/buckets/tour", "", nil); r.Code() != "bucket_not_empty" {
		t.Error(r.Body)
	}
	var marker struct {
		DeleteMarker bool
		VersionID    string
	}
	decode(t, w.Want(t, 200, "DELETE", api+"/buckets/tour/objects/a/b.txt", "", nil), &marker)
	if r := w.Want(t, 404, "GET", api+"/buckets/tour/objects/a/b.txt", "", nil); !marker.DeleteMarker || r.Header.Get("X-Lockwell-Delete-Marker") != "true" {
		t.Errorf("%+v %v", marker, r.Header)
	}
	for _, version := range []string{marker.VersionID, put.Header.Get("X-Lockwell-Version-Id"), "absent"} {
		w.Want(t, 204, "DELETE", api+"/buckets/tour/objects/a/b.txt?versionId="+version, "", nil)
	}
	w.Want(t, 204, "DELETE", api+"/buckets/tour", "", nil)
	w.Want(t, 204, "DELETE", api+"/account/access-keys/"+key.AccessKeyID, "", account)
	w.Want(t, 401, "GET", api+"/buckets", "", nil)
}

func TestAuth_Refused(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	payload, mac, _ := strings.Cut(strings.TrimPrefix(w.Token, "lwtk_"), ".")
	expired, err := w.Auth.Tokens.Mint(authv1.TokenClaims{KeyID: w.Key.ID, AccountID: "acc-ada", IssuedAt: 1, ExpiresAt: time.Now().Unix() - 1})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := w.Auth.Tokens.Mint(authv1.TokenClaims{KeyID: w.Key.ID, AccountID: "acc-eve", IssuedAt: time.Now().Unix(), ExpiresAt: time.Now().Unix() + 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, auth := range []string{
		"", "Bearer", "Bearer ", "bearer x", "Basic eDp5", "Bearer lwtk_", "Bearer lwtk_" + payload, "Bearer lwtk_" + payload + "." + mac[1:], "Bearer " + w.Token + "A",
		"Bearer " + w.Account, "Bearer " + strings.Repeat("a", 100000), "Bearer " + expired, "Bearer " + foreign, "Bearer " + strings.ToUpper(w.Token),
	} {
		r := w.Want(t, 401, "GET", api+"/buckets", "", http.Header{"Authorization": {auth}})
		if r.Code() != "unauthorized" || r.Header.Get("Www-Authenticate") == "" || r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.30s: %v %s", auth, r.Header, r.Body)
		}
	}
	for name, change := range map[string]func(*authv1.KeyStateResponse){
		"revoked":          func(s *authv1.KeyStateResponse) { s.Key.Active = false },
		"expired":          func(s *authv1.KeyStateResponse) { s.Key.ExpiresAt = new(time.Time) },
		"account disabled": func(s *authv1.KeyStateResponse) { s.Account.Active = false },
		"not before":       func(s *authv1.KeyStateResponse) { s.Account.NotBefore = time.Now().Add(time.Hour) },
		"unknown":          func(s *authv1.KeyStateResponse) { s.Found = false },
	} {
		k, tok := w.NewKey(t, edgetest.AllScopes()...)
		h := http.Header{"Authorization": {"Bearer " + tok}}
		w.Want(t, 200, "GET", api+"/buckets", "", h)
		w.Auth.SetState(k.ID, change)
		if r := w.Do(t, "GET", api+"/buckets", "", h); r.Status != 401 {
			t.Errorf("%s: %d", name, r.Status)
		}
	}
	w.Auth.SetFail("KeyState", fault.ErrUnavailable)
	if r := w.Want(t, 503, "GET", api+"/buckets", "", nil); r.Header.Get("Retry-After") == "" || r.Code() != "unavailable" {
		t.Errorf("%v %s", r.Header, r.Body)
	}
}

func TestAccessKeys_NoEscalation(t *testing.T) {
	t.Parallel()
	w := edgetest.New(t)
	path := api + "/account/access-keys"
	_, reader := w.NewKey(t, authv1.ScopeRead)
	w.Want(t, 403, "POST", path, `{"scopes":["read"]}`, http.Header{"Authorization": {"Bearer " + reader}})
	w.Want(t, 403, "GET", path, "", http.Header{"Authorization": {"Bearer " + reader}})
	w.Want(t, 403, "DELETE", path+"/"+w.Key.ID, "", http.Header{"Authorization": {"Bearer " + reader}})
	k, admin := w.NewKey(t, authv1.ScopeAdmin, authv1.ScopeRead)
	h := http.Header{"Authorization": {"Bearer " + admin}}
	w.Want(t, 201, "POST", path, `{"scopes":["read"]}`, h)
	w.Want(t, 403, "POST", path, `{"scopes":["read","write"]}`, h)
	soon := time.Now().Add(time.Hour).UTC()
	w.Auth.SetState(k.ID, func(s *authv1.KeyStateResponse) { s.Key.ExpiresAt = &soon })
	w.Want(t, 403, "POST", path, fmt.Sprintf(`{"scopes":["read"],"expiresAt":%q}`, soon.Add(time.Minute).Format(time.RFC3339)), h)
	if r := w.Want(t, 201, "POST", path, `{"scopes":["read"]}`, h); !strings.Contains(r.Body, soon.Format("2006-01-02T15:04")) {
		t.Errorf("the new key outlives its maker: %s", r.Body)
	}
	w.Auth.SetState(k.ID, func(s *authv1.KeyStateResponse) { s.Key.Grant.Buckets = []string{"box"} })
	w.Want(t, 403, "POST", path, `{"scopes":["read"]}`, h)
	w.Want(t, 404, "DELETE", path+"/LWAKZZZZZZZZZZZZZZZZ", "", http.Header{"Authorization": {"Bearer " + w.Account}})
	w.Want(t, 404, "DELETE", path+"/nonsense", "", http.Header{"Authorization": {"Bearer " + w.Account}})
}

func decode(t testing.TB, r edgetest.Response, into any) {
	t.Helper()
	if err := json.NewDecoder(bytes.NewReader([]byte(r.Body))).Decode(into); err != nil {
		t.Fatalf("decoding %q: %v", r.Body, err)
	}
}
