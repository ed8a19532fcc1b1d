package edgetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// account of the fake. Without a password every one is right but "wrong".
type account struct {
	authv1.Account
	password string
	login    *time.Time // the latest; the account shows the one before
	from     string
}

// loggedIn notes a log-in.
func (a *account) loggedIn(at time.Time, from string) {
	a.LastLogin, a.LastLoginFrom = a.login, a.from
	a.login, a.from = &at, from
}

func (a *account) accepts(password string) bool {
	if a.password == "" {
		return password != "wrong" && password != ""
	}
	return password == a.password
}

// token of the fake.
type token struct {
	authv1.AccountToken
	accountID string
}

// named finds an account by user name or e-mail address, with a.mu held.
func (a *Auth) named(identifier string) *account {
	for _, acc := range a.accounts {
		if acc.Username == identifier || acc.Email == identifier && identifier != "" {
			return acc
		}
	}
	return nil
}

// mint makes a token, with a.mu held: the first one of an account is its name
// behind "acct_".
func (a *Auth) mint(acc *account, kind authv1.TokenKind, name string, life int64) (string, authv1.AccountToken) {
	a.seq++
	text := "acct_" + acc.Username
	if a.tokens[text] != nil {
		text = fmt.Sprintf("%s_%d", text, a.seq)
	}
	if kind == "" {
		kind = authv1.TokenAPI
	}
	t := authv1.AccountToken{ID: fmt.Sprintf("tok_%016d", a.seq), Kind: kind, Name: name, CreatedAt: a.now()}
	switch kind {
	case authv1.TokenSession:
		ends := t.CreatedAt.Add(authv1.SessionLife)
		if life > 0 {
			ends = t.CreatedAt.Add(time.Duration(life) * time.Second)
		}
		t.ExpiresAt = &ends
	case authv1.TokenPlik:
		text = fmt.Sprintf("00000000-0000-4000-8000-%012x", a.seq)
		t.Secret = text
	case authv1.TokenHosting:
		text = fmt.Sprintf("h%0127d", a.seq)
		ends := t.CreatedAt.Add(authv1.HostingIdle)
		t.ExpiresAt = &ends
	case authv1.TokenKeyPair:
		text = fmt.Sprintf("k%063dK%063d", a.seq, a.seq)
	}
	a.tokens[text] = &token{AccountToken: t, accountID: acc.ID}
	return text, t
}

// CreateAccount implements authv1.Service.
func (a *Auth) CreateAccount(_ context.Context, r authv1.CreateAccountRequest) (authv1.Session, error) {
	if err := a.failure("CreateAccount"); err != nil {
		return authv1.Session{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.named(r.Username) != nil {
		return authv1.Session{}, authv1.ErrUsernameTaken
	}
	if a.named(r.Email) != nil {
		return authv1.Session{}, authv1.ErrEmailTaken
	}
	acc := &account{password: r.Password, Account: authv1.Account{
		ID: "acc-" + r.Username, Username: r.Username, Email: r.Email, Admin: r.Admin, Plan: "free",
		Limits: authv1.Limits{StorageBytes: 1e11, ObjectBytes: 1e11}, CreatedAt: a.now(),
		Identity: authv1.Identity{Provider: authv1.ProviderLocal, Login: r.Username}, Number: a.number(),
	}}
	a.accounts[acc.ID] = acc
	text, _ := a.mint(acc, authv1.TokenAPI, "", 0)
	return authv1.Session{Token: text, Account: acc.Account}, nil
}

// Login implements authv1.Service.
func (a *Auth) Login(_ context.Context, r authv1.LoginRequest) (authv1.Session, error) {
	if err := a.failure("Login"); err != nil {
		return authv1.Session{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.named(r.Identifier)
	if r.Key1 != "" || r.Key2 != "" {
		acc = a.paired(r.Key1 + r.Key2)
	} else if acc != nil && !acc.accepts(r.Password) {
		acc = nil
	}
	if acc == nil || acc.Disabled {
		return authv1.Session{}, authv1.ErrBadCredentials
	}
	acc.loggedIn(a.now(), r.Source)
	text, _ := a.mint(acc, r.Kind, r.Name, r.Life)
	return authv1.Session{Token: text, Account: acc.Account}, nil
}

// Authenticate implements authv1.Service.
func (a *Auth) Authenticate(_ context.Context, r authv1.AuthenticateRequest) (authv1.Authenticated, error) {
	if err := a.failure("Authenticate"); err != nil {
		return authv1.Authenticated{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, text := range []string{r.Token, r.Password} {
		if t := a.tokens[text]; t != nil && a.holds(t, r.Kind) {
			if t.Kind == authv1.TokenHosting {
				ends := a.now().Add(authv1.HostingIdle)
				t.ExpiresAt = &ends
			}
			return authv1.Authenticated{Account: a.accounts[t.accountID].Account, TokenID: t.ID, TokenKind: t.Kind}, nil
		}
	}
	if r.Token != "" {
		return authv1.Authenticated{}, authv1.ErrBadToken
	}
	if acc := a.named(r.Identifier); acc != nil && acc.accepts(r.Password) {
		return authv1.Authenticated{Account: acc.Account}, nil
	}
	return authv1.Authenticated{}, authv1.ErrBadCredentials
}

// GetAccount implements authv1.Service.
func (a *Auth) GetAccount(_ context.Context, r authv1.GetAccountRequest) (authv1.Account, error) {
	if err := a.failure("GetAccount"); err != nil {
		return authv1.Account{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.accounts[r.ID]
	switch {
	case r.Identity != nil:
		acc = a.known(*r.Identity)
	case r.Number != 0:
		acc = a.numbered(r.Number)
	case r.ID == "":
		acc = a.named(r.Username)
	}
	if acc == nil {
		return authv1.Account{}, authv1.ErrAccountNotFound
	}
	return acc.Account, nil
}

// CreateToken implements authv1.Service.
func (a *Auth) CreateToken(_ context.Context, r authv1.CreateTokenRequest) (authv1.CreatedToken, error) {
	if err := a.failure("CreateToken"); err != nil {
		return authv1.CreatedToken{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.accounts[r.AccountID]
	switch {
	case acc == nil:
		return authv1.CreatedToken{}, authv1.ErrAccountNotFound
	case r.Kind == authv1.TokenPlik && len(r.Name) > authv1.MaxComment:
		return authv1.CreatedToken{}, fault.ErrInvalid.Msgf("a comment has %d bytes at most", authv1.MaxComment)
	case r.Kind != authv1.TokenPlik && len([]rune(r.Name)) > 64:
		return authv1.CreatedToken{}, fault.ErrInvalid.Msgf("a token's name has 64 characters at most")
	}
	text, t := a.mint(acc, r.Kind, r.Name, 0)
	return authv1.CreatedToken{AccountToken: t, Token: text}, nil
}

// ListTokens implements authv1.Service.
func (a *Auth) ListTokens(_ context.Context, r authv1.ListTokensRequest) (authv1.ListTokensResponse, error) {
	if err := a.failure("ListTokens"); err != nil {
		return authv1.ListTokensResponse{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	out := authv1.ListTokensResponse{Tokens: []authv1.AccountToken{}}
	for text, t := range a.tokens {
		if t.accountID != r.AccountID || t.Kind == authv1.TokenPlik {
			continue
		}
		out.Tokens = append(out.Tokens, t.AccountToken)
		if text == r.Token {
			out.Current = t.ID
		}
	}
	slices.SortFunc(out.Tokens, func(x, y authv1.AccountToken) int { return strings.Compare(y.ID, x.ID) })
	return out, nil
}

// RotateToken implements authv1.Service.
func (a *Auth) RotateToken(_ context.Context, r authv1.RotateTokenRequest) (authv1.CreatedToken, error) {
	if err := a.failure("RotateToken"); err != nil {
		return authv1.CreatedToken{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.accounts[r.AccountID]
	switch {
	case acc == nil:
		return authv1.CreatedToken{}, authv1.ErrAccountNotFound
	case r.Kind != authv1.TokenAPIKey && r.Kind != authv1.TokenKeyPair:
		return authv1.CreatedToken{}, fault.ErrInvalid
	}
	for text, t := range a.tokens {
		if t.accountID == acc.ID && t.Kind == r.Kind {
			delete(a.tokens, text)
		}
	}
	text, t := a.mint(acc, r.Kind, "", 0)
	return authv1.CreatedToken{AccountToken: t, Token: text}, nil
}

// RevokeToken implements authv1.Service.
func (a *Auth) RevokeToken(_ context.Context, r authv1.RevokeTokenRequest) (authv1.Empty, error) {
	if err := a.failure("RevokeToken"); err != nil {
		return authv1.Empty{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for text, t := range a.tokens {
		if (text == r.Token || t.ID == r.TokenID) && (r.AccountID == "" || t.accountID == r.AccountID) {
			a.revoked[t.ID], a.revoked[text] = t.accountID, t.accountID
			delete(a.tokens, text)
			return authv1.Empty{}, nil
		}
	}
	if of, was := a.revoked[cmp.Or(r.TokenID, r.Token)]; was && (of == r.AccountID || r.AccountID == "") {
		return authv1.Empty{}, nil
	}
	return authv1.Empty{}, authv1.ErrTokenNotFound
}

// ChangePassword implements authv1.Service.
func (a *Auth) ChangePassword(_ context.Context, r authv1.ChangePasswordRequest) (authv1.Account, error) {
	if err := a.failure("ChangePassword"); err != nil {
		return authv1.Account{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.accounts[r.AccountID]
	switch {
	case acc == nil || !acc.accepts(r.Current):
		return authv1.Account{}, authv1.ErrBadCredentials
	case len(r.New) < 8:
		return authv1.Account{}, fault.ErrInvalid.Msgf("a password has 8 bytes at least")
	}
	acc.password = r.New
	a.end(r.AccountID, r.Keep)
	return acc.Account, nil
}

// end ends an account's tokens but one, with a.mu held.
func (a *Auth) end(accountID, keep string) {
	for text, t := range a.tokens {
		if t.accountID == accountID && text != keep {
			delete(a.tokens, text)
		}
	}
}

// DeleteAccount implements authv1.Service.
func (a *Auth) DeleteAccount(_ context.Context, r authv1.DeleteAccountRequest) (authv1.Empty, error) {
	if err := a.failure("DeleteAccount"); err != nil && !r.DryRun {
		return authv1.Empty{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.accounts[r.AccountID]
	if acc == nil || !acc.accepts(r.Password) {
		return authv1.Empty{}, authv1.ErrBadCredentials
	}
	if !r.DryRun {
		delete(a.accounts, r.AccountID)
		a.end(r.AccountID, "")
	}
	return authv1.Empty{}, nil
}

// SetAccount implements authv1.Service.
func (a *Auth) SetAccount(_ context.Context, r authv1.SetAccountRequest) (authv1.Account, error) {
	if err := a.failure("SetAccount"); err != nil {
		return authv1.Account{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	acc := a.accounts[r.AccountID]
	if acc == nil {
		return authv1.Account{}, authv1.ErrAccountNotFound
	}
	if r.Region != "" {
		acc.Region = r.Region
	}
	if r.Plan != "" {
		acc.Plan = r.Plan
	}
	return acc.Account, nil
}

// SetLimits gives an account other limits.
func (a *Auth) SetLimits(accountID string, l authv1.Limits) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.accounts[accountID].Limits = l
}
