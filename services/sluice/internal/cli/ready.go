package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// readyCommand is the health check of containers and units: an image without a
// shell has no other program to ask with.
func readyCommand() *cobra.Command {
	var alive, wait bool
	var within time.Duration
	c := &cobra.Command{
		Use: "ready", Short: "ask the process of these settings, at monitor_addr or as edge, whether it is ready", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := load(c)
			if err != nil {
				return err
			}
			base := cfg.Common.MonitorAddr
			if base == "" {
				if base, err = cfg.LocalURL(); err != nil {
					return err
				}
			} else {
				base = "http://" + reachable(base)
			}
			path := "/readyz"
			if alive {
				path = "/healthz"
			}
			ctx, cancel := context.WithTimeout(c.Context(), within)
			defer cancel()
			if wait {
				return awaitReady(ctx, base+path)
			}
			return askReady(ctx, base+path)
		},
	}
	bind(c.Flags(), "monitor_addr", "http_addr")
	c.Flags().BoolVar(&alive, "alive", false, "ask only whether it lives")
	c.Flags().BoolVar(&wait, "wait", false, "ask again until it is")
	c.Flags().DurationVar(&within, "within", 3*time.Second, "how long that may take")
	return c
}

// askEvery is the pause between questions.
const askEvery = 250 * time.Millisecond

// awaitReady asks until the answer is yes, or gives the last no when ctx ends.
func awaitReady(ctx context.Context, url string) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	last := errors.New("there was no time to ask")
	for {
		err := askReady(ctx, url)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-tick.C:
		}
	}
}

// reachable is where a listener can be reached from this host.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func askReady(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", url, err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("is it running? %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // what there is of it
	if resp.StatusCode != http.StatusOK {
		return errors.New("not ready: " + resp.Status + " " + visible(strings.TrimSpace(string(body))))
	}
	return nil
}
