package domain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
	"github.com/sluicehq/sluice/pkg/fault"
)

// maxPolicyBytes bounds a policy as JSON: every call on the bucket reads it.
const maxPolicyBytes = 20 << 10

// GetPolicy reads the policy of a bucket; none is one without statements.
func (s *Service) GetPolicy(ctx context.Context, r objectv1.BucketRequest) (objectv1.Policy, error) {
	b, _, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionPolicy, "")
	if err != nil {
		return objectv1.Policy{}, err
	}
	return b.policy(), nil
}

// SetPolicy replaces the policy of a bucket; one without statements removes it.
func (s *Service) SetPolicy(ctx context.Context, r objectv1.SetPolicyRequest) (objectv1.Policy, error) {
	for range casAttempts {
		b, rev, err := s.authorize(ctx, r.Principal, r.Bucket, objectv1.ActionPolicy, "")
		if err != nil {
			return objectv1.Policy{}, err
		}
		if err := checkPolicy(r.Policy); err != nil {
			return objectv1.Policy{}, err
		}
		b.Policy = r.Policy.Statements
		err = s.st.Buckets.Replace(ctx, b, rev)
		if errors.Is(err, ErrStale) {
			continue
		}
		if err != nil {
			return objectv1.Policy{}, fmt.Errorf("storing the policy: %w", err)
		}
		return b.policy(), nil
	}
	return objectv1.Policy{}, fault.ErrUnavailable.After(time.Second)
}

// policy is the policy as its owner sees it.
func (b Bucket) policy() objectv1.Policy {
	return objectv1.Policy{Statements: append([]objectv1.Statement{}, b.Policy...)}
}

// permitted evaluates statements for an access key: a Deny that matches refuses,
// and where there are Allow statements one of them must match.
func permitted(statements []objectv1.Statement, keyID string, a objectv1.Action, key string) bool {
	r, ok := ruleFor(a)
	if !ok {
		return false
	}
	open, allowed := true, false
	for _, st := range statements {
		deny := st.Effect == objectv1.Deny
		if !deny {
			open = false
		}
		if !speaksOf(st, keyID, a, r) || !covers(st, r.reach, key) {
			continue
		}
		if deny {
			return false
		}
		allowed = true
	}
	return open || allowed
}

// speaksOf reports whether the statement names the access key and the action.
func speaksOf(st objectv1.Statement, keyID string, a objectv1.Action, r rule) bool {
	if len(st.AccessKeyIDs) > 0 && !slices.Contains(st.AccessKeyIDs, keyID) {
		return false
	}
	return slices.ContainsFunc(st.Actions, func(name objectv1.Action) bool {
		return name == a || name == objectv1.ActionAny || slices.Contains(r.scopes, authv1.Scope(name))
	})
}

// covers reports whether the prefixes of a statement reach the key. A listing is
// refused as soon as it could show a denied key, or asks inside a denied prefix;
// it is allowed only where all that it could show is. A statement with prefixes
// says nothing of the bucket as a whole.
func covers(st objectv1.Statement, at reach, key string) bool {
	if len(st.Prefixes) == 0 {
		return true
	}
	if at == reachBucket || at == reachLook {
		return false
	}
	overlaps := at == reachListing && st.Effect == objectv1.Deny
	return slices.ContainsFunc(st.Prefixes, func(prefix string) bool {
		return strings.HasPrefix(key, prefix) || overlaps && strings.HasPrefix(prefix, key)
	})
}

// checkPolicy says the first thing wrong with a policy.
func checkPolicy(p objectv1.Policy) error {
	if len(p.Statements) > objectv1.MaxStatements {
		return fault.ErrInvalid.Msgf("a policy has at most %d statements", objectv1.MaxStatements)
	}
	for i, st := range p.Statements {
		if problem := statementProblem(st); problem != "" {
			return fault.ErrInvalid.Msgf("statements[%d]: %s", i, problem)
		}
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("measuring the policy: %w", err)
	}
	if len(raw) > maxPolicyBytes {
		return fault.ErrInvalid.Msgf("a policy is at most %d bytes of JSON", maxPolicyBytes)
	}
	return nil
}

// statementProblem says what is wrong with a statement; "" is nothing.
func statementProblem(st objectv1.Statement) string {
	if st.Effect != objectv1.Allow && st.Effect != objectv1.Deny {
		return "effect is Allow or Deny"
	}
	if len(st.Actions) == 0 {
		return "actions names at least one action"
	}
	if max(len(st.Actions), len(st.Prefixes), len(st.AccessKeyIDs)) > objectv1.MaxPolicyValues {
		return fmt.Sprintf("actions, prefixes and accessKeyIds hold at most %d values each", objectv1.MaxPolicyValues)
	}
	for _, a := range st.Actions {
		if _, ok := ruleFor(a); !ok && a != objectv1.ActionAny && !isScope(a) {
			return fmt.Sprintf("there is no action %.40q", a)
		}
	}
	for _, prefix := range st.Prefixes {
		if prefix == "" {
			return "a prefix is not empty; leave prefixes out to mean every key"
		}
		if objectv1.CheckKey(prefix) != nil {
			return fmt.Sprintf("a prefix is at most %d bytes of UTF-8 without NUL", objectv1.MaxKey)
		}
	}
	for _, id := range st.AccessKeyIDs {
		if !isAccessKeyID(id) {
			return fmt.Sprintf("%.40q is no access key id", id)
		}
	}
	return ""
}

// isScope reports whether a name in a statement stands for all that a scope covers.
func isScope(a objectv1.Action) bool {
	switch authv1.Scope(a) {
	case authv1.ScopeRead, authv1.ScopeWrite, authv1.ScopeDelete, authv1.ScopeAdmin:
		return true
	}
	return false
}

// isAccessKeyID takes the form that auth gives its keys (lockwell.md, Tokens). A
// key need not exist: a policy may outlive it.
func isAccessKeyID(id string) bool {
	rest, ok := strings.CutPrefix(id, "LWAK")
	return ok && len(rest) == 16 && strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}
