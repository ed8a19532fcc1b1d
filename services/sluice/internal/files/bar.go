package files

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// redraw is how often the bar changes.
const redraw = 100 * time.Millisecond

// bar shows on a terminal how far a command is, all its files together. On
// anything else, and when it is nil, it shows nothing.
type bar struct {
	w     io.Writer
	quiet bool
	width func() int // nil: no terminal
	end   chan struct{}
	work  sync.WaitGroup

	mu    sync.Mutex
	state barState
	drawn bool
}

// barState is what a line says.
type barState struct {
	name        string
	files       int // begun
	done, total int64
	unknown     bool // the total of one at least
	began       time.Time
	moved       int64 // not counting what was there before
}

func newBar(w io.Writer, quiet bool) *bar {
	b := &bar{w: w, quiet: quiet}
	f, ok := w.(*os.File)
	if quiet || !ok || !term.IsTerminal(int(f.Fd())) {
		return b
	}
	b.width = func() int {
		n, _, err := term.GetSize(int(f.Fd()))
		if err != nil || n <= 0 {
			n = 80
		}
		return n
	}
	b.end = make(chan struct{})
	b.work.Go(b.run)
	return b
}

func (b *bar) run() {
	t := time.NewTicker(redraw)
	defer t.Stop()
	for {
		select {
		case <-b.end:
			return
		case now := <-t.C:
			b.mu.Lock()
			if b.state.files > 0 {
				_, _ = fmt.Fprintf(b.w, "\r\x1b[K%s", b.state.line(b.width(), now))
				b.drawn = true
			}
			b.mu.Unlock()
		}
	}
}

// stop takes the bar away.
func (b *bar) stop() {
	if b.end != nil {
		close(b.end)
		b.work.Wait()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

func (b *bar) clear() {
	if b.drawn {
		_, _ = io.WriteString(b.w, "\r\x1b[K")
		b.drawn = false
	}
}

// println writes a line above the bar.
func (b *bar) println(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	_, _ = fmt.Fprintln(b.w, line)
}

// print writes a line of output, which may go to the terminal that the bar is on.
func (b *bar) print(w io.Writer, line string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	_, err := fmt.Fprintln(w, line)
	return err //nolint:wrapcheck // of the terminal
}

// file begins a file; its function is told how much of it is done.
func (b *bar) file(name string, total int64) func(done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &b.state
	if s.files++; s.files == 1 {
		s.began = time.Now()
	}
	s.name = show(name)
	s.total += max(total, 0)
	s.unknown = s.unknown || total < 0
	var last int64
	begun := false
	return func(done, _ int64) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if begun {
			s.moved += done - last
		}
		begun = true // the first step may be what an earlier run had moved
		s.done += done - last
		last = done
	}
}

// line renders the state within width columns.
func (s barState) line(width int, now time.Time) string {
	name := s.name
	if s.files > 1 {
		name = fmt.Sprintf("%d files", s.files)
	}
	speed := ""
	if d := now.Sub(s.began); d > redraw && s.moved > 0 {
		perSecond := float64(s.moved) / d.Seconds()
		speed = "  " + bytesText(int64(perSecond)) + "/s"
		if left := s.total - s.done; !s.unknown && left > 0 && perSecond > 0 {
			speed += "  " + (time.Duration(float64(left)/perSecond) * time.Second).Round(time.Second).String() + " left"
		}
	}
	amount := "  " + bytesText(s.done)
	if !s.unknown && s.total > 0 {
		const cells = 20
		full := int(min(cells, max(0, s.done*cells/s.total)))
		amount = fmt.Sprintf("  [%s%s] %3d%%  %s/%s", strings.Repeat("#", full), strings.Repeat("-", cells-full), s.done*100/s.total, bytesText(s.done), bytesText(s.total))
	}
	tail := amount + speed
	switch room := width - 1 - len(tail); {
	case room < 1:
		name = ""
	case len([]rune(name)) > room:
		name = string([]rune(name)[:room-1]) + "…"
	}
	line := []rune(name + tail)
	return string(line[:max(0, min(len(line), width-1))])
}

// bytesText writes a number of bytes for people.
func bytesText(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	v, prefix := float64(n)/unit, 0
	for ; v >= unit && prefix < 4; prefix++ {
		v /= unit
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGTP"[prefix])
}
