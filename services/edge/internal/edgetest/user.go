package edgetest

import (
	"context"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
)

// Advance lets the fake's time run ahead of the true one.
func (a *Auth) Advance(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ahead += d
}

// now is the fake's time, with a.mu held.
func (a *Auth) now() time.Time { return time.Now().Add(a.ahead) }

// holds reports whether a token stands for its account where kind is asked for,
// with a.mu held.
func (a *Auth) holds(t *token, kind authv1.TokenKind) bool {
	if t.ExpiresAt != nil && !a.now().Before(*t.ExpiresAt) {
		return false
	}
	if kind == "" {
		return t.Kind != authv1.TokenPlik && t.Kind != authv1.TokenAPIKey && t.Kind != authv1.TokenHosting && t.Kind != authv1.TokenKeyPair
	}
	return t.Kind == kind && kind != authv1.TokenKeyPair
}

// number is that of a new account, with a.mu held.
func (a *Auth) number() int64 {
	a.numbers++
	return authv1.FirstAccountNumber - 1 + a.numbers
}

// numbered finds an account by its number, with a.mu held.
func (a *Auth) numbered(number int64) *account {
	for _, acc := range a.accounts {
		if acc.Number == number {
			return acc
		}
	}
	return nil
}

// paired finds an account by its key pair, with a.mu held.
func (a *Auth) paired(keys string) *account {
	if t := a.tokens[keys]; t != nil && t.Kind == authv1.TokenKeyPair {
		return a.accounts[t.accountID]
	}
	return nil
}

// known finds an account by its identity, with a.mu held.
func (a *Auth) known(id authv1.Identity) *account {
	for _, acc := range a.accounts {
		if acc.Identity == id {
			return acc
		}
	}
	return nil
}

// add keeps a new account, with a.mu held.
func (a *Auth) add(id authv1.Identity, password, email, name string) *account {
	acc := &account{password: password, Account: authv1.Account{
		ID: "acc-" + id.Login, Username: id.Login, Email: email, Name: name, Plan: "free", Identity: id,
		Limits: authv1.Limits{StorageBytes: 1e11, ObjectBytes: 1e11}, CreatedAt: a.now(), Number: a.number(),
	}}
	if id.Provider != authv1.ProviderLocal {
		acc.ID = "acc-" + string(id.Provider) + "-" + id.Login
		acc.Username = string(id.Provider) + "-" + id.Login
		acc.password = "nobody's"
	}
	a.accounts[acc.ID] = acc
	return acc
}

// Enter implements authv1.Service.
func (a *Auth) Enter(_ context.Context, r authv1.EnterRequest) (authv1.Session, error) {
	if err := a.failure("Enter"); err != nil {
		return authv1.Session{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.known(r.Identity)
	switch {
	case r.Identity.Provider == authv1.ProviderLocal || r.Identity.Login == "" || len(r.Identity.Login) > 254:
		return authv1.Session{}, fault.ErrInvalid
	case acc == nil && !r.Create:
		return authv1.Session{}, authv1.ErrAccountNotFound
	case acc == nil:
		if a.named(r.Email) != nil {
			r.Email = ""
		}
		acc = a.add(r.Identity, "", r.Email, r.Name)
	case acc.Disabled:
		return authv1.Session{}, authv1.ErrBadCredentials
	}
	acc.loggedIn(a.now(), r.Source)
	text, _ := a.mint(acc, authv1.TokenSession, "", r.Life)
	return authv1.Session{Token: text, Account: acc.Account}, nil
}

// CreateUser implements authv1.Service.
func (a *Auth) CreateUser(_ context.Context, r authv1.CreateUserRequest) (authv1.Account, error) {
	if err := a.failure("CreateUser"); err != nil {
		return authv1.Account{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case !a.admin(r.Actor):
		return authv1.Account{}, authv1.ErrNotAdmin
	case userRule(r) != "":
		return authv1.Account{}, fault.ErrInvalid.Msgf("%s", userRule(r))
	case a.known(r.Identity) != nil:
		return authv1.Account{}, authv1.ErrUsernameTaken
	case r.Email != "" && a.named(r.Email) != nil:
		return authv1.Account{}, authv1.ErrEmailTaken
	}
	acc := a.add(r.Identity, r.Password, r.Email, r.Name)
	acc.Admin, acc.Plik = r.Admin, r.Plik
	return acc.Account, nil
}

// userRule is auth's rule that a new user breaks.
func userRule(r authv1.CreateUserRequest) string {
	switch r.Identity.Provider {
	case authv1.ProviderLocal, authv1.ProviderGoogle, authv1.ProviderOVH, authv1.ProviderOIDC:
	default:
		return "invalid provider"
	}
	switch {
	case len(r.Identity.Login) < authv1.MinPlikLogin:
		return "login is too short (min 4 chars)"
	case r.Identity.Provider == authv1.ProviderLocal && len(r.Password) < 8:
		return shortPassword
	}
	return ""
}

const shortPassword = "password is too short (min 8 chars)" //nolint:gosec // it is a sentence

// admin reads an actor's right from its account, with a.mu held.
func (a *Auth) admin(actor authv1.Principal) bool {
	acc := a.accounts[actor.AccountID]
	return acc != nil && acc.Admin
}

// UpdateUser implements authv1.Service.
func (a *Auth) UpdateUser(_ context.Context, r authv1.UpdateUserRequest) (authv1.Account, error) {
	if err := a.failure("UpdateUser"); err != nil {
		return authv1.Account{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	acc, admin := a.accounts[r.AccountID], a.admin(r.Actor)
	switch {
	case !admin && r.Actor.AccountID != r.AccountID:
		return authv1.Account{}, authv1.ErrNotAdmin
	case acc == nil:
		return authv1.Account{}, authv1.ErrAccountNotFound
	case !admin && r.Admin:
		return authv1.Account{}, authv1.ErrOwnRights
	case !admin && r.Plik != acc.Plik:
		return authv1.Account{}, authv1.ErrOwnLimits
	case r.Password != "" && len(r.Password) < 8 && acc.Identity.Provider == authv1.ProviderLocal:
		return authv1.Account{}, fault.ErrInvalid.Msgf(shortPassword)
	}
	if other := a.named(r.Email); r.Email != "" && other != nil && other != acc {
		return authv1.Account{}, authv1.ErrEmailTaken
	}
	acc.Name, acc.Email, acc.Admin, acc.Plik = r.Name, r.Email, r.Admin, r.Plik
	if r.Password != "" && acc.Identity.Provider == authv1.ProviderLocal {
		acc.password = r.Password
		a.end(acc.ID, r.Keep)
	}
	return acc.Account, nil
}

// DeleteUser implements authv1.Service.
func (a *Auth) DeleteUser(_ context.Context, r authv1.DeleteUserRequest) (authv1.Empty, error) {
	if err := a.failure("DeleteUser"); err != nil && !r.DryRun {
		return authv1.Empty{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case r.Actor.AccountID != r.AccountID && !a.admin(r.Actor):
		return authv1.Empty{}, authv1.ErrNotAdmin
	case a.accounts[r.AccountID] == nil:
		return authv1.Empty{}, authv1.ErrAccountNotFound
	}
	if !r.DryRun {
		delete(a.accounts, r.AccountID)
		a.end(r.AccountID, "")
	}
	return authv1.Empty{}, nil
}

// ListUsers implements authv1.Service.
func (a *Auth) ListUsers(ctx context.Context, r authv1.ListUsersRequest) (authv1.ListUsersResponse, error) {
	if err := a.failure("ListUsers"); err != nil {
		return authv1.ListUsersResponse{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.admin(r.Actor) {
		return authv1.ListUsersResponse{}, authv1.ErrNotAdmin
	}
	all := make([]authv1.Account, 0, len(a.accounts))
	for _, acc := range a.accounts {
		all = append(all, acc.Account)
	}
	page, place, err := paging.Slice(all, func(acc authv1.Account) paging.Position[time.Time] {
		return paging.Position[time.Time]{Value: acc.CreatedAt, ID: acc.ID}
	}).Page(ctx, r.Page)
	return authv1.ListUsersResponse{Accounts: page, Place: place}, err
}

// PageTokens implements authv1.Service.
func (a *Auth) PageTokens(ctx context.Context, r authv1.PageTokensRequest) (authv1.PageTokensResponse, error) {
	if err := a.failure("PageTokens"); err != nil {
		return authv1.PageTokensResponse{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []authv1.AccountToken
	for _, t := range a.tokens {
		if t.accountID == r.AccountID && t.Kind == r.Kind {
			all = append(all, t.AccountToken)
		}
	}
	page, place, err := paging.Slice(all, func(t authv1.AccountToken) paging.Position[time.Time] {
		return paging.Position[time.Time]{Value: t.CreatedAt, ID: t.ID}
	}).Page(ctx, r.Page)
	return authv1.PageTokensResponse{Tokens: page, Place: place}, err
}

// Change alters an account as its operator would.
func (a *Auth) Change(accountID string, change func(*authv1.Account)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.accounts[accountID].Account)
}
