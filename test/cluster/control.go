package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How long things may take before a command gives up on them.
const (
	startWithin = 3 * time.Minute
	stopWithin  = 45 * time.Second
	poll        = 50 * time.Millisecond
)

func (c *Cluster) pidFile(p Process) string { return filepath.Join(c.Dir, "run", p.Name+".pid") }
func (c *Cluster) logFile(p Process) string { return filepath.Join(c.Dir, "log", p.Name+".log") }

// PID of a process that Up started and that still runs; 0 when there is none. A
// number that another process has meanwhile does not count: that one began at
// another time.
func (c *Cluster) PID(p Process) int {
	if c.PIDs != nil {
		return c.PIDs(p.Name)
	}
	b, err := os.ReadFile(c.pidFile(p))
	if err != nil {
		return 0
	}
	number, began, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	pid, err := strconv.Atoi(number)
	if err != nil || pid <= 0 || began == "" || born(pid) != began {
		return 0
	}
	return pid
}

// born says when a process began, in this system's own way; "" when there is none,
// or one that has ended and only waits to be collected.
func born(pid int) string {
	if st, err := os.Stat("/proc/self"); err != nil || !st.IsDir() {
		out, err := exec.Command("ps", "-o", "stat=,lstart=", "-p", strconv.Itoa(pid)).Output()
		state, since, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
		if err != nil || strings.HasPrefix(state, "Z") {
			return ""
		}
		return strings.TrimSpace(since)
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// "PID (NAME) STATE …": the name may hold anything. The start, in ticks since
	// the machine's own, is the 22nd field (proc_pid_stat(5)).
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}

// errBusy says that another command changes the same cluster.
var errBusy = errors.New("another 'up', 'down' or 'restart' of this cluster is at work; wait for it, or end it with Ctrl-C")

// hold keeps other commands from changing the cluster in dir until release, or the
// end of this process: two that start the same processes would lose track of some.
func hold(dir string) (release func(), err error) {
	run := filepath.Join(dir, "run")
	if err := os.MkdirAll(run, 0o700); err != nil {
		return nil, fmt.Errorf("locking the cluster: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(run, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the cluster: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errBusy
		}
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return func() { _ = f.Close() }, nil
}

// Up starts what does not run and waits until all of it works: layer by layer,
// so that nothing waits for what comes later. It may be repeated.
func (c *Cluster) Up(ctx context.Context, out io.Writer) error {
	sluice := filepath.Join(c.Bin, "sluice")
	if err := c.Configure(ctx, sluice); err != nil {
		return err
	}
	for at, layer := range c.Layers() {
		var fresh []Process
		for _, p := range layer {
			if c.PID(p) != 0 {
				continue
			}
			if err := c.start(ctx, p); err != nil {
				return err
			}
			fresh = append(fresh, p)
			fmt.Fprintf(out, "started %s\n", p.Name)
		}
		if err := c.Await(ctx, layer, fresh); err != nil {
			return err
		}
		if at == 0 {
			if err := c.Declare(ctx, sluice); err != nil {
				return err
			}
			fmt.Fprintln(out, "the nats-servers have a leader, and what the services expect of them")
		}
	}
	return nil
}

// start starts p with a session of its own, so that it outlives this command.
func (c *Cluster) start(ctx context.Context, p Process) error {
	if err := portsFree(ctx, p, c); err != nil {
		return fmt.Errorf("starting %s: %w", p.Name, err)
	}
	log, err := os.OpenFile(c.logFile(p), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.Name, err)
	}
	defer log.Close()
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = append(os.Environ(), p.Env...), log, log, c.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.Name, err)
	}
	pid := cmd.Process.Pid
	if err := os.WriteFile(c.pidFile(p), fmt.Appendf(nil, "%d %s\n", pid, born(pid)), 0o600); err != nil {
		return errors.Join(fmt.Errorf("noting the process of %s: %w", p.Name, err), cmd.Process.Kill())
	}
	return cmd.Process.Release() // it outlives this command
}

// portsFree names the address that is taken, where a log would have to be read.
func portsFree(ctx context.Context, p Process, c *Cluster) error {
	addrs := []string{p.Addr, p.Metrics}
	if i := slices.Index(c.Monitor, p.Addr); p.Service == "nats" && i >= 0 {
		addrs = append(addrs, c.Clients[i], c.Routes[i])
	}
	for _, addr := range addrs {
		if addr == "" {
			continue
		}
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if err != nil {
			return fmt.Errorf("%w; stop what listens there, or remove cluster.json in %s and choose other ports", err, c.Dir)
		}
		_ = l.Close()
	}
	return nil
}

// Await waits until these processes work, and says which of them does not and why;
// those that were just started must not end.
func (c *Cluster) Await(ctx context.Context, layer, fresh []Process) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		for _, p := range fresh {
			if c.PID(p) == 0 {
				return fmt.Errorf("%s has ended; the last it said (%s):\n%s", p.Name, c.logFile(p), tail(c.logFile(p)))
			}
		}
		wrong := ""
		for _, h := range c.Health(ctx, layer) {
			if !h.Healthy && wrong == "" {
				wrong = h.Name + ": " + h.Detail
			}
		}
		if wrong == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready within %s: %s (logs are in %s)", startWithin, wrong, filepath.Join(c.Dir, "log"))
		case <-tick.C:
		}
	}
}

// tail gives the end of a file.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// Down stops what runs, clients' side first. What does not stop in time is
// killed, and named in the error. It may be repeated.
func (c *Cluster) Down(ctx context.Context, out io.Writer) error {
	var errs []error
	for _, layer := range slices.Backward(c.Layers()) {
		var wg sync.WaitGroup
		results := make([]error, len(layer))
		for i, p := range layer {
			if pid := c.PID(p); pid != 0 {
				wg.Go(func() { results[i] = c.stop(ctx, p, pid) })
				fmt.Fprintf(out, "stopping %s\n", p.Name)
			}
		}
		wg.Wait()
		errs = append(errs, results...)
		for _, p := range layer {
			if c.PID(p) == 0 {
				_ = os.Remove(c.pidFile(p))
			}
		}
		if ctx.Err() != nil {
			break // what others stand on goes on
		}
	}
	return errors.Join(errs...)
}

// stop ends a process in order and waits until it is gone. What does not end in
// time is killed; at the end of ctx it is left to end by itself.
func (c *Cluster) stop(ctx context.Context, p Process, pid int) error {
	_ = syscall.Kill(pid, syscall.SIGTERM) // one that ended meanwhile is what we want
	if c.gone(ctx, p, stopWithin) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s was told to stop, and is not waited for: %w", p.Name, err)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	c.gone(ctx, p, stopWithin)
	return fmt.Errorf("%s did not stop within %s and was killed", p.Name, stopWithin)
}

func (c *Cluster) gone(ctx context.Context, p Process, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for c.PID(p) != 0 {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// Restart stops one process in order and starts it again: a nats-server moves
// its clients to the others first. It returns when the process works.
func (c *Cluster) Restart(ctx context.Context, name string, out io.Writer) error {
	p, err := c.named(name)
	if err != nil {
		return err
	}
	if pid := c.PID(*p); pid != 0 {
		if p.Service == "nats" {
			err := c.LameDuck(ctx, name, func(s syscall.Signal) error { return syscall.Kill(pid, s) })
			if err != nil {
				return err
			}
		}
		if err := c.stop(ctx, *p, pid); err != nil {
			return err
		}
	}
	if err := c.start(ctx, *p); err != nil {
		return err
	}
	fmt.Fprintf(out, "restarted %s\n", name)
	return c.Await(ctx, []Process{*p}, []Process{*p})
}

// LameDuck has a nats-server hand its leaderships over and send its clients to
// the others, and returns when they have gone: then it can be stopped.
func (c *Cluster) LameDuck(ctx context.Context, name string, signal func(syscall.Signal) error) error {
	i := slices.IndexFunc(c.Processes, func(p Process) bool { return p.Name == name })
	if i < 0 || c.Processes[i].Service != "nats" {
		return fmt.Errorf("%s is no nats-server", name)
	}
	if err := signal(syscall.SIGUSR2); err != nil {
		return fmt.Errorf("telling %s to let its clients go: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if st := c.Server(ctx, i); st.Answers && st.Connections == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("clients of %s stayed: %w", name, ctx.Err())
		case <-tick.C:
		}
	}
}
