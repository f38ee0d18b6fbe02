package awssim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// policy is an identity-based policy of a user.
type policy struct{ Statement list[statement] }

// statement knows the parts of the policy language that policies on access
// keys use. Allow refuses a document with any other.
type statement struct {
	Sid                   string
	Effect                string
	Action, NotAction     list[string]
	Resource, NotResource list[string]
	Condition             map[string]map[string]list[string]
}

// list is one value or several, as policy JSON writes both.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if len(b) > 0 && b[0] == '[' {
		return d.Decode((*[]T)(l))
	}
	var one T
	err := d.Decode(&one)
	*l = list[T]{one}
	return err
}

// AllowSelf attaches the policy that AWS documents for users who manage their
// own keys, on arn:PARTITION:iam::*:user/${aws:username}. That pattern does
// not match a user with a path; withPaths adds user/*/${aws:username}, which
// does. Source: IAM user guide, "Permissions required to manage access keys".
func (u *User) AllowSelf(withPaths bool) {
	resources := list[string]{"arn:" + u.partition + ":iam::*:user/${aws:username}"}
	if withPaths {
		resources = append(resources, "arn:"+u.partition+":iam::*:user/*/${aws:username}")
	}
	defer u.c.enter()()
	u.policies = append(u.policies, policy{list[statement]{{
		Effect: effectAllow, Resource: resources,
		Action: list[string]{
			"iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:GetAccessKeyLastUsed", "iam:GetUser",
			"iam:ListAccessKeys", "iam:UpdateAccessKey", "iam:TagUser",
		},
	}}})
}

// Allow attaches an identity-based policy, which may deny too. The first one
// takes the place of the default, which allows a user everything on itself.
// Conditions may be Bool and BoolIfExists on aws:MultiFactorAuthPresent and
// StringEquals and StringLike on aws:username.
func (u *User) Allow(policyJSON string) error {
	var p struct {
		Version, ID string
		policy
	}
	d := json.NewDecoder(strings.NewReader(policyJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return fmt.Errorf("awssim: policy: %w", err)
	}
	for _, s := range p.Statement {
		if err := s.check(); err != nil {
			return err
		}
	}
	defer u.c.enter()()
	u.policies = append(u.policies, p.policy)
	return nil
}

const (
	effectAllow = "Allow"
	effectDeny  = "Deny"
)

func (s statement) check() error {
	if s.Effect != effectAllow && s.Effect != effectDeny ||
		(len(s.Action) == 0) == (len(s.NotAction) == 0) || (len(s.Resource) == 0) == (len(s.NotResource) == 0) {
		return fmt.Errorf("awssim: policy: a statement needs Effect Allow or Deny, and one each of Action and NotAction, Resource and NotResource")
	}
	for op, keys := range s.Condition {
		for name := range keys {
			if _, known := condition(op, name, &caller{user: &User{}}, nil); !known {
				return fmt.Errorf("awssim: policy: no condition %s on %s here", op, name)
			}
		}
	}
	return nil
}

// matches reports whether s speaks of this call.
func (s statement) matches(c *caller, action, arn string) bool {
	has := func(patterns list[string], value string, fold bool) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			p = strings.ReplaceAll(p, "${aws:username}", c.user.name)
			if fold {
				p, value = strings.ToLower(p), strings.ToLower(value)
			}
			return like(p, value)
		})
	}
	if len(s.Action) > 0 && !has(s.Action, action, true) || len(s.NotAction) > 0 && has(s.NotAction, action, true) ||
		len(s.Resource) > 0 && !has(s.Resource, arn, false) || len(s.NotResource) > 0 && has(s.NotResource, arn, false) {
		return false
	}
	for op, keys := range s.Condition {
		for name, values := range keys {
			if met, _ := condition(op, name, c, values); !met {
				return false
			}
		}
	}
	return true
}

// condition reports whether one condition is met and whether it is known here
// at all. aws:MultiFactorAuthPresent is absent for long-term keys: that is why
// IfExists matters in AWS's own guard.
func condition(op, name string, c *caller, values list[string]) (met, known bool) {
	switch strings.ToLower(op + " " + name) {
	case "bool aws:multifactorauthpresent", "boolifexists aws:multifactorauthpresent":
		if c.session == nil {
			return strings.EqualFold(op, "BoolIfExists"), true
		}
		return slices.Contains(values, fmt.Sprint(c.session.mfa)), true
	case "stringequals aws:username":
		return slices.Contains(values, c.user.name), true
	case "stringlike aws:username":
		return slices.ContainsFunc(values, func(p string) bool { return like(p, c.user.name) }), true
	}
	return false, false
}

// like matches s against a pattern of * and ?.
func like(pattern, s string) bool {
	for pattern != "" {
		if pattern[0] == '*' {
			for i := range len(s) + 1 {
				if like(pattern[1:], s[i:]) {
					return true
				}
			}
			return false
		}
		if s == "" || pattern[0] != '?' && pattern[0] != s[0] {
			return false
		}
		pattern, s = pattern[1:], s[1:]
	}
	return s == ""
}
