package e2e_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/sluicehq/sluice/test/harness"
)

// TestPlik_Archive reads an archive of 1,000 files from an edge that has nothing
// else to do and keeps nothing that was read: it holds a part of the content at
// most, and writes no file.
func TestPlik_Archive(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("sends 1,000 files; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	const files, size = 1000, 96 << 10
	w := harness.Start(t, harness.Options{})
	tmp := t.TempDir()
	edge := w.Edge(t, "TMPDIR="+tmp, "SLUICE_BLOB_CACHE_BYTES=0")
	p := harness.NewPlik(t, w.URL)
	content := func(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%04d %x,", i, i*i), size/6)[:size] }

	var announced []object
	for i := range files {
		announced = append(announced, object{"fileName": fmt.Sprintf("f%04d", i), "reference": fmt.Sprint(i)})
	}
	u := p.Create(t, object{"files": announced})
	parallel(t, 16, func(lane int) {
		for i := lane; i < files; i += 16 {
			if r := p.Fill(t, u, u.Files[i], content(i)); r.Status != 200 {
				t.Errorf("%d: %d %s", i, r.Status, r.Body)
			}
		}
	})
	from := harness.NewPlik(t, edge.URL)
	var whole bytes.Buffer
	before := edge.PeakMemory(t, "edge")
	resp, err := from.Open(t.Context(), "GET", "/archive/"+u.ID+"/all.zip", nil)
	noError(t, "get", err)
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.ContentLength >= 0 {
		t.Fatalf("%d, length %d", resp.StatusCode, resp.ContentLength)
	}
	_, err = io.CopyN(&whole, resp.Body, 64<<10)
	noError(t, "read", err)
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("temporary files: %v %v", left, err)
	}
	_, err = io.Copy(&whole, resp.Body)
	noError(t, "read", err)
	peak := edge.PeakMemory(t, "edge")
	t.Logf("%d MiB in %d files: the edge held %d MiB before, %d at most", files*size>>20, files, before>>20, peak>>20)
	if grown := peak - before; grown > 48<<20 {
		t.Errorf("the edge grew by %d bytes for %d bytes of content", grown, files*size)
	}
	z, err := zip.NewReader(bytes.NewReader(whole.Bytes()), int64(whole.Len()))
	noError(t, "open", err)
	equal(t, "files", len(z.File), files)
	for i, f := range z.File {
		rd, err := f.Open()
		noError(t, "open "+f.Name, err)
		b, err := io.ReadAll(rd)
		if err != nil || f.Name != fmt.Sprintf("f%04d", i) || !bytes.Equal(b, content(i)) {
			t.Fatalf("%d: %s, %d bytes, %v", i, f.Name, len(b), err)
		}
	}
}
