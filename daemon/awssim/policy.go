package awssim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// policy is an identity-based policy of a user.
type policy struct{ Statement list[statement] }

// statement holds the parts of the policy language that policies on access keys
// use. Allow refuses a document with any other part.
type statement struct {
	Sid                   string
	Effect                string
	Action, NotAction     list[string]
	Resource, NotResource list[string]
	Condition             map[string]map[string]list[string]
}

// list is one value or several. Policy JSON allows both forms.
type list[T any] []T

// UnmarshalJSON reads one value, or an array of them.
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

// AllowSelf attaches the policy that AWS documents for users who manage their own
// keys, with the resource arn:PARTITION:iam::*:user/${aws:username}. That pattern
// does not match a user with a path. withPaths adds user/*/${aws:username}, which
// matches. Source: IAM user guide, "Permissions required to manage access keys".
func (u *User) AllowSelf(withPaths bool) {
	resources := list[string]{"arn:" + u.partition + ":iam::*:user/${aws:username}"}
	if withPaths {
		resources = append(resources, "arn:"+u.partition+":iam::*:user/*/${aws:username}")
	}
	defer u.c.lockAndSettle()()
	u.policies = append(u.policies, policy{list[statement]{{
		Effect: effectAllow, Resource: resources,
		Action: list[string]{
			"iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:GetAccessKeyLastUsed", "iam:GetUser",
			"iam:ListAccessKeys", "iam:UpdateAccessKey", "iam:TagUser",
		},
	}}})
}

// AllowPolicy attaches an identity-based policy, which may also deny. The first one
// replaces the default, which allows a user everything on itself. It accepts the
// conditions Bool and BoolIfExists on aws:MultiFactorAuthPresent, StringEquals and
// StringLike on aws:username, and ForAllValues:StringLike and Null on aws:TagKeys. It returns an error for a document that it does
// not understand completely.
func (u *User) AllowPolicy(policyJSON string) error {
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
		if err := s.validate(); err != nil {
			return err
		}
	}
	defer u.c.lockAndSettle()()
	u.policies = append(u.policies, p.policy)
	return nil
}

const (
	effectAllow = "Allow"
	effectDeny  = "Deny"
)

func (s statement) validate() error {
	if s.Effect != effectAllow && s.Effect != effectDeny ||
		(len(s.Action) == 0) == (len(s.NotAction) == 0) || (len(s.Resource) == 0) == (len(s.NotResource) == 0) {
		return fmt.Errorf("awssim: policy: a statement needs Effect Allow or Deny, and one each of Action and NotAction, Resource and NotResource")
	}
	for op, keys := range s.Condition {
		for name := range keys {
			if _, known := checkCondition(op, name, &caller{user: &User{}}, nil); !known {
				return fmt.Errorf("awssim: policy: the condition %s on %s is not supported", op, name)
			}
		}
	}
	return nil
}

// matches reports whether s applies to this call.
func (s statement) matches(c *caller, action, arn string) bool {
	has := func(patterns list[string], value string, fold bool) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			p = strings.ReplaceAll(p, "${aws:username}", c.user.name)
			if fold {
				p, value = strings.ToLower(p), strings.ToLower(value)
			}
			return matchPattern(p, value)
		})
	}
	if len(s.Action) > 0 && !has(s.Action, action, true) || len(s.NotAction) > 0 && has(s.NotAction, action, true) ||
		len(s.Resource) > 0 && !has(s.Resource, arn, false) || len(s.NotResource) > 0 && has(s.NotResource, arn, false) {
		return false
	}
	for op, keys := range s.Condition {
		for name, values := range keys {
			if met, _ := checkCondition(op, name, c, values); !met {
				return false
			}
		}
	}
	return true
}

// checkCondition reports whether one condition is met and whether the simulator
// supports it. Requests signed with long-term keys have no
// aws:MultiFactorAuthPresent, which is why AWS's own policy uses BoolIfExists.
func checkCondition(op, name string, c *caller, values list[string]) (met, known bool) {
	switch strings.ToLower(op + " " + name) {
	case "bool aws:multifactorauthpresent", "boolifexists aws:multifactorauthpresent":
		if c.session == nil {
			return strings.EqualFold(op, "BoolIfExists"), true
		}
		return slices.Contains(values, fmt.Sprint(c.session.mfa)), true
	case "forallvalues:stringlike aws:tagkeys": // true for a request without tags
		return !slices.ContainsFunc(c.tagKeys, func(k string) bool {
			return !slices.ContainsFunc(values, func(p string) bool { return matchPattern(p, k) })
		}), true
	case "null aws:tagkeys":
		return slices.Contains(values, fmt.Sprint(len(c.tagKeys) == 0)), true
	case "stringequals aws:username":
		return slices.Contains(values, c.user.name), true
	case "stringlike aws:username":
		return slices.ContainsFunc(values, func(p string) bool { return matchPattern(p, c.user.name) }), true
	}
	return false, false
}

// matchPattern reports whether s matches a pattern with * and ?.
func matchPattern(pattern, s string) bool {
	for pattern != "" {
		if pattern[0] == '*' {
			for i := range len(s) + 1 {
				if matchPattern(pattern[1:], s[i:]) {
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

// Layer is the kind of policy that denies a call.
type Layer uint8

// The layers, with the words that end AWS's refusal. Source: IAM user guide,
// "Troubleshoot access denied error messages". AWS has included the ARN of the SCP
// since 2026.
const (
	NotAllowed        Layer = iota // because no identity-based policy allows the ACTION action
	ExplicitDeny                   // with an explicit deny in an identity-based policy
	MFAGuard                       // the same, unless the caller has a session opened with MFA
	SCP                            // with an explicit deny in a service control policy: ARN
	Boundary                       // because no permissions boundary allows the ACTION action
	BoundaryDeny                   // with an explicit deny in a permissions boundary
	OldDeny                        // with an explicit deny: the wording until 2021, for a deny in any policy
	RCP                            // with an explicit deny in a resource control policy
	SessionDeny                    // with an explicit deny in a session policy
	VPCEndpoint                    // with an explicit deny in a VPC endpoint policy
	Quarantine                     // AWSCompromisedKeyQuarantineV3, named: denies changes only
	QuarantineUnnamed              // the same, without the name of the policy
)

func (l Layer) denialText(action string) string {
	switch l {
	case ExplicitDeny, MFAGuard, QuarantineUnnamed:
		return "with an explicit deny in an identity-based policy"
	case Quarantine:
		return "with an explicit deny in an identity-based policy: arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
	case OldDeny:
		return "with an explicit deny"
	case RCP:
		return "with an explicit deny in a resource control policy"
	case SessionDeny:
		return "with an explicit deny in a session policy"
	case VPCEndpoint:
		return "with an explicit deny in a VPC endpoint policy"
	case SCP:
		return "with an explicit deny in a service control policy: arn:aws:organizations::999999999999:policy/o-exampleorgid/service_control_policy/p-examplepolicyid"
	case Boundary:
		return "because no permissions boundary allows the " + action + " action"
	case BoundaryDeny:
		return "with an explicit deny in a permissions boundary"
	}
	return "because no identity-based policy allows the " + action + " action"
}

// denial records one Deny.
type denial struct {
	action string // with its service; may contain * and ?
	layer  Layer
	when   func(time.Time) bool // nil: always
}

// appliesTo reports whether the denial is in force for an action at time t.
func (d *denial) appliesTo(action string, t time.Time) bool {
	return matchPattern(d.action, action) && (d.when == nil || d.when(t))
}

// DenyAction makes AWS refuse an action of the user, such as "CreateAccessKey",
// "iam:*AccessKey" or "*", whatever its policies allow. GetCallerIdentity cannot
// be denied, and root cannot be denied anything.
func (u *User) DenyAction(action string, l Layer) {
	defer u.c.lockAndSettle()()
	u.denials = append(u.denials, denial{action: withService(action), layer: l})
}

// DenyActionWhen is DenyAction for the times at which when returns true, by
// Options.Now: a policy with a condition on the hour, or on the network of a laptop
// that is on a VPN at some hours.
func (u *User) DenyActionWhen(action string, l Layer, when func(time.Time) bool) {
	defer u.c.lockAndSettle()()
	u.denials = append(u.denials, denial{withService(action), l, when})
}

// LiftDeny undoes every Deny of an action.
func (u *User) LiftDeny(action string) {
	defer u.c.lockAndSettle()()
	u.denials = slices.DeleteFunc(u.denials, func(d denial) bool { return d.action == withService(action) })
}

func withService(action string) string {
	if action == "*" || strings.Contains(action, ":") {
		return action
	}
	return "iam:" + action
}

// allowedWithoutMFA reports whether AWS's DenyAllExceptListedIfNoMFA statement
// leaves action to a key without an MFA session.
// Source: IAM user guide, "Allows MFA-authenticated IAM users to manage their
// own credentials".
func allowedWithoutMFA(action string) bool {
	switch action {
	case "iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:GetMFADevice", "iam:ListMFADevices",
		"iam:ListVirtualMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken":
		return true
	}
	return false
}

// deniedInQuarantine reports whether AWSCompromisedKeyQuarantineV3 denies action. Of the
// actions that the simulator knows, it denies those that make keys or change their
// status. It lets the keys be listed and deleted.
// Source: AWS managed policy reference, AWSCompromisedKeyQuarantineV3.
func deniedInQuarantine(action string) bool {
	return action == "iam:CreateAccessKey" || action == "iam:UpdateAccessKey"
}

// authorize evaluates the policies: may the caller perform x's action on the user
// called name in its account?
func (x *exchange) authorize(name string) *refusal {
	u := x.caller.user
	if u.isRoot() {
		return nil
	}
	action := x.service + ":" + x.action
	x.caller.tagKeys = x.readTagKeys()
	l, denied := x.denyingLayer(action, x.c.arnOf(u, name))
	if !denied {
		return nil
	}
	return newRefusal(403, "AccessDenied", "User: %s is not authorized to perform: %s on resource: user %s %s",
		u.ARN(), action, name, l.denialText(action))
}

// arnOf returns the resource that policies see, even if the user does not exist.
func (c *Cloud) arnOf(caller *User, name string) string {
	if u := c.users[userName{caller.account, strings.ToLower(name)}]; u != nil {
		return u.ARN()
	}
	return "arn:" + caller.partition + ":iam::" + caller.account + ":user/" + name
}

// denyingLayer evaluates in AWS's order: an explicit deny anywhere, then the
// boundary, then what identity-based policies allow.
func (x *exchange) denyingLayer(action, arn string) (Layer, bool) {
	u := x.caller.user
	said := func(l Layer) bool {
		return slices.ContainsFunc(u.denials, func(d denial) bool { return d.layer == l && d.appliesTo(action, x.t) })
	}
	says := func(effect string) bool {
		return slices.ContainsFunc(u.policies, func(p policy) bool {
			return slices.ContainsFunc(p.Statement, func(s statement) bool {
				return s.Effect == effect && s.matches(&x.caller, action, arn)
			})
		})
	}
	mfa := x.caller.session != nil && x.caller.session.mfa
	switch {
	case said(SCP):
		return SCP, true
	case said(RCP):
		return RCP, true
	case said(VPCEndpoint):
		return VPCEndpoint, true
	case said(SessionDeny):
		return SessionDeny, true
	case said(OldDeny):
		return OldDeny, true
	case said(Quarantine) && deniedInQuarantine(action):
		return Quarantine, true
	case said(QuarantineUnnamed) && deniedInQuarantine(action):
		return QuarantineUnnamed, true
	case said(ExplicitDeny), says(effectDeny):
		return ExplicitDeny, true
	case said(MFAGuard) && !mfa && !allowedWithoutMFA(action):
		return MFAGuard, true
	case said(BoundaryDeny):
		return BoundaryDeny, true
	case said(Boundary):
		return Boundary, true
	case said(NotAllowed):
		return NotAllowed, true
	case len(u.policies) == 0:
		return NotAllowed, arn != u.ARN()
	}
	return NotAllowed, !says(effectAllow)
}
