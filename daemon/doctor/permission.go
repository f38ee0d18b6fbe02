package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// permissionChecks look at what a key may do, one call at a time.
var permissionChecks = []Check{
	permission("GetCallerIdentity", false, "it needs no permission; without an answer keyd does not know whose key it is"),
	permission("GetAccessKeyLastUsed", true, "without it keyd does not know whether an old key is still used, and only waits"),
	permission("ListAccessKeys", false, "without it keyd knows neither the age of a key nor whether there is room for a new one"),
	permission("UpdateAccessKey", false, "without it an old key could not be deactivated, so keyd creates no new one"),
	permission("CreateAccessKey", false, "without it there is no new key"),
	permission("DeleteAccessKey", false, "without it old keys stay, inactive, and there is no room for the next one"),
	permission("TagUser", true, "without it the console shows no description of the new key"),
}

// permission returns the check of one call. optional means that keyd can do without it.
func permission(call string, optional bool, why string) Check {
	return Check{Name: "may-" + strings.ToLower(call), Group: GroupPermissions, Why: why, Needs: NeedsNetwork,
		Find: func(ctx context.Context, p *Patient) (all []Finding) {
			results, err := p.results(ctx)
			switch {
			case err != nil:
				f := p.explainNoResults(ctx, err)
				f.Severity = Unknown
				return []Finding{f}
			case p.isUnreachable(ctx):
				return []Finding{unknown(silentText, "")}
			}
			history, _ := state.OpenHistory(p.Rotator.StateDir, p.sys()).ReadEnd()
			for _, r := range results {
				if r.KeyID == "" || r.State == decide.StateSkipped {
					continue
				}
				if isDead(r) {
					all = append(all, unknown("what "+nameKey(r)+" may do is not known: AWS refuses the key", ""))
					continue
				}
				f := judgeCall(call, r, p.now())
				if _, earnest := onlyInEarnest[call]; earnest {
					f = judgeEarnest(call, r, p.lastFailure(r.KeyID), history)
				}
				f.Profiles = r.Profiles
				if optional && f.Severity == Wrong {
					f.Severity = Note
				}
				all = append(all, f)
			}
			return all
		}}
}

// lastFailure returns the last failure of a key, of which a person who asks is not told
// otherwise; nil if there was none.
func (p *Patient) lastFailure(id string) *decide.Failure {
	status := p.status()
	if line := status.FindKey(id); line != nil {
		return line.Failure
	}
	return nil
}

// onlyInEarnest are the calls that AWS lets nobody try: what they do is done.
var onlyInEarnest = map[string]decide.Do{"CreateAccessKey": decide.DoCreate, "DeleteAccessKey": decide.DoDelete, "TagUser": decide.DoDescribe}

// judgeCall says whether a key may make a call.
func judgeCall(call string, r rotate.Result, now time.Time) Finding {
	who := nameKey(r)
	err, asked := r.Calls[call]
	denied, isDenied := errors.AsType[*iam.Error](err)
	isDenied = isDenied && denied.Class == iam.Denied
	use := r.KeyUse
	isRead := call == "GetAccessKeyLastUsed" && use != nil && !use.Read.IsZero() // it is asked once a day
	switch {
	case iam.IsNotOffered(err), isRead && use.Denied && use.NoCall:
		return Finding{Severity: Note, Found: fmt.Sprintf("%s does not know %s, which keyd can do without", r.Endpoint, fullName(call)), Usual: true}
	case isDenied:
		run, ask := adviseOn(err, r.Profiles)
		return wrong(fmt.Sprintf("%s may not call %s: %s", who, fullName(call), describeLayer(denied)), run, ask)
	case asked && err == nil:
		return Finding{Severity: Fine, Found: who + " may call " + fullName(call)}
	case asked:
		run, ask := adviseOn(err, r.Profiles)
		f := unknown(fmt.Sprintf("whether %s may call %s is not known: %s", who, fullName(call), describe(err)), ask)
		f.Run = run
		return f
	case isRead && use.Denied:
		return wrong(fmt.Sprintf("%s may not call %s: AWS denied it %s ago", who, fullName(call), settings.FormatAge(now.Sub(use.Read))), hint.Command("keyd policy", r.Profiles[0]), "")
	case isRead:
		return Finding{Severity: Fine, Found: fmt.Sprintf("%s could call %s %s ago", who, fullName(call), settings.FormatAge(now.Sub(use.Read)))}
	}
	return unknown(fmt.Sprintf("whether %s may call %s is not known: %s", who, fullName(call), whyNotAsked(r)), "")
}

// whyNotAsked says why keyd has not made a call with a key that it looked at.
func whyNotAsked(r rotate.Result) string {
	switch {
	case r.Rotation != nil:
		return "a rotation is in progress, and keyd tries this before one begins"
	case r.NeedsPerson:
		return "keyd tries it when nothing else is in the way of a rotation"
	}
	return "keyd tries it before a rotation begins"
}

// judgeEarnest says whether a key may make a call that nobody can try. failure is the last
// one of the key; it may be nil.
func judgeEarnest(call string, r rotate.Result, failure *decide.Failure, history []state.HistoryEntry) Finding {
	who, do := nameKey(r), onlyInEarnest[call]
	for f := failure; f != nil; f = f.Hidden {
		if f.Do != do || !f.Denied && f.Denial == 0 {
			continue
		}
		run, ask := adviseOnText(cmp.Or(f.Hint, "keyd policy PROFILE"), r.Profiles)
		return wrong(fmt.Sprintf("%s may not call %s: AWS denied it: %s", who, fullName(call), hint.StripPackages(f.Why)), run, ask)
	}
	if at := lastDone(call, r, history); at != "" {
		return Finding{Severity: Fine, Found: who + " could call " + fullName(call) + " " + at}
	}
	return Finding{Severity: Unknown, Usual: true, Found: fmt.Sprintf("whether %s may call %s shows only when keyd needs it: AWS lets no one try it", who, fullName(call))}
}

// fullName returns the name of a call as policies write it.
func fullName(call string) string {
	if call == "GetCallerIdentity" {
		return "sts:" + call
	}
	return "iam:" + call
}

// lastDone returns when keyd last made a call for the user of a key, by the receipts in the
// history; "" if it never did.
func lastDone(call string, r rotate.Result, history []state.HistoryEntry) (at string) {
	if r.Seen == nil || r.Seen.User == "" {
		return ""
	}
	for _, e := range history {
		if e.Account != r.Seen.Account || e.User != r.Seen.User {
			continue
		}
		for _, c := range e.Calls {
			if c.Call == call && c.Outcome == remote.Done {
				at = "on " + e.Time.Local().Format("2 Jan 2006")
			}
		}
	}
	return at
}

// layers says in words which policy denies a call.
var layers = map[iam.Denial]string{
	iam.DenialUnsaid:      "AWS does not say which policy denies it",
	iam.DenialNotAllowed:  "no policy of the user allows it",
	iam.DenialExplicit:    "a policy of the user forbids it",
	iam.DenialMFA:         "a policy of the user forbids it without MFA",
	iam.DenialPlace:       "a policy of the user forbids everything here and now",
	iam.DenialSCP:         "a service control policy of the organization forbids it",
	iam.DenialRCP:         "a resource control policy of the organization forbids it",
	iam.DenialBoundary:    "the permissions boundary of the user forbids it",
	iam.DenialSession:     "the policy of a session forbids it",
	iam.DenialVPCEndpoint: "the policy of the VPC endpoint of this network forbids it",
	iam.DenialResource:    "a resource-based policy forbids it",
	iam.DenialCode:        "the MFA code was not accepted",
	iam.DenialQuarantine:  "AWS has quarantined the key, because it has leaked",
	iam.DenialLeakLike:    "every change is forbidden, as AWS does with a key that has leaked",
}

// describeLayer says which policy denies a call, with its name if AWS tells it.
func describeLayer(e *iam.Error) string {
	text := layers[e.Denial]
	if arn := e.Policy(); arn != "" {
		text += " (" + arn + ")"
	}
	return text
}
