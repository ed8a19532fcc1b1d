package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// curlLines runs the lines that lockr's document shows, by curl itself, in their
// order: log in, open a session, send it, send in one call, download with the key.
func curlLines(t *testing.T, w *harness.World) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl on this machine")
	}
	l := lockr(t, w)
	dir := t.TempDir()
	pdf := randomBytes(t, 1<<20)
	if err := os.WriteFile(filepath.Join(dir, "whitepaper.pdf"), pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"BASE": w.URL, "NAME": l.Username, "PASSWORD": password(l.Username)}
	sh := func(line string, into any) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", line)
		cmd.Dir, cmd.Env = dir, os.Environ()
		for k, v := range env {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s\n%v %s", line, err, stderr.Bytes())
		}
		if into != nil {
			if err := json.Unmarshal(out, into); err != nil {
				t.Fatalf("%s\n%v: %s", line, err, out)
			}
		}
		return out
	}
	var s session
	sh(`curl -s "$BASE/api/v1/login" \
  -H "Content-Type: application/json" \
  -d "{\"identifier\":\"$NAME@example.test\",\"password\":\"$PASSWORD\"}"`, &s)
	env["TOKEN"] = s.Token

	var opened harness.LockrSession
	sh(`curl -s "$BASE/api/v1/upload/session" \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"name":"whitepaper.pdf","size":1048576,"type":"application/pdf"}'`, &opened)
	env["UPLOAD_URL"] = opened.UploadURL
	var f harness.File
	sh(`curl -s -X PUT "$UPLOAD_URL" \
  -H "Content-Type: application/pdf" \
  --data-binary @whitepaper.pdf`, &f)
	equal(t, "id", f.ID, opened.ID)

	env["KEY_HASH"] = harness.KeyHash("a phrase")
	sh(`curl -s "$BASE/api/v1/upload" \
  -H "Authorization: Bearer $TOKEN" \
  -H "x-file-name: whitepaper.pdf" \
  -H "x-upload-region: us-central1" \
  -H "x-key-hash: $KEY_HASH" \
  -H "Content-Type: application/pdf" \
  --data-binary @whitepaper.pdf`, &f)
	env["ID"] = f.ID
	for _, line := range []string{
		`curl -sL "$BASE/api/v1/download/$ID" -H "Authorization: Bearer $TOKEN"`,
		`curl -sL "$BASE/api/v1/download/$ID" -u "$NAME:$PASSWORD"`,
		`curl -sL "$BASE/api/v1/download/$ID?keyHash=$KEY_HASH"`,
		`curl -sL "$BASE/api/v1/download/$ID?signed=1" -H "Authorization: Bearer $TOKEN"`,
	} {
		if got := sh(line, nil); !bytes.Equal(got, pdf) {
			t.Errorf("%s: %d other bytes", line, len(got))
		}
	}
	if out := sh(`curl -s "$BASE/api/v1/download/$ID"`, nil); !strings.Contains(string(out), `"code"`) || len(out) > 1000 {
		t.Errorf("without the key: %.200s", out)
	}
	var list fileList
	sh(`curl -s "$BASE/api/v1/files" -H "Authorization: Bearer $TOKEN"`, &list)
	equal(t, "files", len(list.Files), 2)
	sh(`curl -s -X POST "$BASE/api/v1/files/$ID/key" -H "Authorization: Bearer $TOKEN" -d '{"key":"another phrase"}'`, nil)
	sh(`curl -s -X DELETE "$BASE/api/v1/files/$ID" -H "Authorization: Bearer $TOKEN"`, nil)
	sh(`curl -s "$BASE/api/v1/files" -H "Authorization: Bearer $TOKEN"`, &list)
	equal(t, "files", len(list.Files), 1)
}
