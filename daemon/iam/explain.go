package iam

import (
	"context"
	"errors"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
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
	if e.Call == "ListAccessKeys" && e.Session { // MFA was given: what denies it is something else
		return err
	}
	if e.Call == "ListAccessKeys" {
		devices, devicesErr := c.ListDevices(ctx, user)
		probe, isError := errors.AsType[*Error](devicesErr)
		switch {
		case devicesErr == nil, isError && probe.Class == Denied && probe.Denial != DenialExplicit:
			e.Denial, e.Devices = DenialMFA, devices
		case isError && probe.Class == Denied:
			e.Denial = DenialPlace
		}
		return err
	}
	if _, listErr := c.ListKeys(ctx, user); e.mutates && listErr == nil {
		e.Denial = DenialLeakLike
	}
	return err
}

// ComesFromPattern reports whether d is what ExplainDenial finds out about a denial that
// may come and go.
func (d Denial) ComesFromPattern() bool {
	return d == DenialExplicit || d == DenialMFA || d == DenialPlace
}

// HostOf returns the host of STS in region, or of IAM when region is "". It is what
// Error.Endpoint names after a call there; "" when the region is unknown.
func (c *Client) HostOf(region string) string {
	ctx := context.Background()
	service, custom := "iam", c.endpoints.IAMURL
	if region != "" {
		service, custom = "sts", c.endpoints.STSURL
	}
	if custom != "" {
		u, err := url.Parse(custom)
		if err != nil {
			return ""
		}
		return u.Hostname()
	}
	var found smithyendpoints.Endpoint
	var err error
	if service == "iam" {
		found, err = iam.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, iam.EndpointParameters{
			Region: aws.String(homeRegion(c.endpoints.Partition)), UseFIPS: &c.endpoints.FIPS})
	} else {
		found, err = sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{Region: &region, UseFIPS: &c.endpoints.FIPS})
	}
	if err != nil {
		return ""
	}
	return found.URI.Hostname()
}
