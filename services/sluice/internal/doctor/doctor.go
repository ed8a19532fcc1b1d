// Package doctor looks at an installation from outside and says what is wrong
// with it and what to do. It never changes anything: it reads files, asks the
// nats-server, MongoDB and the services, and each check ends within a bound, also
// when what it asks is down.
package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sluicehq/sluice/pkg/docstore/mongo"
	"github.com/sluicehq/sluice/pkg/rpc"
	"github.com/sluicehq/sluice/services/sluice"
)

// Level says how bad a finding is.
type Level string

// The levels.
const (
	OK   Level = "ok"
	Warn Level = "warn" // it works, and will or may not for long
	Fail Level = "fail" // something does not work
)

// Finding is one thing that was looked at.
type Finding struct {
	Check   string `json:"check"`           // the group of questions, "streams"
	About   string `json:"about,omitempty"` // what it is about, "EVENTS"
	Level   Level  `json:"level"`
	Finding string `json:"finding"`          // what is so, one sentence
	Advice  string `json:"advice,omitempty"` // what to do; empty when nothing is to be done
}

// Report is everything that was found, in the order of the checks.
type Report struct {
	Findings []Finding `json:"findings"`
}

// Worst is the highest level of all findings.
func (r Report) Worst() Level {
	worst := OK
	for _, f := range r.Findings {
		if f.Level == Fail || worst == OK {
			worst = f.Level
		}
		if worst == Fail {
			break
		}
	}
	return worst
}

// ExitCode is what a command that made the report ends with: 0 when nothing is
// wrong, 1 with warnings when strict, 2 when something fails.
func (r Report) ExitCode(strict bool) int {
	switch w := r.Worst(); {
	case w == Fail:
		return 2
	case w == Warn && strict:
		return 1
	}
	return 0
}

// Space is what a file system has, in bytes and files.
type Space struct {
	Free, Total           uint64
	FreeFiles, TotalFiles uint64 // 0 of 0: the file system does not count them
}

// Input is what is to be looked at. The functions stand for the machine, so that
// tests can break it.
type Input struct {
	Config    sluice.Config
	LoadErr   error         // why the settings could not be read; then nothing else is asked
	File      string        // the settings file; empty: none
	Unknown   []string      // variables that name no setting
	Within    time.Duration // how long each check may take; 0 means 5 s
	Stale     time.Duration // from which age on a message that waits is a warning; 0 means 5 min
	Only      []string      // names of the checks to make; empty: all
	Now       func() time.Time
	FreeSpace func(path string) (Space, error)
}

// within is how long one check may take where Input says nothing.
const within = 5 * time.Second

// doctor is one run.
type doctor struct {
	Input
	nc       *nats.Conn
	js       jetstream.JetStream
	natsErr  error         // why there is no connection
	mongo    *mongo.Viewer // nil: documents are in files, or mongoErr
	mongoErr error
}

// check is one group of questions. One that needs NATS is not asked without it.
type check struct {
	name  string
	needs bool // NATS
	ask   func(d *doctor, ctx context.Context, l *list)
}

// checks lists all, in the order of the report.
func checks() []check {
	return []check{
		{"settings", false, (*doctor).settings},
		{"files", false, (*doctor).files},
		{"space", false, (*doctor).space},
		{"nats", false, (*doctor).nats},
		{"clocks", false, (*doctor).clocks},
		{"key", false, (*doctor).key},
		{"streams", true, (*doctor).streams},
		{"consumers", true, (*doctor).consumers},
		{"dead-letters", true, (*doctor).deadLetters},
		{"buckets", true, (*doctor).buckets},
		{"object-stores", true, (*doctor).stores},
		{"documents", false, (*doctor).documents},
		{"services", true, (*doctor).services},
		{"edge", false, (*doctor).edge},
	}
}

// Names lists the checks, in the order of a report.
func Names() []string {
	var names []string
	for _, c := range checks() {
		names = append(names, c.name)
	}
	return names
}

// Run asks everything, all checks at once, and returns when each has answered or
// run out of its time.
func Run(ctx context.Context, in Input) Report {
	if in.Within <= 0 {
		in.Within = within
	}
	if in.Stale <= 0 {
		in.Stale = stale
	}
	if in.Now == nil {
		in.Now = time.Now
	}
	if in.FreeSpace == nil {
		in.FreeSpace = freeSpace
	}
	if in.LoadErr != nil {
		l := &list{check: "settings"}
		l.fail("", "correct it; 'sluice config check' says when it is good", "the settings cannot be read, so nothing else was asked: %v", in.LoadErr)
		return Report{l.found}
	}
	d := &doctor{Input: in}
	d.connect()
	d.prepareMongo()
	defer d.close(ctx)
	all := slices.DeleteFunc(checks(), func(c check) bool { return len(in.Only) > 0 && !slices.Contains(in.Only, c.name) })
	lists := make([]*list, len(all))
	var wg sync.WaitGroup
	for i, c := range all {
		lists[i] = &list{check: c.name}
		wg.Go(func() { d.run(ctx, c, lists[i]) })
	}
	wg.Wait()
	var r Report
	for _, l := range lists {
		r.Findings = append(r.Findings, l.found...)
	}
	return r
}

func (d *doctor) run(ctx context.Context, c check, l *list) {
	if c.needs && d.js == nil {
		l.warn("", "make the nats-server answer first", "could not be asked without the nats-server")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, d.Within)
	defer cancel()
	c.ask(d, ctx, l)
}

// connect reaches the nats-server, once: a doctor does not wait for it to come back.
func (d *doctor) connect() {
	dial, err := d.Config.Common.Dialer(rpc.Operator)
	if err != nil {
		d.natsErr = err
		return
	}
	timeout := min(d.Within, 2*time.Second)
	nc, err := dial(nats.Name("sluice-doctor"), nats.NoReconnect(), nats.MaxReconnects(0), nats.Timeout(timeout),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // refusals come back as answers, too
	if err != nil {
		d.natsErr = err
		return
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(timeout))
	if err != nil {
		nc.Close()
		d.natsErr = err
		return
	}
	d.nc, d.js = nc, js
}

// prepareMongo makes what asks MongoDB; a malformed address is a finding of the
// documents.
func (d *doctor) prepareMongo() {
	if uri := d.Config.Common.MongoDB.URI; uri != "" {
		d.mongo, d.mongoErr = mongo.NewViewer(uri.Reveal(), min(d.Within, 2*time.Second), d.Now)
	}
}

func (d *doctor) close(ctx context.Context) {
	if d.nc != nil {
		d.nc.Close()
	}
	if d.mongo != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = d.mongo.Close(ctx) // it was only read from
	}
}

// list collects the findings of one check. It is safe for concurrent use.
type list struct {
	check string

	mu    sync.Mutex
	found []Finding
}

func (l *list) add(level Level, about, advice, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found = append(l.found, Finding{Check: l.check, About: about, Level: level, Finding: fmt.Sprintf(format, args...), Advice: advice})
}

func (l *list) ok(about, format string, args ...any) { l.add(OK, about, "", format, args...) }

func (l *list) warn(about, advice, format string, args ...any) {
	l.add(Warn, about, advice, format, args...)
}

func (l *list) fail(about, advice, format string, args ...any) {
	l.add(Fail, about, advice, format, args...)
}

// done ends a check: without a complaint it says what is good; complaints are
// put in the order of what they are about.
func (l *list) done(about, format string, args ...any) {
	l.mu.Lock()
	slices.SortStableFunc(l.found, func(a, b Finding) int { return strings.Compare(a.About, b.About) })
	clean := !slices.ContainsFunc(l.found, func(f Finding) bool { return f.Level != OK })
	l.mu.Unlock()
	if clean {
		l.ok(about, format, args...)
	}
}
