package domain

import (
	"slices"
	"strings"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// errNobody is a request without a principal: a mistake of the edge.
var errNobody = fault.New(fault.Unauthenticated, "object.no_principal", "the request names no account")

// allowScope asks for one of the scopes. A principal without a key is the
// account itself and may do all.
func allowScope(p authv1.Principal, scopes ...authv1.Scope) error {
	if p.AccountID == "" {
		return errNobody
	}
	if p.KeyID == "" {
		return nil
	}
	for _, s := range scopes {
		if slices.Contains(p.Grant.Scopes, s) {
			return nil
		}
	}
	return objectv1.ErrAccessDenied
}

// seesBucket reports whether the principal's key is limited to other buckets.
func seesBucket(p authv1.Principal, bucket string) bool {
	return p.KeyID == "" || len(p.Grant.Buckets) == 0 || slices.Contains(p.Grant.Buckets, bucket)
}

// allowBucket asks for a scope on a bucket as a whole: a key that is limited to
// prefixes may not change what lies outside of them.
func allowBucket(p authv1.Principal, bucket string, scopes ...authv1.Scope) error {
	if err := allowScope(p, scopes...); err != nil {
		return err
	}
	if !seesBucket(p, bucket) || p.KeyID != "" && len(p.Grant.Prefixes) > 0 {
		return objectv1.ErrAccessDenied
	}
	return nil
}

// allowLook asks for a right to know that a bucket exists.
func allowLook(p authv1.Principal, bucket string) error {
	if err := allowScope(p, authv1.ScopeRead, authv1.ScopeAdmin); err != nil {
		return err
	}
	if !seesBucket(p, bucket) {
		return objectv1.ErrAccessDenied
	}
	return nil
}

// allowKey asks for a scope on a key, or on all keys under a listing's prefix:
// both must lie under one of the prefixes of the grant.
func allowKey(p authv1.Principal, bucket, key string, scope authv1.Scope) error {
	if err := allowScope(p, scope); err != nil {
		return err
	}
	if !seesBucket(p, bucket) {
		return objectv1.ErrAccessDenied
	}
	if p.KeyID == "" || len(p.Grant.Prefixes) == 0 {
		return nil
	}
	for _, prefix := range p.Grant.Prefixes {
		if strings.HasPrefix(key, prefix) {
			return nil
		}
	}
	return objectv1.ErrAccessDenied
}
