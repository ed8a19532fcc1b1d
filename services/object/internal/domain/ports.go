package domain

import (
	"context"
	"errors"
	"time"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// What ports answer beside success. Compare with errors.Is.
var (
	ErrNoDocument = errors.New("no such document")
	ErrTaken      = errors.New("the id or name is taken")
	ErrStale      = errors.New("the document changed since it was read")
	ErrRefused    = errors.New("a condition of the update does not hold")
)

// Buckets keeps bucket documents.
type Buckets interface {
	Insert(ctx context.Context, b Bucket) error // ErrTaken: the account has the name
	Get(ctx context.Context, id string) (b Bucket, rev int64, err error)
	ByName(ctx context.Context, account, name string) (b Bucket, rev int64, err error)
	List(ctx context.Context, account string) ([]Bucket, error) // by name
	// Replace writes b if it is still at rev: ErrStale.
	Replace(ctx context.Context, b Bucket, rev int64) error
	Delete(ctx context.Context, id string, rev int64) error // ErrStale
	// Due gives buckets whose SweepAt has come.
	Due(ctx context.Context, now time.Time, limit int) ([]Bucket, error)
}

// Heads keeps head documents.
type Heads interface {
	// Get gives an empty head and rev 0 when there is none.
	Get(ctx context.Context, bucket, key string) (h Head, rev int64, err error)
	// Put writes h with its events if the head is still at rev (0: absent):
	// ErrStale; ErrRefused when too many of its events wait to be published.
	Put(ctx context.Context, h Head, rev int64, events ...Event) error
	Delete(ctx context.Context, h Head, rev int64) error
	// Visible gives heads of objects that listings show, in byte order of their keys.
	Visible(ctx context.Context, bucket string, r Range, limit int) ([]Head, error)
	Due(ctx context.Context, now time.Time, limit int) ([]Head, error)
	// Forget deletes up to limit heads of a bucket and reports whether more are left.
	Forget(ctx context.Context, bucket string, limit int) (more bool, err error)
}

// Range selects keys: from From (exclusive if After) to before To; To "" is open.
type Range struct {
	From  string
	After bool
	To    string
}

// Versions keeps version documents. Update reads, changes and writes back until
// no other writer comes between; a change that returns ErrRefused writes nothing.
type Versions interface {
	Insert(ctx context.Context, v Version) error // ErrTaken
	Get(ctx context.Context, id string) (Version, error)
	Update(ctx context.Context, id string, change func(v *Version) error) (Version, error)
	// Commit notes, idempotently, that the head named the version; settled also
	// that its bytes are counted. ErrRefused when it is already being removed.
	Commit(ctx context.Context, id string, order, delta int64, settled bool) error
	Delete(ctx context.Context, id string) error
	// Drop removes the document of v if it still is that one and dropping: its id
	// may have come again.
	Drop(ctx context.Context, v Version) error
	// Live gives versions of a bucket that are not removed, markers and pending ones too.
	Live(ctx context.Context, bucket string, limit int) ([]Version, error)
	// Locked gives versions of a bucket that are not removed, pending ones too, and
	// have a legal hold, or a retention that lasts beyond at.
	Locked(ctx context.Context, bucket string, at time.Time, limit int) ([]Version, error)
	// Newest gives the newest committed version of a key that skip does not name.
	Newest(ctx context.Context, bucket, key string, skip func(id string) bool) (Version, error)
	// Between gives versions that are not removed, pending ones too, by key and
	// then oldest first; more says that others follow.
	Between(ctx context.Context, bucket string, r Range, limit int) (page []Version, more bool, err error)
	// Before gives versions of a key that have an order below that one, newest
	// first; a page may be shorter than limit, but is empty only when nothing follows.
	Before(ctx context.Context, bucket, key string, order int64, limit int) ([]Version, error)
	Due(ctx context.Context, now time.Time, limit int) ([]Version, error)
}

// Contents keeps content documents.
type Contents interface {
	Insert(ctx context.Context, c Content) error
	Get(ctx context.Context, id string) (Content, error)
	// Release takes a hold away, and the document when none is left. Idempotent.
	Release(ctx context.Context, id, hold string) error
	// Hold adds a hold to a content that stands, and lets the sweep look at it
	// then: ErrNoDocument.
	Hold(ctx context.Context, id, hold string, sweepAt time.Time) error
	// Leave turns a content that is staged under a version into one that leaves
	// it: ErrRefused when it is not staged under that one, ErrNoDocument.
	Leave(ctx context.Context, id, version string, sweepAt time.Time) error
	// Staged gives contents that are staged under a version.
	Staged(ctx context.Context, version string, limit int) ([]Content, error)
	// Due gives contents whose SweepAt has come; Swept takes it away if it is still at.
	Due(ctx context.Context, now time.Time, limit int) ([]Content, error)
	Swept(ctx context.Context, id string, at time.Time) error
	// Between gives contents with from < id < to, in that order; "" is open. A
	// page may be shorter than limit, but is empty only when nothing follows.
	Between(ctx context.Context, from, to string, limit int) ([]Content, error)
}

// Accounts keeps usage documents. All changes are single guarded statements.
type Accounts interface {
	Create(ctx context.Context, account string) error // if absent
	Get(ctx context.Context, account string) (Usage, error)
	// Standing gives Usage.Total and Usage.Closing alone; zero for an unknown account.
	Standing(ctx context.Context, account string) (total int64, c Closing, err error)
	// Reserve takes bytes under id, if the account is open and then has at most
	// limit in all (0: no limit): ErrRefused. A taken id is ErrTaken.
	Reserve(ctx context.Context, account, id string, r Reservation, limit int64) error
	// Resize changes a reservation from old to its new bytes: ErrRefused when it
	// is not there with old, or over the limit.
	Resize(ctx context.Context, account, id string, old int64, r Reservation, limit int64) error
	// ReserveBeside is Reserve that changes another reservation in the same step,
	// from old bytes to those of next; 0 bytes: it is not there. The limit holds for
	// both together: ErrRefused, also when the other one has not old bytes.
	ReserveBeside(ctx context.Context, account, id string, r Reservation, other string, old int64, next Reservation, limit int64) error
	// Lapse gives a reservation back if it still is r. Idempotent.
	Lapse(ctx context.Context, account, id string, r Reservation) error
	// Unreserve gives a reservation back, whatever its size. Idempotent.
	Unreserve(ctx context.Context, account, id string) error
	// Merge moves reservations that are still there into another one of the
	// account: ErrRefused when that one is not there.
	Merge(ctx context.Context, account, into string, ids []string) error
	// GiveBack takes a staged content's bytes out of the reservation that has them,
	// once per content: ErrRefused when that was done, ErrStale when the document
	// is not at epoch, or the reservations are not as r says.
	GiveBack(ctx context.Context, account string, epoch int64, r Return) error
	// Settle turns those of the reservations that are still there into the used
	// bytes of their entries. Idempotent.
	Settle(ctx context.Context, account string, entries []Settlement) error
	// Release gives used bytes back once per version: ErrRefused when that was
	// done, ErrStale when the document is not at epoch.
	Release(ctx context.Context, account string, epoch int64, s Settlement) error
	// Unmark takes released versions out and raises the epoch.
	Unmark(ctx context.Context, account string, versions []string) error
	DropBucket(ctx context.Context, account, bucket string) error
	// Quiet takes the account out of what Open gives if it is still open at.
	Quiet(ctx context.Context, account string, at time.Time) error
	// Opened gives accounts that reserved something since they were quiet.
	Opened(ctx context.Context, after string, limit int) (page []Usage, next string, err error)
	// Close writes next in place of was: ErrRefused when that is not there any
	// more. The zero value opens the account.
	Close(ctx context.Context, account string, was, next Closing) error
	// Closing gives accounts whose Closing.At has come.
	Closing(ctx context.Context, now time.Time, limit int) ([]Usage, error)
	// Forget removes the document if its Closing still is was: ErrRefused.
	Forget(ctx context.Context, account string, was Closing) error
}

// Settlement is one version's part in an account's counts.
type Settlement struct {
	Version     string
	Reservation string
	Bucket      string
	Bytes       int64
	Objects     int64 // change of the number of visible objects
}

// Return is a staged content whose bytes are given back.
type Return struct {
	Content     string
	Reservation string // of its own; its bytes are there if Own, else in Upload
	Upload      string // reservation of its upload
	Own         bool
	Bytes       int64
}

// Bindings keeps idempotency keys.
type Bindings interface {
	Insert(ctx context.Context, b Binding) error // ErrTaken
	Get(ctx context.Context, id string) (b Binding, rev int64, err error)
	// Update is like that of Versions.
	Update(ctx context.Context, id string, change func(b *Binding) error) (Binding, error)
	Delete(ctx context.Context, id string, rev int64) error // ErrStale
	Due(ctx context.Context, now time.Time, limit int) ([]Binding, error)
}

// Nodes keeps the documents of drives.
type Nodes interface {
	Insert(ctx context.Context, n Node) error // ErrTaken: the id is there, or the parent has the name
	Get(ctx context.Context, id string) (n Node, rev int64, err error)
	ByName(ctx context.Context, account, parent, name string) (n Node, rev int64, err error)
	// Replace writes n if it is still at rev: ErrStale, ErrTaken.
	Replace(ctx context.Context, n Node, rev int64) error
	Delete(ctx context.Context, id string, rev int64) error // ErrStale
	// Children gives nodes of a folder with Sort from from on, in that order.
	Children(ctx context.Context, account, parent, from string, limit int) ([]Node, error)
	// Files gives files of an account with an Order below before ("": any), newest first.
	Files(ctx context.Context, account, before string, limit int) ([]Node, error)
	// OfKind is Children with nothing but folders, or files.
	OfKind(ctx context.Context, account, parent string, folders bool, from string, limit int) ([]Node, error)
	ByNumber(ctx context.Context, folder bool, number int64) (n Node, rev int64, err error)
	ByShort(ctx context.Context, short string) (n Node, rev int64, err error)
	// Downloaded adds to the count of a file: ErrNoDocument. One that is counted
	// anywhere gets at as its RecountAt.
	Downloaded(ctx context.Context, id string, n int64, at time.Time) error
	// Mark gives a node that RecountAt: ErrNoDocument.
	Mark(ctx context.Context, id string, at time.Time) error
	// Recounts gives nodes with a RecountAt until now, the oldest first.
	Recounts(ctx context.Context, now time.Time, limit int) ([]Found, error)
	// All gives all nodes by rising ids behind after.
	All(ctx context.Context, after string, limit int) ([]Found, error)
	Due(ctx context.Context, now time.Time, limit int) ([]Node, error)
	// Moving gives the account's move, nil for none, with the revision of its
	// document (0: absent); SetMoving writes it by compare-and-set: ErrStale.
	Moving(ctx context.Context, account string) (m *Move, rev int64, err error)
	SetMoving(ctx context.Context, account string, m *Move, rev int64) error
	DropMoving(ctx context.Context, account string) error // of an account that is gone
}

// Found is a node as it was read.
type Found struct {
	Node
	Rev int64
}

// Tallies keeps what the sums of folders are made of, and those of roots, which
// have no document of their own.
type Tallies interface {
	// UpdateShard lets change alter a shard, an empty one if there is none, again
	// when another writer was faster. With false nothing is written. The revision of
	// a shard that is not there is 0.
	UpdateShard(ctx context.Context, id string, change func(s *Shard) bool) (s Shard, rev int64, err error)
	// Shards gives the ids of shards that begin with prefix.
	Shards(ctx context.Context, prefix string, limit int) ([]string, error)
	DropShard(ctx context.Context, id string) error
	// Lookable gives shards with a LookAt until now.
	Lookable(ctx context.Context, now time.Time, limit int) ([]Shard, error)

	// Root gives a root with nothing but its sums (0: absent), SetRoot writes them by
	// compare-and-set: ErrStale.
	Root(ctx context.Context, account string) (n Node, rev int64, err error)
	SetRoot(ctx context.Context, n Node, rev int64) error
	DropRoot(ctx context.Context, account string) error

	// Bury writes a grave, or another time into it.
	Bury(ctx context.Context, g Grave) error
	Graves(ctx context.Context, now time.Time, limit int) ([]Grave, error)
	// Forget removes a grave.
	Forget(ctx context.Context, id string) error
}

// Words keeps the index of what everybody may find.
type Words interface {
	Put(ctx context.Context, word, node string) error // also when it is there
	Drop(ctx context.Context, word, node string) error
	Of(ctx context.Context, node string) ([]string, error)
	// Scan gives entries of words that begin with prefix, in the order of words and
	// nodes, behind after.
	Scan(ctx context.Context, prefix string, after Word, limit int) ([]Word, error)
}

// Composer makes one manifest of several, in order; see blob.Store.Compose.
type Composer interface {
	Compose(ctx context.Context, parts blob.Contents) (blob.Manifest, error)
}

// Sequences keeps how far numbers were given out.
type Sequences interface {
	// Take gives the first of so many numbers that nobody else gets. They begin with 1.
	Take(ctx context.Context, name string, count int64) (first int64, err error)
}

// Cursors remembers how far a sweep came.
type Cursors interface {
	Get(ctx context.Context, name string) (string, error) // "" at first
	Set(ctx context.Context, name, value string) error
}

// Store is all collections of the service.
type Store struct {
	Buckets   Buckets
	Heads     Heads
	Versions  Versions
	Contents  Contents
	Accounts  Accounts
	Bindings  Bindings
	Nodes     Nodes
	Tallies   Tallies
	Words     Words
	Sequences Sequences
	Cursors   Cursors
}

// Event is a fact for the head's outbox.
type Event struct {
	Removed bool
	Seq     int64
	Data    objectv1.ObjectEvent
}

// URLChecker says whether the policy for outbound requests allows a URL.
type URLChecker interface {
	CheckURL(ctx context.Context, url string) error
}

// Sealer seals the secrets of notification configs.
type Sealer interface {
	Seal(plain, aad []byte) ([]byte, error)
}

// Signer authenticates list tokens.
type Signer interface {
	Sign(payload []byte) []byte
	Verify(payload, mac []byte) bool
}
