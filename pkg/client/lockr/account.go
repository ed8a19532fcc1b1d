package lockr

import (
	"context"
	"net/http"
	"time"
)

// Account is an account and what it uses.
type Account struct {
	ID            string    `json:"id"`
	Username      string    `json:"username"`
	Email         string    `json:"email"`
	Plan          string    `json:"plan"`
	Quota         int64     `json:"quota"` // bytes
	Used          int64     `json:"used"`
	MaxFileSize   int64     `json:"maxFileSize"`
	DefaultRegion string    `json:"defaultRegion"`
	CreatedAt     time.Time `json:"createdAt"`
}

// Login is an account with a token of it.
type Login struct {
	Token   string  `json:"token"` // lives until it is revoked
	Account Account `json:"account"`
}

// Login exchanges a user name or e-mail address and a password for a token, which
// tokenName names in the account's list of tokens. The client itself stays who it
// was: see WithToken. Not repeated: ErrUnauthorized, ErrRateLimited.
func (c *Client) Login(ctx context.Context, identifier, password, tokenName string) (Login, error) {
	in := struct {
		Identifier string `json:"identifier"`
		Password   string `json:"password"`
		Name       string `json:"name,omitempty"`
	}{identifier, password, tokenName}
	var out Login
	err := c.WithToken("").json(ctx, request{op: "log in", method: http.MethodPost, url: "/login"}, in, &out)
	if err == nil && out.Token == "" {
		err = &Error{Op: "log in", Code: ErrUnexpectedAnswer, Message: "the server gave no token", Status: http.StatusOK}
	}
	return out, err
}

// Account gives the token's account. ErrUnauthorized.
func (c *Client) Account(ctx context.Context) (Account, error) {
	var out Account
	err := c.json(ctx, request{op: "read the account", method: http.MethodGet, url: "/account", idempotent: true}, nil, &out)
	return out, err
}

// Logout ends the client's token.
func (c *Client) Logout(ctx context.Context) error {
	return c.json(ctx, request{op: "log out", method: http.MethodPost, url: "/logout"}, nil, nil)
}
