package lockwell

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// tokens keeps the token of a client. Whoever finds none, or one that is about
// to expire, mints a new one; the others wait for it.
type tokens struct {
	turn chan struct{} // holds one element while somebody mints

	mu      sync.Mutex
	value   string
	renew   time.Time // shortly before expires
	expires time.Time
}

// renewBefore is how long before its expiry a token is replaced, at most.
const renewBefore = time.Minute

func (t *tokens) get(now time.Time) (value string, fresh bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.After(t.expires) {
		return "", false
	}
	return t.value, t.value != "" && now.Before(t.renew)
}

func (t *tokens) set(value string, asked time.Time, life time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.value, t.expires = value, asked.Add(life)
	t.renew = t.expires.Add(-min(renewBefore, life/10))
}

// drop forgets a token that the server refused, unless another came meanwhile.
func (t *tokens) drop(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value == value {
		t.value, t.expires = "", time.Time{}
	}
}

// token gives a token that holds for a while.
func (c *Client) token(ctx context.Context) (string, error) {
	if v, fresh := c.tokens.get(time.Now()); fresh {
		return v, nil
	}
	select {
	case c.tokens.turn <- struct{}{}:
		defer func() { <-c.tokens.turn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	old, fresh := c.tokens.get(time.Now())
	if fresh {
		return old, nil // of the one who had the turn before
	}
	v, err := c.mint(ctx)
	if err != nil && old != "" && ctx.Err() == nil {
		return old, nil // it still holds; the next request tries again
	}
	return v, err
}

// Authenticate gets a token unless there is one that holds, and so tells
// whether the endpoint and the access key are good.
func (c *Client) Authenticate(ctx context.Context) error {
	_, err := c.token(ctx)
	return err
}

func (c *Client) mint(ctx context.Context) (string, error) {
	var out struct {
		AccessToken string `json:"accessToken"`
		ExpiresIn   int64  `json:"expiresIn"` // seconds
	}
	asked := time.Now() // by this clock: that of the server may differ
	in := map[string]string{"accessKeyId": c.cfg.AccessKeyID, "secretKey": c.cfg.SecretKey}
	r := request{op: "mint a token", method: http.MethodPost, path: "/auth/token", anonymous: true, idempotent: true}
	if err := c.json(ctx, r, in, &out); err != nil {
		return "", err
	}
	if out.AccessToken == "" {
		return "", &Error{Op: r.op, Code: ErrUnexpectedAnswer, Message: "the server answered without a token", Status: http.StatusOK}
	}
	c.tokens.set(out.AccessToken, asked, time.Duration(max(out.ExpiresIn, 0))*time.Second)
	return out.AccessToken, nil
}
