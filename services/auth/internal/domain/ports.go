package domain

import (
	"context"
	"errors"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/paging"
)

// What ports answer beside success. Compare with errors.Is.
var (
	ErrNoDocument = errors.New("no such document")
	ErrTaken      = errors.New("a unique field is taken")
)

// Accounts keeps account documents. Every write carries the account's new state
// for the edges in the same statement; Flush waits until that is out.
type Accounts interface {
	Insert(ctx context.Context, a Account) (Account, error) // ErrTaken: user name, e-mail, identity or number
	Get(ctx context.Context, id string) (Account, error)
	ByUsername(ctx context.Context, username string) (Account, error)
	ByEmail(ctx context.Context, emailKey string) (Account, error)
	// ByIdentity finds an account that somebody else vouches for.
	ByIdentity(ctx context.Context, id authv1.Identity) (Account, error)
	// ByAPIKey finds an account by the keyed hash of its API key.
	ByAPIKey(ctx context.Context, hash string) (Account, error)
	// ByKeyPair finds an account by the keyed hash of its key pair.
	ByKeyPair(ctx context.Context, hash string) (Account, error)
	// ByNumber finds an account by its number.
	ByNumber(ctx context.Context, number int64) (Account, error)
	// All gives accounts by their time of creation, behind the place that the page
	// before told; next is empty behind the last one.
	All(ctx context.Context, after string, limit int) (page []Account, next string, err error)
	// Page gives accounts by their time of creation, as many as fit into a message.
	Page(ctx context.Context, r paging.Request) ([]Account, paging.Place, error)
	// Admins gives some of the accounts with administrator rights.
	Admins(ctx context.Context, limit int) ([]Account, error)
	// List gives accounts by user name, behind after; more tells that others follow.
	List(ctx context.Context, after string, limit int) (page []Account, more bool, err error)
	// Update reads, changes and writes back until no other writer comes between;
	// a change that returns false writes nothing. ErrTaken: e-mail.
	Update(ctx context.Context, id string, change func(a *Account) bool) (Account, error)
	// Note is Update for what the edges need not know: no state goes out.
	Note(ctx context.Context, id string, change func(a *Account) bool) (Account, error)
	// Numbers takes n numbers that nobody else gets, from first on.
	Numbers(ctx context.Context, n int) (first int64, err error)
	// Flush returns when the edges can know of all that was written to the document.
	Flush(ctx context.Context, id string) error
	// Ended gives some of the accounts that have a DeletedAt.
	Ended(ctx context.Context, limit int) ([]Account, error)
	// Delete removes an account and frees its names.
	Delete(ctx context.Context, id string) error
}

// Tokens keeps account tokens by their keyed hash.
type Tokens interface {
	Insert(ctx context.Context, t Token) error
	Get(ctx context.Context, id string) (Token, error)
	Delete(ctx context.Context, id string) error
	List(ctx context.Context, accountID string) ([]Token, error) // newest first
	Count(ctx context.Context, accountID string) (int, error)
	// Update is that of Accounts.
	Update(ctx context.Context, id string, change func(t *Token) bool) (Token, error)
	// Stale gives some of the tokens whose PurgeAt is before now.
	Stale(ctx context.Context, now time.Time, limit int) ([]Token, error)
}

// Keys keeps access keys; writes and Flush as in Accounts.
type Keys interface {
	Insert(ctx context.Context, k Key) (Key, error)
	Get(ctx context.Context, id string) (Key, error)
	List(ctx context.Context, accountID string) ([]Key, error) // newest first
	Count(ctx context.Context, accountID string) (int, error)
	Update(ctx context.Context, id string, change func(k *Key) bool) (Key, error)
	Delete(ctx context.Context, id string) error
	Flush(ctx context.Context, id string) error
}

// Vault does what needs the master key.
type Vault interface {
	// TokenIDs gives the keyed hashes of an account token, the one to store first.
	TokenIDs(token string) []string
	// Seal and Open keep the secret of a document, whose id is bound to it.
	Seal(id, secret string) ([]byte, error)
	Open(id string, sealed []byte) (string, error)
	// Mint signs a lwtk_ token.
	Mint(c authv1.TokenClaims) (string, error)
}
