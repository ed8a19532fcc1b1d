package domain

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"time"

	uploadv1 "github.com/sluicehq/sluice/contracts/upload/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// PlikState of a temporary upload:
//
//	            announced             RemovePlik
//	Create ► Making ──────► Open ─────────────────────► Removed ──files gone──► (no documents)
//	            │             └──time is up──► Expired ──files gone, a while later──▲
//	            └──no announcement comes─────────────────► Removed
//
// Only an Open one is there for others. From Removed and Expired on nobody begins
// a file any more, and the sweep ends those that are there.
type PlikState string

// The states.
const (
	PlikMaking  PlikState = "making"
	PlikOpen    PlikState = "open"
	PlikExpired PlikState = "expired" // its end is told of for a while
	PlikRemoved PlikState = "removed"
)

// Plik is the document of a temporary upload.
type Plik struct {
	ID      string
	Account string // of its owner, or objectv1.GuestAccount
	TokenID string // the upload token that it was made with
	State   PlikState

	TTL       int64 // seconds; not positive: it never ends
	ExtendTTL bool
	OneShot   bool
	Stream    bool
	Removable bool
	Comments  string
	SourceIP  string

	Secret     []byte // its token, sealed
	Credential []byte // code of the login and password; nil: there are none
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	DueAt      time.Time // when the sweep looks at it; zero: never

	Entries int              // files, whatever became of them
	Sizes   map[string]int64 // of those that are uploaded, by id
}

// Size is what is uploaded, bytes.
func (u Plik) Size() int64 {
	var n int64
	for _, size := range u.Sizes {
		n += size
	}
	return n
}

// PlikFile is the document of a file of a temporary upload:
//
//	Begin          Finish            Claim, removal
//	missing ► uploading ──► uploaded ──► removed ──data gone──► deleted
//	   │          │  └──End, lapse, removal──▲                    ▲
//	   └─removal──┴──a stream's end───────────────────────────────┘
//
// Every arrow is one compare-and-set of this document; the sizes in the upload
// follow it. A file that was cut off while it came in has a LateAt: its edge may
// be slow and commit the object when it has been deleted already, so it is
// deleted once more.
type PlikFile struct {
	Upload    string
	ID        string
	Account   string // as of the upload
	Index     int
	Name      string
	Status    uploadv1.PlikStatus
	MD5       string
	Type      string
	Size      int64
	Reference string
	CreatedAt time.Time
	Stream    bool

	Fence     string    // of who brings it
	LeaseTill time.Time // uploading
	Relay     string    // where a stream's bytes are
	Done      bool      // it was finished under Fence
	Over      int64     // the bound that it broke when it was to be finished
	Claim     string    // of who takes it out, once
	ClaimTill time.Time // while that goes on
	Read      bool      // of a stream: its reader said that it has ended

	LateAt time.Time
	DueAt  time.Time // when the sweep looks at it; zero: never
}

const (
	// plikLate is behind which no edge commits any more what it began before.
	plikLate = 20 * time.Minute
	// plikMaking is how long the next batch of an announcement may take.
	plikMaking = 2 * time.Minute
	// plikEpitaph is how long an expired upload is told of as such; Plik's cleaner
	// comes every 5 to 10 minutes (plik-wire.md 12).
	plikEpitaph = 10 * time.Minute
	// maxLife caps what is added to a time, so that the sum is one that JSON has.
	maxLife = 250 * 365 * 24 * time.Hour
)

// PlikOptions tune Pliks.
type PlikOptions struct {
	Retry time.Duration // after how long the sweep tries again
	Grace time.Duration // how long after its lease a file is left alone
}

// PlikDeps is what Pliks work with.
type PlikDeps struct {
	Store    PlikStore
	Objects  PlikObjects
	Accounts PlikAccounts
	Vault    PlikVault
	Meter    PlikMeter
	Clock    func() time.Time
	Log      *slog.Logger
}

// Pliks is upload's use cases of temporary uploads. It is safe for concurrent
// use, by any number of processes on one store.
type Pliks struct {
	o PlikOptions
	PlikDeps
	guesses *guesses
	wanted  chan struct{}
}

// NewPliks makes Pliks.
func NewPliks(o PlikOptions, d PlikDeps) *Pliks {
	return &Pliks{o, d, newGuesses(), make(chan struct{}, 1)}
}

// Wanted tells that there is something for the sweep before its time.
func (s *Pliks) Wanted() <-chan struct{} { return s.wanted }

func (s *Pliks) want() {
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}

// now is the time as documents keep it.
func (s *Pliks) now() time.Time { return s.Clock().UTC().Truncate(time.Millisecond) }

// plikEnd is when an upload of this life ends that is made, or looked at, now.
func plikEnd(now time.Time, ttl int64) time.Time {
	if ttl <= 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(min(ttl, int64(maxLife/time.Second))) * time.Second)
}

// standing says whether an upload is there for others.
func (u Plik) standing(now time.Time) error {
	switch {
	case u.State == PlikExpired, u.State == PlikOpen && u.expired(now):
		return uploadv1.ErrPlikExpired.Msgf("upload %s has expired", u.ID)
	case u.State != PlikOpen:
		return plikNotFound(u.ID)
	}
	return nil
}

func (u Plik) expired(now time.Time) bool { return !u.ExpiresAt.IsZero() && !now.Before(u.ExpiresAt) }

// open lets an upload be found.
func (u *Plik) open() { u.State, u.DueAt = PlikOpen, u.ExpiresAt }

// leave takes it away from everybody, at once.
func (u *Plik) leave(now time.Time) { u.State, u.DueAt = PlikRemoved, now }

func plikNotFound(id string) *fault.Error {
	return uploadv1.ErrPlikNotFound.Msgf("upload %s not found", id)
}

func plikFileNotFound(id string) error {
	return uploadv1.ErrPlikFileNotFound.Msgf("file %s not found", id)
}

// PlikKey is the key of a file's object.
func PlikKey(upload, file string) string { return upload + "/" + file }

// find reads an upload in whatever state.
func (s *Pliks) find(ctx context.Context, id string) (Plik, error) {
	u, err := s.Store.Plik(ctx, id)
	if errors.Is(err, ErrNoRecord) {
		return u, plikNotFound(id)
	}
	return u, err
}

// alphabet is of the ids and tokens (plik-wire.md 1).
const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// Lengths of ids and tokens.
const (
	plikID    = 16
	plikToken = 32
)

// letters writes n letters by bytes that more gives.
func letters(n int, more func() []byte) string {
	out := make([]byte, 0, n)
	for {
		for _, b := range more() {
			if len(out) == n {
				return string(out)
			}
			if int(b) < 256/len(alphabet)*len(alphabet) { // else the first letters would come more often
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
}

// newLetters gives n random ones.
func newLetters(n int) string {
	return letters(n, func() []byte {
		b := make([]byte, 2*n)
		_, _ = rand.Read(b) // never fails
		return b
	})
}

// plikFileID is the id of the file with an index. It follows from the upload's
// secret, so that whoever makes an entry again makes the same one; without the
// secret nobody can tell it from a random one.
func plikFileID(token string, index int) string {
	h, block := hmac.New(sha256.New, []byte(token)), uint32(0)
	return letters(plikID, func() []byte {
		h.Reset()
		_, _ = h.Write([]byte("plik file")) // never fails
		_, _ = h.Write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, uint64(index)), block))
		block++
		return h.Sum(nil)
	})
}
