package iam

import "strings"

// Policy is an IAM policy document, ready to be marshalled to JSON.
// Source: IAM user guide, "Grammar of the IAM JSON policy language".
type Policy struct {
	Version   string
	Statement []Statement
}

// Statement is one statement of a Policy: its effect on the actions, for the
// users that Resource matches.
type Statement struct {
	Sid      string
	Effect   string
	Action   []string
	Resource string
}

// LeastPolicy returns the policy that allows a user what keyd does with the
// user's own keys, and nothing with the keys of others. keyd can work without the
// second statement, which is included only if optional is set. The partition and
// the path of the user come from arn, the ARN of the user. When arn is "", the
// argument partition is used and the user has no path.
//
// The calls to STS need no permission: GetCallerIdentity, and GetSessionToken for
// users.
// Source: IAM user guide, "Permissions required to manage access keys" and "IAM
// policy elements: variables"; STS API reference, both actions.
func LeastPolicy(partition, arn string, optional bool) Policy {
	name := "user/"
	if fields := strings.SplitN(arn, ":", 6); len(fields) == 6 && strings.HasPrefix(fields[5], name) {
		partition, name = fields[1], fields[5][:strings.LastIndex(fields[5], "/")+1]
	}
	own := "arn:" + partition + ":iam::*:" + name + "${aws:username}"
	p := Policy{"2012-10-17", []Statement{{"KeydRotatesOwnAccessKeys", "Allow", []string{
		"iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:ListAccessKeys", "iam:UpdateAccessKey",
	}, own}}}
	if optional {
		p.Statement = append(p.Statement, Statement{"KeydOptionalLastUseAndDescription", "Allow", []string{
			"iam:GetAccessKeyLastUsed", "iam:TagUser", "iam:UntagUser",
		}, own})
	}
	return p
}
