package awssim

import (
	"slices"
	"strings"
)

// Layer is the kind of policy that denies a call.
type Layer uint8

// The layers, with the words that AWS ends its refusal with. Source: IAM user
// guide, "Troubleshoot access denied error messages"; the SCP's ARN is seen
// since 2026.
const (
	NotAllowed   Layer = iota // because no identity-based policy allows the ACTION action
	ExplicitDeny              // with an explicit deny in an identity-based policy
	MFAGuard                  // the same, unless the caller has a session made with MFA
	SCP                       // with an explicit deny in a service control policy: ARN
	Boundary                  // because no permissions boundary allows the ACTION action
	BoundaryDeny              // with an explicit deny in a permissions boundary
)

func (l Layer) words(action string) string {
	switch l {
	case ExplicitDeny, MFAGuard:
		return "with an explicit deny in an identity-based policy"
	case SCP:
		return "with an explicit deny in a service control policy: arn:aws:organizations::999999999999:policy/o-exampleorgid/service_control_policy/p-examplepolicyid"
	case Boundary:
		return "because no permissions boundary allows the " + action + " action"
	case BoundaryDeny:
		return "with an explicit deny in a permissions boundary"
	}
	return "because no identity-based policy allows the " + action + " action"
}

// denial is a Deny in force.
type denial struct {
	action string // with its service, may hold * and ?
	layer  Layer
}

// Deny makes AWS refuse an action of the user's, such as "CreateAccessKey",
// "iam:*AccessKey" or "*", whatever its policies allow. GetCallerIdentity
// cannot be denied, and nothing can be to root.
func (u *User) Deny(action string, l Layer) {
	defer u.c.enter()()
	u.denials = append(u.denials, denial{qualified(action), l})
}

// LiftDeny undoes every Deny of an action.
func (u *User) LiftDeny(action string) {
	defer u.c.enter()()
	u.denials = slices.DeleteFunc(u.denials, func(d denial) bool { return d.action == qualified(action) })
}

func qualified(action string) string {
	if action == "*" || strings.Contains(action, ":") {
		return action
	}
	return "iam:" + action
}

// withoutMFA is what AWS's DenyAllExceptListedIfNoMFA leaves to a bare key.
// Source: IAM user guide, "Allows MFA-authenticated IAM users to manage their
// own credentials".
func withoutMFA(action string) bool {
	switch action {
	case "iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:ListMFADevices",
		"iam:ListVirtualMFADevices", "iam:ResyncMFADevice", "sts:GetSessionToken":
		return true
	}
	return false
}

// authorize asks every policy whether the caller may do x's action to a user
// of its account.
func (x *exchange) authorize(name string) *refusal {
	u := x.caller.user
	if u.root() {
		return nil
	}
	action := x.service + ":" + x.action
	l, denied := x.denied(action, x.c.arnOf(u, name))
	if !denied {
		return nil
	}
	return refuse(403, "AccessDenied", "User: %s is not authorized to perform: %s on resource: user %s %s",
		u.ARN(), action, name, l.words(action))
}

// arnOf is the resource that policies see: of a user who does not exist too.
func (c *Cloud) arnOf(caller *User, name string) string {
	if u := c.users[userName{caller.account, strings.ToLower(name)}]; u != nil {
		return u.ARN()
	}
	return "arn:" + caller.partition + ":iam::" + caller.account + ":user/" + name
}

// denied applies AWS's order: an explicit deny anywhere, then the boundary,
// then what identity-based policies allow.
func (x *exchange) denied(action, arn string) (Layer, bool) {
	u := x.caller.user
	said := func(l Layer) bool {
		return slices.ContainsFunc(u.denials, func(d denial) bool { return d.layer == l && like(d.action, action) })
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
	case said(ExplicitDeny), says(effectDeny):
		return ExplicitDeny, true
	case said(MFAGuard) && !mfa && !withoutMFA(action):
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
