package fetch_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/blob"
	"github.com/sluicehq/sluice/pkg/bus"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/fetch"
)

func TestWorker_Fetches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("it was asked for %q", got)
		}
		if r.URL.Path == "/old/a.txt" {
			http.Redirect(rw, r, "/new/b%20%C3%A4.txt?x=1", http.StatusFound)
			return
		}
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(rw, "hello")
	})
	f := w.fetch(t, s.URL+"/old/a.txt#part")
	o, body := w.stored(t, f)
	if body != "hello" || o.File.Path != "b ä.txt" || o.Metadata.ContentType != "text/plain; charset=utf-8" || f.Size != 5 {
		t.Errorf("%q, %+v, %+v", body, o.File, f.Fetch)
	}
	if got := hex.EncodeToString(o.Digests[blob.MD5]); got != "5d41402abc4b2a76b9719d911017c592" {
		t.Errorf("MD5 %q", got)
	}
	again := w.fetch(t, s.URL+"/old/a.txt")
	if o, _ := w.stored(t, again); o.File.Path != "b ä (2).txt" {
		t.Errorf("the second one is %q", o.File.Path)
	}
	w.clean(t, "b ä (2).txt", "b ä.txt")
}

func TestWorker_Folder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := serve(t, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "x") })
	by := authv1.Principal{AccountID: "acc"}
	n, err := w.obj.MakeFolder(t.Context(), objectv1.MakeFolderRequest{Principal: by, Path: "docs"})
	if err != nil {
		t.Fatal(err)
	}
	id := w.q.add(s.URL+"/a", n.NodeID)
	if err := w.Handle(t.Context(), message(id)); err != nil {
		t.Fatal(err)
	}
	if o, _ := w.stored(t, w.q.get(id)); o.File.Path != "docs/a" {
		t.Errorf("it is %q", o.File.Path)
	}
	gone := w.q.add(s.URL+"/a", "nosuchfolder")
	if err := w.Handle(t.Context(), message(gone)); err != nil {
		t.Fatal(err)
	}
	if f := w.q.get(gone); f.State != uploadv1.FetchFailed || f.Reason != objectv1.ErrParentNotFound.Message {
		t.Errorf("%s: %s", f.State, f.Reason)
	}
}

func TestWorker_Statuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		rw.Header().Set("Retry-After", r.URL.Query().Get("after"))
		rw.WriteHeader(status)
		fmt.Fprint(rw, "an error page")
	})
	for path, want := range map[string]uploadv1.EndFetchRequest{
		"/404": {}, "/410": {}, "/401": {}, "/403": {}, "/400": {}, "/206": {}, "/201": {}, "/304": {},
		"/408": {Again: true}, "/425": {Again: true}, "/429": {Again: true}, "/500": {Again: true}, "/502": {Again: true}, "/503?after=7": {Again: true, WaitSeconds: 7},
		"/429?after=120": {Again: true, WaitSeconds: 120}, "/429?after=-5": {Again: true}, "/429?after=soon": {Again: true},
		"/429?after=99999999999999999999": {Again: true}, "/503?after=Thu,+01+Jan+1970+00:00:00+GMT": {Again: true},
	} {
		f := w.fetch(t, s.URL+path)
		if len(f.ends) != 1 {
			t.Fatalf("%s: %+v", path, f)
		}
		got := f.ends[0]
		if reason := fmt.Sprintf("the address answered with status %.3s", path[1:]); got.Reason != reason {
			t.Errorf("%s: %q", path, got.Reason)
		}
		if got.Again != want.Again || got.WaitSeconds != want.WaitSeconds || got.NodeID != "" {
			t.Errorf("%s: %+v", path, got)
		}
	}
	w.clean(t)
}

// raw answers every connection by hand.
func raw(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 4096))
				answer(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return "http://" + l.Addr().String() + "/f.bin"
}

func say(s string) func(net.Conn) { return func(c net.Conn) { _, _ = io.WriteString(c, s) } }

func TestWorker_HostileAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(net.Conn)
		again  bool
	}{
		"closed at once":        {func(net.Conn) {}, true},
		"not http":              {say("SSH-2.0-OpenSSH\r\n"), true},
		"shorter than said":     {say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), true},
		"a chunk cut off":       {say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"), true},
		"chunks without an end": {say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), true},
		"two lengths":           {say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), true},
		"negative length":       {say("HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc"), true},
		"a length beyond all":   {say("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nabc"), false},
		"huge headers":          {say("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 80<<10) + "\r\n\r\n"), true},
		"endless 1xx":           {say(strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("a", 1000)+"\r\n\r\n", 100)), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			f := w.fetch(t, raw(t, c.answer))
			if len(f.ends) != 1 || f.ends[0].Again != c.again || f.ends[0].Reason == "" || f.ends[0].NodeID != "" {
				t.Errorf("it ended with %+v", f.ends)
			}
			w.clean(t)
		})
	}
	for name, c := range map[string]struct{ answer, want string }{
		"longer than said": {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", "abc"},
		"empty":            {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		"until it closes":  {"HTTP/1.0 200 OK\r\n\r\nabcdef", "abcdef"},
		"gzip as served":   {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00", "\x1f\x8b\x08\x00"},
		"no type at all":   {"HTTP/1.1 200 OK\r\nContent-Type: ;;;\r\nContent-Length: 1\r\n\r\nx", "x"},
		"chunks":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			f := w.fetch(t, raw(t, say(c.answer)))
			if o, body := w.stored(t, f); body != c.want || o.Metadata.ContentEncoding != "" || o.Metadata.ContentType != "" || f.Size != int64(len(c.want)) {
				t.Errorf("%q, %+v", body, o.Metadata)
			}
			w.clean(t, "f.bin")
		})
	}
}

// TestWorker_GoesNowhereInside: neither directly, nor by a redirect.
func TestWorker_GoesNowhereInside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var inside atomic.Int32
	victim, err := net.Listen("tcp", "127.0.0.2:0") // not in the allow list
	if err != nil {
		t.Skipf("this machine has no 127.0.0.2: %v", err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside.Add(1) }), ReadHeaderTimeout: time.Second}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(victim) }()
	t.Cleanup(func() { srv.Close(); <-done })
	s := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		to := r.URL.Query().Get("to")
		if to == "loop" {
			to = r.URL.String()
		}
		http.Redirect(rw, r, to, http.StatusFound)
	})
	at := victim.Addr().String()
	for _, u := range []string{
		"http://" + at + "/", s.URL + "/?to=http://" + at + "/", s.URL + "/?to=http://169.254.169.254/latest/meta-data/", s.URL + "/?to=file:///etc/passwd",
		s.URL + "/?to=http://[::1]/", s.URL + "/?to=http://0x7f.0.0.2:80/", s.URL + "/?to=http://user:pw@127.0.0.1/", s.URL + "/?to=loop", "ftp://127.0.0.1/x", "::", "",
	} {
		f := w.fetch(t, u)
		if len(f.ends) != 1 || f.ends[0].Again || f.ends[0].NodeID != "" || strings.Contains(f.ends[0].Reason, "127.") {
			t.Errorf("%s: %+v", u, f.ends)
		}
	}
	if inside.Load() != 0 {
		t.Error("it went inside")
	}
	w.clean(t)
}

func TestWorker_Stalls(t *testing.T) {
	t.Parallel()
	drip := func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			<-r.Context().Done()
			return
		}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for i := 0; r.URL.Path == "/endless" || i < 3; i++ {
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
				_, _ = rw.Write([]byte{'x'})
				rw.(http.Flusher).Flush()
			}
		}
		<-r.Context().Done()
	}
	s := serve(t, drip)
	for _, path := range []string{"/silent", "/endless", "/stops"} {
		w := newWorld(t, func(o *fetch.Options) { o.Stall = 100 * time.Millisecond })
		begin := time.Now()
		f := w.fetch(t, s.URL+path)
		if len(f.ends) != 1 || !f.ends[0].Again || f.ends[0].Reason != "the address sent too little for too long" {
			t.Errorf("%s: %+v", path, f.ends)
		}
		if d := time.Since(begin); d > time.Minute {
			t.Errorf("%s took %s", path, d)
		}
		w.clean(t)
	}
	// At a fair pace it still ends when the time is over, for good.
	w := newWorld(t, func(o *fetch.Options) { o.Timeout, o.PaceBytes = 100*time.Millisecond, 1 })
	if f := w.fetch(t, s.URL+"/endless"); len(f.ends) != 1 || f.ends[0].Again || f.ends[0].Reason != "the address sends the file too slowly" {
		t.Errorf("endless: %+v", f.ends)
	}
	w.clean(t)
	// So it does when it never stalls, but would take for ever: long before.
	w = newWorld(t, func(o *fetch.Options) { o.PaceBytes, o.Rate, o.Grace = 1, 1<<20, 50*time.Millisecond })
	begin := time.Now()
	if f := w.fetch(t, s.URL+"/endless"); len(f.ends) != 1 || f.ends[0].Again || f.ends[0].Reason != "the address sends the file too slowly" || time.Since(begin) > time.Minute {
		t.Errorf("a drip: %s, %+v", time.Since(begin), f.ends)
	}
	w.clean(t)
}

func TestWorker_Limits(t *testing.T) {
	t.Parallel()
	const most = 12 << 20
	s := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		var n int64
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
		if r.URL.Query().Get("said") != "" {
			rw.Header().Set("Content-Length", fmt.Sprint(n))
		} else {
			rw.(http.Flusher).Flush()
		}
		block := make([]byte, 64<<10)
		for left := n; left != 0 && r.Context().Err() == nil; {
			b := block
			if n > 0 {
				b = b[:min(left, int64(len(b)))]
				left -= int64(len(b))
			}
			if _, err := rw.Write(b); err != nil {
				return
			}
		}
	})
	for name, c := range map[string]struct {
		path  string
		limit func(*world)
		want  string // reason; empty: it is stored
	}{
		"object, fits, said":     {fmt.Sprintf("/%d?said=1", most), func(w *world) { w.q.limits.ObjectBytes = most }, ""},
		"object, fits, not said": {fmt.Sprintf("/%d", most), func(w *world) { w.q.limits.ObjectBytes = most }, ""},
		"object, said":           {fmt.Sprintf("/%d?said=1", most+1), func(w *world) { w.q.limits.ObjectBytes = most }, objectv1.ErrTooLarge.Message},
		"object, not said":       {fmt.Sprintf("/%d", most+1), func(w *world) { w.q.limits.ObjectBytes = most }, objectv1.ErrTooLarge.Message},
		"object, endless":        {"/-1", func(w *world) { w.q.limits.ObjectBytes = most }, objectv1.ErrTooLarge.Message},
		"quota, said":            {fmt.Sprintf("/%d?said=1", 64<<20), func(w *world) { w.obj.Quota = most }, objectv1.ErrQuotaExceeded.Message},
		"quota, in the middle":   {"/-1", func(w *world) { w.obj.Quota = most }, objectv1.ErrQuotaExceeded.Message},
		"quota at the commit":    {"/5?said=1", func(w *world) { w.obj.SetFail("CommitPut", objectv1.ErrQuotaExceeded) }, objectv1.ErrQuotaExceeded.Message},
		"the account closes":     {"/5?said=1", func(w *world) { w.obj.SetFail("CommitPut", objectv1.ErrAccountClosed) }, objectv1.ErrAccountClosed.Message},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.blobs.Discard = true
			c.limit(w)
			f := w.fetch(t, s.URL+c.path)
			if c.want == "" {
				if f.State != uploadv1.FetchDone || f.Size != most {
					t.Errorf("%+v", f.Fetch)
				}
				return
			}
			if len(f.ends) != 1 || f.ends[0].Again || f.ends[0].Reason != c.want {
				t.Errorf("it ended with %+v", f.ends)
			}
			w.clean(t)
		})
	}
}

// TestWorker_StoreAway: what is ours to mend is tried again.
func TestWorker_StoreAway(t *testing.T) {
	t.Parallel()
	s := serve(t, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "hello") })
	for method, err := range map[string]error{"BeginPut": fault.ErrUnavailable, "CommitPut": fault.ErrInternal} {
		w := newWorld(t)
		w.obj.SetFail(method, err)
		if f := w.fetch(t, s.URL); len(f.ends) != 1 || !f.ends[0].Again || f.ends[0].Reason != "the file could not be stored for the moment" {
			t.Errorf("%s: %+v", method, f.ends)
		}
		w.clean(t)
	}
	w := newWorld(t)
	w.q.setFail("LeaseFetch", fault.ErrUnavailable)
	if err := w.Handle(t.Context(), message(w.q.add(s.URL, ""))); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a lease that nobody gives: %v", err)
	}
}

func TestWorker_NoWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var hits atomic.Int32
	s := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	over, taken := w.q.add(s.URL, ""), w.q.add(s.URL, "")
	w.q.set(over, func(f *leased) { f.State = uploadv1.FetchCancelled })
	w.q.set(taken, func(f *leased) { f.State = uploadv1.FetchDownloading })
	for _, id := range []int64{over, taken, 99} {
		if err := w.Handle(t.Context(), message(id)); err != nil {
			t.Errorf("%d: %v", id, err)
		}
	}
	for _, data := range []string{"", "null", "{}", `{"id":0}`, `{"id":-1}`, `{"id":"1"}`, `[1]`, "\xff"} {
		if err := w.Handle(t.Context(), &bus.Message{Data: []byte(data)}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", data, err)
		}
	}
	if hits.Load() != 0 {
		t.Error("it was fetched")
	}
}

// TestWorker_ConstantMemory moves a large file: the heap does not grow with it.
func TestWorker_ConstantMemory(t *testing.T) { // not parallel: it looks at the heap
	size := int64(64 << 20)
	if soak() {
		size = 2 << 30
	}
	for _, said := range []bool{true, false} {
		var peak atomic.Uint64
		s := serve(t, func(rw http.ResponseWriter, _ *http.Request) {
			if said {
				rw.Header().Set("Content-Length", fmt.Sprint(size))
			}
			block := bytes.Repeat([]byte{7}, 1<<20)
			for sent := int64(0); sent < size; sent += int64(len(block)) {
				if _, err := rw.Write(block); err != nil {
					return
				}
				if sent%(8<<20) == 0 {
					runtime.GC()
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					peak.Store(max(peak.Load(), m.HeapAlloc))
				}
			}
		})
		w := newWorld(t, func(o *fetch.Options) { o.Timeout, o.Keep = time.Hour, time.Second })
		w.blobs.Discard = true
		var before runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		f := w.fetch(t, s.URL+"/big")
		if f.State != uploadv1.FetchDone || f.Size != size {
			t.Fatalf("%+v", f.Fetch)
		}
		if grown := int64(peak.Load()) - int64(before.HeapAlloc); grown > 16<<20 { //nolint:gosec // heaps are small
			t.Errorf("the heap grew by %d bytes", grown)
		}
	}
}
