package harness

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// KeepDir makes a directory that outlives the test, for what explains a failure:
// bin/kept/<test>/<time>, or under SLUICE_TEST_KEEP.
func KeepDir(t testing.TB) string {
	t.Helper()
	root := os.Getenv("SLUICE_TEST_KEEP")
	if root == "" {
		root = filepath.Join(repository(), "bin", "kept")
	}
	dir := filepath.Join(root, strings.ReplaceAll(t.Name(), "/", "_"), time.Now().UTC().Format("20060102T150405.000"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// repository is the root of this repository.
func repository() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}
