package iam

import (
	"maps"
	"slices"
	"strings"
)

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
		Statement{Sid: "KeydOptionalDescription", Effect: "Allow", Action: []string{"iam:TagUser", "iam:UntagUser"}, Resource: own, Condition: keysOnly},
		Statement{Sid: "KeydOptionalVerification", Effect: "Allow", Action: []string{"iam:ListUserTags"}, Resource: own})
	return p
}

// PolicyElsewhere returns p for an IAM that is not AWS's. One that does not know
// GetCallerIdentity says by GetUser whose key it is; tags named after a key have no meaning
// where there is no console of AWS, and are left out.
func PolicyElsewhere(p Policy) Policy {
	p.Statement = slices.DeleteFunc(slices.Clone(p.Statement), func(s Statement) bool {
		return slices.Contains(s.Action, "iam:TagUser") || slices.Contains(s.Action, "iam:ListUserTags")
	})
	p.Statement = append(p.Statement, Statement{Sid: "KeydFindsUser", Effect: "Allow", Action: []string{"iam:GetUser"}, Resource: p.Statement[0].Resource})
	return p
}

// RequireMFA returns p with the condition that the calls are made in a session opened with
// MFA, and with a statement that allows what has to work without one: to learn which devices
// the user has, since when there is the user, and how its keys are described.
//
// A call without MFA is then not allowed, in AWS's words, which says nothing of MFA: keyd
// takes it for that when mfa_serial is set.
// Source: IAM user guide, "Secure API access with MFA" (Bool on aws:MultiFactorAuthPresent).
func RequireMFA(p Policy) Policy {
	with := Policy{Version: p.Version}
	for _, s := range p.Statement {
		conditions := map[string]map[string][]string{"Bool": {"aws:MultiFactorAuthPresent": {"true"}}}
		maps.Copy(conditions, s.Condition)
		s.Condition = conditions
		with.Statement = append(with.Statement, s)
	}
	with.Statement = append(with.Statement, Statement{Sid: "KeydFindsMFADevice", Effect: "Allow", Action: []string{"iam:GetUser", "iam:ListMFADevices"}, Resource: p.Statement[0].Resource})
	return with
}
