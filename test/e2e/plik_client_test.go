package e2e_test

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// goClient sends what Plik's Go library and CLI send (plik-wire.md 16.1).
func goClient(p *harness.Plik) *harness.Plik {
	return p.With("X-ClientApp", "plik_cli", "X-ClientVersion", "linux-amd64-1.3.8", "User-Agent", "plik_client/1.3.8", "X-XSRFToken", "")
}

// wholeUpload is the body of a creation as the Go library writes it: everything,
// with zero values (16.2).
func wholeUpload(options string, names ...string) string {
	const file = `{"id":"","fileName":%q,"fileMd5":"","status":"","fileType":"","fileSize":0,"createdAt":"0001-01-01T00:00:00Z","reference":"%d"}`
	var files []string
	for i, name := range names {
		files = append(files, fmt.Sprintf(file, name, i))
	}
	return `{"id":"","ttl":0,"extend_ttl":false,"downloadDomain":"","uploadIp":"","comments":"","files":[` + strings.Join(files, ",") + `],"uploadToken":"","user":"","token":"","admin":false,` +
		`"createdAt":"0001-01-01T00:00:00Z","expireAt":null,"protectedByPassword":false` + options + `}`
}

// plikClientRules: plik-wire.md 16.
func plikClientRules() []rule {
	return []rule{
		{says: "16.2: 30 files in parallel on one upload, chunked, each answer decoded strictly", check: func(t *testing.T, g *ground) {
			p := goClient(g.plik(t))
			const n = 30
			var names, contents []string
			for i := range n {
				names = append(names, fmt.Sprintf("file %d.txt", i))
				contents = append(contents, strings.Repeat(fmt.Sprint(i), 1000*i))
			}
			u := p.Call(t, "POST", "/upload", wholeUpload(`,"oneShot":false,"removable":false,"stream":false`, names...), "Content-Type", "application/json").Want(t, 200).PlikUpload(t)
			got := map[string]harness.PlikFile{}
			for _, f := range u.Files {
				got[f.Reference] = f
			}
			equal(t, "references", len(got), n)
			var mu sync.Mutex
			parallel(t, n, func(i int) {
				f := p.Fill(t, u, got[fmt.Sprint(i)], contents[i])
				if f.Status != 200 {
					t.Errorf("%d: %d %s", i, f.Status, f.Body)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				got[fmt.Sprint(i)] = f.PlikFile(t)
			})
			list := p.Get(t, u.ID)
			equal(t, "files", len(list.Files), n)
			for i, f := range list.Files {
				if f.Status != "uploaded" || f.Name != names[i] || f.Size != int64(len(contents[i])) || f.MD5 != md5Hex(contents[i]) || f != got[fmt.Sprint(i)] {
					t.Errorf("%d: %+v, answered %+v", i, f, got[fmt.Sprint(i)])
				}
				reads(t, p, u, f, contents[i])
			}
			equal(t, "archive", len(packed(t, p.Call(t, "GET", "/archive/"+u.ID+"/archive.zip", nil))), n)
		}},
		{says: "16.2: files are added in parallel too, without ids", check: func(t *testing.T, g *ground) {
			p := goClient(g.plik(t))
			u := p.Call(t, "POST", "/upload", wholeUpload("")).Want(t, 200).PlikUpload(t)
			parallel(t, 30, func(i int) {
				if r := p.Add(t, u, fmt.Sprint(i), fmt.Sprint(i)); r.Status != 200 {
					t.Errorf("%d: %d %s", i, r.Status, r.Body)
				}
			})
			list := p.Get(t, u.ID)
			equal(t, "files", len(list.Files), 30)
			for _, f := range list.Files {
				reads(t, p, u, f, f.Name)
			}
		}},
		{says: "16.3: a stream is posted to /stream and read from /file", check: func(t *testing.T, g *ground) {
			p := goClient(g.plik(t))
			u := p.Call(t, "POST", "/upload", wholeUpload(`,"stream":true`, "STDIN")).Want(t, 200).PlikUpload(t)
			f := u.Files[0]
			content := string(randomBytes(t, 1<<20))
			done := make(chan harness.Response, 1)
			go func() {
				r, _ := p.Admin(u).TryPost(t.Context(), strings.Replace(u.Path(f), "/file/", "/stream/", 1), f.Name, content)
				done <- r
			}()
			eventually(t, "it waits", func() bool { return plikStatus(t, p, u, f) == "uploading" })
			r := reads(t, p, u, f, content)
			equal(t, "length", r.Header.Get("Content-Length"), "")
			got := (<-done).Want(t, 200).PlikFile(t)
			if got.Status != "deleted" || got.MD5 != md5Hex(content) || got.Size != int64(len(content)) {
				t.Errorf("%+v", got)
			}
		}},
		{says: "16.3: a password goes in the creation's body, Authorization with every request", check: func(t *testing.T, g *ground) {
			p := goClient(g.plik(t))
			r := p.Call(t, "POST", "/upload", wholeUpload(`,"login":"plik","password":"secret"`, "a")).Want(t, 200)
			u := r.PlikUpload(t)
			in := p.With("Authorization", "Basic cGxpazpzZWNyZXQ=")
			f := in.Fill(t, u, u.Files[0], nine).Want(t, 200).PlikFile(t)
			reads(t, in, u, f, nine)
			in.Get(t, u.ID)
			in.Admin(u).Call(t, "DELETE", u.Path(f), nil).Want(t, 200)
			in.Admin(u).Call(t, "DELETE", "/upload/"+u.ID, nil).Want(t, 200)
		}},
		{says: "16.3: one-shot, removable, ttl and comments are fields of the creation", check: func(t *testing.T, g *ground) {
			p := goClient(g.plik(t))
			u := p.Call(t, "POST", "/upload", strings.Replace(wholeUpload(`,"oneShot":true,"removable":true`), `"ttl":0`, `"ttl":300`, 1)).Want(t, 200).PlikUpload(t)
			if !u.OneShot || !u.Removable || u.TTL != 300 {
				t.Errorf("%+v", u)
			}
		}},
		{says: "16.4: the CLI's first start: HEAD of the base, then /config", check: func(t *testing.T, g *ground) {
			p := goClient(g.plik(t))
			_, err := p.Try(t.Context(), "HEAD", "", nil)
			noError(t, "HEAD", err)
			p.Call(t, "GET", "/config", nil).Want(t, 200)
			p.Call(t, "GET", "/version", nil).Want(t, 200)
		}},
		{says: "16.6: the page announces type and size, and its streams have a length", check: func(t *testing.T, g *ground) {
			p := g.plik(t).With("X-ClientApp", "web_client", "User-Agent", "Mozilla/5.0")
			u := p.Create(t, object{"stream": true, "files": []object{{"fileName": "a", "fileType": "text/plain", "fileSize": 9, "reference": "0"}}})
			w, done := slowly(t, p, u, u.Files[0], nine)
			w.Close()
			r := reads(t, p, u, u.Files[0], nine)
			equal(t, "length", r.Header.Get("Content-Length"), "9")
			equal(t, "type", r.Header.Get("Content-Type"), "text/plain")
			<-done
		}},
		{says: "16.6: /me says by 401 or 403 that nobody is logged in", check: func(t *testing.T, g *ground) {
			g.plik(t).Call(t, "GET", "/me", nil).Want(t, 401)
			g.edges.off.Call(t, "GET", "/me", nil).Want(t, 401)
		}},
		{says: "16.5: the bash client by curl, sed, grep and cut", check: func(t *testing.T, g *ground) {
			for _, tool := range []string{"bash", "curl", "sed", "grep", "cut", "tr", "md5sum"} {
				if _, err := exec.LookPath(tool); err != nil {
					t.Skipf("there is no %s on this machine", tool)
				}
			}
			me, _ := g.someone(t, g.plik(t))
			token := userToken(t, me)
			dir := t.TempDir()
			file := filepath.Join(dir, "some.bin")
			content := randomBytes(t, 1<<20)
			noError(t, "write a file", os.WriteFile(file, content, 0o600))
			for _, name := range []string{"some.bin", "identity-id.txt", "ünï.txt"} {
				run := func(env ...string) string {
					cmd := exec.CommandContext(t.Context(), "bash", "testdata/plik_bash.sh", g.w.URL, file, name)
					cmd.Env = append(os.Environ(), env...)
					var stderr bytes.Buffer
					cmd.Stderr = &stderr
					out, err := cmd.Output()
					if err != nil {
						t.Fatalf("%v %s", err, stderr.Bytes())
					}
					return strings.TrimSpace(string(out))
				}
				for _, line := range []string{run(), run("PLIK_TOKEN=" + token.Token)} {
					link, ok := strings.CutPrefix(line, "curl -s "+g.w.URL)
					if !ok || !strings.HasSuffix(link, "/"+name) {
						t.Fatalf("%q", line)
					}
					dirPart := strings.TrimSuffix(link, name)
					got := g.plik(t).Call(t, "GET", dirPart+url.PathEscape(name), nil).Want(t, 200)
					if !bytes.Equal(got.Body, content) {
						t.Errorf("%s: %d other bytes", name, len(got.Body))
					}
				}
			}
			equal(t, "of the token", len(pageOf[harness.PlikUpload](t, me, "/me/uploads?token="+token.Token).Results), 3)
		}},
	}
}
