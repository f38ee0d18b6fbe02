package iam

import "strings"

// Policy is an IAM policy document, ready to be marshalled to JSON.
// Source: IAM user guide, "Grammar of the IAM JSON policy language".
type Policy struct {
	Version   string
	Statement []Statement
}

// Statement is one statement of a Policy: its effect on the actions, for the
// users that Resource matches, under Condition: operator, key, values.
type Statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  string
	Condition map[string]map[string][]string `json:",omitempty"`
}

// LeastPolicy returns the policy that allows a user what keyd does with the
// user's own keys, and nothing with the keys of others. keyd can work without the
// statements after the first, which are included only if optional is set. The
// partition and the path of the user come from arn, the ARN of the user. When arn is
// "", the argument partition is used and the user has no path.
//
// Tags decide what a user may do where an account works with attribute-based access
// control, and no one may promote himself. The console keeps the description of an
// access key in a tag of the user whose key is the id of the access key, so the policy
// allows tags with such keys only, and no request without any. Not guaranteed: that no
// other policy of the account means such a tag.
//
// The calls to STS need no permission: GetCallerIdentity, and GetSessionToken for
// users.
// Source: IAM user guide, "Permissions required to manage access keys", "IAM policy
// elements: variables", "Controlling access during AWS requests" (aws:TagKeys) and
// "Multivalued context keys" (ForAllValues is true without a value, hence Null); STS
// API reference, both actions.
func LeastPolicy(partition, arn string, optional bool) Policy {
	name := "user/"
	if fields := strings.SplitN(arn, ":", 6); len(fields) == 6 && strings.HasPrefix(fields[5], name) {
		partition, name = fields[1], fields[5][:strings.LastIndex(fields[5], "/")+1]
	}
	own := "arn:" + partition + ":iam::*:" + name + "${aws:username}"
	p := Policy{"2012-10-17", []Statement{{Sid: "KeydRotatesOwnAccessKeys", Effect: "Allow", Action: []string{
		"iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:ListAccessKeys", "iam:UpdateAccessKey",
	}, Resource: own}}}
	if !optional {
		return p
	}
	keysOnly := map[string]map[string][]string{
		"ForAllValues:StringLike": {"aws:TagKeys": {"AKIA*"}},
		"Null":                    {"aws:TagKeys": {"false"}},
	}
	p.Statement = append(p.Statement,
		Statement{Sid: "KeydOptionalLastUse", Effect: "Allow", Action: []string{"iam:GetAccessKeyLastUsed"}, Resource: own},
		Statement{Sid: "KeydOptionalDescription", Effect: "Allow", Action: []string{"iam:TagUser", "iam:UntagUser"}, Resource: own, Condition: keysOnly})
	return p
}
