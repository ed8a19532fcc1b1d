package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

// Bounds of an exchange.
const (
	maxAnswer   = 32 << 20         // bytes: 1000 links with all that is known of them, and more
	callWithin  = 2 * time.Minute  // one request
	maxWait     = 60 * time.Second // that a server may ask for before a repetition
	maxTries    = 5
	maxBadgeLen = 8 << 20 // bytes
)

// codeQuota is of a plan's bound, which no patience of a minute moves.
const codeQuota = "quota_exceeded"

// apiError is what a server answered instead.
type apiError struct {
	Status  int
	Message string
	Code    string
}

// Error says it in the server's words.
func (e *apiError) Error() string {
	if e.Code == "" {
		return plain(e.Message)
	}
	return plain(e.Message) + " (" + plain(e.Code) + ")"
}

// errNoKey says how to get further.
var errNoKey = fmt.Errorf("this needs an API key: run 'sluice-client login', or set %s", profile.EnvAPIKey)

// api is a server.
type api struct {
	base   string // without a slash at its end
	http   *http.Client
	agent  string
	known  profile.Profile
	bearer string // of the access key, once there is one
	wait   func(ctx context.Context, d time.Duration) error
}

// newAPI checks the address. Redirects are not followed: another host must not
// get the key.
func newAPI(p profile.Profile, agent string) (*api, error) {
	u, err := url.Parse(p.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, usage("%q is no address of a server, such as https://links.example.org", p.Endpoint)
	}
	return &api{
		base: strings.TrimRight(p.Endpoint, "/"), agent: agent, known: p, wait: pause,
		http: &http.Client{
			Timeout:       callWithin,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func (a *api) close() { a.http.CloseIdleConnections() }

// public calls a route that needs no key.
func (a *api) public(ctx context.Context, method, path string, in, out any) error {
	return a.call(ctx, method, path, in, out, func(http.Header) {})
}

// own calls a route of an account.
func (a *api) own(ctx context.Context, method, path string, in, out any) error {
	if a.known.APIKey != "" {
		return a.call(ctx, method, path, in, out, func(h http.Header) { h.Set("X-API-Key", a.known.APIKey) })
	}
	if a.known.AccessKeyID == "" {
		return errNoKey
	}
	if a.bearer == "" {
		if err := a.authorize(ctx); err != nil {
			return err
		}
	}
	return a.call(ctx, method, path, in, out, func(h http.Header) { h.Set("Authorization", "Bearer "+a.bearer) })
}

// authorize exchanges the access key for a token (RFC 6749, 4.4).
func (a *api) authorize(ctx context.Context) error {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.known.AccessKeyID}, "client_secret": {a.known.SecretKey}}
	var out struct {
		AccessToken string `json:"access_token"`
	}
	body, err := a.exchange(ctx, func() (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/api/v1/oauth/token", strings.NewReader(form.Encode()))
		if err == nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		return req, err
	})
	if err != nil {
		return fmt.Errorf("getting a token: %w", err)
	}
	if err := json.Unmarshal(body, &out); err != nil || out.AccessToken == "" {
		return errNotOurs
	}
	a.bearer = out.AccessToken
	return nil
}

// errNotOurs says that something else answered.
var errNotOurs = errors.New("what answered is no Sluice server: its answer cannot be read")

func (a *api) call(ctx context.Context, method, path string, in, out any, authorize func(http.Header)) error {
	var sent []byte
	if in != nil {
		var err error
		if sent, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
	}
	key := ""
	if method == http.MethodPost && path == containers+"/create" {
		key = rand.Text() // the server makes one container under it
	}
	body, err := a.exchange(ctx, func() (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(sent))
		if err != nil {
			return nil, err
		}
		if in != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		if key != "" {
			req.Header.Set(headerOnce, key)
		}
		authorize(req.Header)
		return req, nil
	})
	if err != nil {
		return err
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = body
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return errNotOurs
	}
	return nil
}

// headerOnce names a request that the server carries out once, however often it
// comes.
const headerOnce = "Idempotency-Key"

// codeBusy is of a request whose first sending is not done.
const codeBusy = "idempotency_in_progress"

// exchange sends a request, and again when the server asks for patience. What may
// have been carried out already is sent once, unless it has a key.
func (a *api) exchange(ctx context.Context, prepare func() (*http.Request, error)) ([]byte, error) {
	for try := 1; ; try++ {
		req, err := prepare()
		if err != nil {
			return nil, fmt.Errorf("making the request: %w", err)
		}
		req.Header.Set("User-Agent", a.agent)
		body, status, after, err := a.once(req)
		if err != nil {
			return nil, err
		}
		if status >= 200 && status <= 299 {
			return body, nil
		}
		said := failure(status, body)
		again := status == http.StatusTooManyRequests || said.Code == codeBusy ||
			status == http.StatusServiceUnavailable && (req.Method == http.MethodGet || req.Header.Get(headerOnce) != "")
		if !again || said.Code == codeQuota || after <= 0 || after > maxWait || try == maxTries {
			return nil, said
		}
		if err := a.wait(ctx, after); err != nil {
			return nil, err
		}
	}
}

func (a *api) once(req *http.Request) (body []byte, status int, after time.Duration, err error) {
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("asking %s: %w", a.base, err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, 0, 0, fmt.Errorf("reading what %s answers: %w", a.base, err)
	}
	if len(body) > maxAnswer {
		return nil, 0, 0, errNotOurs
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // 0: do not try again
	return body, resp.StatusCode, time.Duration(seconds) * time.Second, nil
}

// failure reads an error; that of OAuth has its sentence elsewhere.
func failure(status int, body []byte) *apiError {
	var e struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Code        string `json:"code"`
	}
	if err := json.Unmarshal(body, &e); err != nil || e.Error == "" {
		return &apiError{Status: status, Message: fmt.Sprintf("the server answered %d %s", status, http.StatusText(status))}
	}
	if e.Description != "" {
		e.Error = e.Description
	}
	return &apiError{Status: status, Message: e.Error, Code: e.Code}
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // Main knows it
	}
}
