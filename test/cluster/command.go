package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// errUsage says what can be done.
var errUsage = errors.New("use: cluster up | down | status | restart NAME…")

// errUnwell is the end of a status that is not all good.
var errUnwell = errors.New("not everything works")

// Command does what args say: up, down, status, restart NAME…. environ is the
// environment, whose SLUICE_ settings hold for the services.
func Command(ctx context.Context, o Options, args, environ []string, out io.Writer) error {
	if len(args) == 0 || len(args) > 1 && args[0] != "restart" || len(args) == 1 && args[0] == "restart" {
		return errUsage
	}
	if !slices.Contains([]string{"up", "down", "status", "restart"}, args[0]) {
		return errUsage
	}
	if args[0] != "up" && !Exists(o.Dir) {
		if args[0] == "down" {
			fmt.Fprintf(out, "nothing was ever started in %s\n", o.Dir)
			return nil
		}
		return fmt.Errorf("nothing was ever started in %s", o.Dir)
	}
	if args[0] != "status" {
		release, err := hold(o.Dir)
		if err != nil {
			return err
		}
		defer release()
	}
	c, err := Open(o, settingsOf(environ))
	if err != nil {
		return err
	}
	switch args[0] {
	case "up":
		return c.up(ctx, environ, out)
	case "down":
		return c.Down(ctx, out)
	case "status":
		return c.status(ctx, out)
	}
	for _, name := range args[1:] {
		if _, err := c.named(name); err != nil { // before the first is touched
			return err
		}
	}
	for _, name := range args[1:] {
		if err := c.Restart(ctx, name, out); err != nil {
			return err
		}
	}
	return nil
}

// settled looks at the streams until all have all their copies current: one that is
// being written to is behind for a moment, one that has lost a server stays so.
func (c *Cluster) settled(ctx context.Context) (streams []StreamState, err error) {
	tick := time.NewTicker(10 * poll)
	defer tick.Stop()
	for range 6 {
		streams, err = c.Streams(ctx)
		if err != nil || !slices.ContainsFunc(streams, func(s StreamState) bool { return !s.whole() }) {
			return streams, err
		}
		select {
		case <-ctx.Done():
			return streams, nil
		case <-tick.C:
		}
	}
	return streams, nil
}

// whole reports whether every copy that there is to be has everything.
func (s StreamState) whole() bool {
	return s.Leader != "" && s.Replicas == Servers && s.Current >= s.Replicas
}

// settingsOf are the settings that the environment holds.
func settingsOf(environ []string) (settings []string) {
	for _, e := range environ {
		if strings.HasPrefix(e, "SLUICE_") && !strings.HasPrefix(e, "SLUICE_TEST_") {
			settings = append(settings, e)
		}
	}
	return settings
}

const passwordSetting = "SLUICE_ADMIN_PASSWORD="

// up starts everything and says how to go on.
func (c *Cluster) up(ctx context.Context, environ []string, out io.Writer) error {
	given := false
	for _, e := range environ {
		given = given || strings.HasPrefix(e, passwordSetting)
	}
	where := "the one of SLUICE_ADMIN_PASSWORD"
	if !given {
		path, password, err := c.adminPassword()
		if err != nil {
			return err
		}
		where = "in " + path
		for i := range c.Processes {
			if c.Processes[i].Service == "auth" {
				c.Processes[i].Env = append(c.Processes[i].Env, passwordSetting+password)
			}
		}
	}
	if err := c.Up(ctx, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nready at %s; account admin, its password: %s\n", c.URL(), where)
	fmt.Fprintf(out, "the command line reaches it with\n  %s\n", strings.Join(c.layoutSettings(), " "))
	return nil
}

// adminPassword makes the password of account admin, once; the first copy of auth
// that starts takes it.
func (c *Cluster) adminPassword() (path, password string, err error) {
	path = filepath.Join(c.Dir, "admin.password")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		b = []byte(strings.ToLower(rand.Text()) + "\n")
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		return "", "", fmt.Errorf("password of account admin: %w", err)
	}
	return path, strings.TrimSpace(string(b)), nil
}

// status writes how every process and every stream is.
func (c *Cluster) status(ctx context.Context, out io.Writer) error {
	well := true
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, h := range c.Health(ctx, c.Processes) {
		state := "ok"
		if !h.Healthy {
			state, well = "NOT OK", false
		}
		pid := "-"
		if h.PID != 0 {
			pid = fmt.Sprint(h.PID)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", h.Name, pid, state, h.Detail)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	streams, err := c.settled(ctx)
	if err != nil {
		return fmt.Errorf("looking at the streams: %w", err)
	}
	behind := 0
	leads := map[string]int{}
	for _, s := range streams {
		leads[s.Leader]++
		if !s.whole() {
			behind++
			fmt.Fprintf(out, "stream %s: leader %q, %d of %d copies current\n", s.Name, s.Leader, s.Current, s.Replicas)
		}
	}
	fmt.Fprintf(out, "%d streams, %d of them with all %d copies current; led by", len(streams), len(streams)-behind, Servers)
	for i := range Servers {
		name := fmt.Sprintf("nats-%d", i+1)
		fmt.Fprintf(out, " %s: %d", name, leads[name])
	}
	fmt.Fprintln(out)
	if !well || behind > 0 {
		return errUnwell
	}
	return nil
}
