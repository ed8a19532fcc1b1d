package plik

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

// openID is what is known of the OpenID provider, asked for at the first login
// and again after a failure.
type openID struct {
	known atomic.Pointer[openIDProvider]
}

type openIDProvider struct {
	*oidc.Provider
	style oauth2.AuthStyle
}

// discover gives the provider's document. Logins at once may each read it; nobody
// waits for another's answer.
func (o *openID) discover(ctx context.Context, client *http.Client, issuer string) (*openIDProvider, error) {
	if p := o.known.Load(); p != nil {
		return p, nil
	}
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, client), issuer)
	if err != nil {
		return nil, providerFault(ctx, err)
	}
	var more struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := p.Claims(&more); err != nil {
		return nil, errProviderWrong.Because(err)
	}
	// Client authentication is by Basic unless the document says otherwise (OpenID
	// Connect Discovery 1.0, section 3). Trying both would use the code up.
	style := oauth2.AuthStyleInHeader
	if len(more.Methods) > 0 && !slices.Contains(more.Methods, "client_secret_basic") {
		style = oauth2.AuthStyleInParams
	}
	o.known.CompareAndSwap(nil, &openIDProvider{p, style}) // its keys are read once
	return o.known.Load(), nil
}

// openIDConfig is how to speak with the OpenID provider.
func (h *Handler) openIDConfig(ctx context.Context, callback string) (*openIDProvider, *oauth2.Config, error) {
	s := h.core.Plik
	p, err := h.openID.discover(ctx, h.client, s.OIDCIssuer)
	if err != nil {
		return nil, nil, err
	}
	endpoint := p.Endpoint()
	endpoint.AuthStyle = p.style
	if s.OIDCClientSecret == "" {
		endpoint.AuthStyle = oauth2.AuthStyleInParams // a public client has nothing to put into Basic
	}
	return p, &oauth2.Config{
		ClientID: s.OIDCClientID, ClientSecret: string(s.OIDCClientSecret), RedirectURL: callback,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email"}, Endpoint: endpoint,
	}, nil
}

// OIDCLogin answers GET /auth/oidc/login with the address to visit.
func (h *Handler) OIDCLogin(w http.ResponseWriter, r *http.Request) error {
	if err := h.offered(authv1.ProviderOIDC); err != nil {
		return err
	}
	callback, err := h.callbackURL(r, authv1.ProviderOIDC)
	if err != nil {
		return err
	}
	_, c, err := h.openIDConfig(r.Context(), callback)
	if err != nil {
		return err
	}
	state, secret, err := h.beginLogin(w, r, authv1.ProviderOIDC, callback)
	if err != nil {
		return err
	}
	return answerText(w, c.AuthCodeURL(state, oidc.Nonce(nonceOf(secret)), oauth2.S256ChallengeOption(secret)))
}

// nonceOf is what the id token of a login must say. The secret itself is PKCE's
// verifier, which only this browser and we know.
func nonceOf(secret string) string {
	return base64.RawURLEncoding.EncodeToString(digest("nonce", secret))
}

// openIDUser is what claims say of a user.
type openIDUser struct {
	Email    string `json:"email"`
	Verified *bool  `json:"email_verified"`
	Name     string `json:"name"`
	Username string `json:"preferred_username"`
}

// OIDCCallback answers GET /auth/oidc/callback. The user's id is the subject.
func (h *Handler) OIDCCallback(w http.ResponseWriter, r *http.Request) error {
	if err := h.offered(authv1.ProviderOIDC); err != nil {
		return err
	}
	login, err := h.answered(w, r, authv1.ProviderOIDC)
	if err != nil {
		return err
	}
	p, c, err := h.openIDConfig(r.Context(), login.callback)
	if err != nil {
		return err
	}
	token, err := h.exchange(r, c, login.code, oauth2.VerifierOption(login.secret))
	if err != nil {
		return err
	}
	subject, user, err := h.openIDClaims(r.Context(), p, token, nonceOf(login.secret))
	if err != nil {
		return err
	}
	if user.Verified != nil && !*user.Verified {
		user.Email = "" // anybody may have written it there
	}
	if user.Name == "" {
		user.Name = user.Username
	}
	return h.enter(w, r, authv1.EnterRequest{
		Identity: authv1.Identity{Provider: authv1.ProviderOIDC, Login: subject}, Email: user.Email, Name: user.Name,
	}, h.core.Plik.OIDCValidDomains)
}

// openIDClaims checks the id token and reads who it is about, asking the provider
// for what the token leaves out.
func (h *Handler) openIDClaims(ctx context.Context, p *openIDProvider, token *oauth2.Token, nonce string) (string, openIDUser, error) {
	var user openIDUser
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return "", user, errProviderRefuse.Because(errors.New("there is no id token"))
	}
	ctx = oidc.ClientContext(ctx, h.client)
	id, err := p.Verifier(&oidc.Config{ClientID: h.core.Plik.OIDCClientID, Now: h.core.Now}).Verify(ctx, raw)
	switch {
	case err != nil && ctx.Err() != nil:
		return "", user, fmt.Errorf("checking an id token: %w", ctx.Err())
	case err != nil:
		return "", user, errProviderRefuse.Because(err)
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return "", user, errProviderRefuse.Because(errors.New("the nonce is another login's"))
	case id.Subject == "":
		return "", user, errProviderRefuse.Because(errors.New("there is no subject"))
	}
	if err := id.Claims(&user); err != nil {
		return "", user, errProviderWrong.Because(err)
	}
	if user.Email != "" || p.UserInfoEndpoint() == "" {
		return id.Subject, user, nil
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return "", user, providerFault(ctx, err)
	}
	if info.Subject != id.Subject {
		return "", user, errProviderRefuse.Because(errors.New("it tells of another user"))
	}
	var more openIDUser
	if err := info.Claims(&more); err != nil {
		return "", user, errProviderWrong.Because(err)
	}
	return id.Subject, user.or(more), nil
}

// or fills what u leaves out.
func (u openIDUser) or(more openIDUser) openIDUser {
	if u.Email == "" {
		u.Email, u.Verified = more.Email, more.Verified
	}
	if u.Name == "" {
		u.Name = more.Name
	}
	if u.Username == "" {
		u.Username = more.Username
	}
	return u
}
