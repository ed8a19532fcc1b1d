package core

import (
	"context"
	"fmt"

	authv1 "github.com/sluicehq/sluice/contracts/auth/v1"
	objectv1 "github.com/sluicehq/sluice/contracts/object/v1"
)

// GetPolicy reads a bucket's policy; none is one without statements.
func (c *Core) GetPolicy(ctx context.Context, p authv1.Principal, bucket string) (objectv1.Policy, error) {
	policy, err := c.Objects.GetPolicy(ctx, objectv1.BucketRequest{Principal: p, Bucket: bucket})
	if err != nil {
		return objectv1.Policy{}, fmt.Errorf("reading a policy: %w", err)
	}
	return policy, nil
}

// SetPolicy replaces a bucket's policy; one without statements removes it.
func (c *Core) SetPolicy(ctx context.Context, p authv1.Principal, bucket string, policy objectv1.Policy) (objectv1.Policy, error) {
	stored, err := c.Objects.SetPolicy(ctx, objectv1.SetPolicyRequest{Principal: p, Bucket: bucket, Policy: policy})
	if err != nil {
		return objectv1.Policy{}, fmt.Errorf("setting a policy: %w", err)
	}
	return stored, nil
}
