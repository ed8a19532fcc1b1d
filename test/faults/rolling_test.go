package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/cluster/balance"
	"github.com/sluicehq/sluice/test/harness"
)

// TestRolling restarts every copy of every service, one after the other, and the
// nats-servers, while clients use all of it through the load balancer: no request
// fails, and the balancer had to send none twice. Then a nats-server is killed:
// writes go on, and nothing that was acknowledged is lost.
func TestRolling(t *testing.T) {
	t.Parallel()
	if !harness.Full() {
		t.Skip("starts 18 processes and restarts them; make test-all runs it (SLUICE_TEST_FULL=1)")
	}
	w := harness.Start(t, harness.Options{Topology: harness.Cluster, Env: []string{
		"SLUICE_LOCKNEX_RATE=0", "SLUICE_LOCKNEX_PUBLIC_RATE=0", "SLUICE_LOCKR_GUEST_RATE=0", "SLUICE_UPLOAD_MIN_PART_SIZE=1KiB", "SLUICE_DURABILITY=process",
	}})
	m := newMixed(t, w)
	rounds := 1
	if harness.Soak() {
		rounds = 5
	}
	t.Run("Services", func(t *testing.T) {
		stop := m.start(t, 6, false)
		for range rounds {
			m.roll(t, func(name string) bool { return !strings.HasPrefix(name, "nats-") && name != "balancer" })
		}
		stop()
		m.none(t)
	})
	t.Run("Servers", func(t *testing.T) {
		stop := m.start(t, 6, false)
		for range rounds {
			m.roll(t, func(name string) bool { return strings.HasPrefix(name, "nats-") })
		}
		stop()
		m.none(t)
	})
	t.Run("KilledServer", func(t *testing.T) { m.kill(t) })
}

// mixed is a load that uses every service, and notes what fails.
type mixed struct {
	w     *harness.World
	c     *harness.Client
	links *harness.Locknex
	plik  *harness.Plik
	body  []byte

	requests atomic.Int64
	next     atomic.Int64 // names
	mu       sync.Mutex
	failed   []string
	doing    string            // what is being restarted
	acked    map[string][]byte // objects that stay
	before   []balance.State   // what the balancer counted while the edges came up
}

func newMixed(t *testing.T, w *harness.World) *mixed {
	c := harness.NewClient(t, w, "rolling")
	c.HTTP.Timeout = 30 * time.Second
	c.Bucket(t, "rolling")
	m := &mixed{w: w, c: c, links: c.Locknex(t), plik: harness.NewPlik(t, w.URL), body: bytes.Repeat([]byte("0123456789abcdef"), 80<<10/16), acked: map[string][]byte{}}
	m.before = w.BalancerStates(t)
	m.links.HTTP.Timeout, m.plik.HTTP.Timeout = 30*time.Second, 30*time.Second
	return m
}

// stories use what the services are for.
func (m *mixed) stories() []func(context.Context) {
	return []func(context.Context){m.object, m.container, m.object, m.multipart, m.object, m.temporary}
}

// start has workers tell stories until stop is called, which waits for them; those
// under way then end in order, or are cut.
func (m *mixed) start(t *testing.T, workers int, cut bool) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	stories := context.WithoutCancel(ctx)
	if cut {
		stories = ctx
	}
	var wg sync.WaitGroup
	for n := range workers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				m.stories()[(i+n)%len(m.stories())](stories)
				pause(ctx, 10*time.Millisecond)
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// want notes an answer that is none, or not one of these.
func (m *mixed) want(what string, r harness.Response, err error, statuses ...int) bool {
	m.requests.Add(1)
	if err == nil && slices.Contains(statuses, r.Status) {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed = append(m.failed, fmt.Sprintf("%s while %s: %d %.200s %v", what, m.doing, r.Status, r.Body, err))
	return false
}

func (m *mixed) object(ctx context.Context) {
	n := m.next.Add(1)
	path := harness.ObjectPath("rolling", fmt.Sprintf("o/%d", n))
	body := append(fmt.Appendf(nil, "%d ", n), m.body...)
	r, err := m.c.Try(ctx, http.MethodPut, path, body, nil)
	if !m.want("putting", r, err, http.StatusCreated) {
		return
	}
	r, err = m.c.Try(ctx, http.MethodGet, path, nil, nil)
	if m.want("getting", r, err, http.StatusOK) && !bytes.Equal(r.Body, body) {
		m.want("comparing", r, nil)
	}
	r, err = m.c.Try(ctx, http.MethodGet, harness.BucketPath("rolling", fmt.Sprintf("/objects?prefix=o/%d", n)), nil, nil)
	m.want("listing", r, err, http.StatusOK)
	if n%3 > 0 {
		r, err = m.c.Try(ctx, http.MethodDelete, path, nil, nil)
		m.want("deleting", r, err, http.StatusNoContent, http.StatusOK)
		return
	}
	m.mu.Lock()
	m.acked[path] = body[:len(body)-len(m.body)]
	m.mu.Unlock()
}

func (m *mixed) multipart(ctx context.Context) {
	key := fmt.Sprintf("m/%d", m.next.Add(1))
	r, err := m.c.Try(ctx, http.MethodPost, harness.KeyPath("rolling", "multipart", key), nil, nil)
	if !m.want("beginning parts", r, err, http.StatusCreated) {
		return
	}
	id := field(r, "uploadId")
	r, err = m.c.Try(ctx, http.MethodPut, harness.KeyPath("rolling", "multipart/"+id+"/parts/1", key), m.body, nil)
	if !m.want("sending a part", r, err, http.StatusOK) {
		return
	}
	parts := map[string]any{"parts": []map[string]any{{"partNumber": 1, "etag": field(r, "etag")}}}
	r, err = m.c.Try(ctx, http.MethodPost, harness.KeyPath("rolling", "multipart/"+id+"/complete", key), parts, nil)
	m.want("completing", r, err, http.StatusOK, http.StatusCreated)
}

func (m *mixed) container(ctx context.Context) {
	n := m.next.Add(1)
	r, err := m.links.Try(ctx, http.MethodPost, "/api/v1/container/create", map[string]any{
		"title": fmt.Sprintf("c%d", n), "links": []string{fmt.Sprintf("http://127.0.0.1:1/%d", n)},
	})
	if !m.want("creating a container", r, err, http.StatusOK, http.StatusCreated) {
		return
	}
	id := field(r, "container_id")
	r, err = m.links.Try(ctx, http.MethodGet, "/api/v1/public/container/"+id+"/status", nil)
	m.want("its status", r, err, http.StatusOK)
}

func (m *mixed) temporary(ctx context.Context) {
	r, err := m.plik.Try(ctx, http.MethodPost, "/upload", map[string]any{"ttl": 3600})
	if !m.want("creating an upload", r, err, http.StatusOK) {
		return
	}
	id, token := field(r, "id"), field(r, "uploadToken")
	r, err = m.plik.TryPost(ctx, "/file/"+id, "a.txt", m.body, "X-UploadToken", token)
	if !m.want("adding a file", r, err, http.StatusOK) {
		return
	}
	r, err = m.plik.Try(ctx, http.MethodGet, "/file/"+id+"/"+field(r, "id")+"/a.txt", nil)
	m.want("getting the file", r, err, http.StatusOK)
}

// field gives a string of an answer that is a JSON object; "" when it is none.
func field(r harness.Response, name string) string {
	var v map[string]any
	if json.Unmarshal(r.Body, &v) != nil {
		return ""
	}
	text, _ := v[name].(string)
	return text
}

// roll restarts those processes in the order of their names.
func (m *mixed) roll(t *testing.T, which func(name string) bool) {
	began, before := time.Now(), m.requests.Load()
	count := 0
	for _, name := range m.w.Order() {
		if !which(name) {
			continue
		}
		m.mu.Lock()
		m.doing = "restarting " + name
		m.mu.Unlock()
		if err := m.w.Restart(t.Context(), name); err != nil {
			t.Fatalf("restarting %s: %v", name, err)
		}
		count++
	}
	t.Logf("%d restarts in %v under %d requests", count, time.Since(began).Round(time.Millisecond), m.requests.Load()-before)
}

// none wants that nothing failed, and nothing had to be repeated.
func (m *mixed) none(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, f := range m.failed {
		if i == 20 {
			t.Errorf("and %d more", len(m.failed)-i)
			break
		}
		t.Error(f)
	}
	m.failed = nil
	for i, s := range m.w.BalancerStates(t) {
		if before := m.before[i]; s.Failures > before.Failures || s.Repeats > before.Repeats {
			t.Errorf("the balancer met an edge that did not take or finish requests: %+v, before %+v", s, before)
		}
	}
}

// take gives what has failed since it was last asked.
func (m *mixed) take() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	failed := m.failed
	m.failed = nil
	return failed
}

// kill ends the nats-server that leads JetStream. What is under way may fail, or
// wait for answers that do not come; what begins soon after does not, and
// everything acknowledged is there.
func (m *mixed) kill(t *testing.T) {
	victim := m.w.Cluster().Server(t.Context(), 0).Meta
	m.mu.Lock()
	m.doing = victim + " is dead"
	m.mu.Unlock()
	stop := m.start(t, 6, true)
	pause(t.Context(), 500*time.Millisecond)
	m.w.Kill(victim)
	killed := time.Now()
	for time.Since(killed) < 25*time.Second && !m.burst(t.Context()) { // elections take up to 9 s
	}
	t.Logf("%s was killed: one of each story goes through %v later", victim, time.Since(killed).Round(time.Millisecond))
	stop()
	t.Logf("%d requests failed or were cut meanwhile", len(m.take()))
	before := m.requests.Load()
	stop = m.start(t, 6, false)
	pause(t.Context(), 3*time.Second)
	for slow := time.Now().Add(time.Minute); m.requests.Load()-before < 20 && time.Now().Before(slow); {
		pause(t.Context(), 100*time.Millisecond)
	}
	stop()
	for _, f := range m.take() {
		t.Error(f)
	}
	if n := m.requests.Load() - before; n < 20 {
		t.Errorf("only %d requests were answered in a minute on two servers", n)
	}
	if err := m.w.StartProc(t.Context(), victim); err != nil {
		t.Fatal(err)
	}
	if err := m.w.Await(t.Context(), victim); err != nil {
		t.Error(err)
	}
	for path, head := range m.acked {
		if r := m.c.Do(t, http.MethodGet, path, nil, nil); r.Status != http.StatusOK || !bytes.Equal(r.Body, append(bytes.Clone(head), m.body...)) {
			t.Errorf("%s: %d with %d bytes", path, r.Status, len(r.Body))
		}
	}
	t.Logf("%d acknowledged objects were read again", len(m.acked))
}

// burst tells every story once and reports whether all came to their end soon.
func (m *mixed) burst(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	b := &mixed{w: m.w, c: m.c, links: m.links, plik: m.plik, body: m.body, acked: map[string][]byte{}}
	b.next.Store(time.Now().UnixNano())
	var wg sync.WaitGroup
	for _, story := range b.stories() {
		wg.Go(func() { story(ctx) })
	}
	wg.Wait()
	return len(b.failed) == 0
}
