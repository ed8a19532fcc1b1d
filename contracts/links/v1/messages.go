package linksv1

import (
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/paging"
)

// The bounds of a container (locknex.md, Containers).
const (
	MaxTitle = 200  // characters
	MaxLinks = 1000 // of one container, mirrors and backups included
	MaxURL   = 2048 // bytes
	MaxGroup = 64   // characters
	MaxName  = 255  // bytes of a file's name
	// MaxPassword is the longest password, bytes.
	MaxPassword = 1024
	// MaxBatch is how many links one message carries, whichever way.
	MaxBatch = 200
	// IDLength is how many characters of [a-z0-9] an id has, with a letter among them.
	IDLength = 11
)

// Status of a link, a mirror or a container (locknex.md).
type Status string

// The states. Partial is of containers and mirrors only.
const (
	Unknown Status = "unknown"
	Online  Status = "online"
	Offline Status = "offline"
	Partial Status = "partial"
)

// Counts tells how many links of a container are in which state.
type Counts struct {
	Online  int `json:"online" bson:"online"`
	Offline int `json:"offline" bson:"offline"`
	Unknown int `json:"unknown" bson:"unknown"`
}

// Total is all of them.
func (c Counts) Total() int { return c.Online + c.Offline + c.Unknown }

// Status of a container with these links: online when all are, offline when all
// are, unknown when none is known, else partial.
func (c Counts) Status() Status {
	switch n := c.Total(); {
	case n == 0 || c.Unknown == n:
		return Unknown
	case c.Online == n:
		return Online
	case c.Offline == n:
		return Offline
	}
	return Partial
}

// Reason says why a link has its status.
type Reason string

// The reasons.
const (
	ReasonFound       Reason = "found"        // online
	ReasonRestricted  Reason = "restricted"   // online, but not for everybody: premium, a password
	ReasonGone        Reason = "gone"         // offline by the HTTP status
	ReasonRemoved     Reason = "removed"      // offline by what the host says
	ReasonLegal       Reason = "legal"        // offline for legal reasons
	ReasonForbidden   Reason = "forbidden"    // 401, 403
	ReasonLimited     Reason = "rate_limited" // 429
	ReasonServer      Reason = "server_error" // 5xx
	ReasonChallenge   Reason = "challenge"    // a captcha, or a page that tells browsers from programs
	ReasonLogin       Reason = "login"        // a redirect to a login
	ReasonElsewhere   Reason = "elsewhere"    // a redirect to somewhere that says nothing of the link
	ReasonTimeout     Reason = "timeout"
	ReasonNameUnknown Reason = "name_unknown" // the host's name does not resolve
	ReasonUnreachable Reason = "unreachable"  // no connection, or one that broke
	ReasonRefused     Reason = "refused"      // an address that checks must not reach
	ReasonUnclear     Reason = "unclear"      // an answer that says neither
)

// Reasons lists them.
func Reasons() []Reason {
	return []Reason{
		ReasonFound, ReasonRestricted, ReasonGone, ReasonRemoved, ReasonLegal, ReasonForbidden, ReasonLimited, ReasonServer,
		ReasonChallenge, ReasonLogin, ReasonElsewhere, ReasonTimeout, ReasonNameUnknown, ReasonUnreachable, ReasonRefused, ReasonUnclear,
	}
}

// LinkInput is a link as it is given.
type LinkInput struct {
	URL string `json:"url"`
	// Mirror groups links that are the same content elsewhere; 0 is the first.
	Mirror int `json:"mirror,omitempty"`
	// Backup is of a link that stands in for the one in front of it.
	Backup bool `json:"backup,omitempty"`
}

// Link is a link of a container with what is known of it.
type Link struct {
	LinkInput
	Index      int        `json:"index"` // in the container's order
	Host       string     `json:"host"`  // lower case, without port and "www."
	Status     Status     `json:"status"`
	CheckedAt  *time.Time `json:"checkedAt,omitempty"` // nil: never
	HTTPStatus int        `json:"httpStatus,omitempty"`
	Reason     Reason     `json:"reason,omitempty"`
	Name       string     `json:"name,omitempty"` // of the file, where the host says it
	Size       int64      `json:"size,omitempty"` // bytes; 0: not known
	Failures   int        `json:"failures,omitempty"`
	// Definite is the last state that was not unknown, and when it was seen last.
	Definite   Status     `json:"definite,omitempty"`
	DefiniteAt *time.Time `json:"definiteAt,omitempty"`
}

// Options of a container beside its links.
type Options struct {
	Captcha       bool   `json:"captcha,omitempty" bson:"captcha,omitempty"`             // its page asks for a click before it opens
	NoClickNLoad  bool   `json:"noClickNLoad,omitempty" bson:"noClickNLoad,omitempty"`   // its page has no Click'n'Load
	NoSingleLinks bool   `json:"noSingleLinks,omitempty" bson:"noSingleLinks,omitempty"` // its page shows no single links
	Group         string `json:"group,omitempty" bson:"group,omitempty"`                 // of the owner's, 64 characters at most
}

// OptionsChange changes those of a container's Options that are not nil.
type OptionsChange struct {
	Captcha       *bool   `json:"captcha,omitempty" bson:"captcha,omitempty"`
	NoClickNLoad  *bool   `json:"noClickNLoad,omitempty" bson:"noClickNLoad,omitempty"`
	NoSingleLinks *bool   `json:"noSingleLinks,omitempty" bson:"noSingleLinks,omitempty"`
	Group         *string `json:"group,omitempty" bson:"group,omitempty"`
}

// Apply gives o as it is after the change.
func (c OptionsChange) Apply(o Options) Options {
	if c.Captcha != nil {
		o.Captcha = *c.Captcha
	}
	if c.NoClickNLoad != nil {
		o.NoClickNLoad = *c.NoClickNLoad
	}
	if c.NoSingleLinks != nil {
		o.NoSingleLinks = *c.NoSingleLinks
	}
	if c.Group != nil {
		o.Group = *c.Group
	}
	return o
}

// Container is a container without its links.
type Container struct {
	ID        string     `json:"id"`
	NumericID string     `json:"numericId"` // digits only; names it wherever ID does
	AccountID string     `json:"accountId"`
	Title     string     `json:"title"`
	Protected bool       `json:"protected,omitempty"`
	Options   Options    `json:"options"`
	Size      int        `json:"size"` // links
	Status    Status     `json:"status"`
	Counts    Counts     `json:"counts"`
	Hosts     []string   `json:"hosts"` // in order of first appearance
	CreatedAt time.Time  `json:"createdAt"`
	CheckedAt *time.Time `json:"checkedAt,omitempty"` // nil before the first check
	Revision  int64      `json:"revision"`            // grows with each change of what is above
	UpdatedAt time.Time  `json:"updatedAt"`
}

// Quota bounds what an account makes; 0 sets no bound. The edge has it from the
// account's plan.
type Quota struct {
	ContainersPerDay int64 `json:"containersPerDay,omitempty"` // days are UTC
	Links            int64 `json:"links,omitempty"`            // of all containers together
}

// MaxIdempotencyKey bounds an idempotency key, bytes.
const MaxIdempotencyKey = 300

// Idempotency has a container made once, however often it is asked for: the key is
// the account's own, for as long as the container is there.
type Idempotency struct {
	Key         string `json:"key"`
	Fingerprint []byte `json:"fingerprint"` // of all that was asked for but the password, which is compared
}

// CreateRequest makes a container. Links that the request has twice are one, in
// the order of their first.
type CreateRequest struct {
	Principal authv1.Principal `json:"principal"`
	Title     string           `json:"title"`
	Password  string           `json:"password,omitempty"` // empty: open
	Options   Options          `json:"options"`
	Links     []LinkInput      `json:"links"` // MaxBatch at most
	// More says that AddLinks brings further ones: until the last ones are there
	// the container is to nobody. It is given up when they do not come.
	More  bool  `json:"more,omitempty"`
	Quota Quota `json:"quota"`
	// Idempotency is nil where each request makes a container. A repetition is
	// answered without Edit, with the container as it is now.
	Idempotency *Idempotency `json:"idempotency,omitempty"`
}

// AddLinksRequest brings a batch of the links of a container that is being made,
// or of a list that takes the place of another one.
type AddLinksRequest struct {
	Principal authv1.Principal `json:"principal"`
	ID        string           `json:"id"`
	Edit      string           `json:"edit"` // of the answer that asked for more
	From      int              `json:"from"` // how many links the request brought before; a repeat changes nothing
	Links     []LinkInput      `json:"links"`
	More      bool             `json:"more,omitempty"`
}

// Written is a container, and what further batches have to name.
type Written struct {
	Container
	Edit string `json:"edit,omitempty"`
}

// UpdateRequest changes what is not nil. With Links the list is replaced; what
// stays in it keeps what is known of it.
type UpdateRequest struct {
	Principal authv1.Principal `json:"principal"`
	ID        string           `json:"id"`
	Title     *string          `json:"title,omitempty"`
	Password  *string          `json:"password,omitempty"` // empty: open from now on
	Options   *OptionsChange   `json:"options,omitempty"`
	Links     []LinkInput      `json:"links,omitempty"`
	More      bool             `json:"more,omitempty"` // as in CreateRequest; the old list holds until the last batch
	Quota     Quota            `json:"quota"`
}

// ContainerRequest names a container by either id. With a Principal it is its
// owner's view.
type ContainerRequest struct {
	Principal authv1.Principal `json:"principal"`
	ID        string           `json:"id"`
}

// ListRequest pages through an account's containers by their time of creation.
type ListRequest struct {
	Principal authv1.Principal `json:"principal"`
	Status    Status           `json:"status,omitempty"`
	Group     string           `json:"group,omitempty"`
	Page      paging.Request   `json:"page"`
}

// ListResponse is a page.
type ListResponse struct {
	Containers []Container  `json:"containers"`
	Place      paging.Place `json:"place"`
}

// UnlockRequest asks for what a container protects. An open one needs no
// password.
type UnlockRequest struct {
	ID       string `json:"id"`
	Password string `json:"password,omitempty"`
	Source   string `json:"source,omitempty"` // the client's address, for throttling
}

// Unlocked is an open container, and the pass that ListLinks asks for; it holds
// PassLife.
type Unlocked struct {
	Container
	Pass string `json:"pass"`
}

// PurposePass is the purpose of the master key that signs passes.
const PurposePass = "links-pass" //nolint:gosec // the name of a purpose

// PassLife is how long the pass of an unlocked container holds.
const PassLife = time.Hour

// ListLinksRequest pages through a container's links: its owner by Principal,
// others by Pass.
type ListLinksRequest struct {
	Principal authv1.Principal `json:"principal"`
	ID        string           `json:"id"`
	Pass      string           `json:"pass,omitempty"`
	From      int              `json:"from,omitempty"`
}

// ListLinksResponse is a page of MaxBatch at most; Next is the From of the next
// one, 0 when nothing follows.
type ListLinksResponse struct {
	Links []Link `json:"links"`
	Next  int    `json:"next,omitempty"`
}

// RecheckRequest asks for a check of a container's links now, unless they were
// checked within Within.
type RecheckRequest struct {
	ID     string        `json:"id"`
	Within time.Duration `json:"within"`
}

// ImportRequest is an operator's: a container of an older installation under its
// numeric id. The same again changes nothing.
type ImportRequest struct {
	Username  string      `json:"username"` // its owner
	AccountID string      `json:"accountId"`
	NumericID string      `json:"numericId"`
	ID        string      `json:"id,omitempty"` // its alphanumeric one, if it had one
	Title     string      `json:"title"`
	Password  string      `json:"password,omitempty"`
	Links     []LinkInput `json:"links"` // MaxBatch at most; more come by AddLinks
	More      bool        `json:"more,omitempty"`
	CreatedAt time.Time   `json:"createdAt"`
}

// Empty is an answer without content.
type Empty struct{}

// BadgeBucket is the KV bucket of badges' data: key "c.<container id>", value
// Badge, written from the container's outbox; deleted ones have Gone.
const BadgeBucket = "badges"

// BadgeKey is the key of a container's badge in BadgeBucket.
func BadgeKey(containerID string) string { return "c." + containerID }

// Badge is what a badge shows. A reader keeps the one with the highest Revision.
type Badge struct {
	ID        string `json:"id"`
	NumericID string `json:"numericId"`
	Status    Status `json:"status"`
	Counts    Counts `json:"counts"`
	Gone      bool   `json:"gone,omitempty"`
	Revision  int64  `json:"revision"`
}
