package web

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
	"github.com/sluicehq/sluice/services/edge/internal/web/captcha"
)

const (
	captchaCookie = "container_captcha"
	captchaLife   = 10 * time.Minute
	// maxSpent bounds how many used pictures are remembered, 60 bytes each.
	maxSpent = 20_000
)

// errWrongClick is of a click that is not in the circle, or in no picture that
// holds.
var errWrongClick = fault.New(fault.Forbidden, "edge.wrong_click", "the click was not in the circle")

// captchas makes pictures and tells right clicks from wrong ones. A picture is
// its seed, sealed in a cookie, and good for one click: this edge remembers
// those that it has seen.
type captchas struct {
	core *core.Core

	mu    sync.Mutex
	spent map[string]time.Time // by seed, until when its token holds
}

func newCaptchas(c *core.Core) *captchas { return &captchas{core: c, spent: map[string]time.Time{}} }

// sealedCaptcha is what the cookie says.
type sealedCaptcha struct {
	Seed []byte `json:"s"`
	Till int64  `json:"t"` // Unix seconds
}

// aad keep one kind of sealed value from being taken for another.
const (
	aadCaptcha = "captcha"
	aadOpened  = "opened "
)

// seal writes v for a cookie.
func (h *Handler) seal(v any, aad string) (string, error) {
	b, err := json.Marshal(v)
	if err == nil {
		b, err = h.core.Pages.Seal(b, []byte(aad))
	}
	if err != nil {
		return "", fmt.Errorf("sealing a cookie: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// unseal reads what seal wrote; false: it is not ours.
func (h *Handler) unseal(text string, v any, aad string) bool {
	if text == "" || len(text) > core.MaxCredential {
		return false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return false
	}
	plain, err := h.core.Pages.Open(sealed, []byte(aad))
	return err == nil && json.Unmarshal(plain, v) == nil
}

// GetCaptcha answers GET /captcha_circle.php: a new picture each time, whatever
// ts says, and a cookie that a click in it goes with (field-facts.md 1.2).
func (h *Handler) GetCaptcha(w http.ResponseWriter, r *http.Request) error {
	if err := h.core.Rates.Picture(source(r)); err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	var seed [captcha.SeedSize]byte
	_, _ = rand.Read(seed[:]) // never fails
	token, err := h.seal(sealedCaptcha{Seed: seed[:], Till: h.core.Now().Add(captchaLife).Unix()}, aadCaptcha)
	if err != nil {
		return err
	}
	picture, err := captcha.New(seed).PNG()
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure is where it can be
		Name: captchaCookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure(r), MaxAge: int(captchaLife / time.Second),
	})
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "no-store")
	send(w, http.StatusOK, picture)
	return nil
}

// clicked holds a click against the picture that the request's cookie is of, and
// spends it.
func (h *Handler) clicked(r *http.Request, xText, yText string) error {
	cookies := r.CookiesNamed(captchaCookie)
	var token sealedCaptcha
	if len(cookies) != 1 || !h.unseal(cookies[0].Value, &token, aadCaptcha) || len(token.Seed) != captcha.SeedSize {
		return errWrongClick.Because(errors.New("no picture"))
	}
	till := time.Unix(token.Till, 0)
	if !till.After(h.core.Now()) || !h.clicks.spend(string(token.Seed), till) {
		return errWrongClick.Because(errors.New("an old picture"))
	}
	x, errX := strconv.Atoi(xText)
	y, errY := strconv.Atoi(yText)
	if errX != nil || errY != nil || !captcha.New([captcha.SeedSize]byte(token.Seed)).Hit(x, y) {
		return errWrongClick
	}
	return nil
}

// spend reports whether a picture was not used before.
func (c *captchas) spend(seed string, till time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, used := c.spent[seed]; used {
		return false
	}
	if len(c.spent) >= maxSpent {
		now := c.core.Now()
		for s, t := range c.spent {
			if !t.After(now) {
				delete(c.spent, s)
			}
		}
	}
	for s := range c.spent {
		if len(c.spent) < maxSpent {
			break
		}
		delete(c.spent, s) // any; that one could be used again, by whoever kept its cookie
	}
	c.spent[seed] = till
	return true
}

// opened is what a browser keeps of a container that it may see, beside its
// password's pass.
type opened struct {
	Pass  string `json:"p,omitempty"`
	Click bool   `json:"c,omitempty"` // a captcha was solved
	Till  int64  `json:"t"`
}

const openedCookie = "container_open"

// openedOf reads it from a request; the zero value: nothing holds.
func (h *Handler) openedOf(r *http.Request, id string) opened {
	for _, c := range r.CookiesNamed(openedCookie) {
		var o opened
		if h.unseal(c.Value, &o, aadOpened+id) && time.Unix(o.Till, 0).After(h.core.Now()) {
			return o
		}
	}
	return opened{}
}

// keepOpened gives it to the browser, for the pages of the container under the
// id that it asked by.
func (h *Handler) keepOpened(w http.ResponseWriter, r *http.Request, id string, o opened, life time.Duration) error {
	o.Till = h.core.Now().Add(life).Unix()
	value, err := h.seal(o, aadOpened+id)
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure is where it can be
		Name: openedCookie, Value: value, Path: "/container/" + r.PathValue("id"), HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure(r),
		MaxAge: int(life / time.Second),
	})
	return nil
}

// source is the client's address.
func source(r *http.Request) string { return dialect.CallOf(r).Source }
