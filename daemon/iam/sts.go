package iam

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"keyd/daemon/iam/remote"
)

// stsIdentity asks STS in region who owns the key; see CallerIdentity.
func (c *Client) stsIdentity(ctx context.Context, region string) (remote.Identity, error) {
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
		id, err = c.parseIdentity(aws.ToString(out.Account), aws.ToString(out.Arn), aws.ToString(out.UserId))
		return err
	})
	return id, err
}

// parseIdentity returns an error unless account, ARN and user id fit together. An account
// has twelve digits at AWS, and any other name elsewhere; so has a partition, which is no
// notion of other IAMs: their keys are in the one that the region suggests.
// Source: IAM user guide, "IAM ARNs".
func (c *Client) parseIdentity(accountID, arn, userID string) (remote.Identity, error) {
	f := strings.SplitN(arn, ":", 6)
	isAccount := accountShape.matches(accountID) || c.elsewhere && otherAccountShape.matches(accountID)
	if len(f) != 6 || f[0] != "arn" || f[1] == "" || !isAccount || f[4] != accountID || f[5] == "" || userID == "" {
		return remote.Identity{}, &answerError{"the answer is not an identity: account, ARN and user id do not fit together"}
	}
	if !isPartition(f[1]) || f[2] != "iam" && f[2] != "sts" || f[3] != "" || !resourceShape.matches(f[5]) || !userIDShape.matches(userID) {
		return remote.Identity{}, &answerError{"the answer is not an identity: its ARN or user id is not shaped like AWS's"}
	}
	id := remote.Identity{Account: accountID, ARN: arn, UserID: userID, Partition: f[1]}
	if c.elsewhere && homeRegion(f[1]) == "" {
		id.Partition = c.endpoints.Partition
	}
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
