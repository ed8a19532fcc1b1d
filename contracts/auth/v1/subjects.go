package authv1

import "github.com/sluicehq/sluice/pkg/rpc"

// The calls of auth.
var (
	CreateAccount      = rpc.Method[CreateAccountRequest, Session]{Subject: "auth.v1.create_account"}
	Login              = rpc.Method[LoginRequest, Session]{Subject: "auth.v1.login"}
	Authenticate       = rpc.Method[AuthenticateRequest, Authenticated]{Subject: "auth.v1.authenticate", Idempotent: true}
	GetAccount         = rpc.Method[GetAccountRequest, Account]{Subject: "auth.v1.get_account", Idempotent: true}
	ListAccounts       = rpc.Method[ListAccountsRequest, ListAccountsResponse]{Subject: "auth.v1.list_accounts", Idempotent: true}
	SetAccountDisabled = rpc.Method[SetAccountDisabledRequest, Account]{Subject: "auth.v1.set_account_disabled", Idempotent: true}
	CreateAccessKey    = rpc.Method[CreateAccessKeyRequest, AccessKeyWithSecret]{Subject: "auth.v1.create_access_key"}
	ListAccessKeys     = rpc.Method[ListAccessKeysRequest, ListAccessKeysResponse]{Subject: "auth.v1.list_access_keys", Idempotent: true}
	RevokeAccessKey    = rpc.Method[RevokeAccessKeyRequest, AccessKey]{Subject: "auth.v1.revoke_access_key", Idempotent: true}
	MintAccessToken    = rpc.Method[MintAccessTokenRequest, AccessToken]{Subject: "auth.v1.mint_access_token"}
	KeyStateOf         = rpc.Method[KeyStateRequest, KeyStateResponse]{Subject: "auth.v1.key_state", Idempotent: true}
	CreateToken        = rpc.Method[CreateTokenRequest, CreatedToken]{Subject: "auth.v1.create_token"}
	ListTokens         = rpc.Method[ListTokensRequest, ListTokensResponse]{Subject: "auth.v1.list_tokens", Idempotent: true}
	RevokeToken        = rpc.Method[RevokeTokenRequest, Empty]{Subject: "auth.v1.revoke_token", Idempotent: true}
	ChangePassword     = rpc.Method[ChangePasswordRequest, Account]{Subject: "auth.v1.change_password"}
	DeleteAccount      = rpc.Method[DeleteAccountRequest, Empty]{Subject: "auth.v1.delete_account"}
	SetAccount         = rpc.Method[SetAccountRequest, Account]{Subject: "auth.v1.set_account", Idempotent: true}
	Enter              = rpc.Method[EnterRequest, Session]{Subject: "auth.v1.enter"}
	CreateUser         = rpc.Method[CreateUserRequest, Account]{Subject: "auth.v1.create_user"}
	UpdateUser         = rpc.Method[UpdateUserRequest, Account]{Subject: "auth.v1.update_user"}
	DeleteUser         = rpc.Method[DeleteUserRequest, Empty]{Subject: "auth.v1.delete_user"}
	ListUsers          = rpc.Method[ListUsersRequest, ListUsersResponse]{Subject: "auth.v1.list_users", Idempotent: true}
	PageTokens         = rpc.Method[PageTokensRequest, PageTokensResponse]{Subject: "auth.v1.page_tokens", Idempotent: true}
	RotateToken        = rpc.Method[RotateTokenRequest, CreatedToken]{Subject: "auth.v1.rotate_token"}
)
