// Package domain holds the rules of link containers and of what is known of
// their links: what a container is, how its list changes, who may see it, and how
// a check's result reaches every container that holds the URL. It does no I/O but
// through its ports.
//
//	         Create            last batch             Delete
//	(none) ─────────► Making ─────────────► Live ─────────────► Gone ──sweep──► (none)
//	                     └──── a minute without a batch ──────────┘
package domain

import (
	"encoding/binary"
	"slices"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
)

// Phase of a container.
type Phase string

// The phases.
const (
	Making Phase = "making" // to nobody yet: further links are to come
	Live   Phase = "live"
	Gone   Phase = "gone" // to nobody any more: the sweep removes it with its links
)

// Container is the document of a container. What is atomic about it stands in it:
// the states of its links, so that counts, status and events change with them.
type Container struct {
	ID       string `bson:"-"`
	Numeric  string `bson:"numeric"`
	Account  string `bson:"account"`
	Owner    string `bson:"owner,omitempty"` // Account while it is Live, so that lists have no others
	Phase    Phase  `bson:"phase"`
	Title    string `bson:"title"`
	Password string `bson:"password,omitempty"` // argon2id, PHC; empty: open
	Print    []byte `bson:"print,omitempty"`    // of the request with an idempotency key that made it

	Options   linksv1.Options `bson:"options"`
	CreatedAt time.Time       `bson:"created_at"`
	UpdatedAt time.Time       `bson:"updated_at"`
	CheckedAt *time.Time      `bson:"checked_at,omitempty"`
	AskedAt   *time.Time      `bson:"asked_at,omitempty"` // when somebody asked for a check last
	// Revision grows with each change. It begins with the time, so that a
	// container which is imported again is newer than the one that was deleted.
	Revision int64 `bson:"revision"`

	List   List           `bson:"list"`
	Status linksv1.Status `bson:"status"`
	Counts linksv1.Counts `bson:"counts"`

	Edit     *Edit      `bson:"edit,omitempty"` // a list under way
	LastEdit string     `bson:"last_edit,omitempty"`
	Drop     []string   `bson:"drop,omitempty"` // lists whose links are to be removed
	DueAt    *time.Time `bson:"due_at,omitempty"`
}

// List is a list of links: their documents are named by ID and index.
type List struct {
	ID     string   `bson:"id"`
	States []byte   `bson:"states"` // one per link
	Stamps []byte   `bson:"stamps"` // eight per link: the stamp of the URL's state that is in States
	Hosts  []string `bson:"hosts"`  // in order of first appearance
}

// A link's state in a byte of States.
const (
	stateUnknown byte = iota
	stateOnline
	stateOffline
)

func stateOf(s linksv1.Status) byte {
	switch s {
	case linksv1.Online:
		return stateOnline
	case linksv1.Offline:
		return stateOffline
	}
	return stateUnknown
}

func statusOf(b byte) linksv1.Status {
	switch b {
	case stateOnline:
		return linksv1.Online
	case stateOffline:
		return linksv1.Offline
	}
	return linksv1.Unknown
}

// Size is the number of links.
func (l *List) Size() int { return len(l.States) }

// grow adds n links of which nothing is known.
func (l *List) grow(n int) {
	l.States = append(l.States, make([]byte, n)...)
	l.Stamps = append(l.Stamps, make([]byte, 8*n)...)
}

func (l *List) stamp(i int) int64 { return int64(binary.BigEndian.Uint64(l.Stamps[8*i:])) }

// set notes a state that a URL has had since stamp. Of two states the one with the
// later stamp stays, in whatever order they come. news is false when the link was
// in this state before, stale when nothing was noted.
func (l *List) set(i int, status linksv1.Status, stamp int64) (was linksv1.Status, news, stale bool) {
	was = statusOf(l.States[i])
	if l.stamp(i) >= stamp {
		return was, false, true
	}
	binary.BigEndian.PutUint64(l.Stamps[8*i:], uint64(stamp))
	l.States[i] = stateOf(status)
	return was, was != statusOf(l.States[i]), false
}

// counts counts the states.
func (l *List) counts() (c linksv1.Counts) {
	for _, b := range l.States {
		switch b {
		case stateOnline:
			c.Online++
		case stateOffline:
			c.Offline++
		default:
			c.Unknown++
		}
	}
	return c
}

// clone gives a list that shares nothing with l.
func (l *List) clone() List {
	return List{l.ID, slices.Clone(l.States), slices.Clone(l.Stamps), slices.Clone(l.Hosts)}
}

// News is what a change of a container is told with.
type News struct {
	Created, Deleted bool
	Status           bool           // it changed
	Was              linksv1.Status // before
	Badge            bool           // what a badge shows changed
	Links            []LinkNews
}

// LinkNews is a link that changed.
type LinkNews struct {
	Link  linksv1.Link
	Was   linksv1.Status
	URLID string
	Stamp int64 // names the change, with the container and the URL
}

// changed notes that what others see of c is another one since now. Its time never
// goes back, since receivers of webhooks order by it: whoever waits for the document
// while another one changes it took the time before.
func (c *Container) changed(now time.Time) {
	c.Revision++
	if now.After(c.UpdatedAt) {
		c.UpdatedAt = now
	}
}

// count brings counts and status in line with the list.
func (c *Container) count(n *News) {
	counts := c.List.counts()
	if counts == c.Counts && c.Status != "" {
		return
	}
	c.Counts, n.Badge = counts, true
	if s := counts.Status(); s != c.Status {
		n.Status, n.Was = c.Status != "", c.Status
		c.Status = s
	}
}

// drop gives a list up: its links are removed by the sweep.
func (c *Container) drop(list string, now time.Time) {
	if list == "" {
		return
	}
	if !slices.Contains(c.Drop, list) {
		c.Drop = append(c.Drop, list)
	}
	c.due(now)
}

// due has the sweep look at c at t, or earlier if it was to already.
func (c *Container) due(t time.Time) {
	if c.DueAt == nil || t.Before(*c.DueAt) {
		c.DueAt = &t
	}
}

// schedule sets when the sweep looks at c next.
func (c *Container) schedule(now time.Time) {
	c.DueAt = nil
	if len(c.Drop) > 0 || c.Phase == Gone {
		c.due(now)
	}
	if c.Edit != nil {
		c.due(c.Edit.Till)
	}
}

// View is c as the contract has it.
func (c *Container) View() linksv1.Container {
	v := linksv1.Container{
		ID: c.ID, NumericID: c.Numeric, AccountID: c.Account, Title: c.Title, Protected: c.Password != "", Options: c.Options,
		Size: c.List.Size(), Status: c.Status, Counts: c.Counts, Hosts: slices.Clone(c.List.Hosts),
		CreatedAt: c.CreatedAt.UTC(), Revision: c.Revision, UpdatedAt: c.UpdatedAt.UTC(),
	}
	if v.Hosts == nil {
		v.Hosts = []string{}
	}
	if c.CheckedAt != nil {
		at := c.CheckedAt.UTC()
		v.CheckedAt = &at
	}
	return v
}

// Badge is what a badge of c shows.
func (c *Container) Badge() linksv1.Badge {
	return linksv1.Badge{
		ID: c.ID, NumericID: c.Numeric, Status: c.Status, Counts: c.Counts, Gone: c.Phase != Live, Revision: c.Revision,
	}
}
