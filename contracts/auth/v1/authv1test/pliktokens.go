package authv1test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/pkg/fault"
	"github.com/sluicehq/sluice/pkg/paging"
)

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func (w world) authenticate(t *testing.T, token string, kind authv1.TokenKind) (authv1.Authenticated, error) {
	t.Helper()
	return w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Token: token, Kind: kind})
}

func plikToken(t *testing.T, w world) {
	s := w.create(t, "alice")
	made := w.token(t, s.Account.ID, authv1.TokenPlik, "line one\nline <two>")
	if !uuid.MatchString(made.Token) || made.Secret != made.Token || made.Kind != authv1.TokenPlik || made.ExpiresAt != nil || !strings.HasPrefix(made.ID, "tok_") {
		t.Fatalf("%+v", made)
	}
	if second := w.token(t, s.Account.ID, authv1.TokenPlik, ""); second.Token == made.Token || second.ID == made.ID {
		t.Errorf("twice the same: %+v", second)
	}
	got, err := w.authenticate(t, made.Token, authv1.TokenPlik)
	if err != nil || got.Account != s.Account || got.TokenID != made.ID || got.TokenKind != authv1.TokenPlik {
		t.Errorf("%+v, %v", got, err)
	}
	session := w.token(t, s.Account.ID, authv1.TokenSession, "")
	for _, c := range []struct {
		token, id string
		kind, is  authv1.TokenKind
	}{
		{s.Token, "", "", authv1.TokenAPI}, {s.Token, "", authv1.TokenAPI, authv1.TokenAPI},
		{session.Token, session.ID, "", authv1.TokenSession}, {session.Token, session.ID, authv1.TokenSession, authv1.TokenSession},
	} {
		if got, err := w.authenticate(t, c.token, c.kind); err != nil || got.TokenKind != c.is || got.TokenID == "" || c.id != "" && got.TokenID != c.id {
			t.Errorf("%+v: %+v, %v", c, got, err)
		}
	}
	for what, r := range map[string]authv1.AuthenticateRequest{
		"upload token, any kind":    {Token: made.Token},
		"upload token as API":       {Token: made.Token, Kind: authv1.TokenAPI},
		"upload token as session":   {Token: made.Token, Kind: authv1.TokenSession},
		"API token as upload token": {Token: s.Token, Kind: authv1.TokenPlik},
		"session as upload token":   {Token: session.Token, Kind: authv1.TokenPlik},
		"session as API":            {Token: session.Token, Kind: authv1.TokenAPI},
		"unknown kind":              {Token: s.Token, Kind: "root"},
		"its id":                    {Token: made.ID, Kind: authv1.TokenPlik},
		"upper case":                {Token: strings.ToUpper(made.Token), Kind: authv1.TokenPlik},
		"without dashes":            {Token: strings.ReplaceAll(made.Token, "-", ""), Kind: authv1.TokenPlik},
		"cut":                       {Token: made.Token[:35], Kind: authv1.TokenPlik},
		"longer":                    {Token: made.Token + "0", Kind: authv1.TokenPlik},
		"blank in front":            {Token: " " + made.Token, Kind: authv1.TokenPlik},
		"unknown":                   {Token: "00000000-0000-4000-8000-000000000000", Kind: authv1.TokenPlik},
		"none":                      {Kind: authv1.TokenPlik},
		"huge":                      {Token: strings.Repeat(made.Token, 1000), Kind: authv1.TokenPlik},
		"a password beside a kind":  {Identifier: s.Account.Username, Password: Password, Kind: authv1.TokenPlik},
	} {
		got, err := w.svc.Authenticate(t.Context(), r)
		want(t, what, got, err, authv1.ErrBadToken)
	}
	got, err = w.svc.Authenticate(t.Context(), authv1.AuthenticateRequest{Identifier: s.Account.Username, Password: made.Token})
	want(t, "upload token as password", got, err, authv1.ErrBadCredentials)
	l, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID, Token: made.Token})
	if err != nil || len(l.Tokens) != 4 || l.Current != "" {
		t.Fatalf("%+v, %v", l, err)
	}
	listed := made.AccountToken
	listed.Secret = "" // who lists all tokens does not want to upload
	for _, tok := range l.Tokens {
		if tok.ID == made.ID && tok != listed || tok.Secret != "" {
			t.Errorf("listed %+v, made %+v", tok, made)
		}
	}
}

func plikTokenEnds(t *testing.T, w world) {
	s, bob := w.create(t, "alice"), w.create(t, "bob")
	holds := func(what, token string, is bool) {
		t.Helper()
		got, err := w.authenticate(t, token, authv1.TokenPlik)
		if is && err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if !is {
			want(t, what, got, err, authv1.ErrBadToken)
		}
	}
	revoked, byID, stays := w.token(t, s.Account.ID, authv1.TokenPlik, ""), w.token(t, s.Account.ID, authv1.TokenPlik, ""), w.token(t, s.Account.ID, authv1.TokenPlik, "")
	got, err := w.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{AccountID: bob.Account.ID, Token: revoked.Token})
	want(t, "another account's", got, err, authv1.ErrTokenNotFound)
	holds("after a stranger's try", revoked.Token, true)
	for _, r := range []authv1.RevokeTokenRequest{{AccountID: s.Account.ID, Token: revoked.Token}, {AccountID: s.Account.ID, TokenID: byID.ID}} {
		if _, err := w.svc.RevokeToken(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	holds("revoked", revoked.Token, false)
	holds("revoked by id", byID.Token, false)
	holds("another", stays.Token, true)
	if _, err := w.svc.ChangePassword(t.Context(), authv1.ChangePasswordRequest{AccountID: s.Account.ID, Current: Password, New: other}); err != nil {
		t.Fatal(err)
	}
	holds("of the old password", stays.Token, false)
	made := w.token(t, s.Account.ID, authv1.TokenPlik, "")
	holds("of the new password", made.Token, true)
	for _, disabled := range []bool{true, false} {
		if _, err := w.svc.SetAccountDisabled(t.Context(), authv1.SetAccountDisabledRequest{AccountID: s.Account.ID, Disabled: disabled}); err != nil {
			t.Fatal(err)
		}
		holds(fmt.Sprintf("disabled: %t", disabled), made.Token, false)
	}
	made = w.token(t, s.Account.ID, authv1.TokenPlik, "")
	if _, err := w.svc.DeleteUser(t.Context(), authv1.DeleteUserRequest{Actor: authv1.Principal{AccountID: s.Account.ID}, AccountID: s.Account.ID}); err != nil {
		t.Fatal(err)
	}
	holds("of a deleted account", made.Token, false)
}

func plikTokenRefuses(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	for what, name := range map[string]string{"long": strings.Repeat("c", authv1.MaxComment+1), "NUL": "a\x00b"} {
		got, err := w.svc.CreateToken(t.Context(), authv1.CreateTokenRequest{AccountID: a.ID, Kind: authv1.TokenPlik, Name: name})
		want(t, what, got, err, fault.ErrInvalid)
	}
	l, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: a.Username, Password: Password, Kind: authv1.TokenPlik})
	want(t, "at login", l, err, fault.ErrInvalid)
	w.token(t, a.ID, authv1.TokenPlik, strings.Repeat("c", authv1.MaxComment))
}

func pageTokens(t *testing.T, w world) {
	a := w.create(t, "alice").Account
	stranger := w.create(t, "bob").Account
	w.token(t, stranger.ID, authv1.TokenPlik, "stranger's")
	var made []authv1.AccountToken
	for i := range 7 {
		made = append(made, w.token(t, a.ID, authv1.TokenPlik, fmt.Sprint(i)).AccountToken)
	}
	w.token(t, a.ID, authv1.TokenSession, "")
	if _, err := w.svc.RevokeToken(t.Context(), authv1.RevokeTokenRequest{AccountID: a.ID, TokenID: made[3].ID}); err != nil {
		t.Fatal(err)
	}
	for _, ascending := range []bool{false, true} {
		seen := map[string]authv1.AccountToken{}
		r := authv1.PageTokensRequest{AccountID: a.ID, Kind: authv1.TokenPlik, Page: paging.Request{Limit: 4, Ascending: ascending}}
		for n := 0; n == 0 || r.Page.After != ""; n++ {
			p, err := w.svc.PageTokens(t.Context(), r)
			if err != nil || p.Place.Total != 6 || len(p.Tokens) != 4-2*n || (p.Place.After == "") != (n == 1) || (p.Place.Before == "") != (n == 0) {
				t.Fatalf("%+v, %v", p, err)
			}
			for i, tok := range p.Tokens {
				seen[tok.Name] = tok
				if i > 0 && (tok.CreatedAt.Before(p.Tokens[i-1].CreatedAt) == ascending) && !tok.CreatedAt.Equal(p.Tokens[i-1].CreatedAt) {
					t.Errorf("the order, ascending %t: %+v", ascending, p.Tokens)
				}
			}
			r.Page.After = p.Place.After
		}
		for i, tok := range made {
			if got, ok := seen[fmt.Sprint(i)]; ok == (i == 3) || ok && got != tok {
				t.Errorf("listed %+v, made %+v", got, tok)
			}
		}
	}
	if p, err := w.svc.PageTokens(t.Context(), authv1.PageTokensRequest{AccountID: a.ID, Kind: authv1.TokenSession}); err != nil || len(p.Tokens) != 1 || p.Tokens[0].Secret != "" {
		t.Errorf("sessions: %+v, %v", p, err)
	}
	for what, c := range map[string]struct {
		r   authv1.PageTokensRequest
		err *fault.Error
	}{
		"unknown account": {authv1.PageTokensRequest{AccountID: "acc_none", Kind: authv1.TokenPlik}, authv1.ErrAccountNotFound},
		"no account":      {authv1.PageTokensRequest{Kind: authv1.TokenPlik}, authv1.ErrAccountNotFound},
		"no kind":         {authv1.PageTokensRequest{AccountID: a.ID}, fault.ErrInvalid},
		"unknown kind":    {authv1.PageTokensRequest{AccountID: a.ID, Kind: "root"}, fault.ErrInvalid},
		"bad cursor":      {authv1.PageTokensRequest{AccountID: a.ID, Kind: authv1.TokenPlik, Page: paging.Request{After: "x"}}, paging.ErrBadCursor},
		"both cursors":    {authv1.PageTokensRequest{AccountID: a.ID, Kind: authv1.TokenPlik, Page: paging.Request{After: "x", Before: "x"}}, paging.ErrBothCursors},
	} {
		got, err := w.svc.PageTokens(t.Context(), c.r)
		want(t, what, got, err, c.err)
	}
}

func sessionLife(t *testing.T, w world) {
	s := w.create(t, "alice")
	l, err := w.svc.Login(t.Context(), authv1.LoginRequest{Identifier: s.Account.Username, Password: Password, Kind: authv1.TokenSession, Life: 3600})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := w.svc.ListTokens(t.Context(), authv1.ListTokensRequest{AccountID: s.Account.ID, Token: l.Token})
	if err != nil {
		t.Fatal(err)
	}
	for _, tok := range tokens.Tokens {
		if tok.ID == tokens.Current && (tok.ExpiresAt == nil || !tok.ExpiresAt.Equal(tok.CreatedAt.Add(time.Hour))) {
			t.Errorf("%+v", tok)
		}
	}
	for _, r := range []authv1.LoginRequest{{Kind: authv1.TokenSession, Life: -1}, {Kind: authv1.TokenSession, Life: 1 << 60}, {Kind: authv1.TokenAPI, Life: 1}, {Life: 1}} {
		r.Identifier, r.Password = s.Account.Username, Password
		got, err := w.svc.Login(t.Context(), r)
		want(t, fmt.Sprintf("%+v", r), got, err, fault.ErrInvalid)
	}
}
