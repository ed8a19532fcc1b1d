package clicks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	statsv1 "github.com/sluicehq/sluice/contracts/stats/v1"
	"github.com/sluicehq/sluice/pkg/docstore"
	"github.com/sluicehq/sluice/pkg/keys"
	"github.com/sluicehq/sluice/pkg/telemetry"
	"github.com/sluicehq/sluice/services/edge/internal/clicks"
	"github.com/sluicehq/sluice/services/edge/internal/core"
)

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
	subject = "iiom6uw3pn7"
)

// stream keeps what was published, by id.
type stream struct {
	mu   sync.Mutex
	fail error
	got  map[string]statsv1.ClickEvent
	ids  []string // as they came, repeats too
}

func (s *stream) publish(_ context.Context, events []docstore.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range events {
		if s.fail != nil && i == len(events)/2 { // the first half is stored all the same
			return s.fail
		}
		var c statsv1.ClickEvent
		if err := json.Unmarshal(e.Data, &c); err != nil || e.Subject != statsv1.Clicked.Type {
			return fmt.Errorf("%s: %w", e.Subject, err)
		}
		s.got[e.ID] = c
		s.ids = append(s.ids, e.ID)
	}
	return nil
}

func (s *stream) set(fail error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

func (s *stream) all() []statsv1.ClickEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]bool{}
	var out []statsv1.ClickEvent
	for _, id := range s.ids {
		if !seen[id] {
			out = append(out, s.got[id])
		}
		seen[id] = true
	}
	return out
}

func master(t testing.TB) *keys.Master {
	t.Helper()
	m, err := keys.LoadOrCreate(filepath.Join(t.TempDir(), "master.key"), false)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newRecorder(t testing.TB, m *keys.Master) (*clicks.Recorder, *stream) {
	t.Helper()
	s := &stream{got: map[string]statsv1.ClickEvent{}}
	r, err := clicks.New(s.publish, m.Signer(clicks.PurposeSalt), time.Now, telemetry.Nop())
	if err != nil {
		t.Fatal(err)
	}
	return r, s
}

// run runs f beside a recorder that runs, in a bubble of its own, and gives what
// was published after both have ended.
func run(t *testing.T, f func(r *clicks.Recorder, s *stream)) (out []statsv1.ClickEvent) {
	t.Helper()
	m := master(t)
	synctest.Test(t, func(t *testing.T) {
		r, s := newRecorder(t, m)
		ctx, cancel := context.WithCancel(t.Context())
		var over sync.WaitGroup
		over.Go(func() { r.Run(ctx) })
		f(r, s)
		cancel()
		over.Wait()
		out = s.all()
	})
	return out
}

func view(change ...func(*core.View)) core.View {
	v := core.View{ContainerID: subject, Source: "192.0.2.7", Agent: firefox, BaseURL: "https://locknex.example"}
	for _, c := range change {
		c(&v)
	}
	return v
}

func TestRecorder_Tells(t *testing.T) {
	t.Parallel()
	var at time.Time
	all := run(t, func(r *clicks.Recorder, s *stream) {
		at = time.Now().UTC()
		r.Viewed(view(func(v *core.View) { v.Referrer = "https://www.Board.example:8443/thread/1?x#y" }))
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		if n := len(s.all()); n != 1 {
			t.Errorf("%d told within a second", n)
		}
	})
	if len(all) != 1 || all[0].Subject != subject || all[0].Referrer != "board.example" || !all[0].Time.Equal(at) || len(all[0].Visitor) != 22 {
		t.Errorf("%+v", all)
	}
}

func TestRecorder_Visitors(t *testing.T) {
	t.Parallel()
	all := run(t, func(r *clicks.Recorder, _ *stream) {
		for _, v := range []core.View{
			view(), view(func(v *core.View) { v.Source = "192.0.2.8" }), view(func(v *core.View) { v.Agent = "curl/8" }),
			view(func(v *core.View) { v.ContainerID = "abcdefghijk" }), view(func(v *core.View) { v.Agent = "" }),
		} {
			r.Viewed(v)
		}
		time.Sleep(24 * time.Hour) //nolint:forbidigo // the bubble's clock
		r.Viewed(view())
	})
	if len(all) != 6 {
		t.Fatalf("%+v", all)
	}
	if all[0].Visitor != all[3].Visitor {
		t.Error("a visitor is one on every container")
	}
	seen := map[string]bool{}
	for i, e := range all {
		if i != 3 && seen[e.Visitor] {
			t.Errorf("%d is taken for another one", i)
		}
		seen[e.Visitor] = true
	}
}

// TestRecorder_SameOnEveryEdge: the salt comes from the master key alone.
func TestRecorder_SameOnEveryEdge(t *testing.T) {
	t.Parallel()
	m := master(t)
	var visitors []string
	for _, m := range []*keys.Master{m, m, master(t)} {
		synctest.Test(t, func(t *testing.T) {
			r, s := newRecorder(t, m)
			r.Viewed(view())
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			r.Run(ctx)
			visitors = append(visitors, s.all()[0].Visitor)
		})
	}
	if visitors[0] != visitors[1] || visitors[0] == visitors[2] {
		t.Error(visitors)
	}
}

func TestRecorder_LeavesOut(t *testing.T) {
	t.Parallel()
	all := run(t, func(r *clicks.Recorder, _ *stream) {
		for _, agent := range bots() {
			r.Viewed(view(func(v *core.View) { v.Agent = agent }))
		}
		for _, id := range []string{"", "x", "a b", "click.>", "IIOM6UW3PN7"} {
			r.Viewed(view(func(v *core.View) { v.ContainerID = id }))
		}
		for _, id := range []string{"x", "IIOM6UW3PN7AAAA", "k3v9x2m8q1.>", "k3v9x2m8q1k3v9x2m8q1"} { // the last one beside a container
			r.Viewed(view(func(v *core.View) { v.FileID = id }))
		}
		r.Viewed(view(func(v *core.View) { v.Method = "HEAD" }))
		for _, purpose := range []string{"prefetch", "prefetch;prerender", "Prefetch"} {
			r.Viewed(view(func(v *core.View) { v.Purpose = purpose }))
		}
	})
	if len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestRecorder_Files(t *testing.T) {
	t.Parallel()
	const file = "k3v9x2m8q1k3v9x2m8q1"
	all := run(t, func(r *clicks.Recorder, _ *stream) {
		r.Viewed(view(func(v *core.View) { v.ContainerID, v.FileID = "", file }))
		r.Viewed(view())
	})
	if len(all) != 2 || all[0].Subject != file || all[1].Subject != subject {
		t.Errorf("%+v", all)
	}
}

// TestRecorder_Repeats: what cannot count beside what waits is not kept.
func TestRecorder_Repeats(t *testing.T) {
	t.Parallel()
	all := run(t, func(r *clicks.Recorder, s *stream) {
		s.set(errors.New("away"))
		for range 1000 {
			r.Viewed(view())
		}
		time.Sleep(statsv1.ClickWindow) //nolint:forbidigo // the bubble's clock
		r.Viewed(view())
		s.set(nil)
	})
	if len(all) != 2 || all[0].Visitor != all[1].Visitor {
		t.Errorf("%d told", len(all))
	}
}

// TestRecorder_StreamAway: nothing is lost, nothing is told under two ids, and the
// last ones are told at the end.
func TestRecorder_StreamAway(t *testing.T) {
	t.Parallel()
	const n = 1000
	all := run(t, func(r *clicks.Recorder, s *stream) {
		s.set(errors.New("away"))
		for i := range n {
			r.Viewed(view(func(v *core.View) { v.Source = fmt.Sprint("192.0.2.", i) }))
			if i%100 == 0 {
				time.Sleep(3 * time.Second) //nolint:forbidigo // the bubble's clock
			}
		}
		s.set(nil)
	})
	if len(all) != n {
		t.Errorf("%d of %d", len(all), n)
	}
}

func TestRecorder_Bounded(t *testing.T) {
	t.Parallel()
	all := run(t, func(r *clicks.Recorder, s *stream) {
		s.set(errors.New("away"))
		r.Hold(2000)
		for i := range 2500 {
			r.Viewed(view(func(v *core.View) { v.Source = fmt.Sprint(i) }))
		}
		s.set(nil)
	})
	if len(all) != 2000 {
		t.Errorf("%d were kept", len(all))
	}
}

// TestRecorder_EndsWithoutStream: the end comes although nobody takes what is left.
func TestRecorder_EndsWithoutStream(t *testing.T) {
	t.Parallel()
	all := run(t, func(r *clicks.Recorder, s *stream) {
		s.set(errors.New("away"))
		r.Viewed(view())
	})
	if len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestRecorder_Referrers(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"": "", "https://board.example/x": "board.example", "http://WWW.Google.COM/": "google.com", "https://locknex.example/container/x": "",
		"https://www.locknex.example/": "", "https://locknex.example:8443/": "", "android-app://com.google.android.gm/": "", "about:blank": "", "/container/x": "",
		"javascript:alert(1)": "", "https://bücher.example/": "xn--bcher-kva.example", "https://user:pw@board.example/": "board.example", "https://": "", "https://www.": "",
		"http://[2001:db8::1]:80/": "2001:db8::1", "http://127.0.0.1/": "127.0.0.1", "http://localhost:8080/": "localhost", "https://a b/": "", "https://board.example\x00/": "",
		"https://" + string(make([]byte, 3000)): "", "https://board.example./": "", "not a url": "", "https://%zz/": "",
	}
	var in []string
	all := run(t, func(r *clicks.Recorder, _ *stream) {
		for referrer := range cases {
			in = append(in, referrer)
			r.Viewed(view(func(v *core.View) { v.Referrer, v.Source = referrer, fmt.Sprint(len(in)) }))
		}
	})
	for i, e := range all {
		if want := cases[in[i]]; e.Referrer != want {
			t.Errorf("%q: %q, want %q", in[i], e.Referrer, want)
		}
	}
}
