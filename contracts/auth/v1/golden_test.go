package authv1_test

import (
	"reflect"
	"testing"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	"github.com/sluicehq/sluice/contracts/goldentest"
	"github.com/sluicehq/sluice/pkg/paging"
)

// messages are one filled value per message that crosses a boundary. Inside v1
// their JSON may only gain optional fields.
func messages() map[string]any {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	limits := authv1.Limits{StorageBytes: 100e9, ObjectBytes: 100e9, ContainersPerDay: 500, Links: 50_000}
	identity := authv1.Identity{Provider: authv1.ProviderGoogle, Login: "alice@example.com"}
	plik := authv1.PlikLimits{MaxFileSize: 1e9, MaxUserSize: -1, MaxTTL: 3600}
	account := authv1.Account{
		ID: "acc_1", Username: "alice", Email: "alice@example.com", Admin: true, Disabled: true, Plan: "standard", Limits: limits,
		CreatedAt: at, Region: "eu-west1", Identity: identity, Name: "Alice A.", Plik: plik, Number: authv1.FirstAccountNumber, LastLogin: &at, LastLoginFrom: "192.0.2.1",
	}
	grant := authv1.Grant{Scopes: []authv1.Scope{authv1.ScopeRead, authv1.ScopeAdmin}, Buckets: []string{"photos"}, Prefixes: []string{"2026/"}}
	key := authv1.AccessKey{ID: "LWAKAAAAAAAAAAAAAAAA", AccountID: "acc_1", Grant: grant, ExpiresAt: &at, CreatedAt: at, RevokedAt: &at}
	keyState := authv1.KeyState{KeyID: key.ID, AccountID: "acc_1", Active: true, Grant: grant, ExpiresAt: &at, Revision: 3}
	accountState := authv1.AccountState{AccountID: "acc_1", Username: "alice", Active: true, Admin: true, Limits: limits, NotBefore: at, Region: "eu-west1", Revision: 2}
	token := authv1.AccountToken{ID: "tok_abcdefghijklmnop", Kind: authv1.TokenSession, Name: "laptop", CreatedAt: at, ExpiresAt: &at, Secret: "c0ffee00-0000-4000-8000-000000000000"}
	principal := authv1.Principal{AccountID: "acc_1", Username: "alice", KeyID: key.ID, Admin: true, Grant: grant, Limits: limits, Region: "eu-west1", System: true}
	page := paging.Request{Offset: 5, Limit: 10, Ascending: true, After: "a", Before: "b"}
	place := paging.Place{After: "a", Before: "b", Total: 7}
	return map[string]any{
		"create_account_request":       authv1.CreateAccountRequest{Username: "alice", Email: "alice@example.com", Password: "secret-1", Admin: true, Source: "192.0.2.1"},
		"session":                      authv1.Session{Token: "slt_x", Account: account},
		"login_request":                authv1.LoginRequest{Key1: "k1", Key2: "k2", Identifier: "alice", Password: "secret-1", Source: "192.0.2.1", Kind: authv1.TokenSession, Name: "laptop", Life: 60},
		"authenticate_request":         authv1.AuthenticateRequest{Token: "slt_x", Identifier: "alice", Password: "secret-1", Source: "192.0.2.1", Kind: authv1.TokenPlik},
		"authenticated":                authv1.Authenticated{Account: account, TokenID: token.ID, TokenKind: authv1.TokenPlik},
		"get_account_request":          authv1.GetAccountRequest{ID: "acc_1", Username: "alice", Identity: &identity, Number: authv1.FirstAccountNumber},
		"list_accounts_request":        authv1.ListAccountsRequest{After: "alice", Limit: 10},
		"list_accounts_response":       authv1.ListAccountsResponse{Accounts: []authv1.Account{account}, More: true},
		"set_account_disabled_request": authv1.SetAccountDisabledRequest{AccountID: "acc_1", Disabled: true},
		"create_access_key_request":    authv1.CreateAccessKeyRequest{AccountID: "acc_1", Grant: grant, ExpiresAt: &at},
		"access_key":                   key,
		"access_key_with_secret":       authv1.AccessKeyWithSecret{AccessKey: key, Secret: "s"},
		"list_access_keys_request":     authv1.ListAccessKeysRequest{AccountID: "acc_1"},
		"list_access_keys_response":    authv1.ListAccessKeysResponse{Keys: []authv1.AccessKey{key}},
		"revoke_access_key_request":    authv1.RevokeAccessKeyRequest{AccountID: "acc_1", KeyID: key.ID},
		"mint_access_token_request":    authv1.MintAccessTokenRequest{KeyID: key.ID, Secret: "s", Source: "192.0.2.1"},
		"access_token":                 authv1.AccessToken{Token: "lwtk_x", ExpiresAt: at, AccountID: "acc_1"},
		"token_claims":                 authv1.TokenClaims{KeyID: key.ID, AccountID: "acc_1", IssuedAt: 1, ExpiresAt: 2},
		"principal":                    principal,
		"beat":                         authv1.Beat{Sequence: 7},
		"key_state":                    keyState,
		"account_state":                accountState,
		"key_state_request":            authv1.KeyStateRequest{KeyID: key.ID},
		"key_state_response":           authv1.KeyStateResponse{Found: true, Key: keyState, Account: accountState},
		"account_token":                token,
		"create_token_request":         authv1.CreateTokenRequest{AccountID: "acc_1", Kind: authv1.TokenAPI, Name: "laptop"},
		"created_token":                authv1.CreatedToken{AccountToken: token, Token: "slt_x"},
		"list_tokens_request":          authv1.ListTokensRequest{AccountID: "acc_1", Token: "slt_x"},
		"list_tokens_response":         authv1.ListTokensResponse{Tokens: []authv1.AccountToken{token}, Current: token.ID},
		"revoke_token_request":         authv1.RevokeTokenRequest{AccountID: "acc_1", TokenID: token.ID, Token: "slt_x"},
		"change_password_request":      authv1.ChangePasswordRequest{AccountID: "acc_1", Current: "secret-1", New: "secret-2", Keep: "slt_x", Source: "192.0.2.1", Operator: true},
		"delete_account_request":       authv1.DeleteAccountRequest{AccountID: "acc_1", Password: "secret-1", Source: "192.0.2.1", DryRun: true, Operator: true},
		"set_account_request":          authv1.SetAccountRequest{AccountID: "acc_1", Plan: "gold", Admin: new(bool), Region: "eu-west1"},
		"enter_request":                authv1.EnterRequest{Identity: identity, Email: "alice@example.com", Name: "Alice A.", Create: true, Life: 60, Source: "192.0.2.1"},
		"create_user_request":          authv1.CreateUserRequest{Actor: principal, Identity: identity, Password: "secret-1", Email: "alice@example.com", Name: "Alice A.", Admin: true, Plik: plik},
		"update_user_request":          authv1.UpdateUserRequest{Actor: principal, AccountID: "acc_1", Name: "Alice A.", Email: "alice@example.com", Admin: true, Plik: plik, Password: "secret-2", Keep: "slt_x"},
		"delete_user_request":          authv1.DeleteUserRequest{Actor: principal, AccountID: "acc_1", DryRun: true},
		"list_users_request":           authv1.ListUsersRequest{Actor: principal, Page: page},
		"list_users_response":          authv1.ListUsersResponse{Accounts: []authv1.Account{account}, Place: place},
		"page_tokens_request":          authv1.PageTokensRequest{AccountID: "acc_1", Kind: authv1.TokenPlik, Page: page},
		"page_tokens_response":         authv1.PageTokensResponse{Tokens: []authv1.AccountToken{token}, Place: place},
		"rotate_token_request":         authv1.RotateTokenRequest{AccountID: "acc_1", Kind: authv1.TokenAPIKey},
		"empty":                        authv1.Empty{},
	}
}

func TestMessages_Golden(t *testing.T) {
	t.Parallel()
	goldentest.Messages(t, messages())
}

// TestSubjects holds the calls to their root, which no stream captures.
func TestSubjects(t *testing.T) {
	t.Parallel()
	for method, subject := range map[string]string{
		"CreateAccount": authv1.CreateAccount.Subject, "Login": authv1.Login.Subject, "Authenticate": authv1.Authenticate.Subject,
		"GetAccount": authv1.GetAccount.Subject, "ListAccounts": authv1.ListAccounts.Subject, "SetAccountDisabled": authv1.SetAccountDisabled.Subject,
		"CreateAccessKey": authv1.CreateAccessKey.Subject, "ListAccessKeys": authv1.ListAccessKeys.Subject, "RevokeAccessKey": authv1.RevokeAccessKey.Subject,
		"MintAccessToken": authv1.MintAccessToken.Subject, "KeyState": authv1.KeyStateOf.Subject,
		"CreateToken": authv1.CreateToken.Subject, "ListTokens": authv1.ListTokens.Subject, "RevokeToken": authv1.RevokeToken.Subject,
		"ChangePassword": authv1.ChangePassword.Subject, "DeleteAccount": authv1.DeleteAccount.Subject, "SetAccount": authv1.SetAccount.Subject,
		"Enter": authv1.Enter.Subject, "CreateUser": authv1.CreateUser.Subject, "UpdateUser": authv1.UpdateUser.Subject,
		"DeleteUser": authv1.DeleteUser.Subject, "ListUsers": authv1.ListUsers.Subject, "PageTokens": authv1.PageTokens.Subject,
		"RotateToken": authv1.RotateToken.Subject,
	} {
		var want []byte
		for i, r := range method {
			if r >= 'A' && r <= 'Z' {
				if i > 0 {
					want = append(want, '_')
				}
				r += 'a' - 'A'
			}
			want = append(want, byte(r))
		}
		if subject != "auth.v1."+string(want) {
			t.Errorf("%s is called on %s", method, subject)
		}
	}
	if n := reflect.TypeFor[authv1.Service]().NumMethod(); n != 24 {
		t.Errorf("the service has %d methods, the table above 24", n)
	}
}
