package domain

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/faultpoint"
)

// Root is the id of the folder that every account's tree begins with. It has no
// document.
const Root = "root"

// Trash is the folder of all that an account has thrown away. It has no document
// and no path: only what names it finds it, and nothing in it has a path either.
const Trash = "trash"

const (
	maxNodeName = 255 // bytes
	maxDepth    = 100 // folders above a node
)

// NodeState says whether a node is on its way out; empty: it is not.
type NodeState string

// The states of a node.
const (
	// NodeDoubted is a file without an object: nobody's write goes on with it, and
	// it is taken away unless one came to its end just before.
	NodeDoubted NodeState = "doubted"
	// NodeRemoving is a node whose removal is decided. Whoever meets it may finish
	// that; nothing comes into it any more.
	NodeRemoving NodeState = "removing"
)

// Node is a file or a folder of an account's drive. Its id stays for life; name
// and parent change by compare-and-set of this one document. A file's object is
// the one under the node's id in the drive's bucket: the file is there for
// readers while that is, and a node without one is a name that a write keeps.
type Node struct {
	ID      string `bson:"-"`
	Account string `bson:"account"`
	Parent  string `bson:"parent"` // Root, a folder, or of a guest's file itself
	Name    string `bson:"name"`   // unique in its parent
	// Sort is what the node sorts by among its siblings: its name, for a folder
	// followed by '/', so that a walk in this order is the byte order of paths.
	Sort       string    `bson:"sort"`
	Folder     bool      `bson:"folder,omitempty"`
	State      NodeState `bson:"state,omitempty"`
	CreatedAt  time.Time `bson:"createdAt"`
	ModifiedAt time.Time `bson:"modifiedAt"`        // of the node; a content has its own
	SweepAt    time.Time `bson:"sweepAt,omitempty"` // when the sweep has to look, while there is something to do
	// Number is of the sequence of its kind; 0: the node is older than numbers, or a guest's.
	Number int64 `bson:"number,omitempty"`
	// Trashed is there while the node lies in the trash itself.
	Trashed *Trashed `bson:"trashed,omitempty"`
	// RecountAt is when sums and index have to be brought in line with the node;
	// Counted names the folders to whose sums it may add something.
	RecountAt time.Time `bson:"recountAt,omitempty"`
	Counted   []string  `bson:"counted,omitempty"`
	// Indexed says that the node was, or may be, in the index of what everybody may find.
	Indexed bool `bson:"indexed,omitempty"`

	// Of a folder:

	Visibility   objectv1.Visibility `bson:"visibility,omitempty"`
	PasswordHash []byte              `bson:"passwordHash,omitempty"`
	// Tally is the sum of Shards.
	Tally  Sum    `bson:"tally,omitempty"`
	Shards []byte `bson:"shards,omitempty"`
	// Follow is there while the folder's files have yet to follow a change of who finds them.
	Follow *Follow `bson:"follow,omitempty"`

	// Of a file:

	Files     string    `bson:"files,omitempty"` // equals Account: the index over it holds files alone; empty in the trash
	Short     string    `bson:"short,omitempty"`
	Order     string    `bson:"order,omitempty"` // by the time of its making
	Region    string    `bson:"region,omitempty"`
	KeyHash   []byte    `bson:"keyHash,omitempty"`
	ExpiresAt time.Time `bson:"expiresAt,omitempty"`
	Downloads int64     `bson:"downloads,omitempty"`
	// Writer is the version for which alone the file was made; "" when others of
	// the same path may go there before it shows one.
	Writer string `bson:"writer,omitempty"`
	Claim  *Claim `bson:"claim,omitempty"`

	Keywords    string `bson:"keywords,omitempty"`
	Description string `bson:"description,omitempty"`
}

// Trashed is since when a node lies in the trash, and where it was.
type Trashed struct {
	At      time.Time `bson:"at"`
	PurgeAt time.Time `bson:"purgeAt"`
	Parent  string    `bson:"parent"`
	Name    string    `bson:"name"`
}

// Claim is a guest's file on its way to an account: the node is the account's
// already, its object still the guests'.
type Claim struct {
	Version   string    `bson:"version"` // that it will have
	Name      string    `bson:"name"`    // with the guests
	ExpiresAt time.Time `bson:"expiresAt,omitempty"`
	Undone    bool      `bson:"undone,omitempty"` // it goes back to the guests
}

// Move is a folder on its way to another parent. While it stands in the tree's
// document no other folder of the account moves, so that whoever finds it may
// finish it.
type Move struct {
	Node   string `bson:"node"`
	Rev    int64  `bson:"rev"` // of the node, when the move was decided
	Parent string `bson:"parent"`
	Name   string `bson:"name"`
}

// Tree implements the rules of names and places in drives.
type Tree struct {
	nodes Nodes
	clock func() time.Time
}

// NewTree makes a Tree.
func NewTree(nodes Nodes, clock func() time.Time) *Tree {
	return &Tree{nodes: nodes, clock: clock}
}

// CheckNodeName holds a name against the rules.
func CheckNodeName(name string) error {
	if name == "" || len(name) > maxNodeName || name == "." || name == ".." ||
		strings.ContainsAny(name, "/\x00") || !utf8.ValidString(name) {
		return objectv1.ErrNodeName
	}
	return nil
}

// sortKey is Node.Sort.
func sortKey(name string, folder bool) string {
	if folder {
		return name + "/"
	}
	return name
}

// NextName is the name to try after name was taken: "a.txt", "a (2).txt", "a (3).txt".
func NextName(name string) string { return nameAfter(name, 1) }

// nameAfter is the n-th name after name.
func nameAfter(name string, n int) string {
	stem, k, ext := nameParts(name)
	n += k
	suffix := fmt.Sprintf(" (%d)", n)
	if len(ext)+len(suffix) >= maxNodeName { // an extension as long as a name is none
		stem, ext = name, ""
	}
	for len(stem)+len(suffix)+len(ext) > maxNodeName {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	return stem + suffix + ext
}

// nameParts takes a name apart that has a number because another one was taken; of
// any other name that is 1.
func nameParts(name string) (stem string, number int, ext string) {
	stem = name
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		stem, ext = name[:i], name[i:]
	}
	if i := strings.LastIndex(stem, " ("); i > 0 && strings.HasSuffix(stem, ")") {
		if k, err := strconv.Atoi(stem[i+2 : len(stem)-1]); err == nil && k >= 2 && k < 1_000_000 {
			return stem[:i], k, ext
		}
	}
	return stem, 1, ext
}

// comesAfter reports whether name is one of those to try after taken.
func comesAfter(name, taken string) bool {
	_, k, _ := nameParts(name)
	_, from, _ := nameParts(taken)
	return k > from && nameAfter(taken, k-from) == name
}

// naming tries write under the node's name and, with rename, the names after it.
func (t *Tree) naming(n *Node, rename bool, write func() error) error {
	for range casAttempts {
		n.Sort = sortKey(n.Name, n.Folder)
		err := write()
		if !errors.Is(err, ErrTaken) {
			return err
		}
		if !rename {
			return objectv1.ErrNodeExists
		}
		n.Name = NextName(n.Name)
	}
	return errBusy
}

// folder checks that id is a folder of the account.
func (t *Tree) folder(ctx context.Context, account, id string) error {
	if id == Root {
		return nil
	}
	n, _, err := t.get(ctx, account, id)
	switch {
	case err == nil && !n.Folder:
		return objectv1.ErrNotAFolder
	case err == nil && n.State != "":
		return objectv1.ErrNodeNotFound
	}
	return err
}

func (t *Tree) get(ctx context.Context, account, id string) (Node, int64, error) {
	n, rev, err := t.nodes.Get(ctx, id)
	if errors.Is(err, ErrNoDocument) || err == nil && n.Account != account {
		return n, 0, objectv1.ErrNodeNotFound
	}
	return n, rev, err
}

// Move gives a node another parent, another name, or both. What lies in the trash
// is not found.
func (t *Tree) Move(ctx context.Context, account, id, parent, name string, rename bool) (Node, error) {
	return t.bring(ctx, account, id, arrival{parent: parent, name: name, rename: rename})
}

// MoveSeen is Move of a node as the caller saw it: errAgain says that it got another
// place or name since. Who changes only one of them would undo that.
func (t *Tree) MoveSeen(ctx context.Context, seen Node, parent, name string) (Node, error) {
	return t.bring(ctx, seen.Account, seen.ID, arrival{parent: parent, name: name, seen: &seen})
}

// Restore is Move for what lies in the trash, and for that alone.
func (t *Tree) Restore(ctx context.Context, account, id, parent, name string) (Node, error) {
	return t.bring(ctx, account, id, arrival{parent: parent, name: name, trashed: true})
}

// arrival is where a node is brought.
type arrival struct {
	parent, name string
	rename       bool
	trashed      bool  // it comes out of the trash
	seen         *Node // as whoever decided it saw the node; nil: whatever it is like
}

// stale reports whether the node is neither where it was seen nor where it is
// brought.
func (a arrival) stale(n Node) bool {
	return a.seen != nil && (n.Parent != a.seen.Parent || n.Name != a.seen.Name) && (n.Parent != a.parent || n.Name != a.name)
}

func (t *Tree) bring(ctx context.Context, account, id string, to arrival) (Node, error) {
	if err := CheckNodeName(to.name); err != nil {
		return Node{}, err
	}
	for range casAttempts {
		n, rev, err := t.get(ctx, account, id)
		if err == nil && (n.State != "" || to.trashed != (n.Parent == Trash)) {
			err = objectv1.ErrNodeNotFound
		}
		if err == nil && to.stale(n) {
			err = errAgain
		}
		if err != nil {
			return n, err
		}
		if err := t.folder(ctx, account, to.parent); err != nil {
			return n, err
		}
		if n.Folder && n.Parent != to.parent {
			n, err = t.moveFolder(ctx, n, Move{Node: id, Rev: rev, Parent: to.parent, Name: to.name}, to.rename)
		} else {
			t.arrive(&n, to.parent, to.name)
			err = t.naming(&n, to.rename, func() error { return t.nodes.Replace(ctx, n, rev) })
		}
		if errors.Is(err, ErrStale) {
			continue
		}
		return n, err
	}
	return Node{}, errBusy
}

// arrive gives a node its new place, and a time for the sweep, which looks whether
// the folder that it came into still stands.
func (t *Tree) arrive(n *Node, parent, name string) {
	now := t.clock().UTC().Truncate(time.Millisecond)
	n.Parent, n.Name, n.Sort = parent, name, sortKey(name, n.Folder)
	n.ModifiedAt, n.SweepAt, n.Trashed = now, now.Add(repairAfter), nil
	if !n.Folder {
		n.Files = n.Account
	}
	n.recount(now)
}

// nextSweep is when the sweep has to look at a node that nothing else is to be
// done for.
func (n Node) nextSweep() time.Time {
	if n.Trashed != nil && (n.ExpiresAt.IsZero() || n.Trashed.PurgeAt.Before(n.ExpiresAt)) {
		return n.Trashed.PurgeAt
	}
	return n.ExpiresAt
}

// moveFolder announces the move, finishes it, and takes the note away. Moves of
// others that stand there are finished first.
func (t *Tree) moveFolder(ctx context.Context, n Node, m Move, rename bool) (Node, error) {
	found, rev, err := t.nodes.Moving(ctx, n.Account)
	if err != nil {
		return n, err
	}
	if found != nil {
		if _, err := t.finish(ctx, n.Account, *found, rev); err != nil && !moveRefused(err) {
			return n, err
		}
		return n, ErrStale // and again
	}
	if err := t.nodes.SetMoving(ctx, n.Account, &m, rev); err != nil {
		return n, err
	}
	faultpoint.Hit("object.move.noted")
	moved, err := t.finish(ctx, n.Account, m, rev+1)
	if rename && errors.Is(err, objectv1.ErrNodeExists) {
		m.Name = NextName(m.Name)
		m.Rev++ // see refuse
		return t.moveFolder(ctx, n, m, rename)
	}
	return moved, err
}

// moveRefused reports that a move came to an end by being refused.
func moveRefused(err error) bool {
	return errors.Is(err, ErrStale) || errors.Is(err, objectv1.ErrNodeExists) || errors.Is(err, objectv1.ErrNodeCycle) ||
		errors.Is(err, objectv1.ErrNodeNotFound) || fault.KindOf(err) == fault.Invalid
}

// finish decides and carries out an announced move; rev is that of its note.
// Several may do it at once, and need not come to the same verdict: the revision of
// the node lets only one through.
func (t *Tree) finish(ctx context.Context, account string, m Move, rev int64) (Node, error) {
	n, found, err := t.get(ctx, account, m.Node)
	if err == nil && found != m.Rev {
		err = ErrStale
	}
	if err == nil {
		if err = t.outside(ctx, account, m.Parent, m.Node); err == nil {
			to := n
			t.arrive(&to, m.Parent, m.Name)
			if err = t.nodes.Replace(ctx, to, m.Rev); err == nil {
				n = to
			} else if errors.Is(err, ErrTaken) {
				err = objectv1.ErrNodeExists
			}
		}
		if err != nil && !errors.Is(err, ErrStale) && moveRefused(err) {
			err = t.refuse(ctx, n, m, err)
		}
	}
	if err != nil && !moveRefused(err) {
		return n, err // the note stays: the next one finishes it
	}
	if cleared := t.nodes.SetMoving(ctx, account, nil, rev); cleared != nil && !errors.Is(cleared, ErrStale) {
		return n, cleared
	}
	return n, err
}

// refuse ends a move: the node gets another revision, so that nobody carries the
// move out who came to another verdict, when the note is gone already. It gives the
// reason, or ErrStale when the move was decided by somebody else.
func (t *Tree) refuse(ctx context.Context, n Node, m Move, reason error) error {
	if err := t.nodes.Replace(ctx, n, m.Rev); err != nil {
		return err
	}
	return reason
}

// outside checks that folder does not lie in the node id, nor is it, nor is in the
// trash.
func (t *Tree) outside(ctx context.Context, account, folder, id string) error {
	for range maxDepth {
		if folder == Root {
			return nil
		}
		if folder == id {
			return objectv1.ErrNodeCycle
		}
		n, _, err := t.get(ctx, account, folder)
		if err != nil {
			return err
		}
		folder = n.Parent
	}
	return fault.ErrInvalid.Msgf("folders nest at most %d deep", maxDepth)
}

// seek is the sort key in a folder of path base from which paths can come after
// after: that of the child in which after lies.
func seek(base, after string) string {
	rest, ok := strings.CutPrefix(after, base)
	if !ok {
		return "" // all of the folder comes after
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[:i+1]
	}
	return rest
}
