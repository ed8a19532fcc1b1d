package faults_test

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// TestPlik_BytesGoBack: of what expired, was removed, went out once, was broken
// off or belonged to somebody who left, nothing stays in the object stores when
// the collector has run, once past the day for which segments are leased and once
// past the hour that readers have.
func TestPlik_BytesGoBack(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("the collector waits a minute for commits in flight, twice; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	const size = 4 << 20
	w := harness.Start(t, harness.Options{FaultPoints: true, Env: []string{"SLUICE_UPLOAD_SWEEP_INTERVAL=1s", "SLUICE_OBJECT_SWEEP_INTERVAL=1s"}})
	p := harness.NewPlik(t, w.URL)
	fresh := func() []byte {
		b := make([]byte, size)
		_, _ = rand.Read(b)
		return b
	}
	content := fresh()
	kept, kf := p.Stored(t, nil, "kept", content)
	_, before := w.Stored(t)

	p.Stored(t, map[string]any{"ttl": 60}, "late", fresh())
	once, f := p.Stored(t, map[string]any{"oneShot": true}, "once", fresh())
	p.Call(t, http.MethodGet, once.Path(f), nil).Want(t, http.StatusOK)
	zipped, _ := p.Stored(t, map[string]any{"oneShot": true}, "zipped", fresh())
	p.Call(t, http.MethodGet, "/archive/"+zipped.ID+"/a.zip", nil).Want(t, http.StatusOK)
	removed, _ := p.Stored(t, map[string]any{"removable": true}, "removed", fresh())
	p.Call(t, http.MethodDelete, "/upload/"+removed.ID, nil).OK(t)
	file, f := p.Stored(t, map[string]any{"removable": true}, "file", fresh())
	p.Call(t, http.MethodDelete, file.Path(f), nil).OK(t)
	c := harness.NewClient(t, w, "leaver")
	me := p.Login(t, c.Username, "correct horse "+c.Username)
	me.Stored(t, nil, "left", fresh())
	me.Call(t, http.MethodDelete, "/me", nil).OK(t)
	cut := p.Create(t, nil)
	half := bytes.NewReader(slices.Concat(fresh(), fresh(), fresh(), fresh()))
	if r, err := p.TryPost(t.Context(), "/file/"+cut.ID, "cut", harness.Cut(half, size*3), "X-UploadToken", cut.UploadToken); err == nil && r.Status == http.StatusOK {
		t.Errorf("a broken body: %d %s", r.Status, r.Body)
	}
	_, all := w.Stored(t)
	if all < before+5*size {
		t.Fatalf("%d bytes before, %d with all: this shows nothing", before, all)
	}

	now := all
	for _, ahead := range []time.Duration{25 * time.Hour, 27 * time.Hour} {
		w.Ahead(t, ahead)
		if err := w.Stop("up", time.Minute); err != nil {
			t.Fatal(err)
		}
		p.HTTP.CloseIdleConnections()
		if err := w.StartProc(t.Context(), "up"); err != nil {
			t.Fatal(err)
		}
		if err := w.WaitReady(t.Context(), 3*time.Minute); err != nil {
			t.Fatal(err)
		}
		out, err := w.CLI(t.Context(), "", "gc", "--now")
		if err != nil {
			t.Fatal(err)
		}
		_, now = w.Stored(t)
		t.Logf("%v later: %d bytes of %d, and %d that stay: %s", ahead, now, all, before, out)
	}
	const slack = 256 << 10 // names and tombstones
	if now > before+slack {
		t.Errorf("%d bytes before, %d with all, %d in the end", before, all, now)
	}
	if r := p.Call(t, http.MethodGet, kept.Path(kf), nil).Want(t, http.StatusOK); !bytes.Equal(r.Body, content) {
		t.Errorf("what was kept reads as %d other bytes", len(r.Body))
	}
}
