package iam

import (
	"strings"
	"time"
)

// Denial says which kind of policy denies a call. AWS names the kind in its message, in
// words that have changed over the years. Where it does not, what else the same key may
// do tells a part of it (Client.ExplainDenial).
type Denial uint8

// The denials. Their numbers are on disk, so new ones go to the end. Most may come and
// go, because any policy may have a condition on the source address, the VPC endpoint,
// the hour or MFA, and AWS does not name the condition.
const (
	DenialUnsaid      Denial = iota // AWS gives no reason, as it did for years
	DenialNotAllowed                // no identity-based policy allows the call, under its conditions
	DenialExplicit                  // a policy denies the call, one of the user's own as a rule; the older wording leaves open which
	DenialMFA                       // a policy denies nearly everything without MFA, but leaves open what opens a session with MFA
	DenialPlace                     // a policy denies everything, also what every guard for MFA leaves open: the place, the hour or the network
	DenialSCP                       // a service control policy of the organization
	DenialRCP                       // a resource control policy of the organization
	DenialBoundary                  // the permissions boundary of the user
	DenialSession                   // the policy of a session
	DenialVPCEndpoint               // the policy of the VPC endpoint that the call went through
	DenialResource                  // a resource-based policy
	DenialCode                      // the code for MFA is wrong or was used before
	DenialQuarantine                // AWS's quarantine of a leaked key, by name
	DenialLeakLike                  // what that quarantine looks like: the keys are listed, and changes are denied explicitly
	DenialDevice                    // the MFA device is not one of this user, or shows no codes
)

// IsCertain reports whether trying again elsewhere or later cannot help, so that a
// person has to know at once.
func (d Denial) IsCertain() bool {
	return d == DenialQuarantine || d == DenialLeakLike || d == DenialCode || d == DenialDevice
}

// denialMarks are the words by which AWS names the kind of a policy, after "with an
// explicit deny in a" or "because no".
// Source: IAM user guide, "Troubleshoot access denied error messages".
var denialMarks = []struct {
	words string
	kind  Denial
}{
	{"service control policy", DenialSCP},
	{"resource control policy", DenialRCP},
	{"permissions boundary", DenialBoundary},
	{"session policy", DenialSession},
	{"VPC endpoint policy", DenialVPCEndpoint},
	{"resource-based policy", DenialResource},
	{"identity-based policy", DenialExplicit},
}

// denialOf returns what AWS's message says about the policy that denied the call.
func denialOf(e *Error) Denial {
	reason := e.DenialReason()
	explicit := strings.HasPrefix(reason, "with an explicit deny")
	switch {
	case e.Class != Denied:
		return DenialUnsaid
	case e.Call == "GetSessionToken" && strings.Contains(e.Message, "unable to validate MFA code"):
		return DenialDevice
	case e.Call == "GetSessionToken":
		return DenialCode
	case explicit && isQuarantine(e.Policy()):
		return DenialQuarantine
	}
	for _, mark := range denialMarks {
		if !strings.Contains(reason, mark.words) {
			continue
		}
		if mark.kind == DenialExplicit && !explicit {
			return DenialNotAllowed
		}
		return mark.kind
	}
	if explicit { // the older wording ends here
		return DenialExplicit
	}
	return DenialUnsaid
}

// DenialReason returns the part of AWS's message that says which kind of policy
// denied the call, verbatim but for cleanText: "because no identity-based policy
// allows the iam:CreateAccessKey action", "with an explicit deny in a service control
// policy: arn:...". It returns "" for other classes and when AWS did not say.
// Source: IAM user guide, "Troubleshoot access denied error messages"; before 2021
// AWS wrote no more than "with an explicit deny", and no reason for the rest.
func (e *Error) DenialReason() string {
	if e.Class != Denied {
		return ""
	}
	for _, mark := range []string{"with an explicit deny", "because no "} {
		if i := strings.LastIndex(e.Message, mark); i >= 0 { // the name of a resource stands before it, and may hold anything
			return e.Message[i:]
		}
	}
	return ""
}

// Policy returns the ARN of the policy that AWS names in a denial, or "". AWS names
// none of another account, and no inline policy.
func (e *Error) Policy() string {
	_, arn, found := strings.Cut(e.DenialReason(), " policy: ")
	if arn, _, _ = strings.Cut(arn, " "); found && isPolicyARN(arn) {
		return arn
	}
	return ""
}

// IsVague reports whether the pattern of what else the key may do can tell more about
// the denial than AWS's words. See Client.ExplainDenial.
func (e *Error) IsVague() bool { return e.Denial == DenialExplicit && e.Policy() == "" }

// hintDenied returns the hint for a denial. It quotes nothing of AWS's message but the
// ARN of a policy: a person pastes hints.
func (e *Error) hintDenied() string {
	named := ""
	if arn := e.Policy(); arn != "" {
		named = " (" + arn + ")"
	}
	const again = "if it depends on the network (VPN), the hour or MFA, try again there: keyd rotate PROFILE"
	//exhaustive:enforce
	switch e.Denial {
	case DenialUnsaid, DenialNotAllowed:
		return e.hintPolicy()
	case DenialExplicit:
		return "ask who manages the account to change the policy" + named + " that forbids it, whatever others allow; " + again
	case DenialMFA:
		return "enter an MFA code, without which a policy forbids it: keyd rotate PROFILE asks for one, or takes it with --mfa-code; or replace the key in the console, where you sign in with MFA"
	case DenialPlace:
		return "ask who manages the account whether a policy asks for a network (VPN) or for certain hours, since it forbids everything here and now; try again there: keyd rotate PROFILE"
	case DenialSCP:
		return "ask the administrator of the organization, whose service control policy" + named + " forbids it; " + again
	case DenialRCP:
		return "ask the administrator of the organization, whose resource control policy" + named + " forbids it; " + again
	case DenialBoundary:
		return "ask who manages the account, since the permissions boundary of this user" + named + " forbids it; " + again
	case DenialSession:
		return "ask who manages the account, since the policy of a session" + named + " forbids it"
	case DenialVPCEndpoint:
		return "ask who manages this network, since the policy of its VPC endpoint forbids it; or try again from another one: keyd rotate PROFILE"
	case DenialResource:
		return "ask who manages the account, since a resource-based policy" + named + " forbids it"
	case DenialCode:
		return e.hintCode()
	case DenialDevice:
		return "set mfa_serial of the profile to the ARN of a device of this user that shows codes: aws iam list-mfa-devices --profile PROFILE"
	case DenialQuarantine:
		return hintStolen
	case DenialLeakLike:
		return "ask the owner of the account whether AWS has written about a leaked key and attached a policy AWSCompromisedKeyQuarantine to the user; if so, " + hintStolen + "; otherwise ask which policy of the user denies it"
	}
	return ""
}

// hintPolicy returns the hint that leads to the permission. AWS names the user in its
// message; a name that a shell would not take for one word is left to the person.
func (e *Error) hintPolicy() string {
	_, rest, _ := strings.Cut(e.Message, ":user/")
	arn, _, found := strings.Cut(rest, " is not authorized")
	name := arn[strings.LastIndex(arn, "/")+1:]
	if !found || !isPlainName(name) {
		return "keyd policy PROFILE"
	}
	return "keyd policy PROFILE > keyd-policy.json; then, as an administrator: aws iam put-user-policy --user-name " + name +
		" --policy-document file://keyd-policy.json --policy-name keyd"
}

// isPlainName reports whether a name of a user has only characters that a shell leaves
// alone. Those of IAM have letters, digits and _+=,.@- in all.
func isPlainName(name string) bool {
	special := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_+=,.@-", r)
	}
	return name != "" && name[0] != '-' && !strings.ContainsFunc(name, special)
}

// hintCode returns the hint for a code that AWS refused. A code is right for half a minute,
// so a clock that is off by more makes every code of this machine wrong.
func (e *Error) hintCode() string {
	const next = "wait until the device shows the next code, since each one works once, for half a minute; then: keyd rotate PROFILE"
	if off := e.Offset.Round(time.Second); off.Abs() >= 30*time.Second {
		return next + "; " + e.hintClock() + ", which matters where the code is made here"
	}
	return next
}

const hintStolen = "treat the key as stolen: let an administrator of the account make another key for this user, put it into the files, make this one inactive and see what it was used for (CloudTrail); only then detach the policy"
