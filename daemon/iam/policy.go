package iam

import "strings"

// Policy is an IAM policy document, for JSON.
// Source: IAM user guide, "Grammar of the IAM JSON policy language".
type Policy struct {
	Version   string
	Statement []Statement
}

// Statement allows actions on the users that Resource matches.
type Statement struct {
	Sid      string
	Effect   string
	Action   []string
	Resource string
}

// LeastPolicy allows a user what keyd calls with the user's own key, and nothing
// with anybody else's. The second statement is what keyd does without when it is
// denied; it is left out unless optional. arn is the user's, for the partition and
// the path; partition serves when arn is "", and then the user has no path.
//
// What STS is asked needs no permission: GetCallerIdentity, and GetSessionToken
// for users.
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
