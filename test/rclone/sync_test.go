package rclone_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"github.com/sluicehq/sluice/test/harness"
)

// sizes are the small files of a tree and the bytes of its large one.
func sizes() (files int, big int64) {
	if harness.Soak() {
		return 10_000, 2 << 30
	}
	return 2000, 128 << 20
}

// TestSync takes a tree from a local folder to the drive and back, changes it, and
// deletes of it; a second sync never has anything to do.
func TestSync(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all runs rclone")
	}
	w := harness.Start(t, harness.Options{Env: quiet()})
	r, _ := stock(t, w, "ada")
	rng := source(t)
	local, remote := filepath.Join(t.TempDir(), "tree"), "lockr:ada/backup/tree"
	small, big := sizes()
	files := plant(t, local, small, big, rng)

	began := time.Now()
	if first := r.sync(t, local, remote); first.Transfers != int64(files) {
		t.Errorf("%d transfers for %d files", first.Transfers, files)
	}
	t.Logf("%d files in %v", files, time.Since(began))
	began = time.Now()
	r.idle(t, local, remote)
	t.Logf("two idle syncs in %v", time.Since(began))
	r.same(t, local, remote)

	back := filepath.Join(t.TempDir(), "back")
	r.sync(t, remote, back)
	equal(t, local, back)
	r.idle(t, remote, back)

	change(t, local)
	changed := r.sync(t, local, remote)
	if changed.Transfers == 0 || changed.Deletes == 0 {
		t.Errorf("changes and deletions were not seen: %+v", changed.stats)
	}
	r.idle(t, local, remote)
	r.sync(t, remote, back)
	equal(t, local, back)
	about(t, r)
	onServer(t, r, local, remote)
}

// change alters, adds and removes files, and whole folders.
func change(t *testing.T, root string) {
	t.Helper()
	rng := source(t)
	for i := range 20 {
		fill(t, filepath.Join(root, fmt.Sprintf("dir-%02d/sub %d/file-%04d.txt", i%20, i%3, i)), 300, rng)
	}
	if err := os.MkdirAll(filepath.Join(root, "new/folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	fill(t, filepath.Join(root, "new/folder/file"), 77, rng)
	for _, gone := range []string{"dir-07", "awkward/what?", "awkward/new\nline/new\nline", "deep"} {
		if err := os.RemoveAll(filepath.Join(root, gone)); err != nil {
			t.Fatal(err)
		}
	}
}

func about(t *testing.T, r *rclone) {
	t.Helper()
	var usage struct{ Total, Used, Free int64 }
	if err := json.Unmarshal([]byte(r.run(t, "about", "--json", "lockr:").out), &usage); err != nil {
		t.Fatal(err)
	}
	if usage.Used < 128<<20 || usage.Free <= 0 || usage.Total != usage.Used+usage.Free {
		t.Errorf("about says %+v", usage)
	}
}

// onServer moves and copies without the bytes coming here.
func onServer(t *testing.T, r *rclone, local, remote string) {
	t.Helper()
	if copied := r.run(t, "copy", remote, "lockr:ada/backup/copy", "--transfers=16", "--include", "/dir-01/**"); copied.Errors != 0 {
		t.Errorf("a copy on the server: %+v", copied.stats)
	}
	r.run(t, "check", "--download", remote, "lockr:ada/backup/copy", "--include", "/dir-01/**")
	r.run(t, "moveto", "lockr:ada/backup/copy", "lockr:ada/moved")
	r.run(t, "moveto", "lockr:ada/moved/dir-01", "lockr:ada/moved/dir #1 100%")
	r.run(t, "check", "--download", filepath.Join(local, "dir-01"), "lockr:ada/moved/dir #1 100%")
	r.run(t, "purge", "lockr:ada/moved")
	if out := r.run(t, "lsf", "lockr:ada").out; out != "backup/\n" {
		t.Errorf("after a purge: %q", out)
	}
}

// TestS3 takes objects from another S3 server to the drive and back: the server is
// the library that `rclone serve s3` is made of, which Debian's version does not
// have yet.
func TestS3(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("make test-all runs rclone")
	}
	w := harness.Start(t, harness.Options{Env: quiet()})
	r, _ := stock(t, w, "bob")
	other := httptest.NewServer(gofakes3.New(s3mem.New(), gofakes3.WithAutoBucket(true), gofakes3.WithoutVersioning()).Server())
	defer other.Close()
	r.run(t, "config", "create", "s3", "s3", "provider=Other", "endpoint="+other.URL, "access_key_id=any", "secret_access_key=any", "force_path_style=true",
		"list_version=2", "list_url_encode=true")

	local := filepath.Join(t.TempDir(), "tree")
	plant(t, local, 300, 8<<20, source(t))
	r.sync(t, local, "s3:bucket")
	r.sync(t, "s3:bucket", "lockr:bob")
	r.idle(t, "s3:bucket", "lockr:bob")
	r.same(t, "s3:bucket", "lockr:bob")

	if err := os.RemoveAll(filepath.Join(local, "dir-03")); err != nil {
		t.Fatal(err)
	}
	r.sync(t, local, "s3:bucket")
	if gone := r.sync(t, "s3:bucket", "lockr:bob"); gone.Deletes == 0 || gone.Transfers != 0 {
		t.Errorf("deletions did not come through: %+v", gone.stats)
	}
	r.sync(t, "lockr:bob", "s3:again")
	r.idle(t, "lockr:bob", "s3:again")
	r.same(t, "s3:bucket", "s3:again")
}
