package domain

import (
	"context"
	"slices"
	"strings"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// errNobody is a request without a principal: a mistake of the edge.
var errNobody = fault.New(fault.Unauthenticated, "object.no_principal", "the request names no account")

// errPolicy is what a bucket's policy refuses.
var errPolicy = objectv1.ErrAccessDenied.Msgf("the bucket's policy does not allow this")

// reach is what an action touches, and so what a prefix says about it.
type reach int

const (
	reachBucket  reach = iota // the bucket as a whole
	reachLook                 // that the bucket exists, and how it is set
	reachKey                  // one key
	reachListing              // all keys under a prefix
)

// rule says which scopes allow an action, any of them, and what it touches.
type rule struct {
	scopes []authv1.Scope
	reach  reach
}

// ruleFor is the table of lockwell.md, Tokens; ok is false for what is no action.
func ruleFor(a objectv1.Action) (r rule, ok bool) {
	one := func(s authv1.Scope, at reach) (rule, bool) { return rule{[]authv1.Scope{s}, at}, true }
	switch a {
	case objectv1.ActionGetObject:
		return one(authv1.ScopeRead, reachKey)
	case objectv1.ActionListObjects:
		return one(authv1.ScopeRead, reachListing)
	case objectv1.ActionGetBucket:
		return rule{[]authv1.Scope{authv1.ScopeRead, authv1.ScopeAdmin}, reachLook}, true
	case objectv1.ActionPutObject, objectv1.ActionPutObjectTags:
		return one(authv1.ScopeWrite, reachKey)
	case objectv1.ActionDeleteObject, objectv1.ActionDeleteVersion:
		return one(authv1.ScopeDelete, reachKey)
	case objectv1.ActionPutObjectRetention, objectv1.ActionPutObjectLegalHold:
		return one(authv1.ScopeAdmin, reachKey)
	case objectv1.ActionCreateBucket, objectv1.ActionDeleteBucket, objectv1.ActionPutVersioning,
		objectv1.ActionNotifications, objectv1.ActionPolicy:
		return one(authv1.ScopeAdmin, reachBucket)
	}
	return rule{}, false
}

// authorize decides an action on a bucket, or on a key of it (a prefix, for
// listings), and gives the bucket. First the access key's own grant, which says
// nothing about what exists; then whether the account has the bucket; then the
// bucket's policy.
func (s *Service) authorize(
	ctx context.Context, p authv1.Principal, bucket string, a objectv1.Action, key string,
) (Bucket, int64, error) {
	if err := granted(p, bucket, a, key); err != nil {
		return Bucket{}, 0, err
	}
	b, rev, err := s.bucketFor(ctx, p, bucket)
	if err != nil {
		return b, 0, err
	}
	if b.State == BucketClosed {
		return b, 0, objectv1.ErrAccountClosed
	}
	if b.System && !inDrive(a) {
		return b, 0, objectv1.ErrNotInDrive
	}
	return b, rev, b.permits(p, a, key)
}

// inDrive reports whether an action is one of those that the drive knows, and so
// every bucket that the account has not made.
func inDrive(a objectv1.Action) bool {
	switch a {
	case objectv1.ActionDeleteVersion, objectv1.ActionPutObjectRetention, objectv1.ActionPutObjectLegalHold,
		objectv1.ActionDeleteBucket, objectv1.ActionPutVersioning, objectv1.ActionNotifications, objectv1.ActionPolicy:
		return false
	}
	return true
}

// permits holds an action against the bucket's policy. The account itself is
// not subject to it.
func (b Bucket) permits(p authv1.Principal, a objectv1.Action, key string) error {
	if p.KeyID != "" && !permitted(b.Policy, p.KeyID, a, key) {
		return errPolicy
	}
	return nil
}

// granted holds an action against the grant of the principal's key: scope,
// buckets, prefixes. A principal without a key is the account itself and may do all.
func granted(p authv1.Principal, bucket string, a objectv1.Action, key string) error {
	if p.AccountID == "" {
		return errNobody
	}
	r, ok := ruleFor(a)
	if !ok {
		return fault.ErrInvalid.Msgf("there is no action %.40q", a)
	}
	if p.KeyID == "" {
		return nil
	}
	if !hasScope(p, r.scopes...) || !seesBucket(p, bucket) || !r.within(p.Grant.Prefixes, key) {
		return objectv1.ErrAccessDenied
	}
	return nil
}

// within reports whether a grant that is limited to prefixes, if it is, reaches
// the key. A key so limited may not change what lies outside of them, so it may
// not change the bucket.
func (r rule) within(prefixes []string, key string) bool {
	switch {
	case len(prefixes) == 0 || r.reach == reachLook:
		return true
	case r.reach == reachBucket:
		return false
	}
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

func hasScope(p authv1.Principal, scopes ...authv1.Scope) bool {
	return p.KeyID == "" || slices.ContainsFunc(scopes, func(s authv1.Scope) bool { return slices.Contains(p.Grant.Scopes, s) })
}

// seesBucket reports whether the principal's key is limited to other buckets.
func seesBucket(p authv1.Principal, bucket string) bool {
	return p.KeyID == "" || len(p.Grant.Buckets) == 0 || slices.Contains(p.Grant.Buckets, bucket)
}

// Authorize says whether the principal may do an action, and where.
func (s *Service) Authorize(ctx context.Context, r objectv1.AuthorizeRequest) (objectv1.AuthorizeResponse, error) {
	rl, ok := ruleFor(r.Action)
	switch {
	case !ok || r.Action == objectv1.ActionCreateBucket:
		return objectv1.AuthorizeResponse{}, fault.ErrInvalid.Msgf("there is no action %.40q on a bucket", r.Action)
	case rl.reach == reachKey:
		if err := objectv1.CheckKey(r.Key); err != nil {
			return objectv1.AuthorizeResponse{}, err
		}
	}
	b, _, err := s.authorize(ctx, r.Principal, r.Bucket, r.Action, r.Key)
	if err != nil {
		return objectv1.AuthorizeResponse{}, err
	}
	return objectv1.AuthorizeResponse{BucketID: b.ID, Region: b.Region, ObjectLock: b.ObjectLock}, nil
}
