package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"keyd/credfile"
)

// WithMFA returns a client that acts as the same user in a session proved with
// a one-time code, for users whose policy denies calls without MFA. The session
// lasts an hour, lives in memory only and shares c's transport. serial is the
// ARN of a virtual or hardware device (mfa_serial), code its six digits;
// passkeys and FIDO devices have none and cannot be used.
//
// The code is sent once: AWS takes none twice. A wrong or used code is an error
// of class Denied.
// Source: STS API reference, GetSessionToken.
func (c *Client) WithMFA(ctx context.Context, serial, code string) (*Client, error) {
	k := &call{name: "GetSessionToken", once: true}
	var session *types.Credentials
	err := c.do(ctx, k, func(ctx context.Context) error {
		in := &sts.GetSessionTokenInput{SerialNumber: &serial, TokenCode: &code, DurationSeconds: new(int32(3600))}
		out, err := c.sts.GetSessionToken(ctx, in, func(o *sts.Options) { o.Retryer = aws.NopRetryer{} })
		if err != nil {
			return err
		}
		session = out.Credentials
		if session == nil || aws.ToString(session.AccessKeyId) == "" || aws.ToString(session.SecretAccessKey) == "" || aws.ToString(session.SessionToken) == "" {
			return &answerError{"the answer lacks a part of the session"}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	key := credfile.Key{ID: *session.AccessKeyId, Secret: credfile.NewSecret(*session.SecretAccessKey)}
	return newClient(key, credfile.NewSecret(*session.SessionToken), c.site, c.opt)
}
