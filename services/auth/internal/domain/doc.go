// Package domain holds the rules of auth: who may have an account, when a
// credential holds, what a revocation is. It does no I/O but through its ports.
//
//	account:  active ⇄ disabled        tokens made before a disabling never hold again
//	          any ──► ended ──► gone   deleted; nothing of it holds from "ended" on
//	key:      active ──► revoked       for good; or past its expiry
//	token:    holds ──► revoked        or past its expiry, or older than the password
package domain
