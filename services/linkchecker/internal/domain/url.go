package domain

import (
	"strings"
	"time"
	"unicode/utf8"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// URL is what is known of a URL: one record for all containers that hold it. It
// is the truth of its state; what stands in containers follows from it.
type URL struct {
	ID      string `bson:"-"` // URLID of Address
	Rev     int64  `bson:"-"`
	Address string `bson:"address"` // normalised
	Lane    string `bson:"lane"`    // the host whose politeness counts

	Status     linksv1.Status `bson:"status"`
	Stamp      int64          `bson:"stamp"` // milliseconds; grows with each change of Status
	CheckedAt  *time.Time     `bson:"checked_at,omitempty"`
	HTTPStatus int            `bson:"http_status,omitempty"`
	Reason     linksv1.Reason `bson:"reason,omitempty"`
	Name       string         `bson:"name,omitempty"`
	Size       int64          `bson:"size,omitempty"`
	Failures   int            `bson:"failures,omitempty"`
	Definite   linksv1.Status `bson:"definite,omitempty"`
	DefiniteAt *time.Time     `bson:"definite_at,omitempty"`
	// Lost is since when the host's name does not resolve, and how often it did not.
	Lost      int        `bson:"lost,omitempty"`
	LostSince *time.Time `bson:"lost_since,omitempty"`

	Step     int        `bson:"step"`                // checks without a change
	DueAt    time.Time  `bson:"due_at"`              // when the next check is due, or, of one that waits in the queue, when it is taken for lost
	QueuedAt *time.Time `bson:"queued_at,omitempty"` // a check waits in the queue since then
	FanAt    *time.Time `bson:"fan_at,omitempty"`    // its containers do not know all of it yet
	// NotBefore is until when its host wants no check of it, whoever asks for one.
	NotBefore *time.Time `bson:"not_before,omitempty"`
	// Uses grows with each link that is added, so that nobody removes a record that
	// has just got its first link.
	Uses int64 `bson:"uses"`
}

// newURL is the record of a URL that is new.
func newURL(l Link, now time.Time) URL {
	return URL{ID: l.URLID, Address: l.Address, Lane: l.Lane, Status: linksv1.Unknown, Stamp: now.UnixMilli(), DueAt: now}
}

// Task is a check to be done, as it waits in the queue.
type Task struct {
	URLID   string    `json:"urlId"`
	Address string    `json:"address"` // normalised
	Host    string    `json:"host"`    // the lane
	Due     time.Time `json:"due"`
}

// ID names the message of a task, so that one due time is queued once.
func (t Task) ID() string {
	return "check." + t.URLID + "." + t.Due.UTC().Format("20060102T150405.000")
}

// Result is what a check found.
type Result struct {
	URLID      string
	At         time.Time      // when it ended
	Status     linksv1.Status // Online, Offline or Unknown
	Reason     linksv1.Reason
	HTTPStatus int
	Name       string    // of the file; empty: not said
	Size       int64     // bytes; 0: not said
	NotBefore  time.Time // the host wants no check before; zero: says nothing
}

// Names that do not resolve make a link offline only after so many checks over
// so long a time (locknex.md, Link checker).
const (
	lostChecks = 3
	lostFor    = 6 * time.Hour
)

// queue makes u's check a task when it is due.
func (u *URL) queue(now time.Time, lost time.Duration) *Task {
	t := &Task{URLID: u.ID, Address: u.Address, Host: u.Lane, Due: u.DueAt.Truncate(time.Millisecond)}
	u.QueuedAt, u.DueAt = &now, now.Add(lost)
	return t
}

// record notes a result; false when a newer one is there already.
func (u *URL) record(r Result, steps []time.Duration) bool {
	if u.CheckedAt != nil && !r.At.After(*u.CheckedAt) {
		return false
	}
	first := u.CheckedAt == nil
	status := r.Status
	if r.Reason == linksv1.ReasonNameUnknown {
		status = u.lose(r.At)
	} else {
		u.Lost, u.LostSince = 0, nil
	}
	at := r.At
	u.CheckedAt, u.HTTPStatus, u.Reason, u.QueuedAt = &at, r.HTTPStatus, r.Reason, nil
	if status == linksv1.Unknown {
		u.Failures++
	} else {
		u.Failures, u.Definite, u.DefiniteAt = 0, status, &at
	}
	if r.Name != "" {
		u.Name = cut(r.Name, linksv1.MaxName)
	}
	if r.Size > 0 {
		u.Size = r.Size
	}
	u.Step++
	if status != u.Status {
		u.Status, u.Stamp, u.Step = status, max(u.Stamp+1, at.UnixMilli()), 0
	}
	if first {
		u.Step = 0
		u.Stamp = max(u.Stamp+1, at.UnixMilli()) // "never checked" ends for its containers
	}
	if u.Step == 0 {
		u.FanAt = &at
	}
	u.DueAt = at.Add(steps[min(u.Step, len(steps)-1)])
	u.NotBefore = nil
	if r.NotBefore.After(at) {
		u.NotBefore, u.DueAt = &r.NotBefore, later(u.DueAt, r.NotBefore)
	}
	return true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// fresh reports whether nobody who wants a check within a time needs one: it waits,
// it was done, or the host does not want it yet.
func (u *URL) fresh(now time.Time, within time.Duration) bool {
	return u.QueuedAt != nil || u.CheckedAt != nil && now.Sub(*u.CheckedAt) < within || u.NotBefore != nil && now.Before(*u.NotBefore)
}

// lose counts a name that did not resolve.
func (u *URL) lose(at time.Time) linksv1.Status {
	if u.Lost == 0 {
		u.LostSince = &at
	}
	u.Lost++
	if u.Lost >= lostChecks && at.Sub(*u.LostSince) >= lostFor {
		return linksv1.Offline
	}
	return linksv1.Unknown
}

// cut shortens s to n bytes at most, and makes it text.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
