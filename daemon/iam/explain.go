package iam

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// ExplainDenial returns err with a Denial that the pattern of what else the key may do
// tells apart, when AWS's words leave it open (Error.IsVague). It makes one call, which
// reads only. Any other error is returned as it is.
//
//	denied            allowed or not denied explicitly     what it is
//	a change          ListAccessKeys works                 DenialLeakLike
//	ListAccessKeys    ListMFADevices                       DenialMFA
//	ListAccessKeys    nothing                              DenialPlace
//
// AWS's guards for MFA leave ListMFADevices open, since without it no session with MFA
// can be opened; its policies against a source address leave nothing open.
// AWSCompromisedKeyQuarantine denies changes of users and keys, and no list. Policies
// that others have written may look the same, so the hints say how sure this is.
// Source: IAM user guide, "Allows MFA-authenticated IAM users to manage their own
// credentials" and "Denies access to AWS based on the source IP"; AWS managed policy
// reference, AWSCompromisedKeyQuarantineV3.
func (c *Client) ExplainDenial(ctx context.Context, user string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.IsVague() || user == "" {
		return err
	}
	if e.Call == "ListAccessKeys" {
		if probe, answered := c.askDevices(ctx, user); answered {
			e.Denial = DenialMFA
			if probe != nil && probe.Denial == DenialExplicit {
				e.Denial = DenialPlace
			}
		}
		return err
	}
	if _, listErr := c.ListKeys(ctx, user); e.mutates && listErr == nil {
		e.Denial = DenialLeakLike
	}
	return err
}

// askDevices asks for the user's MFA devices. It returns the denial, or nil when the
// call is allowed. answered is false when AWS said neither.
func (c *Client) askDevices(ctx context.Context, user string) (denied *Error, answered bool) {
	k := &call{name: "ListMFADevices"}
	err := c.doCall(ctx, k, func(ctx context.Context) error {
		_, err := c.iam.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: &user})
		return err
	})
	if err == nil {
		return nil, true
	}
	e, ok := errors.AsType[*Error](err)
	return e, ok && e.Class == Denied
}
