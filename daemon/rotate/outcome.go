package rotate

import (
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// makeResult describes how the key stands after the last decision of a pass.
func (d *Rotator) makeResult(t *target, decision decide.Decision, err error) Result {
	line := keyStatus(t, decision)
	line.Hooks = d.reportHooks(t)
	return Result{KeyStatus: line, Do: decision.Do, Rotation: t.facts.Rotation, Err: err, About: d.about(t, VerbNeedsYou)}
}

// reportHooks returns how the hooks of a rotation stand, or how they stood at the end of
// the last one.
func (d *Rotator) reportHooks(t *target) []decide.HookReport {
	switch {
	case t.facts.Rotation != nil:
		return decide.ReportHooks(t.facts, d.Settings, d.Now())
	case t.lastStatus != nil:
		return slices.DeleteFunc(slices.Clone(t.lastStatus.Hooks), func(h decide.HookReport) bool { return d.Settings.FindHook(h.Name) == nil })
	}
	return nil
}

// keyStatus returns the status of a key after its last decision.
func keyStatus(t *target, d decide.Decision) state.KeyStatus {
	l := state.KeyStatus{
		Profiles: t.facts.Profiles, KeyID: t.facts.ID, Warnings: t.warnings, Endpoint: t.endpointName(),
		Memory:    state.Memory{Seen: t.facts.Seen, Failure: t.facts.Failure, KeyUse: t.facts.Use},
		OldKeyUse: decide.ReportUse(t.facts.Rotation), Links: t.shownLinks(), Places: t.places, FoundCopies: t.facts.CopiesFound,
	}
	l.SetDecision(d)
	if !d.EndsPass() {
		l.Until = time.Time{} // the pass continues
	}
	r := t.facts.Rotation
	if r == nil || len(r.Places) > 0 { // otherwise the only "profile" is a key id
		l.Hint = hint.FillProfile(l.Hint, l.Profiles)
	}
	if l.InRotation = r != nil; r != nil && (t.facts.Placement.New > 0 || t.facts.Placement.Old == 0 && t.facts.Placement.ShowsNew()) {
		l.Swapped = r.Swapped
		l.KeyID, l.Created = r.New.ID, r.Created.Add(r.ClockOffset) // until IAM lists the new key
	}
	if l.Seen != nil {
		if k := l.Seen.FindKey(l.KeyID); k != nil {
			l.Created = k.Created
		}
	}
	return l
}

// saveStatusLine replaces one key's line in the status. Lines of other keys
// stay, even those with the same profiles: someone may have put another key
// into the files in the middle of a rotation.
func (d *Rotator) saveStatusLine(t *target, result Result) error {
	status, err := state.LoadStatusAndMemoryFrom(d.Sys, d.StateDir)
	if err != nil {
		return err
	}
	ids := []string{result.KeyID, t.facts.ID} // the files may have shown the other id before
	if t.lastStatus != nil {
		ids = append(ids, t.lastStatus.KeyID)
	}
	own := func(l state.KeyStatus) bool {
		if l.KeyID == "" || result.KeyID == "" {
			return l.KeyID == result.KeyID && slices.Equal(l.Profiles, result.Profiles)
		}
		return slices.Contains(ids, l.KeyID)
	}
	i := slices.IndexFunc(status.Keys, own)
	if i < 0 {
		i = len(status.Keys)
	}
	status.Keys = slices.Insert(slices.DeleteFunc(status.Keys, own), i, result.KeyStatus)
	status.Written, status.Process, status.PID = d.Now().UTC(), d.Process, os.Getpid()
	return status.Save(d.Sys, d.StateDir)
}

// recordOutcome records the failure of an action, or clears the recorded one
// after a success.
func (d *Rotator) recordOutcome(t *target, do decide.Do, err error) {
	before := t.facts.Failure
	if err == nil {
		if before != nil && before.Do == do {
			t.setFailure(before.Hidden)
		}
		return
	}
	failure := &decide.Failure{Do: do, At: d.Now().UTC(), Count: 1, Why: FailureText(t.facts.Rotation, err), Hint: hint.Hint(err), NeedsPerson: actionNeedsPerson(err),
		Offline: isOffline(err), Intercepted: iam.IsIntercepted(err)}
	failure.Short = shortReason(err)
	if again := t.failureBefore(do); again != nil {
		failure.ContinueFrom(again, d.AwakeSince)
	} else {
		failure.Hidden = hiddenBy(before)
	}
	if e, ok := errors.AsType[*iam.Error](err); ok && e.Class == iam.Denied {
		failure.Deny(uint8(e.Denial), e.Denial.IsCertain())
	}
	t.setFailure(failure)
	d.Log.Warn("failed", "profile", strings.Join(t.facts.Profiles, ","), "key", credfile.Short(t.facts.ID), "do", string(do), "why", err.Error())
}

// FailureText returns the text of a failure. A refused call has changed nothing; in a
// rotation, other calls before it have, and "nothing was changed" would be untrue.
func FailureText(r *journal.Rotation, err error) string {
	text := err.Error()
	if before, refused := strings.CutSuffix(text, "; nothing was changed"); refused && r != nil {
		return before + "; this call changed nothing, and " + strings.ReplaceAll(decide.DescribeRotation(r), "\n", " ")
	}
	return text
}

// hiddenBy returns the denial that a failure of another action hides: before itself, or
// what before has hidden. It counts again when that other action succeeds, so that a
// network that is lost for a minute each morning starts no new count of days.
func hiddenBy(before *decide.Failure) *decide.Failure {
	switch {
	case before == nil:
		return nil
	case !before.Denied:
		return before.Hidden
	}
	hidden := *before
	hidden.Hidden = nil
	return &hidden
}

// clearStaleFailure forgets a failure at the end of a pass when nothing waits for
// it any more: its action is no longer due, and if it fails again some day, that
// is another failure. After a rotation was given up, the failure stays until the
// next rotation succeeds.
func (t *target) clearStaleFailure(now time.Time) {
	if failure := t.facts.Failure; failure != nil && failure.Do != decide.DoDiscard && failure.MayRetry(t.facts.ID, t.facts.AwakeSince, now) {
		t.setFailure(nil)
	}
}

// outage is the finding of this pass that there is no network, shared among the keys.
// If one key waits half a minute for a connection in vain, sixty keys would take half
// an hour, and a file that has to be mended would wait behind them. That one endpoint
// is silent is no such finding: explainFailure has asked others before it calls a
// failure offline, and any answer since then ends the outage.
type outage struct {
	passBegan   time.Time // when the pass began
	firstTarget *target   // the first target that nothing answered; nil while anything answers
}

// shareFailure records the failure of the first target for another target that
// calls the same endpoints and has something to do, so that it need not fail by
// itself, and reports whether it did. Actions that need no network are done even so.
func (a *outage) shareFailure(t *target, do decide.Do, now time.Time) bool {
	if a.firstTarget == nil || !decide.ActionOf(do).NeedsEndpoint || t.facts.EndpointErr != nil || t.facts.Options.Manual {
		return false
	}
	if t.endpoints.Partition != a.firstTarget.endpoints.Partition || iam.CustomEndpoints(t.endpoints) != iam.CustomEndpoints(a.firstTarget.endpoints) {
		return false
	}
	before, failure := t.facts.Failure, *a.firstTarget.facts.Failure
	failure.Do, failure.At, failure.Count, failure.Lasted = do, now.UTC(), 1, 0
	switch {
	case before == nil:
	case before.Offline:
		failure.ContinueFrom(before, t.facts.AwakeSince)
	default: // the target already waits for another reason, which is kept
		return false
	}
	t.setFailure(&failure)
	return true
}

// noteTarget remembers the first target that nothing answered, and forgets it when
// something answers another one.
func (a *outage) noteTarget(t *target) {
	if t.progress.evidence.hasAnswer() {
		a.firstTarget = nil
		return
	}
	if failure := t.facts.Failure; a.firstTarget == nil && failure != nil && failure.Offline && !failure.At.Before(a.passBegan) {
		a.firstTarget = t
	}
}
