package domain

import (
	"context"
	"errors"
	"log/slog"
	"time"

	linksv1 "github.com/sluicehq/sluice/contracts/links/v1"
	"github.com/sluicehq/sluice/pkg/paging"
)

// What ports answer beside success. Compare with errors.Is.
var (
	ErrNoDocument = errors.New("no such document")
	ErrTaken      = errors.New("the id is taken")
	ErrChanged    = errors.New("the document has changed")
	// ErrUnchanged is returned by the function given to an Update: nothing is
	// written, and Update answers with the document as it is.
	ErrUnchanged = errors.New("nothing to change")
)

// Containers keeps containers. What a change is told with goes out from the same
// write.
type Containers interface {
	// Insert adds one: ErrTaken when its id or its numeric id is another one's.
	Insert(ctx context.Context, c Container) error
	// Get reads one by its id: ErrNoDocument.
	Get(ctx context.Context, id string) (Container, error)
	// ByNumeric reads one by its numeric id: ErrNoDocument.
	ByNumeric(ctx context.Context, numeric string) (Container, error)
	// Update changes one by compare-and-set, and passes change's error on.
	Update(ctx context.Context, id string, change func(*Container) (News, error)) (Container, error)
	// Delete removes one that is Gone; one that is not there is no error.
	Delete(ctx context.Context, id string) error
	// Due gives up to limit containers whose DueAt is not after by.
	Due(ctx context.Context, by time.Time, limit int) ([]Container, error)
	// List pages through an owner's.
	List(ctx context.Context, r linksv1.ListRequest) ([]linksv1.Container, paging.Place, error)
	// Links sums up the links of all that an owner has.
	Links(ctx context.Context, owner string) (int64, error)
}

// Links keeps the links of lists.
type Links interface {
	// Put writes links; those that are there already stay as they are.
	Put(ctx context.Context, links []Link) error
	// Page gives up to limit links of a list from an index on.
	Page(ctx context.Context, list string, from, limit int) ([]Link, error)
	// Uses gives links that hold a URL, behind after, and where to go on; "" at the end.
	Uses(ctx context.Context, urlID, after string, limit int) (page []Link, next string, err error)
	// Delete removes links; those that are gone are no error.
	Delete(ctx context.Context, links []Link) error
}

// URLs keeps the records of URLs. A task that a change gives goes out from the
// same write.
type URLs interface {
	// Get reads one: ErrNoDocument.
	Get(ctx context.Context, id string) (URL, error)
	// Put changes one by compare-and-set, or makes it when exists is false.
	Put(ctx context.Context, id string, change func(u *URL, exists bool) (*Task, error)) (URL, error)
	// Update changes one by compare-and-set: ErrNoDocument, and change's error.
	Update(ctx context.Context, id string, change func(u *URL) (*Task, error)) (URL, error)
	// Delete removes one that has not changed since it was read: ErrChanged.
	Delete(ctx context.Context, u URL) error
	// Due gives up to limit URLs whose check is due by then, behind after.
	Due(ctx context.Context, by time.Time, after string, limit int) (page []URL, next string, err error)
	// Fans gives up to limit URLs whose FanAt is not after by, behind after.
	Fans(ctx context.Context, by time.Time, after string, limit int) (page []URL, next string, err error)
}

// Usages keeps what accounts have.
type Usages interface {
	// Get reads one; there is always one.
	Get(ctx context.Context, account string) (Usage, error)
	// Update changes one by compare-and-set, and makes it when it is not there.
	Update(ctx context.Context, account string, change func(*Usage) error) (Usage, error)
	// Due gives up to limit whose DueAt is not after by.
	Due(ctx context.Context, by time.Time, limit int) ([]Usage, error)
	// NextNumeric gives a number that it never gave before, 8000000 first.
	NextNumeric(ctx context.Context) (int64, error)
}

// Passwords hashes them.
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	Verify(ctx context.Context, phc, password string) (bool, error)
}

// Passes mints and reads the passes of unlocked containers.
type Passes interface {
	Mint(p Pass) (string, error)
	Parse(token string) (Pass, error)
}

// Timers wake the service for a check; a sweep is the net under them.
type Timers interface {
	Wake(ctx context.Context, urlID string, at time.Time) error
}

// Deps is what a Service works with.
type Deps struct {
	Containers Containers
	Links      Links
	URLs       URLs
	Usages     Usages
	Passwords  Passwords
	Passes     Passes
	Timers     Timers
	// Lane gives the URL that is checked for an address, which is equal where the
	// content is, and the host whose politeness counts.
	Lane  func(linksv1.Address) (normal, host string)
	Clock func() time.Time
	Log   *slog.Logger
}

// Options of a Service; all fields are needed.
type Options struct {
	Steps []time.Duration // from one check of a URL to the next, while nothing changes
	Lost  time.Duration   // a queued check that has no result after it is queued again
	Stale time.Duration   // a link that is added is checked again when it was not for so long
	Grace time.Duration   // the sweep leaves what is younger to its writer
}
