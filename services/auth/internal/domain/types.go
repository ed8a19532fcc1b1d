package domain

import (
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
)

// Limits of an account, in bytes.
type Limits = authv1.Limits

// Grant is what a credential may do.
type Grant = authv1.Grant

// PlanStandard is the plan of every account, until there are others.
const PlanStandard = "standard"

// Account is an account's document. ID and Rev come from the store.
type Account struct {
	ID        string    `bson:"-"`
	Rev       int64     `bson:"-"`
	Username  string    `bson:"username"`           // unique
	Email     string    `bson:"email"`              // as given
	EmailKey  string    `bson:"emailKey,omitempty"` // case-folded, unique; absent without e-mail
	Password  string    `bson:"password"`           // PHC string
	Admin     bool      `bson:"admin"`
	Disabled  bool      `bson:"disabled"`
	Plan      string    `bson:"plan"`
	Limits    Limits    `bson:"limits"`
	NotBefore time.Time `bson:"notBefore"` // whole seconds; what was issued before does not hold
	CreatedAt time.Time `bson:"createdAt"`
}

// State is what edges know of the account.
func (a Account) State() authv1.AccountState {
	return authv1.AccountState{
		AccountID: a.ID, Username: a.Username, Active: !a.Disabled, Admin: a.Admin,
		Limits: a.Limits, NotBefore: a.NotBefore, Revision: a.Rev,
	}
}

// Public is the account as others may see it.
func (a Account) Public() authv1.Account {
	return authv1.Account{
		ID: a.ID, Username: a.Username, Email: a.Email, Admin: a.Admin, Disabled: a.Disabled,
		Plan: a.Plan, Limits: a.Limits, CreatedAt: a.CreatedAt,
	}
}

// Token is an account token's document. ID is the keyed hash of the token.
type Token struct {
	ID        string    `bson:"-"`
	AccountID string    `bson:"accountId"`
	CreatedAt time.Time `bson:"createdAt"`
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
