package yetishare

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/services/edge/internal/core"
	"github.com/sluicehq/sluice/services/edge/internal/dialect"
)

// Authenticate implements dialect.Dialect. Who asks stands among the parameters,
// behind which errors come that the document has first: enter looks at it. For
// the keys it is a bearer token of the account.
func (h *Handler) Authenticate(r *http.Request, class dialect.Auth) (core.Caller, error) {
	if class != dialect.AuthAccount {
		return core.Caller{}, nil
	}
	source := dialect.CallOf(r).Source
	if err := h.core.HostingRates.MayTry(source); err != nil {
		return core.Caller{}, err //nolint:wrapcheck // it says what was being done
	}
	caller, err := h.bearer(r)
	if fault.KindOf(err) == fault.Unauthenticated {
		_, _ = h.core.HostingRates.Refused(source) // the answer is an error already
	}
	return caller, err
}

// bearer identifies an account by its own token, as no cookie and no access key's
// token does.
func (h *Handler) bearer(r *http.Request) (core.Caller, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 || len(values[0]) > core.MaxCredential {
		return core.Caller{}, authv1.ErrBadToken.Msgf("this route takes the account's bearer token")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" || strings.HasPrefix(token, authv1.TokenPrefix) {
		return core.Caller{}, authv1.ErrBadToken.Msgf("this route takes the account's bearer token")
	}
	return h.core.FromAccountToken(r.Context(), token) //nolint:wrapcheck // it says what was being done
}

// asked is a request with what it says and who sent it.
type asked struct {
	*http.Request
	params
	by core.Caller
}

// enter reads a request and finds out who sent it. Where the document checks
// parameters before the token, their names are first: one of them must be there,
// the first gives the sentence, and a token that is not there is one that does
// not hold (yetishare.md, Fixed points).
func (h *Handler) enter(r *http.Request, first ...string) (*asked, error) {
	p, err := h.read(r)
	if err != nil {
		return nil, err
	}
	return h.identify(r, p, first...)
}

// read is readParams where HEAD, which GET's rows would take, is refused: some of
// them change something.
func (h *Handler) read(r *http.Request) (params, error) {
	if r.Method == http.MethodHead {
		return nil, dialect.ErrMethodNotAllowed
	}
	return readParams(r)
}

// identify is enter of a request whose parameters are known.
func (h *Handler) identify(r *http.Request, p params, first ...string) (*asked, error) {
	if len(first) == 0 {
		if _, err := p.need(paramToken); err != nil {
			return nil, err
		}
	} else if !p.hasAny(first) {
		return nil, missing(first[0])
	}
	if _, err := p.need(paramAccount); err != nil {
		return nil, err
	}
	c := dialect.CallOf(r)
	if err := h.core.HostingRates.MayTry(c.Source); err != nil {
		return nil, err //nolint:wrapcheck // it says what was being done
	}
	caller, err := h.core.FromHosting(r.Context(), p[paramToken], p[paramAccount], c.Source)
	if err != nil {
		if err = ofToken(err); errors.Is(err, errReauth) {
			_, _ = h.core.HostingRates.Refused(c.Source) // the answer is an error already
		}
		return nil, err
	}
	c.Caller, c.AccountID = caller, caller.Principal.AccountID
	if _, err := h.core.HostingRates.Account(caller.Principal.AccountID, 1); err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	return &asked{Request: r, params: p, by: caller}, nil
}

func (p params) hasAny(names []string) bool {
	for _, name := range names {
		if p[name] != "" {
			return true
		}
	}
	return false
}

// wireAuthorized is the data of /authorize.
type wireAuthorized struct {
	AccessToken string `json:"access_token"`
	AccountID   string `json:"account_id"`
}

// Authorize answers /authorize: keys count before user name and password. Whatever
// does not hold is the same 401, a locked account too.
func (h *Handler) Authorize(w http.ResponseWriter, r *http.Request) error {
	p, err := h.read(r)
	if err != nil {
		return err
	}
	c := dialect.CallOf(r)
	if _, err := h.core.HostingRates.Address(c.Source, 1); err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	ask := authv1.LoginRequest{Key1: p["key1"], Key2: p["key2"], Identifier: p["username"], Password: p["password"], Source: c.Source}
	if ask.Key1 != "" || ask.Key2 != "" {
		if !isKey(ask.Key1) || !isKey(ask.Key2) {
			return errAuthorize
		}
	} else if ask.Identifier == "" || ask.Password == "" {
		return errAuthorize
	}
	s, err := h.core.HostingLogin(r.Context(), ask)
	switch kind := fault.KindOf(err); {
	case err == nil:
	case errors.Is(err, authv1.ErrThrottled):
		return errAuthorize.After(fault.From(err).RetryAfter).Because(err)
	case kind == fault.Unauthenticated, kind == fault.Forbidden, kind == fault.Invalid, kind == fault.NotFound:
		return errAuthorize.Because(err)
	default:
		return err //nolint:wrapcheck // as above
	}
	c.AccountID = s.Account.ID
	return h.answer(w, envelope{Data: wireAuthorized{AccessToken: s.Token, AccountID: strconv.FormatInt(s.Account.Number, 10)}})
}

// isKey reports whether a text has the form of each of the two keys.
func isKey(text string) bool { return len(text) == 64 && isAlphanumeric(text) }

// DisableAccessToken answers /disable_access_token. A token that has just ended may
// be ended again: an answer that was lost is asked for once more.
func (h *Handler) DisableAccessToken(w http.ResponseWriter, r *http.Request) error {
	p, err := h.read(r)
	if err != nil {
		return err
	}
	_, err = h.identify(r, p)
	if err != nil && !errors.Is(err, errReauth) {
		return err
	}
	if err := h.core.HostingLogout(r.Context(), p[paramToken], p[paramAccount]); err != nil {
		return ofToken(err)
	}
	return h.answer(w, envelope{Response: "Token removed or no longer available."})
}

// CreateKeys answers POST /api/v1/account/yetishare-keys.
func (h *Handler) CreateKeys(w http.ResponseWriter, r *http.Request) error {
	pair, err := h.core.RotateKeyPair(r.Context(), dialect.CallOf(r).Caller)
	if err != nil {
		return err //nolint:wrapcheck // it says what was being done
	}
	w.Header().Set("Cache-Control", "no-store")
	return dialect.WriteJSON(w, http.StatusCreated, struct {
		Key1 string `json:"key1"`
		Key2 string `json:"key2"`
	}{pair.Key1, pair.Key2})
}
