// Package domain holds the rules of auth: who may have an account, when a
// credential holds, what a revocation is. It does no I/O but through its ports.
//
//	account:  active ⇄ disabled        tokens made before a disabling never hold again
//	key:      active ──► revoked       for good; or past its expiry
package domain
