package keys_test

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sluicehq/sluice/pkg/keys"
)

// TestMain lets the test binary be the other processes of a test: they load the
// key file named by the environment and print a signature.
func TestMain(m *testing.M) {
	if path := os.Getenv("SLUICE_TEST_KEYS_CHILD"); path != "" {
		bufio.NewReader(os.Stdin).ReadByte() // all children start on the word of the parent
		master, err := keys.LoadOrCreate(path, false)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(hex.EncodeToString(master.Signer("who").Sign(nil)))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestLoadOrCreate_FirstStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "master.key")
	a, err := keys.LoadOrCreate(path, false)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	b, err := keys.LoadOrCreate(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if !b.Signer("x").Verify([]byte("m"), a.Signer("x").Sign([]byte("m"))) {
		t.Fatal("a second start has another key")
	}
	left, _ := os.ReadDir(filepath.Dir(path))
	if len(left) != 1 {
		t.Fatalf("left behind: %v", left)
	}
}

func TestLoadOrCreate_RefusesMissingFileWithData(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	_, err := keys.LoadOrCreate(path, true)
	if err == nil || !strings.Contains(err.Error(), "is missing, but there is data") {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatal("a file was made all the same")
	}
}

func TestLoadOrCreate_RefusesReadableFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := keys.LoadOrCreate(path, false); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o644, 0o666, 0o610} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.LoadOrCreate(path, true); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.LoadOrCreate(path, true); err != nil {
		t.Errorf("a read-only file of the owner is fine: %v", err)
	}
	if _, err := keys.LoadOrCreate(filepath.Dir(path), true); err == nil {
		t.Error("took a directory for a key file")
	}
}

func TestLoadOrCreate_RefusesDamagedFile(t *testing.T) {
	t.Parallel()
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	doc := func(format, rest string) string { return `{"format":"` + format + `",` + rest + `}` }
	const v1 = "sluice-master-keys/1"
	for name, text := range map[string]string{
		"empty":         "",
		"cut":           `{"format":"sluice-master-keys/1","cur`,
		"other format":  doc("sluice-master-keys/2", `"current":1,"keys":[{"id":1,"key":"`+key+`"}]`),
		"no keys":       doc(v1, `"current":1,"keys":[]`),
		"no current":    doc(v1, `"current":2,"keys":[{"id":1,"key":"`+key+`"}]`),
		"short key":     doc(v1, `"current":1,"keys":[{"id":1,"key":"QUJD"}]`),
		"not base64":    doc(v1, `"current":1,"keys":[{"id":1,"key":"???"}]`),
		"id zero":       doc(v1, `"current":0,"keys":[{"id":0,"key":"`+key+`"}]`),
		"id twice":      doc(v1, `"current":1,"keys":[{"id":1,"key":"`+key+`"},{"id":1,"key":"`+key+`"}]`),
		"trailing text": doc(v1, `"current":1,"keys":[{"id":1,"key":"`+key+`"}]`) + "x",
	} {
		path := filepath.Join(t.TempDir(), "master.key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := keys.LoadOrCreate(path, false)
		if err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), key[:8]) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("%s: the damaged file was overwritten", name)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	f.Add([]byte(`{"format":"sluice-master-keys/1","current":1,"keys":[{"id":1,"key":"` + key + `"}]}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(_ *testing.T, b []byte) { _ = keys.ParseFile(b) })
}

func TestLoadOrCreate_ProcessesAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	const n = 8
	var wg sync.WaitGroup
	outs := make([]string, n)
	pipes := make([]*os.File, n)
	for i := range n {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "SLUICE_TEST_KEYS_CHILD="+path)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdin, pipes[i] = r, w
		wg.Go(func() {
			b, err := cmd.CombinedOutput()
			outs[i] = string(b)
			if err != nil {
				outs[i] += err.Error()
			}
			r.Close()
		})
	}
	for _, w := range pipes {
		w.Close()
	}
	wg.Wait()
	for i, o := range outs {
		if o != outs[0] || len(strings.TrimSpace(o)) != 64 {
			t.Errorf("process %d says %q, process 0 %q", i, o, outs[0])
		}
	}
}

func TestLoadOrCreate_GoroutinesAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]bool{}
	for range 16 {
		wg.Go(func() {
			m, err := keys.LoadOrCreate(path, false)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			seen[string(m.Signer("x").Sign(nil))] = true
		})
	}
	wg.Wait()
	if len(seen) != 1 {
		t.Fatalf("%d different keys", len(seen))
	}
}

func TestMaster_Rotate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	m, err := keys.LoadOrCreate(path, false)
	if err != nil {
		t.Fatal(err)
	}
	other, err := keys.LoadOrCreate(path, true) // a process that will not be told
	if err != nil {
		t.Fatal(err)
	}
	tok, sealer := m.Token("t", "x_"), m.Sealer("s")
	oldToken, _ := tok.Mint(claims{KeyID: "old"})
	oldSealed, _ := sealer.Seal([]byte("old"), nil)
	id, err := m.Rotate()
	if err != nil || id != 2 || m.CurrentID() != 2 {
		t.Fatalf("rotated to %d (current %d), %v", id, m.CurrentID(), err)
	}
	newToken, _ := tok.Mint(claims{KeyID: "new"})
	newSealed, _ := sealer.Seal([]byte("new"), nil)
	if !sealer.Stale(oldSealed) || sealer.Stale(newSealed) {
		t.Error("what was sealed before the rotation is stale, what came after is not")
	}
	for who, master := range map[string]*keys.Master{"same process": m, "other process": other} {
		var c claims
		for want, s := range map[string]string{"old": oldToken, "new": newToken} {
			if err := master.Token("t", "x_").Parse(s, &c); err != nil || c.KeyID != want {
				t.Errorf("%s, %s token: %+v, %v", who, want, c, err)
			}
		}
		for want, s := range map[string][]byte{"old": oldSealed, "new": newSealed} {
			if plain, err := master.Sealer("s").Open(s, nil); err != nil || string(plain) != want {
				t.Errorf("%s, %s sealed: %q, %v", who, want, plain, err)
			}
		}
	}
}

func TestMaster_RotateAtOnceLosesNoKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	const n = 8
	var wg sync.WaitGroup
	codes := make([][]byte, n)
	if _, err := keys.LoadOrCreate(path, false); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		wg.Go(func() {
			m, err := keys.LoadOrCreate(path, true)
			if err == nil {
				_, err = m.Rotate()
			}
			if err != nil {
				t.Error(err)
				return
			}
			codes[i] = m.Signer("x").Sign(nil)
		})
	}
	wg.Wait()
	m, err := keys.LoadOrCreate(path, true)
	if err != nil || m.CurrentID() != n+1 {
		t.Fatalf("current %d, %v", m.CurrentID(), err)
	}
	for i, c := range codes {
		if !m.Signer("x").Verify(nil, c) {
			t.Errorf("the key of rotation %d is lost", i)
		}
	}
}
