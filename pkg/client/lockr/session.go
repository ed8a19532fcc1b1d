package lockr

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Session is an upload under way, to go on with it later. It can be kept as JSON;
// whoever has UploadURL may write to it.
type Session struct {
	ID          string    `json:"id"` // of the file that it will be
	UploadURL   string    `json:"uploadUrl"`
	DownloadURL string    `json:"downloadUrl"`
	Region      string    `json:"region"`
	ExpiresAt   time.Time `json:"expiresAt"`
}

// Attributes are what a file is made with.
type Attributes struct {
	Type   string // of media; "" leaves it to the server
	Key    string // a phrase that a download needs; only its SHA-256 is sent. Accounts only
	Region string // "" is the account's
}

// CreateSession opens an upload of size bytes. Most programs use Upload.
func (c *Client) CreateSession(ctx context.Context, name string, size int64, a Attributes) (Session, error) {
	in := struct {
		Name    string `json:"name"`
		Size    int64  `json:"size"`
		Type    string `json:"type,omitempty"`
		KeyHash string `json:"keyHash,omitempty"`
	}{Name: name, Size: size, Type: a.Type}
	if a.Key != "" {
		in.KeyHash = KeyHash(a.Key)
	}
	r := request{op: "upload " + name, method: http.MethodPost, url: "/upload/session", idempotent: true, header: http.Header{}}
	if a.Region != "" {
		r.header.Set("X-Upload-Region", a.Region)
	}
	// A second session that nobody writes to expires by itself.
	var out Session
	err := c.json(ctx, r, in, &out)
	if err == nil && out.UploadURL == "" {
		err = &Error{Op: r.op, Code: ErrUnexpectedAnswer, Message: "the server gave no uploadUrl", Status: http.StatusCreated}
	}
	return out, err
}

// Cancel gives an upload up. ErrSessionGone.
func (c *Client) Cancel(ctx context.Context, s Session) error {
	resp, err := c.try(ctx, request{op: "cancel the upload", method: http.MethodDelete, url: s.UploadURL})
	if err != nil {
		return named(ctx, "cancel the upload", err)
	}
	return resp.Body.Close() //nolint:wrapcheck // nothing is in it
}

// State asks how far an upload of size bytes is: how many of them are durable,
// and, when it is finished, the file. ErrSessionGone.
func (c *Client) State(ctx context.Context, s Session, size int64) (offset int64, done *File, err error) {
	for attempt := 1; ; attempt++ {
		if offset, done, err = c.state(ctx, s, size); err == nil {
			return offset, done, nil
		}
		if err := c.pause(ctx, opState, err, attempt); err != nil {
			return 0, nil, err
		}
	}
}

const opState = "look for the upload"

// state is State, asked once.
func (c *Client) state(ctx context.Context, s Session, size int64) (offset int64, done *File, err error) {
	return c.send(ctx, request{
		op: opState, method: http.MethodPut, url: s.UploadURL, header: http.Header{"Content-Range": {fmt.Sprintf("bytes */%d", size)}},
	})
}

// send sends a request to a session's URL and reads its answer: the file, or how
// far the upload is.
func (c *Client) send(ctx context.Context, r request) (offset int64, done *File, err error) {
	resp, err := c.once(ctx, r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusPermanentRedirect:
		offset, err = durable(resp.Header.Get("Range"))
		if err != nil {
			return 0, nil, &Error{Op: r.op, Code: ErrUnexpectedAnswer, Message: err.Error(), Status: resp.StatusCode}
		}
		return offset, nil, nil
	case http.StatusOK, http.StatusCreated:
		done = &File{}
		if err := decode(r.op, resp, done); err != nil {
			return 0, nil, err
		}
		return done.Size, done, nil
	}
	return 0, nil, errorFrom(r.op, resp)
}

// durable reads the Range of an answer 308: "bytes=0-N" says that N+1 bytes are
// durable; without it none is.
func durable(v string) (int64, error) {
	if v == "" {
		return 0, nil
	}
	last, ok := strings.CutPrefix(v, "bytes=0-")
	n, err := strconv.ParseUint(last, 10, 62)
	if !ok || err != nil {
		return 0, fmt.Errorf("the server answered a Range that says nothing: %.40q", v)
	}
	return int64(n) + 1, nil //nolint:gosec // 62 bits
}
