package iam

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
)

// CallerIdentity asks the STS of region whom the key belongs to; "" is the
// first of Site.Regions. It needs no permission. An answer that is not a
// well-formed identity is an Ambiguous error.
//
// BadKey has many reasons, among them a region that is not enabled in the
// account, where every key fails: try the old key before judging a new one.
// Source: STS API reference, GetCallerIdentity; boto3 issue 3975.
func (c *Client) CallerIdentity(ctx context.Context, region string) (remote.Identity, error) {
	k := &call{name: "GetCallerIdentity"}
	var id remote.Identity
	err := c.doCall(ctx, k, func(ctx context.Context) error {
		out, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, func(o *sts.Options) {
			if region != "" {
				o.Region = region
			}
		})
		if err != nil {
			return err
		}
		id, err = parseIdentity(aws.ToString(out.Account), aws.ToString(out.Arn), aws.ToString(out.UserId))
		return err
	})
	return id, err
}

// parseIdentity checks the three parts against each other.
// Source: IAM user guide, "IAM ARNs".
func parseIdentity(accountID, arn, userID string) (remote.Identity, error) {
	f := strings.SplitN(arn, ":", 6)
	digits := len(accountID) == 12 && strings.Trim(accountID, "0123456789") == ""
	if len(f) != 6 || f[0] != "arn" || f[1] == "" || !digits || f[4] != accountID || f[5] == "" || userID == "" {
		return remote.Identity{}, &answerError{"the answer is no identity: account, ARN and user id do not fit together"}
	}
	id := remote.Identity{Account: accountID, ARN: arn, UserID: userID, Partition: f[1]}
	path, isUser := strings.CutPrefix(f[5], "user/")
	id.Root = f[2] == "iam" && f[5] == "root"
	id.IsUser = f[2] == "iam" && isUser
	if id.IsUser {
		id.User = path[strings.LastIndex(path, "/")+1:]
		if id.User == "" {
			return remote.Identity{}, &answerError{"the answer is no identity: the user has no name"}
		}
	}
	return id, nil
}

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
	err := c.doCall(ctx, k, func(ctx context.Context) error {
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
	return newClient(key, credfile.NewSecret(*session.SessionToken), c.endpoints, c.opt)
}
