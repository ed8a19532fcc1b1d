// Package authv1 is the contract of the auth service: accounts, account tokens,
// access keys, and who a caller is. It imports only pkg.
package authv1

import "context"

// Service is auth. Every method may return ErrUnavailable-kind faults of the
// transport besides the codes named; all take their deadline from ctx.
type Service interface {
	// CreateAccount makes an account and its first account token. Called by the
	// edge for sign-up and by the operator's CLI. Codes: invalid_request,
	// auth.username_taken, auth.email_taken, and with a Source auth.throttled (with
	// RetryAfter). Not idempotent: a repeat answers
	// that the name is taken.
	CreateAccount(ctx context.Context, r CreateAccountRequest) (Session, error)
	// Login exchanges a password for a new account token, or a key pair for a
	// TokenHosting. Unknown name, wrong password and wrong keys give the same
	// auth.bad_credentials; a disabled account too. It is noted as Account.LastLogin,
	// of which the answer has the one before. Codes: invalid_request,
	// auth.throttled (with RetryAfter), auth.too_many_tokens.
	Login(ctx context.Context, r LoginRequest) (Session, error)
	// Authenticate says whom an account token, or a name and password, stands for.
	// Codes: auth.bad_token, auth.bad_credentials, auth.throttled (with RetryAfter).
	Authenticate(ctx context.Context, r AuthenticateRequest) (Authenticated, error)
	// GetAccount looks an account up by id, by name, by identity or by number. Codes: auth.account_not_found.
	GetAccount(ctx context.Context, r GetAccountRequest) (Account, error)
	// ListAccounts pages through all accounts by user name; for operators.
	ListAccounts(ctx context.Context, r ListAccountsRequest) (ListAccountsResponse, error)
	// SetAccountDisabled switches an account off or on again. It answers when
	// every edge can know; unavailable means that it is done but not known
	// everywhere yet. Disabling ends all tokens for good; access keys work again
	// after enabling. Idempotent. Codes: auth.account_not_found.
	SetAccountDisabled(ctx context.Context, r SetAccountDisabledRequest) (Account, error)

	// CreateAccessKey makes a key; its secret is in this answer and never again
	// but through MintAccessToken's comparison. Codes: invalid_request,
	// auth.account_not_found, auth.too_many_keys.
	CreateAccessKey(ctx context.Context, r CreateAccessKeyRequest) (AccessKeyWithSecret, error)
	// ListAccessKeys gives an account's keys, newest first, without secrets.
	ListAccessKeys(ctx context.Context, r ListAccessKeysRequest) (ListAccessKeysResponse, error)
	// RevokeAccessKey ends a key. It answers when every edge can know (the key
	// state's PubAck); unavailable means that the key is revoked but that this is
	// not known everywhere yet. Idempotent. Codes: auth.key_not_found, also for another account's key.
	RevokeAccessKey(ctx context.Context, r RevokeAccessKeyRequest) (AccessKey, error)
	// MintAccessToken exchanges key id and secret for a lwtk_ token (lockwell.md,
	// Tokens). Unknown key and wrong secret give the same auth.bad_credentials.
	// Codes: auth.throttled (with RetryAfter).
	MintAccessToken(ctx context.Context, r MintAccessTokenRequest) (AccessToken, error)
	// KeyState tells the current state of a key and its account, from the
	// documents themselves: what an edge asks while it cannot trust its copy.
	// An unknown key is a state, not an error.
	KeyState(ctx context.Context, r KeyStateRequest) (KeyStateResponse, error)

	// CreateToken makes an account token. Codes: invalid_request,
	// auth.account_not_found, auth.too_many_tokens.
	CreateToken(ctx context.Context, r CreateTokenRequest) (CreatedToken, error)
	// ListTokens gives an account's tokens that hold.
	ListTokens(ctx context.Context, r ListTokensRequest) (ListTokensResponse, error)
	// RevokeToken ends a token at once. Idempotent. Codes: auth.token_not_found,
	// also for another account's.
	RevokeToken(ctx context.Context, r RevokeTokenRequest) (Empty, error)
	// ChangePassword sets a new password. Codes: auth.bad_credentials, also for an
	// unknown account, auth.throttled, invalid_request.
	ChangePassword(ctx context.Context, r ChangePasswordRequest) (Account, error)
	// DeleteAccount ends an account, its tokens and its keys for good, and frees its
	// names. What it stores is object's: CloseAccount comes first. It answers when
	// every edge can know. Codes: auth.bad_credentials, auth.throttled.
	DeleteAccount(ctx context.Context, r DeleteAccountRequest) (Empty, error)
	// SetAccount changes plan, region or rights. Codes: auth.account_not_found,
	// auth.unknown_plan, invalid_request.
	SetAccount(ctx context.Context, r SetAccountRequest) (Account, error)

	// Enter logs somebody in whom a provider has vouched for, by a TokenSession;
	// ProviderLocal is refused. Codes: invalid_request, auth.account_not_found
	// (without Create), auth.bad_credentials (it is disabled),
	// auth.too_many_tokens, auth.throttled (with RetryAfter).
	Enter(ctx context.Context, r EnterRequest) (Session, error)
	// CreateUser makes an account for somebody else. The actor's rights are read
	// from its account. Codes: auth.not_admin, auth.username_taken (any identity),
	// auth.email_taken, invalid_request.
	CreateUser(ctx context.Context, r CreateUserRequest) (Account, error)
	// UpdateUser replaces what an account says. Codes: auth.not_admin (another's
	// account), auth.own_rights, auth.own_limits, auth.last_admin (nobody would be
	// left), auth.account_not_found, auth.email_taken, invalid_request.
	UpdateUser(ctx context.Context, r UpdateUserRequest) (Account, error)
	// DeleteUser ends an account as DeleteAccount does. Codes: auth.not_admin,
	// auth.account_not_found.
	DeleteUser(ctx context.Context, r DeleteUserRequest) (Empty, error)
	// ListUsers pages through all accounts, as PageTokens does. Codes: auth.not_admin, those of
	// pkg/paging.
	ListUsers(ctx context.Context, r ListUsersRequest) (ListUsersResponse, error)
	// PageTokens pages through an account's tokens of a kind that hold; a page is
	// shorter than asked for when it would not fit into a message, and says that
	// more follow. Codes: auth.account_not_found, invalid_request, those of
	// pkg/paging.
	PageTokens(ctx context.Context, r PageTokensRequest) (PageTokensResponse, error)
	// RotateToken makes a new token and ends the one before in the same moment. Codes:
	// invalid_request (another kind), auth.account_not_found.
	RotateToken(ctx context.Context, r RotateTokenRequest) (CreatedToken, error)
}
