package authv1

import "github.com/sluicehq/sluice/pkg/fault"

// The errors of auth.
var (
	ErrBadCredentials  = fault.New(fault.Unauthenticated, "auth.bad_credentials", "the credentials are not valid")
	ErrBadToken        = fault.New(fault.Unauthenticated, "auth.bad_token", "the token is missing, malformed, expired or revoked")
	ErrThrottled       = fault.New(fault.RateLimited, "auth.throttled", "too many attempts; wait before the next one")
	ErrUsernameTaken   = fault.New(fault.Conflict, "auth.username_taken", "the user name is taken")
	ErrEmailTaken      = fault.New(fault.Conflict, "auth.email_taken", "the e-mail address is in use")
	ErrAccountNotFound = fault.New(fault.NotFound, "auth.account_not_found", "there is no such account")
	ErrTooManyKeys     = fault.New(fault.Conflict, "auth.too_many_keys", "the account has too many access keys; revoke one first")
	ErrKeyNotFound     = fault.New(fault.NotFound, "auth.key_not_found", "there is no such access key")
	ErrTokenNotFound   = fault.New(fault.NotFound, "auth.token_not_found", "there is no such token")
	ErrTooManyTokens   = fault.New(fault.Conflict, "auth.too_many_tokens", "the account has too many tokens; revoke one first")
	ErrUnknownPlan     = fault.New(fault.Invalid, "auth.unknown_plan", "there is no such plan")
	ErrNotAdmin        = fault.New(fault.Forbidden, "auth.not_admin", "you need administrator privileges")
	ErrOwnRights       = fault.New(fault.Forbidden, "auth.own_rights", "can't grant yourself admin right, nice try!")
	ErrLastAdmin       = fault.New(fault.Forbidden, "auth.last_admin", "the last administrator keeps its rights")
	ErrOwnLimits       = fault.New(fault.Forbidden, "auth.own_limits", "can't edit your own quota, nice try!")
)
