// Package edgetest has fakes of the services and a listener over them, for
// tests of the edge.
package edgetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/keys"
)

// Auth is a fake of auth that keeps everything in memory. Fail makes a method
// of that name return the error.
type Auth struct {
	authv1.Service
	Tokens *keys.Token

	mu       sync.Mutex
	accounts map[string]*account // by id
	tokens   map[string]*token   // by the token itself
	revoked  map[string]string   // account ids by token id
	seq      int
	numbers  int64             // of accounts
	ahead    time.Duration     // of the true time
	secrets  map[string]string // by key id
	states   map[string]authv1.KeyStateResponse
	keys     []authv1.AccessKey
	Fail     map[string]error
}

// NewAuth makes an empty fake.
func NewAuth(tokens *keys.Token) *Auth {
	return &Auth{Tokens: tokens, accounts: map[string]*account{}, tokens: map[string]*token{}, revoked: map[string]string{}, secrets: map[string]string{}, states: map[string]authv1.KeyStateResponse{}, Fail: map[string]error{}}
}

func (a *Auth) failure(method string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.Fail[method]
}

// SetFail makes a method fail, or work again with nil.
func (a *Auth) SetFail(method string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Fail[method] = err
}

// CreateAccessKey implements authv1.Service.
func (a *Auth) CreateAccessKey(_ context.Context, r authv1.CreateAccessKeyRequest) (authv1.AccessKeyWithSecret, error) {
	if err := a.failure("CreateAccessKey"); err != nil {
		return authv1.AccessKeyWithSecret{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(a.keys)
	k := authv1.AccessKey{ID: fmt.Sprintf("LWAKAAAAAAAAAAAAAA%c%c", 'A'+n/26, 'A'+n%26), AccountID: r.AccountID, Grant: r.Grant, ExpiresAt: r.ExpiresAt, CreatedAt: time.Now()}
	secret := fmt.Sprintf("secret%034d", n)
	a.keys = append(a.keys, k)
	a.secrets[k.ID] = secret
	a.states[k.ID] = authv1.KeyStateResponse{
		Found: true, Key: authv1.KeyState{KeyID: k.ID, AccountID: r.AccountID, Active: true, Grant: r.Grant, ExpiresAt: r.ExpiresAt, Revision: 1},
		Account: authv1.AccountState{AccountID: r.AccountID, Active: true, Limits: authv1.Limits{StorageBytes: 1e11, ObjectBytes: 1e11}, Revision: 1},
	}
	return authv1.AccessKeyWithSecret{AccessKey: k, Secret: secret}, nil
}

// ListAccessKeys implements authv1.Service.
func (a *Auth) ListAccessKeys(_ context.Context, r authv1.ListAccessKeysRequest) (authv1.ListAccessKeysResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out authv1.ListAccessKeysResponse
	for _, k := range a.keys {
		if k.AccountID == r.AccountID {
			out.Keys = append(out.Keys, k)
		}
	}
	return out, nil
}

// RevokeAccessKey implements authv1.Service.
func (a *Auth) RevokeAccessKey(_ context.Context, r authv1.RevokeAccessKeyRequest) (authv1.AccessKey, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.states[r.KeyID]
	if !ok || s.Key.AccountID != r.AccountID {
		return authv1.AccessKey{}, authv1.ErrKeyNotFound
	}
	s.Key.Active = false
	s.Key.Revision++
	a.states[r.KeyID] = s
	return authv1.AccessKey{ID: r.KeyID}, nil
}

// MintAccessToken implements authv1.Service.
func (a *Auth) MintAccessToken(_ context.Context, r authv1.MintAccessTokenRequest) (authv1.AccessToken, error) {
	if err := a.failure("MintAccessToken"); err != nil {
		return authv1.AccessToken{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.states[r.KeyID]
	if !ok || a.secrets[r.KeyID] != r.Secret || !s.Key.Active {
		return authv1.AccessToken{}, authv1.ErrBadCredentials
	}
	now := time.Now()
	token, err := a.Tokens.Mint(authv1.TokenClaims{KeyID: r.KeyID, AccountID: s.Key.AccountID, IssuedAt: now.Unix(), ExpiresAt: now.Add(time.Hour).Unix()})
	return authv1.AccessToken{Token: token, ExpiresAt: now.Add(time.Hour), AccountID: s.Key.AccountID}, err
}

// KeyState implements authv1.Service.
func (a *Auth) KeyState(_ context.Context, r authv1.KeyStateRequest) (authv1.KeyStateResponse, error) {
	if err := a.failure("KeyState"); err != nil {
		return authv1.KeyStateResponse{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.states[r.KeyID], nil
}

// Lookup makes the fake a core.KeyStates.
func (a *Auth) Lookup(ctx context.Context, keyID string) (authv1.KeyStateResponse, error) {
	return a.KeyState(ctx, authv1.KeyStateRequest{KeyID: keyID})
}

// SetState replaces what is known of a key and its account.
func (a *Auth) SetState(keyID string, change func(*authv1.KeyStateResponse)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.states[keyID]
	change(&s)
	a.states[keyID] = s
}
