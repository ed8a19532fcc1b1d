package lifecycle_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/pkg/lifecycle"
)

func noExit(t *testing.T) func(int) {
	return func(code int) { t.Errorf("exited with %d", code) }
}

func TestMain_FirstSignalEndsTheContext(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 1)
	signals <- os.Interrupt
	var out bytes.Buffer
	code := lifecycle.RunUntil("x", signals, &out, noExit(t), func(ctx context.Context) error { <-ctx.Done(); return nil })
	if code != 0 || !strings.Contains(out.String(), "stopping") {
		t.Errorf("code %d, output %q", code, out.String())
	}
}

func TestMain_SecondSignalExits(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 2)
	signals <- os.Interrupt
	signals <- os.Interrupt
	exited, hang := 0, make(chan struct{})
	defer close(hang)
	code := lifecycle.RunUntil("x", signals, &bytes.Buffer{}, func(c int) { exited = c }, func(context.Context) error { <-hang; return nil })
	if code != 130 || exited != 130 {
		t.Errorf("code %d, exit %d", code, exited)
	}
}

func TestMain_ErrorIsPrintedOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	code := lifecycle.Main("x", &out, noExit(t), func(context.Context) error { return errors.New("boom") })
	if code != 1 || out.String() != "x: boom\n" {
		t.Errorf("code %d, output %q", code, out.String())
	}
}
