package lockwell_test

import (
	"strings"
	"testing"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

func TestBucketPolicy(t *testing.T) {
	t.Parallel()
	w := bucketed(t)
	path := api + "/buckets/box/policy"
	_, writer := w.NewKey(t, authv1.ScopeRead, authv1.ScopeWrite, authv1.ScopeDelete)
	for _, token := range []string{w.Account, w.Token} {
		if r := w.Want(t, 200, "GET", path, "", bearer(token)); strings.TrimSpace(r.Body) != `{"statements":[]}` {
			t.Error(r.Body)
		}
		body := `{"statements":[{"effect":"Deny","actions":["getObject"],"prefixes":["secret/"],"accessKeyIds":["LWAKAAAAAAAAAAAAAAAA"]},{"effect":"Allow","actions":["*"]}]}`
		if r := w.Want(t, 200, "PUT", path, body, bearer(token)); strings.TrimSpace(r.Body) != body {
			t.Error(r.Body)
		}
		if r := w.Want(t, 200, "GET", path, "", bearer(token)); strings.TrimSpace(r.Body) != body {
			t.Error(r.Body)
		}
		w.Want(t, 204, "DELETE", path, "", bearer(token))
		w.Want(t, 204, "DELETE", path, "", bearer(token))
	}
	w.Want(t, 200, "PUT", path, `{"statements":[]}`, nil)
	refusals(t, w, "PUT", path, "invalid_request",
		``, `{}`, `null`, `{"statements":null}`, `{"statements":{}}`, `{"statements":[null]}`, `{"statements":[{}]}`, `{"statements":[{"effect":"Deny","actions":["*"],"prefix":["a"]}]}`,
		`{"statements":[{"effect":"Allow","actions":["*"],"prefixes":[null]}]}`, `{"statements":[{"effect":"Allow","actions":"*"}]}`, `{"statements":[{"effect":"Allow","effect":"Deny","actions":["*"]}]}`,
		`{"statements":[`+strings.TrimSuffix(strings.Repeat(`{"effect":"Deny","actions":["*"]},`, objectv1.MaxStatements+1), ",")+`]}`)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		w.Want(t, 403, method, path, `{"statements":[]}`, bearer(writer))
		w.Want(t, 404, method, api+"/buckets/none/policy", `{"statements":[]}`, nil)
		w.Want(t, 401, method, path, `{"statements":[]}`, bearer("acct_nobody"))
	}
	w.Want(t, 405, "POST", path, `{}`, nil)
}
