package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/password"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// The bounds of live status.
const (
	watchEvery     = 2 * time.Second  // how often an edge asks for one container at most
	watchAsk       = 5 * time.Second  // how long one answer may take
	watchBeat      = 15 * time.Second // how long a stream is silent at most
	watchLife      = 10 * time.Minute // how long a stream lives; its page opens another one
	maxWatchers    = 512
	maxWatchersPer = 24 // of one address
)

// errWatchers is of more open streams than this edge keeps.
var errWatchers = fault.New(fault.RateLimited, "edge.too_many_watchers", "too many pages are watching; this one shows no changes by itself").After(time.Minute)

// watchers bounds the streams of live status, and lets those of one container
// share what was asked for: all of them together ask once per watchEvery.
type watchers struct {
	mu      sync.Mutex
	total   int
	sources map[string]int
	topics  map[string]*topic
}

func newWatchers() *watchers {
	return &watchers{sources: map[string]int{}, topics: map[string]*topic{}}
}

// topic is what several streams read.
type topic struct {
	streams int // under watchers.mu

	mu    sync.Mutex // held while asking
	asked time.Time
	value any
	err   error
}

// enter counts a stream of an address in, or of its /64, which one client has as a
// whole.
func (ws *watchers) enter(source, key string) (t *topic, leave func(), err error) {
	source = password.SourceKey(source)
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.total >= maxWatchers || ws.sources[source] >= maxWatchersPer {
		return nil, nil, errWatchers
	}
	ws.total++
	ws.sources[source]++
	if ws.topics[key] == nil {
		ws.topics[key] = &topic{}
	}
	t = ws.topics[key]
	t.streams++
	return t, func() {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		ws.total--
		if ws.sources[source]--; ws.sources[source] == 0 {
			delete(ws.sources, source)
		}
		if t.streams--; t.streams == 0 {
			delete(ws.topics, key)
		}
	}, nil
}

// read gives what ask gave within the last watchEvery, or asks. before is what
// it gave the last time that it gave something.
func (t *topic) read(ctx context.Context, ask func(ctx context.Context, before any) (any, error)) (any, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.asked.IsZero() && time.Since(t.asked) < watchEvery-watchEvery/10 {
		return t.value, t.err
	}
	ctx, cancel := context.WithTimeout(ctx, watchAsk)
	defer cancel()
	value, err := ask(ctx, t.value)
	if err != nil && (ctx.Err() != nil || shutOut(err)) {
		return t.value, err // of the stream that asked; the next one asks again
	}
	t.asked, t.err = time.Now(), err
	if err == nil {
		t.value = value
	}
	return t.value, err
}

// containerState is what streams tell of a container.
type containerState struct {
	ID        string         `json:"id"`
	Status    linksv1.Status `json:"status"`
	Counts    linksv1.Counts `json:"counts"`
	CheckedAt *time.Time     `json:"checked,omitempty"`
	Links     string         `json:"links,omitempty"` // as letters; where the page may show them
	revision  int64
	links     []linksv1.Link // of Links
}

func stateOf(c linksv1.Container) containerState {
	return containerState{ID: c.ID, Status: c.Status, Counts: c.Counts, CheckedAt: c.CheckedAt, revision: c.Revision}
}

// WatchContainer answers GET /container/{id}/events: server-sent events with the
// state of a container, now and when it changes.
func (h *Handler) WatchContainer(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	c, err := h.core.Container(r.Context(), id)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	o := h.openedOf(r, c.ID)
	a, err := h.linksFor(r, c, o)
	if err != nil {
		return err
	}
	if a.needClick || a.needWord {
		return h.stream(w, r, "status "+c.ID, nil, func(ctx context.Context, _ any) (any, error) {
			c, err := h.core.Container(ctx, c.ID)
			return stateOf(c), err //nolint:wrapcheck // as above
		})
	}
	by := dialect.CallOf(r).Caller
	rows := &liveRows{in: h.wordsFor(r)}
	rows.page, _ = strconv.ParseInt(r.URL.Query().Get("revision"), 10, 64)
	return h.stream(w, r, "links "+c.ID, rows, func(ctx context.Context, before any) (any, error) {
		c, err := h.core.Container(ctx, c.ID)
		if err != nil {
			return nil, err //nolint:wrapcheck // as above
		}
		s := stateOf(c)
		if was, ok := before.(containerState); ok && was.revision == s.revision {
			return was, nil
		}
		links, err := h.core.ContainerLinks(ctx, by, c.ID, o.Pass)
		s.Links, s.links = letters(links), links
		return s, err //nolint:wrapcheck // as above
	})
}

// WatchContainers answers GET /pages/containers: the states of the containers on
// a page of the list.
func (h *Handler) WatchContainers(w http.ResponseWriter, r *http.Request) error {
	by := dialect.CallOf(r).Caller
	ask := listOf(r)
	key := fmt.Sprintf("list %s %q %q %q", by.Principal.AccountID, ask.Status, ask.Group, ask.Page.After)
	return h.stream(w, r, key, nil, func(ctx context.Context, _ any) (any, error) {
		list, err := h.core.ListContainers(ctx, by, ask)
		states := make([]containerState, len(list.Containers))
		for i, c := range list.Containers {
			states[i] = stateOf(c)
		}
		return states, err //nolint:wrapcheck // it says what was being done
	})
}

// stream sends what a topic says, at once and when it says something else, until
// the page is gone, the server stops, or the stream is old. With rows it tells of
// single links, too.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, key string, rows *liveRows, ask func(ctx context.Context, before any) (any, error)) error {
	t, leave, err := h.watchers.enter(source(r), key)
	if err != nil {
		return err
	}
	defer leave()
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Accel-Buffering", "no") // of nginx
	head.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	s := &eventStream{w: w, ctl: http.NewResponseController(w)}
	if err := s.write("retry: 3000\n\n"); err != nil {
		return nil //nolint:nilerr // the page is gone
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	end := time.NewTimer(watchLife)
	defer end.Stop()
	for {
		value, err := t.read(r.Context(), ask)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			_ = s.write("event: gone\ndata: {}\n\n")
			return nil
		case shutOut(err):
			return nil // the page asks again, and is told what it may know now
		case err == nil:
			err = s.tell(value, rows)
		default:
			err = s.beat() // what is away for a moment comes back
		}
		if err != nil {
			return nil //nolint:nilerr // the page is gone
		}
		select {
		case <-tick.C:
		case <-end.C:
			return nil
		case <-h.core.Stopping:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}

// shutOut reports whether one stream may see no more, though others may: its pass
// or its session has ended.
func shutOut(err error) bool {
	if errors.Is(err, core.ErrSessionEnded) {
		return true
	}
	kind := fault.KindOf(err)
	return err != nil && (kind == fault.Forbidden || kind == fault.Unauthenticated)
}

// eventStream writes events.
type eventStream struct {
	w    http.ResponseWriter
	ctl  *http.ResponseController
	last string
	at   time.Time
}

// tell sends a value that is another one than the last, and the rows that changed.
func (s *eventStream) tell(value any, rows *liveRows) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	if text := string(b); text != s.last {
		s.last = text
		if err := s.write("event: status\ndata: " + text + "\n\n"); err != nil { // JSON has no line ends
			return err
		}
	}
	changed := rows.changed(value)
	if len(changed) == 0 {
		return s.beat()
	}
	if b, err = json.Marshal(changed); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	return s.write("event: rows\ndata: " + string(b) + "\n\n")
}

// beat sends something for the proxies in between, which would take silence for
// the end.
func (s *eventStream) beat() error {
	if time.Since(s.at) < watchBeat {
		return nil
	}
	return s.write(": beat\n\n")
}

func (s *eventStream) write(text string) error {
	s.at = time.Now()
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err //nolint:wrapcheck // of the connection
	}
	return s.ctl.Flush() //nolint:wrapcheck // as above
}
