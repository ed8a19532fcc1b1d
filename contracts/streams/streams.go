// Package streams declares the JetStream streams of Sluice as values. pkg/bus
// reconciles them at start; nothing else creates a stream, but pkg/blob its
// object stores.
package streams

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	auditv1 "github.com/sluicehq/sluice/contracts/audit/v1"
)

// Names of the streams.
const (
	Events = "EVENTS" // facts: evt.>
	Dead   = "DEAD"   // events that a consumer gave up on: dead.>
	Timers = "TIMERS" // schedules sched.> and what they make due: due.>
	Audit  = auditv1.Stream
)

// DuplicateWindow is how long JetStream remembers a Nats-Msg-Id.
const DuplicateWindow = 10 * time.Minute

// All gives the streams for a cluster that keeps replicas copies.
func All(replicas int) []jetstream.StreamConfig {
	return []jetstream.StreamConfig{
		{
			Name: Events, Subjects: []string{"evt.>"}, Retention: jetstream.InterestPolicy, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew, MaxBytes: 4 << 30, Duplicates: DuplicateWindow, Replicas: replicas,
			Description: "what happened: CloudEvents of all services",
		},
		{
			Name: Dead, Subjects: []string{"dead.>"}, Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew, MaxBytes: 1 << 30, Duplicates: DuplicateWindow, Replicas: replicas,
			Description: "events that a consumer gave up on, until replayed",
		},
		{
			Name: Timers, Subjects: []string{"sched.>", "due.>"}, Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew, MaxBytes: 2 << 30, Duplicates: DuplicateWindow, Replicas: replicas,
			AllowMsgSchedules: true, AllowMsgTTL: true, AllowRollup: true,
			Description: "timers: a schedule per thing, and what fell due",
		},
		{
			Name: Audit, Subjects: []string{auditv1.Subjects}, Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage,
			Discard: jetstream.DiscardNew, MaxBytes: 8 << 30, Duplicates: DuplicateWindow, Replicas: replicas,
			Description: "one record per request",
		},
	}
}
