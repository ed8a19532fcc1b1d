// Package harness starts whole systems from the real binaries for end-to-end and
// fault tests: one process ("embedded"), a process per service that share one
// nats-server ("processes"), or copies of every service on a cluster of
// nats-servers behind a load balancer ("cluster"). The same scenarios run on all.
package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sluicehq/sluice/test/cluster"
)

// Topology is how the services are spread over processes.
type Topology string

// The topologies.
const (
	Embedded  Topology = "embedded"  // sluice up
	Processes Topology = "processes" // sluice run nats, sluice run auth, …
	Cluster   Topology = "cluster"   // test/cluster: three nats-servers, two of each service's own cmd, a balancer
)

// Full reports whether the long runs are wanted (make test-all sets it).
func Full() bool { return os.Getenv("SLUICE_TEST_FULL") != "" }

// Soak reports whether the full sizes are wanted (make soak sets it).
func Soak() bool { return os.Getenv("SLUICE_SOAK") != "" }

// Topologies gives those that this run covers: embedded and processes when Full,
// else the embedded one. Who wants the cluster too names it.
func Topologies() []Topology {
	if Full() {
		return []Topology{Embedded, Processes}
	}
	return []Topology{Embedded}
}

// Options of a World. Zero values are the defaults of the product, but for the
// addresses, which are free ports of 127.0.0.1.
type Options struct {
	Topology Topology
	Env      []string // more SLUICE_… settings
	// FaultPoints runs the build that World.Arm can make die at a point.
	FaultPoints bool
	// Monitored gives every process an address of its own for /metrics (World.Monitors).
	Monitored bool
}

// AdminPassword is the password of account admin in every World.
const AdminPassword = "harness-admin-pass"

// World is a running system.
type World struct {
	URL     string // of the edge, without a slash at the end
	DataDir string
	NATSURL string
	opts    Options
	bin     string
	logs    *logBuffer
	cluster *cluster.Cluster // of the topology Cluster, else nil

	monitors map[string]string // addresses by process, when Monitored

	mu    sync.Mutex
	procs map[string]*Proc
	order []string
}

// Services that the processes topology runs one by one, in the order of their start.
func Services() []string {
	return []string{"nats", "auth", "object", "upload", "linkchecker", "stats", "webhook", "edge"}
}

// Start builds the binary (once per test run), starts a World on a directory of
// the test and waits until it is ready. The test's end stops it.
func Start(t testing.TB, o Options) *World {
	t.Helper()
	if o.Topology == "" {
		o.Topology = Embedded
	}
	w := &World{DataDir: filepath.Join(t.TempDir(), "data"), opts: o, logs: &logBuffer{}, procs: map[string]*Proc{}}
	if o.FaultPoints {
		w.bin = faultBinary(t)
	} else {
		w.bin = Binary(t)
	}
	w.URL = "http://" + freeAddr(t)
	w.NATSURL = "nats://" + freeAddr(t)
	t.Cleanup(func() {
		w.StopAll()
		w.checkRefusals(t)
		if t.Failed() {
			t.Logf("last complaints of the system's log:\n%s", w.logs.complaints(20))
			whole := filepath.Join(KeepDir(t), "system.log")
			if err := os.WriteFile(whole, []byte(w.logs.String()), 0o600); err == nil {
				t.Logf("all of it: %s", whole)
			}
		}
	})
	w.order = []string{"up"}
	switch o.Topology {
	case Processes:
		w.order = Services()
	case Cluster:
		w.layOut(t)
	case Embedded:
	}
	w.monitor(t)
	if err := w.startAll(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, w.logs.tail(60))
	}
	return w
}

// startAll starts every process and waits until the system is ready.
func (w *World) startAll(ctx context.Context) error {
	if w.cluster != nil {
		return w.startCluster(ctx)
	}
	for _, name := range w.order {
		if err := w.StartProc(ctx, name); err != nil {
			return err
		}
	}
	return w.WaitReady(ctx, 3*time.Minute)
}

// Victims are the processes that a fault test may kill in this topology.
func (w *World) Victims() []string {
	switch w.opts.Topology {
	case Processes:
		return []string{"object", "webhook", "edge", "upload", "auth"}
	case Cluster:
		return []string{"object-1", "object-2", "webhook-1", "edge-1", "edge-2", "upload-2", "auth-1", "nats-2"}
	case Embedded:
	}
	return []string{"up"}
}

// Proc is one process of a World.
type Proc struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Env is the environment of the processes, and of an operator who runs commands
// against them.
func (w *World) Env() []string {
	env := append(os.Environ(),
		"SLUICE_HTTP_ADDR="+strings.TrimPrefix(w.URL, "http://"), "SLUICE_DATA_DIR="+w.DataDir,
		"SLUICE_ADMIN_PASSWORD="+AdminPassword, "SLUICE_OUTBOUND_ALLOW=127.0.0.0/8", "SLUICE_LOG_LEVEL=debug", "SLUICE_LOG_FORMAT=json",
		"SLUICE_AUTH_SIGN_UPS=100000") // the accounts of all tests come from one address
	if w.opts.FaultPoints {
		env = append(env, faultEnv+"="+w.armFile())
	}
	env = append(env, w.opts.Env...)
	if w.cluster != nil {
		return append(env, w.cluster.Settings()...)
	}
	return append(env, "SLUICE_NATS_ADDR="+strings.TrimPrefix(w.NATSURL, "nats://"))
}

// StartProc starts the process of that name; it must not be running.
func (w *World) StartProc(ctx context.Context, name string) error {
	if w.cluster != nil {
		p := w.cluster.Find(name)
		if p == nil {
			return fmt.Errorf("the cluster has no process %s", name)
		}
		return w.spawn(ctx, name, p.Path, p.Args, append(w.Env(), p.Env...))
	}
	args := []string{"up"}
	env := w.Env()
	if name != "up" {
		args = []string{"run", name}
		if name != "nats" {
			env = append(env, "SLUICE_NATS_URL="+w.NATSURL)
		}
	}
	return w.spawn(ctx, name, w.bin, args, append(env, w.monitored(name)...))
}

// spawn starts a program that dies with this one.
func (w *World) spawn(ctx context.Context, name, path string, args, env []string) error {
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, w.logs, w.logs
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := ctx.Err(); err != nil {
		return err
	}
	p := &Proc{cmd: cmd, done: make(chan struct{})}
	// Pdeathsig fires when the thread that forked ends, so that thread is kept.
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		started <- cmd.Start()
		if cmd.Process != nil {
			p.err = cmd.Wait()
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	w.mu.Lock()
	w.procs[name] = p
	w.mu.Unlock()
	return nil
}

// Kill ends a process with SIGKILL and waits until it is gone.
func (w *World) Kill(name string) {
	w.mu.Lock()
	p := w.procs[name]
	delete(w.procs, name)
	w.mu.Unlock()
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Stop ends a process with SIGINT, as Ctrl-C does, and gives its exit error.
func (w *World) Stop(name string, within time.Duration) error {
	w.mu.Lock()
	p := w.procs[name]
	delete(w.procs, name)
	w.mu.Unlock()
	if p == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-p.done:
		return p.err
	case <-time.After(within):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not stop within %v", name, within)
	}
}

// StopAll stops every process, last started first.
func (w *World) StopAll() {
	if w.cluster != nil {
		w.stopCluster()
		return
	}
	for i := len(w.order) - 1; i >= 0; i-- {
		_ = w.Stop(w.order[i], 20*time.Second)
	}
}

// Running reports whether the process of that name runs.
func (w *World) Running(name string) bool {
	w.mu.Lock()
	p := w.procs[name]
	w.mu.Unlock()
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// PID of a running process; 0 when it does not run.
func (w *World) PID(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.procs[name]; p != nil {
		return p.cmd.Process.Pid
	}
	return 0
}

// Order lists the names of the World's processes in the order of their start.
func (w *World) Order() []string { return w.order }

// WaitReady waits until /readyz answers 200.
func (w *World) WaitReady(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	last := "no answer"
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			last = fmt.Sprintf("%d %s", resp.StatusCode, body)
		}
		for _, name := range w.order {
			if !w.Running(name) {
				return fmt.Errorf("%s has ended", name)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready within %v: %s", within, last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Logs gives everything that the processes have printed.
func (w *World) Logs() string { return w.logs.String() }

// CLI runs the binary as an operator does and gives its output.
func (w *World) CLI(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, w.bin, args...)
	cmd.Env, cmd.Stdin = w.Env(), strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("sluice %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return out.String(), nil
}

// freeAddr gives an address that a process may listen on some seconds from now.
// What the system hands out for port 0 it hands to others meanwhile, to every
// connection that a busy test makes; so the port is one that it gives to nobody.
// The port of UDP, which nobody uses, is kept to tell other tests that this one is taken.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		taken, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		t.Cleanup(func() { taken.Close() })
		l, err := net.Listen("tcp", addr)
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

// Binary builds the binary once and gives its path; SLUICE_TEST_BINARY names one
// that is already built.
func Binary(t testing.TB) string {
	t.Helper()
	if b := os.Getenv("SLUICE_TEST_BINARY"); b != "" {
		return b
	}
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) { return buildAs("sluice-test") })

// buildAs builds the binary under bin/ with more flags of go build.
func buildAs(name string, flags ...string) (string, error) {
	return buildAt(name, "./services/sluice/cmd/sluice", flags...)
}

// buildAt is buildAs of another command.
func buildAt(name, pkg string, flags ...string) (string, error) {
	path := filepath.Join(repository(), "bin", name)
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), pkg)...)
	cmd.Dir = repository()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

// logBuffer collects the output of several processes.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) tail(n int) string { return last(n, l.lines()) }

// complaints are the last n lines that warn, or that are no record of ours at all: a
// panic, say.
func (l *logBuffer) complaints(n int) string {
	return last(n, slices.DeleteFunc(l.lines(), func(line string) bool {
		return strings.Contains(line, `"level":"DEBUG"`) || strings.Contains(line, `"level":"INFO"`)
	}))
}

func (l *logBuffer) lines() []string { return strings.Split(strings.TrimSpace(l.String()), "\n") }

func last(n int, lines []string) string {
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
