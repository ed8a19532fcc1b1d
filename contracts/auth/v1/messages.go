package authv1

import (
	"time"

	"github.com/sluicehq/sluice/pkg/paging"
)

// Limits of a plan, in bytes (GB is 10^9).
type Limits struct {
	StorageBytes int64 `json:"storageBytes" bson:"storageBytes"` // logical bytes of all versions, parts and trash
	ObjectBytes  int64 `json:"objectBytes" bson:"objectBytes"`   // one object
	// ContainersPerDay and Links bound link containers; 0 sets no bound.
	ContainersPerDay int64 `json:"containersPerDay,omitempty" bson:"containersPerDay,omitempty"`
	Links            int64 `json:"links,omitempty" bson:"links,omitempty"` // of all containers together
}

// Account is an account as others may see it.
type Account struct {
	ID        string    `json:"id"`
	Username  string    `json:"username"`
	Email     string    `json:"email"`
	Admin     bool      `json:"admin,omitempty"`
	Disabled  bool      `json:"disabled,omitempty"`
	Plan      string    `json:"plan"`
	Limits    Limits    `json:"limits"`
	CreatedAt time.Time `json:"createdAt"`
	// Region is where new files of the drive live; empty: the first one.
	Region string `json:"region,omitempty"`
	// Identity is how the account is known to whoever vouches for it; of one with
	// a password of ours, ProviderLocal and the user name.
	Identity Identity   `json:"identity"`
	Name     string     `json:"name,omitempty"` // of the person
	Plik     PlikLimits `json:"plik"`
	// Number is the account's own in decimal, from a sequence that begins at
	// FirstAccountNumber (yetishare.md, account_id).
	Number int64 `json:"number,omitempty"`
	// LastLogin and LastLoginFrom are of the log-in before now, by whatever way.
	LastLogin     *time.Time `json:"lastLogin,omitempty"`
	LastLoginFrom string     `json:"lastLoginFrom,omitempty"` // an address
}

// FirstAccountNumber is the number of the first account.
const FirstAccountNumber = 100001

// Provider is who vouches for an account.
type Provider string

// The providers (plik-wire.md 13.5, plik.md).
const (
	ProviderLocal  Provider = "local"
	ProviderGoogle Provider = "google"
	ProviderOVH    Provider = "ovh"
	ProviderOIDC   Provider = "oidc"
)

// Identity names a person at a provider; there is one account of each.
type Identity struct {
	Provider Provider `json:"provider" bson:"provider"`
	Login    string   `json:"login" bson:"login"` // 1 to 254 bytes, as the provider writes it
}

// PlikLimits bound an account's temporary uploads; 0 is the server's default, a
// negative one is no bound (plik-wire.md 4.4).
type PlikLimits struct {
	MaxFileSize int64 `json:"maxFileSize,omitempty" bson:"maxFileSize,omitempty"` // bytes
	MaxUserSize int64 `json:"maxUserSize,omitempty" bson:"maxUserSize,omitempty"` // bytes of all
	MaxTTL      int64 `json:"maxTTL,omitempty" bson:"maxTTL,omitempty"`           // seconds
}

// Authenticated is whom a credential stands for.
type Authenticated struct {
	Account
	// TokenID and TokenKind are of the token that was presented, if it was one.
	TokenID   string    `json:"tokenId,omitempty"`
	TokenKind TokenKind `json:"tokenKind,omitempty"`
}

// Scope is one right of an access key.
type Scope string

// The scopes (lockwell.md, Tokens).
const (
	ScopeRead   Scope = "read"   // GET, HEAD, list
	ScopeWrite  Scope = "write"  // PUT, copy, multipart, tags
	ScopeDelete Scope = "delete" // DELETE, batchDelete
	ScopeAdmin  Scope = "admin"  // buckets, versioning, notifications, policies, retention, keys
)

// Grant is what a credential may do. Empty Buckets and Prefixes mean all.
type Grant struct {
	Scopes   []Scope  `json:"scopes" bson:"scopes"`
	Buckets  []string `json:"buckets,omitempty" bson:"buckets,omitempty"`
	Prefixes []string `json:"prefixes,omitempty" bson:"prefixes,omitempty"`
}

// Principal is the authenticated caller, as the edge hands it to the services,
// which authorise. The edge fills it; nothing in it comes from the request's body.
type Principal struct {
	AccountID string `json:"accountId"`
	Username  string `json:"username,omitempty"`
	KeyID     string `json:"keyId,omitempty"` // empty for account tokens and sessions, which may do all
	Admin     bool   `json:"admin,omitempty"`
	Grant     Grant  `json:"grant"`
	Limits    Limits `json:"limits"`
	Region    string `json:"region,omitempty"` // as in Account
	// System marks a caller that acts for the installation itself: what accounts
	// cannot name, such as objectv1.PlikBucket, is there for it alone. Services and
	// the edge set it; no credentials give it.
	System bool `json:"system,omitempty"`
}

// CreateAccountRequest asks for a new account. Username: 3–64 of [a-z0-9._-],
// not digits only; Password: at least 8 bytes.
type CreateAccountRequest struct {
	Username string `json:"username"`
	Email    string `json:"email"`
	Password string `json:"password"`
	Admin    bool   `json:"admin,omitempty"` // honoured only from the operator's connection, never set by the edge
	Source   string `json:"source,omitempty"`
}

// Session is an account with a fresh account token, which lives until revoked.
type Session struct {
	Token   string  `json:"token"`
	Account Account `json:"account"`
}

// LoginRequest carries a user name or an e-mail address, and the password; or for
// a TokenHosting both keys of a TokenKeyPair.
type LoginRequest struct {
	Key1       string `json:"key1,omitempty"`
	Key2       string `json:"key2,omitempty"`
	Identifier string `json:"identifier"`
	Password   string `json:"password"`
	Source     string `json:"source,omitempty"` // the client's address, for throttling
	// Kind and Name of the token; empty: TokenAPI without a name.
	Kind TokenKind `json:"kind,omitempty"`
	Name string    `json:"name,omitempty"`
	// Life of a TokenSession in seconds; 0: SessionLife.
	Life int64 `json:"life,omitempty"`
}

// EnterRequest is of somebody whom a provider has just vouched for.
type EnterRequest struct {
	Identity Identity `json:"identity"`
	Email    string   `json:"email,omitempty"` // taken over for a new account where nobody has it
	Name     string   `json:"name,omitempty"`
	// Create makes the account when there is none yet.
	Create bool   `json:"create,omitempty"`
	Life   int64  `json:"life,omitempty"` // of the session, seconds; 0: SessionLife
	Source string `json:"source,omitempty"`
}

// CreateUserRequest is an administrator's: an account that somebody else will
// use. A local one has a password and a user name of at least
// MinPlikLogin characters; others come in through Enter.
type CreateUserRequest struct {
	Actor    Principal  `json:"actor"`
	Identity Identity   `json:"identity"`
	Password string     `json:"password,omitempty"`
	Email    string     `json:"email,omitempty"`
	Name     string     `json:"name,omitempty"`
	Admin    bool       `json:"admin,omitempty"`
	Plik     PlikLimits `json:"plik"`
}

// MinPlikLogin is the least length of a login that an administrator gives
// (plik-wire.md 14.1).
const MinPlikLogin = 4

// UpdateUserRequest replaces what an account says of its person, and with an
// administrator as Actor what it may do. An empty Password stays, and so does any
// of an account that somebody else vouches for.
type UpdateUserRequest struct {
	Actor     Principal  `json:"actor"`
	AccountID string     `json:"accountId"`
	Name      string     `json:"name,omitempty"`
	Email     string     `json:"email,omitempty"`
	Admin     bool       `json:"admin,omitempty"`
	Plik      PlikLimits `json:"plik"`
	// Password ends all tokens of the account but Keep, as ChangePassword does.
	Password string `json:"password,omitempty"`
	Keep     string `json:"keep,omitempty"` // a token
}

// DeleteUserRequest names an account that ends without its password: by itself,
// or by an administrator.
type DeleteUserRequest struct {
	Actor     Principal `json:"actor"`
	AccountID string    `json:"accountId"`
	DryRun    bool      `json:"dryRun,omitempty"` // only decide whether it may be
}

// ListUsersRequest pages through the accounts by their time of creation.
type ListUsersRequest struct {
	Actor Principal      `json:"actor"`
	Page  paging.Request `json:"page"`
}

// ListUsersResponse is a page.
type ListUsersResponse struct {
	Accounts []Account    `json:"accounts"`
	Place    paging.Place `json:"place"`
}

// PageTokensRequest pages through an account's tokens of one kind by their time
// of creation.
type PageTokensRequest struct {
	AccountID string         `json:"accountId"`
	Kind      TokenKind      `json:"kind"`
	Page      paging.Request `json:"page"`
}

// PageTokensResponse is a page.
type PageTokensResponse struct {
	Tokens []AccountToken `json:"tokens"`
	Place  paging.Place   `json:"place"`
}

// AuthenticateRequest carries an account token, or a user name or e-mail address
// with the password; a token in the password's place is one too.
type AuthenticateRequest struct {
	Token      string `json:"token,omitempty"`
	Identifier string `json:"identifier,omitempty"`
	Password   string `json:"password,omitempty"`
	Source     string `json:"source,omitempty"` // the client's address, for throttling
	// Kind is that of the token, and with it only Token is looked at; empty: any but
	// TokenPlik, TokenAPIKey and TokenHosting, which open nothing else. A
	// TokenKeyPair opens nothing at all.
	Kind TokenKind `json:"kind,omitempty"`
}

// TokenKind is what an account token is for.
type TokenKind string

// The kinds of account tokens.
const (
	TokenAPI     TokenKind = "api"     // lives until it is revoked
	TokenSession TokenKind = "session" // of a browser; ends SessionLife after its login
	// TokenPlik is an upload token: a UUID, that lives until it is revoked and that
	// its owner may read again and again (plik-wire.md 14.2).
	TokenPlik TokenKind = "plik"
	// TokenAPIKey is the one key of an account for X-API-Key (locknex.md), that
	// RotateToken makes anew.
	TokenAPIKey TokenKind = "api_key"
	// TokenHosting is 128 of [A-Za-z0-9] and ends HostingIdle after it was last used
	// (yetishare.md, /authorize).
	TokenHosting TokenKind = "hosting"
	// TokenKeyPair is the one pair of keys of an account, 64 of [A-Za-z0-9] each, one
	// behind the other, for which Login gives a TokenHosting; RotateToken makes it, and
	// with the pair before ends what that one was exchanged for.
	TokenKeyPair TokenKind = "key_pair"
)

// HostingIdle is how long a TokenHosting holds without being used. Uses are noted
// to the minute.
const HostingIdle = time.Hour

// SessionLife is how long a browser stays logged in.
const SessionLife = 30 * 24 * time.Hour

// AccountToken is a token as its owner sees it, without its secret.
type AccountToken struct {
	ID        string     `json:"id"` // tok_ and 16 characters; names it and gives no right
	Kind      TokenKind  `json:"kind"`
	Name      string     `json:"name,omitempty"` // 64 characters at most; of TokenPlik MaxComment bytes
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	// Secret is the token itself, of TokenPlik only, in the answers of CreateToken
	// and PageTokens.
	Secret string `json:"secret,omitempty"`
}

// MaxComment bounds the name of a TokenPlik, bytes.
const MaxComment = 1024

// CreateTokenRequest asks for a token of an account.
type CreateTokenRequest struct {
	AccountID string    `json:"accountId"`
	Kind      TokenKind `json:"kind,omitempty"`
	Name      string    `json:"name,omitempty"`
}

// CreatedToken is a token with its secret, which is in this answer and never again.
type CreatedToken struct {
	AccountToken
	Token string `json:"token"`
}

// ListTokensRequest names the account; Token, if given, is marked as Current.
type ListTokensRequest struct {
	AccountID string `json:"accountId"`
	Token     string `json:"token,omitempty"`
}

// ListTokensResponse is all tokens that hold, newest first, as far as they fit into
// one message: only some thousand with long names do not. Current is the id of
// the token that the request was made with.
type ListTokensResponse struct {
	Tokens  []AccountToken `json:"tokens"`
	Current string         `json:"current,omitempty"`
}

// RotateTokenRequest asks for a new token of a kind of which an account has one:
// TokenAPIKey, TokenKeyPair.
type RotateTokenRequest struct {
	AccountID string    `json:"accountId"`
	Kind      TokenKind `json:"kind"`
}

// RevokeTokenRequest names a token of an account, by its id or by itself; a
// TokenKeyPair by its id, since both its keys look like a TokenHosting.
type RevokeTokenRequest struct {
	AccountID string `json:"accountId,omitempty"`
	TokenID   string `json:"tokenId,omitempty"`
	Token     string `json:"token,omitempty"`
}

// ChangePasswordRequest carries both passwords. All tokens of the account end
// with the old one, but for Keep.
type ChangePasswordRequest struct {
	AccountID string `json:"accountId"`
	Current   string `json:"current"`
	New       string `json:"new"`
	Keep      string `json:"keep,omitempty"` // a token
	Source    string `json:"source,omitempty"`
	// Operator needs no current password; honoured only from the operator's
	// connection, never set by the edge.
	Operator bool `json:"operator,omitempty"`
}

// DeleteAccountRequest names the account and proves the wish by its password.
type DeleteAccountRequest struct {
	AccountID string `json:"accountId"`
	Password  string `json:"password"`
	Source    string `json:"source,omitempty"`
	// DryRun only checks the password.
	DryRun bool `json:"dryRun,omitempty"`
	// Operator needs no password; honoured only from the operator's connection,
	// never set by the edge.
	Operator bool `json:"operator,omitempty"`
}

// SetAccountRequest changes what is not empty. Plan and Admin are honoured only
// from the operator's connection, never set by the edge.
type SetAccountRequest struct {
	AccountID string `json:"accountId"`
	Plan      string `json:"plan,omitempty"`
	Admin     *bool  `json:"admin,omitempty"`
	Region    string `json:"region,omitempty"`
}

// Empty is an answer without content.
type Empty struct{}

// GetAccountRequest names an account by one of its fields.
type GetAccountRequest struct {
	ID       string    `json:"id,omitempty"`
	Username string    `json:"username,omitempty"`
	Identity *Identity `json:"identity,omitempty"`
	Number   int64     `json:"number,omitempty"`
}

// ListAccountsRequest pages: After is the last user name of the page before.
type ListAccountsRequest struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// ListAccountsResponse is a page, sorted by user name.
type ListAccountsResponse struct {
	Accounts []Account `json:"accounts"`
	More     bool      `json:"more,omitempty"`
}

// SetAccountDisabledRequest names an account by id.
type SetAccountDisabledRequest struct {
	AccountID string `json:"accountId"`
	Disabled  bool   `json:"disabled"`
}

// AccessKey is a key without its secret.
type AccessKey struct {
	ID        string     `json:"accessKeyId"` // LWAK + 16 upper-case base32 characters
	AccountID string     `json:"accountId"`
	Grant     Grant      `json:"grant"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	CreatedAt time.Time  `json:"createdAt"`
	RevokedAt *time.Time `json:"revokedAt,omitempty"`
}

// AccessKeyWithSecret is a fresh key; Secret is 40 characters.
type AccessKeyWithSecret struct {
	AccessKey
	Secret string `json:"secretKey"`
}

// CreateAccessKeyRequest asks for a key of an account.
type CreateAccessKeyRequest struct {
	AccountID string     `json:"accountId"`
	Grant     Grant      `json:"grant"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// ListAccessKeysRequest names the account.
type ListAccessKeysRequest struct {
	AccountID string `json:"accountId"`
}

// ListAccessKeysResponse is all keys of the account, revoked ones included.
type ListAccessKeysResponse struct {
	Keys []AccessKey `json:"keys"`
}

// RevokeAccessKeyRequest names a key of an account.
type RevokeAccessKeyRequest struct {
	AccountID string `json:"accountId"`
	KeyID     string `json:"keyId"`
}

// MintAccessTokenRequest carries an access key in the clear.
type MintAccessTokenRequest struct {
	KeyID  string `json:"keyId"`
	Secret string `json:"secret"`
	Source string `json:"source,omitempty"`
}

// AccessToken is a minted lwtk_ token.
type AccessToken struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expiresAt"`
	AccountID string    `json:"accountId"`
}

// TokenClaims is the payload of a lwtk_ token, signed under PurposeAccessToken.
type TokenClaims struct {
	KeyID     string `json:"kid"`
	AccountID string `json:"tid"`
	IssuedAt  int64  `json:"iat"` // Unix seconds
	ExpiresAt int64  `json:"exp"`
}

// Names that auth and the edges share.
const (
	TokenPrefix        = "lwtk_"
	PurposeAccessToken = "lockwell-access-token" // HKDF purpose of the tokens' HMAC
	KeyStateBucket     = "authstate"             // KV bucket of KeyState and AccountState
	BeatSubject        = "auth.v1.beat"          // core NATS, every BeatInterval
)

// How fast a revocation is known: an edge that has heard no beat for BeatStale,
// or that is behind the sequence in it, asks auth for each request
// (architecture.md, Consistency: Revocation).
const (
	BeatInterval = 250 * time.Millisecond
	BeatStale    = 750 * time.Millisecond
)

// Beat is what auth says on BeatSubject: the last sequence of the KV bucket's stream.
type Beat struct {
	Sequence uint64 `json:"sequence"`
}

// KeyState is the value of KV key "key.<access key id>". A reader keeps the one
// with the highest Revision.
type KeyState struct {
	KeyID     string     `json:"keyId"`
	AccountID string     `json:"accountId"`
	Active    bool       `json:"active"`
	Grant     Grant      `json:"grant"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	Revision  int64      `json:"revision"`
}

// AccountState is the value of KV key "account.<account id>".
type AccountState struct {
	AccountID string    `json:"accountId"`
	Username  string    `json:"username"`
	Active    bool      `json:"active"`
	Admin     bool      `json:"admin,omitempty"`
	Limits    Limits    `json:"limits"`
	NotBefore time.Time `json:"notBefore"` // whole seconds; tokens issued before it do not hold
	Region    string    `json:"region,omitempty"`
	Revision  int64     `json:"revision"`
}

// KeyStateRequest names a key.
type KeyStateRequest struct {
	KeyID string `json:"keyId"`
}

// KeyStateResponse is the state of both; Found is false for an unknown key.
type KeyStateResponse struct {
	Found   bool         `json:"found"`
	Key     KeyState     `json:"key"`
	Account AccountState `json:"account"`
}
