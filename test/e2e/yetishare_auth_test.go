package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// yetiAuthRules: yetishare.md, /authorize to /disable_access_token.
func yetiAuthRules() []rule {
	return []rule{
		{says: "authorize by two keys gives a token of 128 characters and an id of digits, as the document shows", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			r := y.Nobody().Ask(t, "/authorize", "key1", y.Key1, "key2", y.Key2)
			equal(t, "members", members(t, r.Body), "data.access_token data.account_id"+yetiEnd)
			var a struct {
				Token string `json:"access_token"`
				ID    string `json:"account_id"`
			}
			r.Data(t, &a)
			matches(t, "access_token", a.Token, `[A-Za-z0-9]{128}`)
			matches(t, "account_id", a.ID, `[1-9][0-9]*`)
			equal(t, "account_id of every log-in", a.ID, y.ID)
			if a.Token == y.Token {
				t.Error("two log-ins have one token")
			}
			y.Ask(t, "/account/info").Want(t, 200)
		}},
		{says: "authorize by user name or e-mail and password", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			for _, name := range []string{y.Username, y.Username + "@example.test"} {
				k := *y
				k.Authorize(t, "username", name, "password", password(y.Username))
				equal(t, "account_id", k.ID, y.ID)
				k.List(t, "")
			}
		}},
		{says: "authorize takes multipart and the query string, too", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			n := y.Nobody()
			for _, r := range []harness.Response{n.Form(t, "/authorize", "key1", y.Key1, "key2", y.Key2), n.Query(t, "/authorize", "key1", y.Key1, "key2", y.Key2)} {
				equal(t, "members", members(t, r.Want(t, 200).Body), "data.access_token data.account_id"+yetiEnd)
			}
		}},
		{says: "the pair of keys counts before user name and password", check: func(t *testing.T, g *ground) {
			y, other := g.yeti(t), g.yeti(t)
			k := *y
			k.Authorize(t, "key1", y.Key1, "key2", y.Key2, "username", other.Username, "password", password(other.Username))
			equal(t, "account_id", k.ID, y.ID)
			y.FromAddress(t, "127.0.7.1").Nobody().Ask(t, "/authorize", "key1", y.Key2, "key2", y.Key1, "username", y.Username, "password", password(y.Username)).Regrets(t, 401, yetiRefused)
		}},
		{says: "whatever does not hold is the same 401 with the documented sentence", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			n := y.FromAddress(t, "127.0.7.2").Nobody()
			for _, pairs := range [][]string{
				nil, {"key1", y.Key1}, {"key2", y.Key2}, {"key1", "short", "key2", "short"}, {"key1", y.Key1 + "x", "key2", y.Key2}, {"username", y.Username},
				{"password", "x"}, {"username", y.Username, "password", "wrong"}, {"username", "nobody-of-this-name", "password", "wrong"},
				{"username", strings.Repeat("u", 5000), "password", strings.Repeat("p", 5000)}, {"username", "a\x00b", "password", "x"},
			} {
				n.Ask(t, "/authorize", pairs...).Regrets(t, 401, yetiRefused)
			}
		}},
		{says: "an account that was switched off is the same 401, and its tokens hold no more", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			if _, err := g.w.CLI(t.Context(), "", "account", "disable", y.Username); err != nil {
				t.Fatal(err)
			}
			n := y.FromAddress(t, "127.0.7.3").Nobody()
			n.Ask(t, "/authorize", "key1", y.Key1, "key2", y.Key2).Regrets(t, 401, yetiRefused)
			n.Ask(t, "/authorize", "username", y.Username, "password", password(y.Username)).Regrets(t, 401, yetiRefused)
			eventually(t, "the token ends", func() bool {
				return strings.Contains(string(y.Ask(t, "/account/info").Want(t, 200).Body), yetiReauth)
			})
		}},
		{says: "too many failed log-ins are 401 with the sentence and Retry-After, right or wrong", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			n := y.FromAddress(t, "127.0.7.4").Nobody()
			eventually(t, "it is locked", func() bool {
				r := n.Ask(t, "/authorize", "username", y.Username, "password", "wrong").Regrets(t, 401, yetiRefused)
				if r.Header.Get("Retry-After") == "" {
					return false
				}
				// A lock that ended in between lets the right one in.
				r = n.Ask(t, "/authorize", "username", y.Username, "password", password(y.Username))
				return r.Status == 401 && r.Regrets(t, 401, yetiRefused).Header.Get("Retry-After") != ""
			})
			y.List(t, "") // who is in stays in
		}},
		{says: "keys are made by the account's bearer: 201, two of 64 letters and digits, no store", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			r := y.Call(t, "POST", "/api/v1/account/yetishare-keys", nil, "Authorization", "Bearer "+y.Account).Want(t, 201)
			equal(t, "members", members(t, r.Body), "key1 key2")
			equal(t, "Cache-Control", r.Header.Get("Cache-Control"), "no-store")
			var k struct{ Key1, Key2 string }
			r.JSON(t, &k)
			matches(t, "key1", k.Key1, `[A-Za-z0-9]{64}`)
			matches(t, "key2", k.Key2, `[A-Za-z0-9]{64}`)
			if k.Key1 == k.Key2 {
				t.Error("they are one")
			}
		}},
		{says: "new keys end the old ones, and what was got by those", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			old, byPassword := *y, *y
			byPassword.Authorize(t, "username", y.Username, "password", password(y.Username))
			y.NewKeys(t)
			old.FromAddress(t, "127.0.7.5").Nobody().Ask(t, "/authorize", "key1", old.Key1, "key2", old.Key2).Regrets(t, 401, yetiRefused)
			eventually(t, "the token ends", func() bool { return strings.Contains(string(old.Ask(t, "/account/info").Body), yetiReauth) })
			byPassword.List(t, "")
			y.Authorize(t, "key1", y.Key1, "key2", y.Key2)
			y.List(t, "")
		}},
		{says: "nobody else makes keys: no bearer, an access key's token, a hosting token, another method", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			y := c.Yetishare(t)
			for _, bearer := range []string{"", "Bearer " + c.Token, "Bearer " + y.Token, "Bearer x", "Basic " + y.Account} {
				r := y.Call(t, "POST", "/api/v1/account/yetishare-keys", nil, "Authorization", bearer)
				if r.Status != 401 && r.Status != 403 || strings.Contains(string(r.Body), "key1") {
					t.Errorf("%q: %d %s", bearer, r.Status, r.Body)
				}
			}
			y.Call(t, "GET", "/api/v1/account/yetishare-keys", nil, "Authorization", "Bearer "+y.Account).Want(t, 405)
			y.Authorize(t, "key1", y.Key1, "key2", y.Key2)
		}},
		{says: "a new password ends keys and tokens", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			l := &harness.Lockr{HTTP: y.HTTP, URL: y.URL, Token: y.Account}
			l.Call(t, "POST", "/api/v1/account/password", object{"current": password(y.Username), "new": "another long password"})
			y.FromAddress(t, "127.0.7.6").Nobody().Ask(t, "/authorize", "key1", y.Key1, "key2", y.Key2).Regrets(t, 401, yetiRefused)
			eventually(t, "the token ends", func() bool { return strings.Contains(string(y.Ask(t, "/account/info").Body), yetiReauth) })
		}},
		{says: "a token holds with its own account's id alone", check: func(t *testing.T, g *ground) {
			y, other := g.yeti(t), g.yeti(t)
			for _, id := range []string{other.ID, "0", "1", "x", "+" + y.ID, "0" + y.ID, " " + y.ID, strings.Repeat("9", 40)} {
				k := *y
				k.ID = id
				k.Ask(t, "/account/info").Regrets(t, 200, yetiReauth)
			}
			for _, token := range []string{"x", y.Token[:127], y.Token + "A", strings.ToLower(y.Token), y.Account, y.Key1 + y.Key2, strings.Repeat("A", 128), strings.Repeat("A", 30_000)} {
				k := *y
				k.Token = token
				k.Ask(t, "/account/info").Regrets(t, 200, yetiReauth)
			}
			y.Ask(t, "/account/info").Want(t, 200)
		}},
		{says: "a hosting token opens nothing but this API, and no other token this one", check: func(t *testing.T, g *ground) {
			c := account(t, g.w)
			y := c.Yetishare(t)
			for _, path := range []string{"/api/v1/files", "/api/v1/account", "/api/v1/buckets", "/api/v1/account/tokens"} {
				if r := y.Call(t, "GET", path, nil, "Authorization", "Bearer "+y.Token); r.Status != 401 && r.Status != 403 {
					t.Errorf("%s: %d", path, r.Status)
				}
			}
			for _, token := range []string{c.Token, c.Account} {
				k := *y
				k.Token = token
				k.Ask(t, "/folder/listing").Regrets(t, 200, yetiReauth)
			}
		}},
		{says: "disable_access_token answers as documented and ends that token alone; again it is the same", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			other := *y
			other.Authorize(t, "key1", y.Key1, "key2", y.Key2)
			r := y.Ask(t, "/disable_access_token").Tells(t, "Token removed or no longer available.")
			equal(t, "members", members(t, r.Body), "response"+yetiEnd)
			eventually(t, "it ends", func() bool { return strings.Contains(string(y.Ask(t, "/account/info").Body), yetiReauth) })
			y.Ask(t, "/disable_access_token").Tells(t, "Token removed or no longer available.")
			other.List(t, "")
			other.Query(t, "/disable_access_token").Tells(t, "Token removed or no longer available.")
		}},
		{says: "one token takes many requests at once", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			parallel(t, 8, func(i int) {
				for range 5 {
					if r, err := y.Try(t.Context(), "/account/info"); err != nil || r.Status != 200 || !strings.Contains(string(r.Body), `"success"`) {
						t.Errorf("%d: %v %d %s", i, err, r.Status, r.Body)
					}
				}
			})
		}},
		{says: "the audit trail has who logged in and what was done, and no secret", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			up := y.Upload(t, "audited.txt", "audited")
			r := y.Query(t, "/file/delete", "file_id", up.FileID).Tells(t, "File successfully set as deleted.")
			var recs []harness.AuditRecord
			var out string
			eventually(t, "the record", func() bool {
				recs, out = g.w.Audit(t, "--request-id", r.ID())
				return len(recs) == 1
			})
			if a := recs[0]; a.Dialect != "yetishare" || a.Action != "DeleteFile" || a.Bucket != "drive" || a.Key != "audited.txt" || a.AccountID == "" || a.Status != 200 {
				t.Errorf("%+v", a)
			}
			for _, secret := range []string{y.Token, y.Key1, y.Key2} {
				if strings.Contains(out, secret) || strings.Contains(g.w.Logs(), secret) {
					t.Error("a secret is in the trail or in the logs")
				}
			}
		}},
	}
}

// yetiWayRules: how requests and answers look whatever they are about.
func yetiWayRules() []rule {
	return []rule{
		{says: "every endpoint takes an urlencoded body, multipart and the query string, by POST and GET", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			dir := y.Folder(t, "d", "")
			up := y.Upload(t, "f.txt", "f")
			for _, ask := range [][]string{
				{"/account/info"}, {"/account/package"}, {"/file/info", "file_id", up.FileID}, {"/file/download", "file_id", up.FileID}, {"/folder/listing", "parent_folder_id", ""},
				{"/folder/info", "folder_id", dir.ID}, {"/file/edit", "file_id", up.FileID, "filename", "g.txt"}, {"/file/move", "file_id", up.FileID, "new_parent_folder_id", dir.ID},
				{"/file/copy", "file_id", up.FileID, "copy_to_folder_id", dir.ID}, {"/folder/create", "folder_name", "x"}, {"/folder/edit", "folder_id", dir.ID, "is_public", "1"},
				{"/folder/move", "folder_id", dir.ID, "new_parent_folder_id", ""},
			} {
				var all []string
				query := y.Call(t, "POST", "/api/v2"+ask[0]+"?"+y.Values(ask[1:]...).Encode(), nil)
				for _, r := range []harness.Response{y.Ask(t, ask[0], ask[1:]...), y.Form(t, ask[0], ask[1:]...), y.Query(t, ask[0], ask[1:]...), query} {
					if r.Status != 200 || !strings.Contains(string(r.Body), `"_status":"success"`) {
						t.Errorf("%v: %d %s", ask, r.Status, r.Body)
					}
					all = append(all, members(t, r.Body))
				}
				if all[0] != all[1] || all[0] != all[2] || all[0] != all[3] {
					t.Errorf("%v: %q", ask, all)
				}
			}
		}},
		{says: "of a parameter that stands twice the body's counts, and in each the first", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			r := y.Call(t, "POST", "/api/v2/folder/create?folder_name=query&folder_name=second", y.Values("folder_name", "body").Encode()+"&folder_name=late", "Content-Type", "application/x-www-form-urlencoded")
			equal(t, "from the body", strings.Contains(string(r.Body), `"folderName":"body"`), true)
			r = y.Call(t, "GET", "/api/v2/folder/create?"+y.Values("folder_name", "first").Encode()+"&folder_name=second", nil)
			equal(t, "the first", strings.Contains(string(r.Body), `"folderName":"first"`), true)
		}},
		{says: "every answer has _status and _datetime in UTC; an error has status and response, and never data", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			for _, r := range []harness.Response{y.Ask(t, "/account/info"), y.Ask(t, "/folder/listing"), y.Ask(t, "/file/info"), y.Nobody().Ask(t, "/account/info")} {
				var a struct {
					Datetime string `json:"_datetime"`
					Status   string `json:"_status"`
				}
				r.JSON(t, &a)
				at, err := time.Parse(time.DateTime, a.Datetime)
				noError(t, "_datetime", err)
				if since := time.Since(at); since > time.Minute || since < -2*time.Second || a.Status != "success" && a.Status != "error" {
					t.Errorf("%s", r.Body)
				}
				if a.Status == "error" {
					equal(t, "members of an error", members(t, r.Body), "status response _status _datetime")
				}
				equal(t, "Content-Type", r.Header.Get("Content-Type"), "application/json")
				equal(t, "Cache-Control", r.Header.Get("Cache-Control"), "no-store")
			}
		}},
		{says: "everything is a string or null but three numbers of folders", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			dir := y.Folder(t, "d", "")
			up := y.Upload(t, "f.txt", "f", "folder_id", dir.ID)
			y.Upload(t, "g.txt", "g")
			for _, ask := range [][]string{{"/account/info"}, {"/account/package"}, {"/folder/listing"}, {"/folder/listing", "parent_folder_id", dir.ID}, {"/folder/info", "folder_id", dir.ID}, {"/file/info", "file_id", up.FileID}, {"/file/copy", "file_id", up.FileID, "copy_to_folder_id", ""}} {
				var v any
				y.Ask(t, ask[0], ask[1:]...).JSON(t, &v)
				for _, at := range notText(v, "") {
					switch at[strings.LastIndexByte(at, '.')+1:] {
					case "total_downloads", "child_folder_count", "file_count":
					default:
						t.Errorf("%s: %s is no string", ask[0], at)
					}
				}
			}
		}},
		{says: "an unknown endpoint is 404, another method 405 with Allow, both in this API's form", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			for _, path := range []string{"/api/v2/", "/api/v2/nothing", "/api/v2/file", "/api/v2/file/info/1", "/api/v2/file/info%2f"} {
				r := y.Call(t, "POST", path, nil)
				if r.Status != 404 || members(t, r.Body) != "status response _status _datetime" {
					t.Errorf("%s: %d %s", path, r.Status, r.Body)
				}
			}
			for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "BREW"} {
				r := y.Call(t, method, "/api/v2/folder/listing", nil)
				if r.Status != 405 || r.Header.Get("Allow") != "GET, POST" || members(t, r.Body) != "status response _status _datetime" {
					t.Errorf("%s: %d %q %s", method, r.Status, r.Header.Get("Allow"), r.Body)
				}
			}
		}},
		{says: "HEAD changes nothing", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			up := y.Upload(t, "stays.txt", "x")
			y.Call(t, "HEAD", "/api/v2/file/delete?"+y.Values("file_id", up.FileID).Encode(), nil).Want(t, 405)
			y.File(t, up.FileID)
		}},
		{says: "what cannot be read is 400 with a sentence that says what", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			const form = "application/x-www-form-urlencoded"
			who := y.Values().Encode()
			for name, x := range map[string]struct{ body, kind, says string }{
				"JSON":       {`{"access_token":"x"}`, "application/json", "Parameters are sent as"},
				"no type":    {"a=b", "text/plain", "Parameters are sent as"},
				"escape":     {who + "&folder_name=%zz", form, "folder_name"},
				"UTF-8":      {who + "&folder_name=%ff%fe", form, "folder_name"},
				"too long":   {who + "&folder_name=" + strings.Repeat("x", 70<<10), form, "64 KiB"},
				"boundary":   {"--x", "multipart/form-data", "boundary"},
				"no form":    {"nothing of the kind", "multipart/form-data; boundary=x", ""},
				"is_public":  {who + "&folder_name=x&is_public=3", form, "is_public"},
				"no MD5":     {who + "&folder_name=x&access_password=secret", form, "access_password"},
				"no name":    {who + "&folder_name=..", form, "folder_name"},
				"just a dot": {who + "&folder_name=%20.%20", form, "folder_name"},
			} {
				r := y.Call(t, "POST", "/api/v2/folder/create", x.body, "Content-Type", x.kind)
				if r.Status != 400 || members(t, r.Body) != "status response _status _datetime" || !strings.Contains(string(r.Body), x.says) {
					t.Errorf("%s: %d %s", name, r.Status, r.Body)
				}
			}
			if l := y.List(t, ""); len(l.Folders) != 0 {
				t.Errorf("made: %+v", l.Folders)
			}
		}},
		{says: "an id is a decimal number as answers write it, and nothing else is looked up", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			f, d := y.Upload(t, "f", "f"), y.Folder(t, "d", "")
			for _, form := range []string{"0%s", "+%s", "-%s", " %s", "%s ", "%s.0", "%se0", "0x%s", "%s\x00", "%s'", "%s,1", "[%s]"} {
				y.Ask(t, "/file/info", "file_id", fmt.Sprintf(form, f.FileID)).Regrets(t, 200, yetiNoFile)
				y.Ask(t, "/folder/info", "folder_id", fmt.Sprintf(form, d.ID)).Regrets(t, 200, yetiNoFolder)
			}
			for _, id := range []string{"0", "-1", "٣", "１２", "9223372036854775808", strings.Repeat("9", 1000), "null", "true", d.Name} {
				y.Ask(t, "/file/info", "file_id", id).Regrets(t, 200, yetiNoFile)
				y.Ask(t, "/folder/delete", "folder_id", id).Regrets(t, 200, yetiNoFolder)
			}
			y.Ask(t, "/file/info", "file_id", "9223372036854775807").Regrets(t, 200, yetiNoFile)
		}},
		{says: "X-Request-Id comes back, and nothing of the inside with an error", check: func(t *testing.T, g *ground) {
			y := g.yeti(t)
			r := y.Call(t, "POST", "/api/v2/file/info", "file_id=1", "Content-Type", "application/x-www-form-urlencoded", "X-Request-Id", "yeti-request-1")
			equal(t, "X-Request-Id", r.ID(), "yeti-request-1")
			for _, inside := range []string{"object.", "auth.", "nats", ".go", "/work", "goroutine"} {
				if strings.Contains(string(r.Body), inside) {
					t.Errorf("%s", r.Body)
				}
			}
		}},
		{says: "yetishare.strict_status gives sentences their statuses", check: func(t *testing.T, g *ground) {
			y := g.yeti(t).At(g.edges.off.URL)
			y.Ask(t, "/file/info").Regrets(t, 400, yetiMissing("file_id"))
			y.Ask(t, "/file/info", "file_id", "999999").Regrets(t, 404, yetiNoFile)
			y.Ask(t, "/folder/info", "folder_id", "999999").Regrets(t, 404, yetiNoFolder)
			y.Nobody().Ask(t, "/account/info", "access_token", "x", "account_id", "1").Regrets(t, 401, yetiReauth)
			y.Nobody().Ask(t, "/authorize").Regrets(t, 401, yetiRefused)
			y.Send(t, "/file/upload", y.Fields()...).Regrets(t, 400, "Did not receive uploaded file.")
			y.Ask(t, "/account/info").Want(t, 200)
		}},
		{says: "too many requests are 429 with the document's sentence and Retry-After", check: func(t *testing.T, g *ground) {
			y := g.yeti(t).At(g.edges.off.URL)
			const sentence = "Maximum API request limit reached. Try to reduce the amount of requests."
			throttled(t, strictRate, time.Minute/strictRate, func() harness.Response { return y.Ask(t, "/account/info") })
			throttledToo(t, strictRate, time.Minute/strictRate, func() harness.Response { return y.Ask(t, "/folder/listing") }).Regrets(t, 429, sentence)
			g.yeti(t).At(g.edges.off.URL).Ask(t, "/account/info").Want(t, 200) // others may go on
			n := y.FromAddress(t, "127.0.7.9").Nobody()
			throttled(t, strictPublicRate, time.Minute/strictPublicRate, func() harness.Response { return n.Ask(t, "/authorize") })
			throttledToo(t, strictPublicRate, time.Minute/strictPublicRate, func() harness.Response {
				return n.Ask(t, "/authorize", "key1", y.Key1, "key2", y.Key2)
			}).Regrets(t, 429, sentence)
		}},
	}
}

// notText are the paths in v of what is neither text nor null.
func notText(v any, at string) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, m := range v {
			out = append(out, notText(m, at+"."+name)...)
		}
	case []any:
		for _, m := range v {
			out = append(out, notText(m, at)...)
		}
	case string, nil:
	default:
		out = append(out, at)
	}
	return out
}
