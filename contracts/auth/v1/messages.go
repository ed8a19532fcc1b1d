package authv1

import "time"

// Limits of a plan, in bytes (GB is 10^9).
type Limits struct {
	StorageBytes int64 `json:"storageBytes" bson:"storageBytes"` // logical bytes of all versions, parts and trash
	ObjectBytes  int64 `json:"objectBytes" bson:"objectBytes"`   // one object
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

// LoginRequest carries a user name or an e-mail address, and the password.
type LoginRequest struct {
	Identifier string `json:"identifier"`
	Password   string `json:"password"`
	Source     string `json:"source,omitempty"` // the client's address, for throttling
	// Kind and Name of the token; empty: TokenAPI without a name.
	Kind TokenKind `json:"kind,omitempty"`
	Name string    `json:"name,omitempty"`
}

// AuthenticateRequest carries an account token, or a user name or e-mail address
// with the password; a token in the password's place is one too.
type AuthenticateRequest struct {
	Token      string `json:"token,omitempty"`
	Identifier string `json:"identifier,omitempty"`
	Password   string `json:"password,omitempty"`
	Source     string `json:"source,omitempty"` // the client's address, for throttling
}

// TokenKind is what an account token is for.
type TokenKind string

// The kinds of account tokens.
const (
	TokenAPI     TokenKind = "api"     // lives until it is revoked
	TokenSession TokenKind = "session" // of a browser; ends SessionLife after its login
)

// SessionLife is how long a browser stays logged in.
const SessionLife = 30 * 24 * time.Hour

// AccountToken is a token as its owner sees it, without its secret.
type AccountToken struct {
	ID        string     `json:"id"` // tok_ and 16 characters; names it and gives no right
	Kind      TokenKind  `json:"kind"`
	Name      string     `json:"name,omitempty"` // 64 characters at most
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

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

// ListTokensResponse is all tokens that hold, newest first. Current is the id of
// the token that the request was made with.
type ListTokensResponse struct {
	Tokens  []AccountToken `json:"tokens"`
	Current string         `json:"current,omitempty"`
}

// RevokeTokenRequest names a token of an account, by its id or by itself.
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

// SetAccountRequest changes what is not empty. Plan is honoured only from the
// operator's connection, never set by the edge.
type SetAccountRequest struct {
	AccountID string `json:"accountId"`
	Plan      string `json:"plan,omitempty"`
	Region    string `json:"region,omitempty"`
}

// Empty is an answer without content.
type Empty struct{}

// GetAccountRequest names an account by one of its fields.
type GetAccountRequest struct {
	ID       string `json:"id,omitempty"`
	Username string `json:"username,omitempty"`
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
