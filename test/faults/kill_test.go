// Package faults_test kills what runs and looks at what is left.
package faults_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/harness"
)

// TestKill9 kills processes at random moments during a mixed load of 500
// uploads. Afterwards every acknowledged object is there and byte-identical,
// nothing that was cut off is listed, and the receiver has heard of every
// acknowledged object at least once, under ids that never change.
//
// SLUICE_TEST_SEED repeats the order of sizes and victims of an earlier run.
func TestKill9(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("kills processes for about a minute per topology; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	for _, topology := range harness.Topologies() {
		t.Run(string(topology), func(t *testing.T) { killDuringLoad(t, topology) })
	}
}

const bucket = "kills"

type load struct {
	w    *harness.World
	c    *harness.Client
	seed uint64
	calm chan struct{} // closed when nothing is killed any more

	mu    sync.Mutex
	acked map[string]string // key → version id
	sure  map[string]bool   // keys that were sent once only, so that no earlier try can have overtaken the last
	cut   map[string]bool   // keys whose only body was cut off
}

func killDuringLoad(t *testing.T, topology harness.Topology) {
	seed := harness.Seed(t)
	w := harness.Start(t, harness.Options{Topology: topology, Env: []string{"SLUICE_UPLOAD_MIN_PART_SIZE=1KiB"}})
	l := &load{w: w, c: harness.NewClient(t, w, "killer"), seed: seed, acked: map[string]string{}, sure: map[string]bool{}, cut: map[string]bool{}, calm: make(chan struct{})}
	l.c.HTTP.Timeout = 30 * time.Second
	l.c.Bucket(t, bucket)
	r := harness.NewReceiver(t, nil)
	l.c.Do(t, http.MethodPut, "/api/v1/buckets/"+bucket+"/notifications",
		map[string]any{"configs": []map[string]any{{"url": r.URL, "events": []string{"object-created"}}}}, nil).Want(t, http.StatusOK)

	uploads, most := 500, 20
	if harness.Soak() {
		uploads, most = 5000, 300
	}
	stop := make(chan struct{})
	var killer sync.WaitGroup
	kills := 0
	killer.Go(func() {
		defer close(l.calm)
		kills = l.kill(t, stop, most)
	})
	l.run(t, uploads)
	close(stop)
	killer.Wait()
	t.Logf("%d kills during %d uploads", kills, uploads)
	if kills < 5 {
		t.Errorf("only %d kills: the load was over too soon to show anything", kills)
	}
	for _, name := range w.Order() {
		if !w.Running(name) {
			if err := w.StartProc(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.WaitReady(t.Context(), 3*time.Minute); err != nil {
		t.Fatal(err)
	}
	ready := time.Now()
	l.c.HTTP.CloseIdleConnections()
	l.checkObjects(t)
	l.checkHooks(t, r, ready)
}

// run sends the uploads from 8 clients and gives up on none.
func (l *load) run(t *testing.T, uploads int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				if i > uploads {
					return
				}
				l.upload(t, i)
			}
		})
	}
	wg.Wait()
}

// content is a function of the seed and the key, so that nobody keeps it: 70 %
// small, 25 % around the size of a segment, 5 % of several. A copy has that of
// its source.
func (l *load) content(key string) []byte {
	key = strings.TrimPrefix(key, copies)
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%s", l.seed, key))
	rng := rand.New(rand.NewChaCha8(sum))
	size := rng.IntN(64 << 10)
	switch p := rng.IntN(100); {
	case p >= 95:
		size = 16<<20 + rng.IntN(8<<20)
	case p >= 70:
		size = 1<<20 + rng.IntN(8<<20)
	}
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(sum).Read(b)
	return b
}

func (l *load) upload(t *testing.T, i int) {
	key := fmt.Sprintf("dir%d/%05d", i%7, i)
	body := l.content(key)
	if i%25 == 0 && len(body) > 10 {
		l.uploadCut(t, key, body)
		return
	}
	switch {
	case i%15 == 0 && len(body) > 0:
		l.multipart(t, key, body)
		return
	case i%12 == 0:
		defer l.copy(t, key)
	}
	l.insist(t, key, func() (harness.Response, error) {
		var rd io.Reader = bytes.NewReader(body)
		if i%5 == 0 {
			rd = io.MultiReader(rd) // no Content-Length
		}
		return l.c.Try(t.Context(), http.MethodPut, harness.ObjectPath(bucket, key), rd, nil)
	})
}

// multipart sends the body in up to three parts and completes it.
func (l *load) multipart(t *testing.T, key string, body []byte) {
	l.insist(t, key, func() (harness.Response, error) {
		var u struct{ UploadID string }
		r, err := l.c.Try(t.Context(), http.MethodPost, harness.KeyPath(bucket, "multipart", key), nil, nil)
		if err != nil || r.Status != http.StatusCreated {
			return r, err
		}
		r.JSON(t, &u)
		var parts []map[string]any
		for part := range slices.Chunk(body, max(1<<10, (len(body)+2)/3)) {
			var p struct{ ETag string }
			n := len(parts) + 1
			r, err := l.c.Try(t.Context(), http.MethodPut, harness.KeyPath(bucket, fmt.Sprintf("multipart/%s/parts/%d", u.UploadID, n), key), part, nil)
			if err != nil || r.Status != http.StatusOK {
				return r, err
			}
			r.JSON(t, &p)
			parts = append(parts, map[string]any{"partNumber": n, "etag": p.ETag})
		}
		for { // completing again gives the same answer
			r, err := l.c.Try(t.Context(), http.MethodPost, harness.KeyPath(bucket, "multipart/"+u.UploadID+"/complete", key), map[string]any{"parts": parts}, nil)
			if err == nil && r.Status < 500 || t.Context().Err() != nil {
				return r, err
			}
			pause(t.Context(), 50*time.Millisecond)
		}
	})
}

// copies is where copies go.
const copies = "copies/"

func (l *load) copy(t *testing.T, key string) {
	l.insist(t, copies+key, func() (harness.Response, error) {
		return l.c.Try(t.Context(), http.MethodPost, harness.KeyPath(bucket, "object-copy", copies+key), map[string]any{"sourceBucket": bucket, "sourceKey": key}, nil)
	})
}

// insist repeats until it is acknowledged: what a client of any sense does. On a slow
// machine something large may get through only when nothing is killed any more.
func (l *load) insist(t *testing.T, key string, send func() (harness.Response, error)) {
	var deadline time.Time
	for try := 1; deadline.IsZero() || time.Now().Before(deadline); try++ {
		select {
		case <-l.calm:
			if deadline.IsZero() {
				deadline = time.Now().Add(3 * time.Minute)
			}
		default:
		}
		r, err := send()
		if err == nil && (r.Status == http.StatusCreated || r.Status == http.StatusOK) {
			var put struct{ VersionID string }
			r.JSON(t, &put)
			l.mu.Lock()
			l.acked[key], l.sure[key] = put.VersionID, try == 1
			l.mu.Unlock()
			return
		}
		if err == nil && r.Status < 500 && r.Status != http.StatusTooManyRequests && r.Status != http.StatusNotFound {
			t.Errorf("%s: %d %s", key, r.Status, r.Body)
			return
		}
		pause(t.Context(), 50*time.Millisecond)
	}
	t.Errorf("%s: not accepted in three minutes without a kill", key)
}

// uploadCut breaks off in the middle of the body; the key must never be listed.
func (l *load) uploadCut(t *testing.T, key string, body []byte) {
	l.mu.Lock()
	l.cut[key] = true
	l.mu.Unlock()
	h := http.Header{"Content-Length": {strconv.Itoa(len(body))}}
	rd := io.MultiReader(bytes.NewReader(body[:len(body)/2]), failingReader{})
	if r, err := l.c.Try(t.Context(), http.MethodPut, harness.ObjectPath(bucket, key), rd, h); err == nil && r.Status < 300 {
		t.Errorf("%s: a body that broke off was answered %d", key, r.Status)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("the client's disk broke") }

// kill ends a random victim every second or so and starts it again. It leaves
// off after most kills, so that also the largest upload is accepted in the end.
func (l *load) kill(t *testing.T, stop <-chan struct{}, most int) (kills int) {
	rng := rand.New(rand.NewPCG(l.seed, 1))
	victims := l.w.Victims()
	for kills < most {
		select {
		case <-stop:
			return kills
		case <-time.After(time.Duration(300+rng.IntN(1500)) * time.Millisecond):
		}
		v := victims[rng.IntN(len(victims))]
		l.w.Kill(v)
		kills++
		pause(t.Context(), time.Duration(rng.IntN(200))*time.Millisecond)
		if err := l.w.StartProc(t.Context(), v); err != nil {
			t.Errorf("starting %s again: %v", v, err)
			return kills
		}
		if v == "up" { // let it come up, else nothing is ever acknowledged
			if err := l.w.WaitReady(t.Context(), 3*time.Minute); err != nil {
				t.Error(err)
				return kills
			}
		}
	}
	return kills
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (l *load) checkObjects(t *testing.T) {
	listed := l.c.ListAll(t, bucket)
	for key := range l.cut {
		if _, ok := listed[key]; ok {
			t.Errorf("%s was cut off but is listed", key)
		}
	}
	for key := range listed {
		if _, ok := l.acked[key]; !ok && !l.cut[key] {
			t.Errorf("%s is listed but was never acknowledged", key)
		}
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for key, version := range l.acked {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			want := l.content(key)
			if size, ok := listed[key]; !ok || size != int64(len(want)) {
				t.Errorf("%s: acknowledged with %d bytes, listed %v with %d", key, len(want), ok, size)
			}
			r, err := l.c.Try(t.Context(), http.MethodGet, harness.ObjectPath(bucket, key), nil, nil)
			if err != nil || r.Status != http.StatusOK || !bytes.Equal(r.Body, want) {
				t.Errorf("%s: %d, %d of %d bytes, %v: %.200s", key, r.Status, len(r.Body), len(want), err, r.Body[:min(len(r.Body), 200)])
				return
			}
			if got := r.Header.Get("X-Lockwell-Version-Id"); l.sure[key] && got != version {
				t.Errorf("%s: the acknowledged version %s is not the current one, %s", key, version, got)
			}
		})
	}
	wg.Wait()
	t.Logf("%d objects acknowledged, %d cut off", len(l.acked), len(l.cut))
}

// checkHooks waits until every acknowledged version was announced, and looks at the ids.
func (l *load) checkHooks(t *testing.T, r *harness.Receiver, ready time.Time) {
	ids := map[string]string{} // version → webhook-id
	seen := 0
	r.Wait(t, 90*time.Second, "an event for every acknowledged version", func(hooks []harness.Hook) bool {
		for ; seen < len(hooks); seen++ {
			for _, v := range versionsOf(t, hooks[seen].Body) {
				if id, ok := ids[v]; ok && id != hooks[seen].ID {
					t.Errorf("version %s was announced as %s and as %s", v, id, hooks[seen].ID)
				}
				ids[v] = hooks[seen].ID
			}
		}
		for _, v := range l.acked {
			if ids[v] == "" {
				return false
			}
		}
		return true
	})
	t.Logf("%d requests for %d versions; all heard of %v after the system was ready", seen, len(ids), time.Since(ready).Round(time.Millisecond))
}

func versionsOf(t *testing.T, body []byte) (versions []string) {
	t.Helper()
	var ev struct {
		Data struct {
			Records []struct {
				S3 struct {
					Object struct {
						Key       string
						VersionID string `json:"versionId"`
					}
				}
			}
		}
	}
	if err := json.Unmarshal(body, &ev); err != nil {
		t.Errorf("a delivery that is not JSON: %v", err)
	}
	for _, rec := range ev.Data.Records {
		if _, err := url.QueryUnescape(rec.S3.Object.Key); err != nil {
			t.Errorf("key %q: %v", rec.S3.Object.Key, err)
		}
		versions = append(versions, rec.S3.Object.VersionID)
	}
	return versions
}
