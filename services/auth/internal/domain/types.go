package domain

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

// Limits of an account, in bytes.
type Limits = authv1.Limits

// Grant is what a credential may do.
type Grant = authv1.Grant

// Account is an account's document. ID and Rev come from the store.
type Account struct {
	ID        string    `bson:"-"`
	Rev       int64     `bson:"-"`
	Username  string    `bson:"username"`           // unique
	Email     string    `bson:"email"`              // as given
	EmailKey  string    `bson:"emailKey,omitempty"` // case-folded, unique; absent without e-mail
	Password  string    `bson:"password"`           // PHC string; empty: none is right
	Admin     bool      `bson:"admin"`
	Disabled  bool      `bson:"disabled"`
	Plan      string    `bson:"plan"`
	Limits    Limits    `bson:"limits"`
	NotBefore time.Time `bson:"notBefore"` // whole seconds; what was issued before does not hold
	CreatedAt time.Time `bson:"createdAt"`
	Region    string    `bson:"region,omitempty"`
	// Provider and Login are the identity of an account that somebody else vouches
	// for, together unique; absent for one with a password of ours.
	Provider authv1.Provider   `bson:"provider,omitempty"`
	Login    string            `bson:"login,omitempty"`
	Name     string            `bson:"name,omitempty"` // of the person
	Plik     authv1.PlikLimits `bson:"plik"`
	// Generation rises with each change of the password; an account token holds
	// in the one that it was made in. Kept is a token of an older one that holds
	// all the same: the one that the password was changed with.
	Generation int64  `bson:"generation,omitempty"`
	Kept       string `bson:"kept,omitempty"`
	// DeletedAt is when the account was ended; nothing of it holds any more, and
	// the document goes when its keys and tokens are gone.
	DeletedAt *time.Time `bson:"deletedAt,omitempty"`
	// APIKey is the keyed hash of the account's TokenAPIKey, unique; what follows is
	// of it. It stays when it was revoked, so that a repetition finds it.
	APIKey           string     `bson:"apiKey,omitempty"`
	APIKeyGeneration int64      `bson:"apiKeyGeneration,omitempty"`
	APIKeyAt         *time.Time `bson:"apiKeyAt,omitempty"`
	APIKeyRevokedAt  *time.Time `bson:"apiKeyRevokedAt,omitempty"`
	// KeyPair is the same of the account's TokenKeyPair, both keys in one hash.
	KeyPair           string     `bson:"keyPair,omitempty"`
	KeyPairGeneration int64      `bson:"keyPairGeneration,omitempty"`
	KeyPairAt         *time.Time `bson:"keyPairAt,omitempty"`
	KeyPairRevokedAt  *time.Time `bson:"keyPairRevokedAt,omitempty"`
	// Number is unique; accounts of before there were numbers have none until they
	// are read or the sweep meets them.
	Number int64 `bson:"number,omitempty"`
	// LoginAt and LoginFrom are of the latest log-in, the others of the one before it.
	LoginAt       *time.Time `bson:"loginAt,omitempty"`
	LoginFrom     string     `bson:"loginFrom,omitempty"`
	LastLogin     *time.Time `bson:"lastLogin,omitempty"`
	LastLoginFrom string     `bson:"lastLoginFrom,omitempty"`
}

// Live reports whether the account may be used.
func (a Account) Live() bool { return !a.Disabled && a.DeletedAt == nil }

// Identity is how the account is known to whoever vouches for it.
func (a Account) Identity() authv1.Identity {
	if a.Provider == "" {
		return authv1.Identity{Provider: authv1.ProviderLocal, Login: a.Username}
	}
	return authv1.Identity{Provider: a.Provider, Login: a.Login}
}

// State is what edges know of the account.
func (a Account) State() authv1.AccountState {
	return authv1.AccountState{
		AccountID: a.ID, Username: a.Username, Active: a.Live(), Admin: a.Admin,
		Limits: a.Limits, NotBefore: a.NotBefore, Region: a.Region, Revision: a.Rev,
	}
}

// Public is the account as others may see it.
func (a Account) Public() authv1.Account {
	out := authv1.Account{
		ID: a.ID, Username: a.Username, Email: a.Email, Admin: a.Admin, Disabled: !a.Live(),
		Plan: a.Plan, Limits: a.Limits, CreatedAt: a.CreatedAt, Region: a.Region,
		Identity: a.Identity(), Name: a.Name, Plik: a.Plik, Number: a.Number, LastLoginFrom: a.LastLoginFrom,
	}
	if a.LastLogin != nil {
		at := a.LastLogin.UTC()
		out.LastLogin = &at
	}
	return out
}

// Token is an account token's document. ID is the keyed hash of the token.
type Token struct {
	ID         string           `bson:"-"`
	AccountID  string           `bson:"accountId"`
	Kind       authv1.TokenKind `bson:"kind,omitempty"` // empty: TokenAPI
	Name       string           `bson:"name,omitempty"`
	Secret     []byte           `bson:"secret,omitempty"`     // the sealed token, of TokenPlik
	Generation int64            `bson:"generation,omitempty"` // of its account
	Pair       string           `bson:"pair,omitempty"`       // the TokenKeyPair that a TokenHosting was given for, if it was one
	CreatedAt  time.Time        `bson:"createdAt"`
	ExpiresAt  *time.Time       `bson:"expiresAt,omitempty"`
	RevokedAt  *time.Time       `bson:"revokedAt,omitempty"`
	PurgeAt    *time.Time       `bson:"purgeAt,omitempty"` // when the sweep may remove it
}

// Holds reports whether the token stands for its account at that time.
func (t Token) Holds(a Account, now time.Time) bool {
	return a.Live() && t.AccountID == a.ID && t.RevokedAt == nil &&
		(t.ExpiresAt == nil || now.Before(*t.ExpiresAt)) &&
		(t.Generation == a.Generation || t.ID == a.Kept) && !t.CreatedAt.Before(a.NotBefore) &&
		(t.Pair == "" || t.Pair == a.KeyPair && a.KeyPairRevokedAt == nil)
}

// PublicID names the token and gives no right: it cannot be turned back into ID.
func (t Token) PublicID() string {
	sum := sha256.Sum256([]byte(t.ID))
	return publicTokenPrefix + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:publicTokenBytes]))
}

// Purpose is what the token is for.
func (t Token) Purpose() authv1.TokenKind { return cmp.Or(t.Kind, authv1.TokenAPI) }

// Public is the token as its owner sees it, without its secret.
func (t Token) Public() authv1.AccountToken {
	return authv1.AccountToken{ID: t.PublicID(), Kind: t.Purpose(), Name: t.Name, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt}
}

// Key is an access key's document. ID and Rev come from the store.
type Key struct {
	ID        string     `bson:"-"`
	Rev       int64      `bson:"-"`
	AccountID string     `bson:"accountId"`
	Grant     Grant      `bson:"grant"`
	Secret    []byte     `bson:"secret"` // sealed
	CreatedAt time.Time  `bson:"createdAt"`
	ExpiresAt *time.Time `bson:"expiresAt,omitempty"`
	RevokedAt *time.Time `bson:"revokedAt,omitempty"`
}

// Active reports whether the key holds at that time, whatever its account does.
func (k Key) Active(now time.Time) bool {
	return k.RevokedAt == nil && (k.ExpiresAt == nil || now.Before(*k.ExpiresAt))
}

// State is what edges know of the key; they look at ExpiresAt themselves.
func (k Key) State() authv1.KeyState {
	return authv1.KeyState{
		KeyID: k.ID, AccountID: k.AccountID, Active: k.RevokedAt == nil,
		Grant: k.Grant, ExpiresAt: k.ExpiresAt, Revision: k.Rev,
	}
}

// Public is the key without its secret.
func (k Key) Public() authv1.AccessKey {
	return authv1.AccessKey{
		ID: k.ID, AccountID: k.AccountID, Grant: k.Grant,
		ExpiresAt: k.ExpiresAt, CreatedAt: k.CreatedAt, RevokedAt: k.RevokedAt,
	}
}
