package openapi_test

import (
	"net/http"
	"strings"
	"testing"
)

// refusals sends every operation that takes a credential without one, with a bad
// one, as a key without scopes for it, and as another account, and holds what
// comes back against the document.
func refusals(t *testing.T, d *driver) {
	weak := *d.client
	weak.KeyID, weak.Secret = weak.NewKey(t, m{"scopes": []string{"read"}, "buckets": []string{"nowhere"}})
	weak.Mint(t)
	eve := *d.client
	eve.Username = "eve"
	var session struct{ Token string }
	eve.Do(t, http.MethodPost, "/api/v1/account", map[string]string{"username": "eve", "email": "eve@example.test", "password": "correct horse eve"}, nil).
		Want(t, http.StatusCreated).JSON(t, &session)
	eve.Account = session.Token
	eve.KeyID, eve.Secret = eve.NewKey(t, m{"scopes": []string{"read", "write", "delete", "admin"}})
	eve.Mint(t)

	for id, rt := range d.routes {
		if s := rt.Operation.Security; s != nil && len(*s) == 0 || id == "mintToken" {
			continue
		}
		for _, bearer := range []string{"none", "lwtk_e30.AAAA", strings.Repeat("x", 9000)} {
			c := d.wellFormed(id)
			c.bearer, c.status, c.code, c.invalid = bearer, http.StatusUnauthorized, "unauthorized", bearer == "none"
			d.do(t, c)
		}
		switch id {
		case "listBuckets", "createBucket", "listAccessKeys", "createAccessKey": // about the caller's own
		default:
			c := d.wellFormed(id)
			c.status, c.code = http.StatusNotFound, "not_found"
			d.as(&eve).do(t, c)
		}
		if id != "listBuckets" {
			c := d.wellFormed(id)
			c.status, c.code = http.StatusForbidden, "access_denied"
			d.as(&weak).do(t, c)
		}
	}
}

// wellFormed gives a request of an operation on ada's bucket that only lacks the
// right to do it.
func (d *driver) wellFormed(id string) call {
	c := call{op: id}
	for _, kv := range []string{"bucket=vault", "key=kept", "uploadId=mpu_01JTN8Z4R5V6G7T8W9A0X1Y2ZC", "partNumber=1", "id=LWAKAAAAAAAAAAAAAAAA"} {
		if name, _, _ := strings.Cut(kv, "="); strings.Contains(d.routes[id].Path, "{"+name+"}") {
			c.at = append(c.at, kv)
		}
	}
	bodies := map[string]any{
		"createAccessKey": m{"scopes": []string{"read"}}, "createBucket": m{"name": "vault"}, "setBucketVersioning": m{"status": "Enabled"},
		"setBucketPolicy": m{"statements": []m{}}, "putObject": "x", "uploadPart": "x", "batchDeleteObjects": m{"objects": []m{{"key": "kept"}}},
		"copyObject": m{"sourceBucket": "vault", "sourceKey": "kept"}, "setObjectTags": m{"tags": m{}}, "setObjectLegalHold": m{"status": "OFF"},
		"setObjectRetention":      m{"mode": "GOVERNANCE", "retainUntil": "2099-01-01T00:00:00Z"},
		"completeMultipartUpload": m{"parts": []m{{"partNumber": 1, "etag": `"a"`}}},
		"signURL":                 m{"method": "GET", "bucket": "vault", "key": "kept"}, "setBucketNotifications": m{"configs": []m{}},
	}
	c.body = bodies[id]
	return c
}
