package uploadv1

import (
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/blob"
)

// Limits of a resumable session (lockr.md, Uploads).
const (
	SessionLeaseTime = 10 * time.Second // of a writer; renewed by each Append
	// SessionUnit is the bytes of a content, but for the tail: one whole segment.
	SessionUnit = blob.DefaultSegmentSize
	// MaxSessionContents bounds a session to some 137 GB, and the list of its
	// contents to what one message takes.
	MaxSessionContents = 16_384
	// MaxAppend is how many contents one Append may bring.
	MaxAppend = 64
	// MaxSessionExtra bounds Session.Extra, bytes of names and values.
	MaxSessionExtra = 8 << 10
)

// Session is a resumable upload: one object that comes in pieces, in order, over
// any number of connections. What Offset says is durable.
type Session struct {
	ID         string    `json:"id"` // for logs; it gives no right
	AccountID  string    `json:"accountId"`
	NodeID     string    `json:"nodeId,omitempty"` // of the file that it will be, in the drive
	Bucket     string    `json:"bucket"`
	Key        string    `json:"key"`
	Region     string    `json:"region"`
	KeyDomain  string    `json:"keyDomain"`
	Type       string    `json:"type,omitempty"`
	Size       int64     `json:"size"`               // -1 until it is known
	MaxSize    int64     `json:"maxSize"`            // bytes
	Offset     int64     `json:"offset"`             // bytes that are durable
	Midstate   []byte    `json:"midstate,omitempty"` // of the writer's hashes at Offset; upload only keeps it
	CreatedAt  time.Time `json:"createdAt"`
	ExpiresAt  time.Time `json:"expiresAt"`
	KeyHash    []byte    `json:"keyHash,omitempty"`    // of the file
	FileExpiry time.Time `json:"fileExpiry,omitempty"` // of the file; zero: never
	// Extra is what the dialect keeps with it, MaxSessionExtra bytes at most.
	Extra map[string]string `json:"extra,omitempty"`
	// Result is there when the object is committed.
	Result *objectv1.Object `json:"result,omitempty"`
}

// CreateSessionRequest says what the object will be, beside its bytes. Size -1
// means unknown.
type CreateSessionRequest struct {
	Principal authv1.Principal      `json:"principal"`
	Bucket    string                `json:"bucket"`
	Key       string                `json:"key"`
	Size      int64                 `json:"size"`
	Region    string                `json:"region,omitempty"`
	Metadata  objectv1.Metadata     `json:"metadata"`
	File      *objectv1.FileOptions `json:"file,omitempty"`
	Extra     map[string]string     `json:"extra,omitempty"`
	Origin    objectv1.Origin       `json:"origin"`
}

// CreatedSession is a session with its secret, which is in this answer and never
// again: whoever knows it may do everything with the session.
type CreatedSession struct {
	Session
	Secret string `json:"secret"` // 43 characters of base64url
}

// SessionRequest names a session by its secret.
type SessionRequest struct {
	Secret string `json:"secret"`
}

// AcquireSessionRequest asks to write. Size is the total if the writer knows it
// now, else -1; once known it may not change.
type AcquireSessionRequest struct {
	Secret string `json:"secret"`
	Size   int64  `json:"size"`
}

// SessionLease is the right to write until LeaseTill, or until somebody else
// has it: Fence is in every later request, and only the latest one counts.
type SessionLease struct {
	Session
	Fence     int64     `json:"fence"`
	LeaseTill time.Time `json:"leaseTill"`
	// Tail is the last content if it is shorter than SessionUnit. The next Append
	// should bring its bytes again, with those that follow, in its place.
	Tail *SessionContent `json:"tail,omitempty"`
}

// SessionContent is a stretch of the object's bytes.
type SessionContent struct {
	ContentID  string        `json:"contentId"` // by objectv1.NewContentID; the same again is a repeat
	Manifest   blob.Manifest `json:"manifest"`
	Compressed bool          `json:"compressed,omitempty"`
}

// AppendSessionRequest brings what follows the bytes at Offset, which is the
// session's offset, or that of the start of its tail when it takes the place of
// the tail.
type AppendSessionRequest struct {
	Secret   string           `json:"secret"`
	Fence    int64            `json:"fence"`
	Offset   int64            `json:"offset"`
	Contents []SessionContent `json:"contents"` // 1–MaxAppend, each but the last of SessionUnit bytes
	Midstate []byte           `json:"midstate"` // behind them
}

// ReleaseSessionRequest gives the lease back before its time.
type ReleaseSessionRequest struct {
	Secret string `json:"secret"`
	Fence  int64  `json:"fence"`
}

// FinishSessionRequest commits the object: all bytes are there.
type FinishSessionRequest struct {
	Secret     string                    `json:"secret"`
	Fence      int64                     `json:"fence"`
	Size       int64                     `json:"size"`
	Digests    map[blob.Algorithm][]byte `json:"digests"` // of the whole content
	Compressed bool                      `json:"compressed,omitempty"`
}
