package authv1

import (
	"context"

	"github.com/sluicehq/sluice/pkg/rpc"
)

// Client calls auth over NATS. It is the mirror image of Register.
type Client struct {
	rpc *rpc.Client
}

var _ Service = (*Client)(nil)

// NewClient gives a Service whose methods are calls through c.
func NewClient(c *rpc.Client) Service { return &Client{rpc: c} }

// CreateAccount implements Service.
func (c *Client) CreateAccount(ctx context.Context, r CreateAccountRequest) (Session, error) {
	return rpc.Call(ctx, c.rpc, CreateAccount, r)
}

// Login implements Service.
func (c *Client) Login(ctx context.Context, r LoginRequest) (Session, error) {
	return rpc.Call(ctx, c.rpc, Login, r)
}

// Authenticate implements Service.
func (c *Client) Authenticate(ctx context.Context, r AuthenticateRequest) (Authenticated, error) {
	return rpc.Call(ctx, c.rpc, Authenticate, r)
}

// GetAccount implements Service.
func (c *Client) GetAccount(ctx context.Context, r GetAccountRequest) (Account, error) {
	return rpc.Call(ctx, c.rpc, GetAccount, r)
}

// ListAccounts implements Service.
func (c *Client) ListAccounts(ctx context.Context, r ListAccountsRequest) (ListAccountsResponse, error) {
	return rpc.Call(ctx, c.rpc, ListAccounts, r)
}

// SetAccountDisabled implements Service.
func (c *Client) SetAccountDisabled(ctx context.Context, r SetAccountDisabledRequest) (Account, error) {
	return rpc.Call(ctx, c.rpc, SetAccountDisabled, r)
}

// CreateAccessKey implements Service.
func (c *Client) CreateAccessKey(ctx context.Context, r CreateAccessKeyRequest) (AccessKeyWithSecret, error) {
	return rpc.Call(ctx, c.rpc, CreateAccessKey, r)
}

// ListAccessKeys implements Service.
func (c *Client) ListAccessKeys(ctx context.Context, r ListAccessKeysRequest) (ListAccessKeysResponse, error) {
	return rpc.Call(ctx, c.rpc, ListAccessKeys, r)
}

// RevokeAccessKey implements Service.
func (c *Client) RevokeAccessKey(ctx context.Context, r RevokeAccessKeyRequest) (AccessKey, error) {
	return rpc.Call(ctx, c.rpc, RevokeAccessKey, r)
}

// MintAccessToken implements Service.
func (c *Client) MintAccessToken(ctx context.Context, r MintAccessTokenRequest) (AccessToken, error) {
	return rpc.Call(ctx, c.rpc, MintAccessToken, r)
}

// KeyState implements Service.
func (c *Client) KeyState(ctx context.Context, r KeyStateRequest) (KeyStateResponse, error) {
	return rpc.Call(ctx, c.rpc, KeyStateOf, r)
}

// CreateToken implements Service.
func (c *Client) CreateToken(ctx context.Context, r CreateTokenRequest) (CreatedToken, error) {
	return rpc.Call(ctx, c.rpc, CreateToken, r)
}

// ListTokens implements Service.
func (c *Client) ListTokens(ctx context.Context, r ListTokensRequest) (ListTokensResponse, error) {
	return rpc.Call(ctx, c.rpc, ListTokens, r)
}

// RevokeToken implements Service.
func (c *Client) RevokeToken(ctx context.Context, r RevokeTokenRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, RevokeToken, r)
}

// ChangePassword implements Service.
func (c *Client) ChangePassword(ctx context.Context, r ChangePasswordRequest) (Account, error) {
	return rpc.Call(ctx, c.rpc, ChangePassword, r)
}

// DeleteAccount implements Service.
func (c *Client) DeleteAccount(ctx context.Context, r DeleteAccountRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, DeleteAccount, r)
}

// SetAccount implements Service.
func (c *Client) SetAccount(ctx context.Context, r SetAccountRequest) (Account, error) {
	return rpc.Call(ctx, c.rpc, SetAccount, r)
}

// Enter implements Service.
func (c *Client) Enter(ctx context.Context, r EnterRequest) (Session, error) {
	return rpc.Call(ctx, c.rpc, Enter, r)
}

// CreateUser implements Service.
func (c *Client) CreateUser(ctx context.Context, r CreateUserRequest) (Account, error) {
	return rpc.Call(ctx, c.rpc, CreateUser, r)
}

// UpdateUser implements Service.
func (c *Client) UpdateUser(ctx context.Context, r UpdateUserRequest) (Account, error) {
	return rpc.Call(ctx, c.rpc, UpdateUser, r)
}

// DeleteUser implements Service.
func (c *Client) DeleteUser(ctx context.Context, r DeleteUserRequest) (Empty, error) {
	return rpc.Call(ctx, c.rpc, DeleteUser, r)
}

// ListUsers implements Service.
func (c *Client) ListUsers(ctx context.Context, r ListUsersRequest) (ListUsersResponse, error) {
	return rpc.Call(ctx, c.rpc, ListUsers, r)
}

// PageTokens implements Service.
func (c *Client) PageTokens(ctx context.Context, r PageTokensRequest) (PageTokensResponse, error) {
	return rpc.Call(ctx, c.rpc, PageTokens, r)
}

// RotateToken implements Service.
func (c *Client) RotateToken(ctx context.Context, r RotateTokenRequest) (CreatedToken, error) {
	return rpc.Call(ctx, c.rpc, RotateToken, r)
}
