package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/contracts/streams"
	"github.com/sluicehq/sluice/pkg/platform"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/services/sluice"
	"github.com/sluicehq/sluice/services/sluice/internal/doctor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// roomy is a disk without worries; tests that want others bring them.
func roomy(string) (doctor.Space, error) {
	return doctor.Space{Free: 1 << 40, Total: 2 << 40, FreeFiles: 1 << 20, TotalFiles: 1 << 21}, nil
}

// config is that of an installation on dir that only this test reaches.
func config(t *testing.T, dir string) sluice.Config {
	t.Helper()
	c := sluice.Default()
	c.Common.DataDir, c.Common.NATS.Addr, c.Common.Durability = dir, "127.0.0.1:0", platform.Process
	c.Common.Blob.Shards, c.Common.Log.Level = 2, "error"
	c.Edge.HTTPAddr = freeAddr(t)
	return c
}

// freeAddr gives an address that nothing listens on; what the system hands out for
// port 0 it hands to others meanwhile.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return addr
	}
	t.Fatal("no port is free")
	return ""
}

// ready is a writer that tells when a text went by.
type ready struct {
	text string
	mu   sync.Mutex
	b    bytes.Buffer
	once sync.Once
	seen chan struct{}
}

func (r *ready) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.b.Write(p)
	if strings.Contains(r.b.String(), r.text) {
		r.once.Do(func() { close(r.seen) })
	}
	return len(p), nil
}

// run runs a system until stop is called, and waits until it is ready.
func run(t *testing.T, text string, body func(ctx context.Context, out io.Writer) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out := &ready{text: text, seen: make(chan struct{})}
	result := make(chan error, 1)
	go func() { result <- body(ctx, out) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-result; err != nil {
				t.Errorf("stopping: %v", err)
			}
		})
	}
	select {
	case <-out.seen:
	case err := <-result:
		cancel()
		t.Fatalf("it ended: %v\n%s", err, out.b.String())
	case <-time.After(time.Minute):
		stop()
		t.Fatalf("not ready: %s", out.b.String())
	}
	t.Cleanup(stop)
	return stop
}

func up(t *testing.T, c sluice.Config) (stop func()) {
	t.Helper()
	return run(t, "is ready", func(ctx context.Context, out io.Writer) error { return sluice.Up(ctx, c, "sluice", out) })
}

// operator connects as the operator.
func operator(t *testing.T, c sluice.Config) jetstream.JetStream {
	t.Helper()
	dial, err := c.Common.Dialer(rpc.Operator)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for over := time.After(time.Minute); !holds(); {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// look runs one check, or those named.
func look(t *testing.T, c sluice.Config, change func(in *doctor.Input), only ...string) doctor.Report {
	t.Helper()
	in := doctor.Input{Config: c, FreeSpace: roomy, Only: only}
	if change != nil {
		change(&in)
	}
	return doctor.Run(t.Context(), in)
}

// want asserts that there is such a finding, with something to do about it.
func want(t *testing.T, r doctor.Report, level doctor.Level, about, text string) {
	t.Helper()
	for _, f := range r.Findings {
		if f.Level == level && strings.Contains(f.About, about) && strings.Contains(f.Finding, text) {
			if f.Advice == "" {
				t.Errorf("%s: no advice: %s", f.Check, f.Finding)
			}
			return
		}
	}
	t.Errorf("no %s of %q with %q in\n%s", level, about, text, show(r))
}

// clean asserts that nothing is wrong.
func clean(t *testing.T, r doctor.Report) {
	t.Helper()
	if r.Worst() != doctor.OK || r.ExitCode(true) != 0 || len(r.Findings) == 0 {
		t.Errorf("found\n%s", show(r))
	}
}

func show(r doctor.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		_, _ = fmt.Fprintf(&b, "%s %s [%s] %s -> %s\n", f.Level, f.Check, f.About, f.Finding, f.Advice)
	}
	return b.String()
}

// TestRun_OnASystemThatIsBroken starts the whole system once, finds it well, and
// breaks one thing after the other.
func TestRun_OnASystemThatIsBroken(t *testing.T) {
	t.Parallel()
	c := config(t, filepath.Join(t.TempDir(), "data"))
	stop := up(t, c)
	before := files(t, c.Common.DataDir)
	whole := look(t, c, nil)
	c.Common.Durability = platform.Power // a warning of the settings, which is no damage
	// Services of a busy machine may not all answer in time at once.
	eventually(t, "a system that is well is found so", func() bool {
		r := look(t, c, nil)
		if r.Worst() != doctor.OK {
			t.Logf("a system that is well:\n%s", show(r))
		}
		return r.Worst() == doctor.OK
	})
	if got := len(whole.Findings); got < len(doctor.Names()) {
		t.Errorf("%d findings of %d checks:\n%s", got, len(doctor.Names()), show(whole))
	}
	if after := files(t, c.Common.DataDir); !slices.Equal(before, after) {
		t.Errorf("the doctor left files: %v, before %v", after, before)
	}
	js := operator(t, c)
	breakStreams(t, c, js)
	breakConsumers(t, c, js)
	breakStores(t, c, js)
	breakClocks(t, c)
	breakSettingsOfARunningSystem(t, c)
	breakKey(t, c)
	stop()
	r := look(t, c, nil)
	if r.ExitCode(false) != 2 {
		t.Errorf("a system that is down:\n%s", show(r))
	}
	want(t, r, doctor.Fail, "", "connecting to the nats-server")
	want(t, r, doctor.Warn, "", "could not be asked without the nats-server")
	want(t, r, doctor.Fail, c.Edge.HTTPAddr, "no edge listens on this host")
	clean(t, look(t, c, nil, "documents")) // files tell without a process
	if after := files(t, c.Common.DataDir); slices.ContainsFunc(after, func(f string) bool { return strings.HasSuffix(f, "-wal") }) {
		t.Errorf("the doctor left files: %v", after)
	}
	lost := c
	lost.Common.KeyFile = filepath.Join(t.TempDir(), "master.key")
	want(t, look(t, lost, nil, "key"), doctor.Fail, lost.Common.KeyFile, "there is data that only it opens")
	breakServices(t, c)
	breakDocuments(t, c)
}

// files lists what is in a data directory but for the nats-server's own files.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "nats" {
			return filepath.SkipDir
		}
		out = append(out, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRun_SettingsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	r := doctor.Run(t.Context(), doctor.Input{LoadErr: errors.New("settings file x: unknown settings: htp_addr")})
	want(t, r, doctor.Fail, "", "htp_addr")
	if r.ExitCode(false) != 2 || len(r.Findings) != 1 {
		t.Errorf("found\n%s", show(r))
	}
}

func TestRun_NothingWasStarted(t *testing.T) {
	t.Parallel()
	c := config(t, filepath.Join(t.TempDir(), "none"))
	c.Common.NATS.Addr = freeAddr(t)
	r := look(t, c, nil)
	want(t, r, doctor.Warn, "none", "nothing was started")
	want(t, r, doctor.Warn, "master.key", "no master key file yet")
	want(t, r, doctor.Warn, "auth", "no documents in this installation yet")
	if _, err := os.Stat(c.Common.DataDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the doctor made the data directory: %v", err)
	}
}

// TestRun_EndsWithinItsBound asks a server that takes connections and says nothing.
func TestRun_EndsWithinItsBound(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c := config(t, t.TempDir())
	c.Common.NATS.URL, c.Common.MongoDB.URI = "nats://"+l.Addr().String(), platformSecret("mongodb://"+l.Addr().String()+"/?directConnection=true")
	c.Edge.HTTPAddr, c.Edge.PublicURL = l.Addr().String(), "http://"+l.Addr().String()
	began := time.Now()
	r := look(t, c, func(in *doctor.Input) { in.Within = 300 * time.Millisecond })
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %s", took)
	}
	want(t, r, doctor.Fail, "MongoDB", "does not answer")
	want(t, r, doctor.Fail, c.Edge.PublicURL, "does not answer")
	want(t, r, doctor.Warn, "", "no other clock")
}

func TestReport_ExitCode(t *testing.T) {
	t.Parallel()
	level := func(ls ...doctor.Level) (r doctor.Report) {
		for _, l := range ls {
			r.Findings = append(r.Findings, doctor.Finding{Level: l})
		}
		return r
	}
	for _, k := range []struct {
		r              doctor.Report
		strict, normal int
	}{
		{level(), 0, 0}, {level(doctor.OK), 0, 0}, {level(doctor.OK, doctor.Warn, doctor.OK), 1, 0},
		{level(doctor.Fail, doctor.Warn), 2, 2}, {level(doctor.Warn, doctor.Fail, doctor.OK), 2, 2},
	} {
		if k.r.ExitCode(true) != k.strict || k.r.ExitCode(false) != k.normal {
			t.Errorf("%v: %d, strict %d", k.r.Findings, k.r.ExitCode(false), k.r.ExitCode(true))
		}
	}
	b, err := json.Marshal(doctor.Finding{Check: "space", Level: doctor.Warn, Finding: "f", Advice: "a"})
	if err != nil || string(b) != `{"check":"space","level":"warn","finding":"f","advice":"a"}` {
		t.Errorf("%s, %v", b, err)
	}
}

// declared is the named stream's declaration.
func declared(t *testing.T, name string) jetstream.StreamConfig {
	t.Helper()
	all := streams.All(1)
	i := slices.IndexFunc(all, func(s jetstream.StreamConfig) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no stream %s", name)
	}
	return all[i]
}
