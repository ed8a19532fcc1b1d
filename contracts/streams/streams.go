// Package streams declares the JetStream streams of Sluice, the durables on them
// and the KV buckets, as values. An operator's user makes them (platform.Declare);
// services only look whether they are there.
package streams

import (
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
	"github.com/sluicehq/sluice/pkg/bus"
)

// Names of the streams.
const (
	Events  = "EVENTS"        // facts: evt.>
	Dead    = bus.DeadStream  // events that a consumer gave up on: dead.>
	Timers  = bus.TimerStream // schedules sched.> and what they make due: due.>
	Audit   = auditv1.Stream
	Checks  = "CHECKS"  // links to be checked: check.>
	Fetches = "FETCHES" // URLs to be fetched: fetch.>
	Clicks  = "CLICKS"  // clicks on containers: click.>
)

// CheckSubjects is what CheckSubject gives for all hosts.
const CheckSubjects = "check.*"

// CheckSubject is where the checks of a host's links wait in stream CHECKS: a
// token of its own per host, so that an operator can see and purge them.
func CheckSubject(host string) string {
	return "check." + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, host)
}

// DuplicateWindow is how long JetStream remembers a Nats-Msg-Id.
const DuplicateWindow = 10 * time.Minute

// All gives the streams for a cluster that keeps replicas copies.
func All(replicas int) []jetstream.StreamConfig {
	return []jetstream.StreamConfig{
		{
			Name: Events, Subjects: []string{"evt.>", bus.ReplaySubjects(Events)}, Retention: jetstream.InterestPolicy, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew, MaxBytes: 4 << 30, Duplicates: DuplicateWindow, Replicas: replicas,
			Description: "what happened: CloudEvents of all services",
		},
		{
			Name: Dead, Subjects: []string{bus.DeadSubjects}, Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew, MaxBytes: 1 << 30, Duplicates: DuplicateWindow, Replicas: replicas,
			Description: "events that a consumer gave up on, until replayed",
		},
		{
			// A work queue: what fell due goes when it is acknowledged, a schedule when
			// it fires. The server refuses DiscardNew beside schedules, and DiscardOld
			// under a limit would lose timers without a word; so there is no limit, and
			// whoever sets timers bounds how many.
			Name: Timers, Subjects: []string{"sched.>", "due.>", bus.ReplaySubjects(Timers)}, Retention: jetstream.WorkQueuePolicy,
			Storage: jetstream.FileStorage, Discard: jetstream.DiscardOld, Duplicates: DuplicateWindow, Replicas: replicas,
			AllowMsgSchedules: true, AllowMsgTTL: true, AllowRollup: true,
			Description: "timers: a schedule per thing, and what fell due",
		},
		{
			// A work queue that any number of checkers share. While it is full, what is
			// due waits in linkchecker's outboxes.
			Name: Checks, Subjects: []string{"check.>", bus.ReplaySubjects(Checks)}, Retention: jetstream.WorkQueuePolicy,
			Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, MaxBytes: 1 << 30, Duplicates: DuplicateWindow, Replicas: replicas,
			Description: "links to be checked, one message per URL and due time",
		},
		{
			// A work queue that the edges share. While it is full, what is due waits in
			// upload's outboxes.
			Name: Fetches, Subjects: []string{"fetch.>", bus.ReplaySubjects(Fetches)}, Retention: jetstream.WorkQueuePolicy,
			Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, MaxBytes: 64 << 20, Duplicates: DuplicateWindow, Replicas: replicas,
			Description: "URLs to be fetched into drives, one message per attempt",
		},
		{
			Name: Audit, Subjects: []string{auditv1.Subjects}, Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew, MaxBytes: 8 << 30, Duplicates: DuplicateWindow, Replicas: replicas,
			Description: "one record per request",
		},
		{
			// Who clicks is anybody: under a flood while stats is away the oldest ones go.
			Name: Clicks, Subjects: []string{"click.>", bus.ReplaySubjects(Clicks)}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardOld, MaxBytes: 512 << 20, Duplicates: DuplicateWindow, Replicas: replicas,
			Description: "clicks that are to be counted",
		},
	}
}
