package e2e_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// yetiMemory is how much a process may grow by a file on its way through, whatever
// its size: blob.in_flight, and buffers.
const yetiMemory = 96 << 20

// TestYetishare_Memory sends a large file and reads it back: no process but the
// store itself grows with it.
func TestYetishare_Memory(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("sends 256 MiB; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	size := int64(256 << 20)
	if harness.Soak() {
		size = 5 << 30
	}
	w := harness.Start(t, harness.Options{Topology: harness.Processes, Env: []string{"SLUICE_BLOB_CACHE_BYTES=0"}})
	y := yeti(t, w)
	y.HTTP.Timeout = time.Hour
	y.Upload(t, "warm", io.LimitReader(&pattern{}, 16<<20))
	before := map[string]int64{}
	for _, name := range w.Order() {
		before[name] = w.PeakMemory(t, name)
	}
	begun := time.Now()
	u := y.Upload(t, "big.bin", io.LimitReader(&pattern{}, size))
	want := md5.New() //nolint:gosec // the document's
	_, _ = io.Copy(want, io.LimitReader(&pattern{}, size))
	equal(t, "hash", u.Hash, hex.EncodeToString(want.Sum(nil)))
	equal(t, "size", u.Size, fmt.Sprint(size))
	up := time.Since(begun)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprint(yetiData(t, y.Ask(t, "/file/download", "file_id", u.FileID))["download_url"]), nil)
	noError(t, "request", err)
	resp, err := y.HTTP.Do(req)
	noError(t, "download", err)
	defer resp.Body.Close()
	got := md5.New() //nolint:gosec // as above
	n, err := io.Copy(got, resp.Body)
	if err != nil || n != size || hex.EncodeToString(got.Sum(nil)) != u.Hash {
		t.Fatalf("%d bytes of %d, %v", n, size, err)
	}
	for _, name := range w.Order() {
		grown := w.PeakMemory(t, name) - before[name]
		t.Logf("%s grew by %d MiB", name, grown>>20)
		if grown > yetiMemory && name != "nats" { // whose file store keeps what it likes
			t.Errorf("%s grew by %d bytes for %d", name, grown, size)
		}
	}
	t.Logf("%d MiB up in %v, down in %v", size>>20, up.Round(time.Millisecond), (time.Since(begun) - up).Round(time.Millisecond))
}

// TestYetishare_Wide makes a tree of 100,000 nodes and says how long it takes to
// list, to move and to delete what is above them.
func TestYetishare_Wide(t *testing.T) {
	t.Parallel()
	if !harness.Soak() {
		t.Skip("makes 100,000 nodes; make soak runs it (SLUICE_SOAK=1)")
	}
	const wide, below = 1000, 99
	w := harness.Start(t, harness.Options{Env: []string{"SLUICE_YETISHARE_RATE=0"}})
	y := yeti(t, w)
	top, other := y.Folder(t, "top", "").ID, y.Folder(t, "other", "").ID
	u := y.Upload(t, "f", "content", "folder_id", top)
	first := y.Folder(t, "d0000", top).ID
	for n := range below {
		if n%2 == 0 {
			y.Folder(t, fmt.Sprintf("n%02d", n), first)
			continue
		}
		y.Ask(t, "/file/copy", "file_id", u.FileID, "copy_to_folder_id", first).Tells(t, "File successfully copyied.")
	}
	begun := time.Now()
	l, dav := yetiLockr(y), "/dav/"+y.Username+"/top/"
	parallel(t, 8, func(lane int) {
		for i := lane + 1; i < wide; i += 8 {
			r, err := l.Try(t.Context(), "COPY", dav+"d0000", nil, "Destination", fmt.Sprintf("%sd%04d", dav, i))
			if err != nil || r.Status != http.StatusCreated {
				t.Errorf("copy %d: %v %d %s", i, err, r.Status, r.Body)
			}
		}
	})
	t.Logf("made %d nodes in %v", wide*(below+1), time.Since(begun).Round(time.Second))
	timed := func(what string, do func()) {
		begun := time.Now()
		do()
		t.Logf("%s: %v", what, time.Since(begun).Round(time.Millisecond))
	}
	timed("list 1,000 folders", func() { equal(t, "folders", len(y.List(t, top).Folders), wide) })
	timed("a page of the file manager", func() {
		y.Call(t, "GET", "/account/files?folder="+top, nil, "Authorization", "Bearer "+y.Account).Want(t, 200)
	})
	timed("move the top", func() {
		y.Ask(t, "/folder/move", "folder_id", top, "new_parent_folder_id", other).Tells(t, "Folder successfully moved.")
	})
	timed("until the sums are right", func() {
		for n := fmt.Sprint(len("content") * (wide*(below/2) + 1)); y.FolderInfo(t, other).TotalSize != n; {
			select {
			case <-t.Context().Done():
				t.Fatal(t.Context().Err())
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	timed("throw the top away", func() {
		y.Ask(t, "/folder/delete", "folder_id", top).Tells(t, "Folder successfully set as deleted.")
	})
	equal(t, "what is left", foldersOf(y.List(t, other)), "")
}
