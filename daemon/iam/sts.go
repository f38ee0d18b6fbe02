package iam

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"keyd/daemon/iam/remote"
)

// CallerIdentity asks STS in region who owns the key. An empty region means the
// first of Endpoints.Regions. The call needs no permission. An answer that is
// not a well-formed identity is an Ambiguous error.
//
// An error of class BadKey has many causes. One is a region that is not enabled
// in the account: every key fails there. So try the old key in that region
// before judging a new one.
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

// parseIdentity returns an error unless account, ARN and user id fit together.
// Source: IAM user guide, "IAM ARNs".
func parseIdentity(accountID, arn, userID string) (remote.Identity, error) {
	f := strings.SplitN(arn, ":", 6)
	digits := len(accountID) == 12 && strings.Trim(accountID, "0123456789") == ""
	if len(f) != 6 || f[0] != "arn" || f[1] == "" || !digits || f[4] != accountID || f[5] == "" || userID == "" {
		return remote.Identity{}, &answerError{"the answer is not an identity: account, ARN and user id do not fit together"}
	}
	if !isPartition(f[1]) || f[2] != "iam" && f[2] != "sts" || f[3] != "" || !resourceShape.matches(f[5]) || !userIDShape.matches(userID) {
		return remote.Identity{}, &answerError{"the answer is not an identity: its ARN or user id is not shaped like AWS's"}
	}
	id := remote.Identity{Account: accountID, ARN: arn, UserID: userID, Partition: f[1]}
	path, isUser := strings.CutPrefix(f[5], "user/")
	id.Root = f[2] == "iam" && f[5] == "root"
	id.IsUser = f[2] == "iam" && isUser
	if id.IsUser {
		id.User = path[strings.LastIndex(path, "/")+1:]
		if id.User == "" {
			return remote.Identity{}, &answerError{"the answer is not an identity: the user has no name"}
		}
		if !userNameShape.matches(id.User) {
			return remote.Identity{}, &answerError{"the answer is not an identity: the user's name is not shaped like AWS's"}
		}
	}
	return id, nil
}
