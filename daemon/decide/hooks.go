package decide

import (
	"fmt"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// A hook brings the pair that the files show to a place that is not a file. It is due when
// the files durably show the new pair, and again when they show the old one after the other
// place may have got the new one. The old key is not deactivated, and the new key of a
// rotation that is given up is not deleted, before every required hook has succeeded for
// the pair in the files.

// DueHook returns the hook to start now, or the one that this process is running, and the
// id of the key whose pair it is to deliver; nil when none is due.
func DueHook(f Facts, s settings.Settings, now time.Time) (h *settings.Hook, id string) {
	r, id := f.Rotation, f.deliveredID()
	if r == nil || id == "" {
		return nil, ""
	}
	hooks := f.hooks(s)
	for i := range hooks {
		if f.HookRuns == hooks[i].Name && f.isUndelivered(&hooks[i], id) {
			return &hooks[i], id
		}
	}
	for i := range hooks {
		if h := &hooks[i]; f.isUndelivered(h, id) && !f.isUnclear(h) && !f.waitsToRun(h, id, now) {
			return h, id
		}
	}
	return nil, ""
}

// hooks returns the hooks for the key. Those of a rotation that another installation began
// are that one's. A retirement has no pair that another place should hold.
func (f *Facts) hooks(s settings.Settings) []settings.Hook {
	if f.Rotation.IsRetirement() {
		return nil
	}
	if f.Rotation.IsForeignTo(f.Installation) && !f.Options.RetireNow {
		return nil
	}
	return s.HooksFor(f.Profiles)
}

// DeliveredID returns the id of the key whose pair the other places of a key in a rotation
// should hold, or "".
func DeliveredID(f Facts) string { return f.deliveredID() }

// deliveredID returns the id of the key whose pair the other places should hold: the one
// that all files show, linked files included. It returns "" while they do not agree, or no file shows one.
func (f *Facts) deliveredID() string {
	switch r, shows := f.Rotation, f.Placement; {
	case r == nil, shows.Torn > 0:
	case !shows.ShowsOld() && shows.ShowsNew():
		return r.New.ID
	case !shows.ShowsNew() && shows.ShowsOld():
		return r.Old.ID
	}
	return ""
}

// isUndelivered reports whether the hook has still to succeed for the pair of the key id.
// Before it was started in this rotation, the other place is taken to hold the old pair.
func (f *Facts) isUndelivered(h *settings.Hook, id string) bool {
	known := f.Rotation.FindHook(h.Name)
	if known == nil {
		return id == f.Rotation.New.ID
	}
	return !known.HasDelivered(h.Digest(), id)
}

// isUnclear reports whether the hook gets a pair, does not say whose, and the files hold
// more than one: the other place would hold whichever was replaced last.
func (f *Facts) isUnclear(h *settings.Hook) bool { return h.NamesNoProfile() && f.Keys > 1 }

// hookTries is how often a hook that is not required is tried.
const hookTries = 3

// IsGivenUp reports whether a hook is tried no more in this rotation after so many failures
// in a row.
func IsGivenUp(h *settings.Hook, failures int) bool { return !h.Required && failures >= hookTries }

// waitsToRun reports whether the hook runs in another process, or waits after a failure. A
// person who asks gets one try in each pass.
func (f *Facts) waitsToRun(h *settings.Hook, id string, now time.Time) bool {
	known := f.Rotation.FindHook(h.Name)
	if runsElsewhere(known, now) {
		return true
	}
	if !known.IsAbout(h.Digest(), id) || known.Failures == 0 {
		return false
	}
	if (f.Options.Manual || f.Options.Retry) && !f.HooksTried[h.Name] {
		return false
	}
	return known.LeftOut && !h.Required || !hookFailure(known).MayRetry(f.ID, f.AwakeSince, now)
}

// runsElsewhere reports whether another process may be running the hook: one that was
// killed may have left it running.
func runsElsewhere(known *journal.HookState, now time.Time) bool {
	return known != nil && now.Before(known.RunsUntil) && known.RunsUntil.Sub(now) <= MaxHookRun+journal.MaxClockOffset
}

// MaxHookRun is how long after its start a hook may still be running: its longest timeout,
// and HookGrace.
const MaxHookRun = settings.MaxHookTimeout + HookGrace

// HookGrace is how long after its timeout the end of a hook is certain, and journaled by
// the process that has started it.
const HookGrace = 15 * time.Second

// hookFailure returns the failures of a hook as those of an action.
func hookFailure(known *journal.HookState) *Failure {
	return &Failure{Do: DoHook, At: known.Failed, Count: known.Failures, Why: describeFailure(known), Short: "hook " + known.Name + " failed", Lasted: known.Lasted, NeedsPerson: known.Definite}
}

// CountHookFailure records in known that the hook has failed again at now. awake is when
// the machine last woke, or zero.
func CountHookFailure(known *journal.HookState, awake, now time.Time) {
	next := Failure{At: now}
	next.ContinueFrom(hookFailure(known), awake)
	known.Failures, known.Failed, known.Lasted = next.Count, now, next.Lasted
}

// describeFailure says how a hook has failed, such as "hook github: failed 3 times: exit
// code 1: no such repository".
func describeFailure(known *journal.HookState) string {
	if known.Failures == 1 {
		return fmt.Sprintf("hook %s: failed: %s", known.Name, known.Outcome())
	}
	return fmt.Sprintf("hook %s: failed %d times: %s", known.Name, known.Failures, known.Outcome())
}

// decideHook returns the decision to start a hook, or to go on waiting for it.
func decideHook(f Facts, s settings.Settings, now time.Time, state State) (Decision, bool) {
	h, id := DueHook(f, s, now)
	if h == nil {
		return Decision{}, false
	}
	return orWaitForRetry(f, s, now, actNow(DoHook, state, fmt.Sprintf("the files show %s: running hook %s", credfile.Short(id), h.Name))), true
}

// awaitHooks returns what is to be done in place of the retirement of a key while a
// required hook has not succeeded. The other key is still watched meanwhile.
func awaitHooks(f Facts, s settings.Settings, now time.Time, state State) (Decision, bool) {
	held, ok := waitForHooks(f, s, now)
	if !ok {
		return held, false
	}
	r := f.Rotation
	if d, ok := checkFutureWaits(f, now, state); ok {
		return d, true
	}
	if d, ok := watchNewKey(f, r, now, state); ok {
		return d, true
	}
	if phaseOf(r) == phaseOverlap && useReadingDue(f, r, now) {
		return actNow(DoCheckUse, state, "asking AWS when "+credfile.Short(r.Old.ID)+" was used last"), true
	}
	return held, true
}

// waitForHooks returns how a rotation waits for its required hooks. It returns false when
// all of them have succeeded for the pair in the files. What needs a person comes first.
func waitForHooks(f Facts, s settings.Settings, now time.Time) (waits Decision, ok bool) {
	id := f.deliveredID()
	if f.Rotation == nil || id == "" {
		return Decision{}, false
	}
	hooks := f.hooks(s)
	for i := range hooks {
		h := &hooks[i]
		if !h.Required || !f.isUndelivered(h, id) {
			continue
		}
		d := f.waitForHook(h, id, s, now)
		switch {
		case d.NeedsPerson():
			return d, true
		case !ok, d.Until.Before(waits.Until):
			waits, ok = d, true
		}
	}
	return waits, ok
}

// waitForHook returns how the rotation waits for one hook, which is not to be started now.
func (f *Facts) waitForHook(h *settings.Hook, id string, s settings.Settings, now time.Time) Decision {
	known := f.Rotation.FindHook(h.Name)
	kept := "; " + f.keptUntilHook(id)
	switch {
	case f.isUnclear(h):
		return BlockUntil(now.Add(RecheckEvery), UnclearHook(h, f.Keys)+kept, unclearHint(h, f.Profiles, s)).InShort("hook " + h.Name + " names no profile")
	case runsElsewhere(known, now):
		return WaitUntil(StateRotating, known.RunsUntil, fmt.Sprintf("another keyd was started that runs hook %s", h.Name)).InShort("hook " + h.Name + " runs")
	}
	after := *f
	if known.IsAbout(h.Digest(), id) && known.Failures > 0 {
		after.Failure = hookFailure(known)
	}
	d, held := waitForRetry(after, s, now)
	if !held {
		return WaitUntil(StateRotating, now.Add(RetryAfter(1)), "hook "+h.Name+" is to run").InShort("hook " + h.Name + " is to run")
	}
	d.Why, d.Hint = d.Why+kept, hookHint(h, f.Profiles, s)
	return d
}

// keptUntilHook says what waits for a hook.
func (f *Facts) keptUntilHook(id string) string {
	r := f.Rotation
	kept := credfile.Short(r.Old.ID)
	switch {
	case id == r.Old.ID:
		return fmt.Sprintf("%s is not deleted before it succeeds", credfile.Short(r.New.ID))
	case phaseOf(r) == phaseQuarantine:
		return fmt.Sprintf("%s is not deleted before it succeeds", kept)
	}
	return fmt.Sprintf("%s stays usable until it succeeds", kept)
}

// hookHint says how to try a hook again, and how to go on without it.
func hookHint(h *settings.Hook, profiles []string, s settings.Settings) string {
	try := "to try it now: " + hint.Command("keyd rotate", profiles[0])
	if s.IsManagedHook(h.Name) {
		return try + "; to continue without it, ask whoever manages this machine"
	}
	return fmt.Sprintf("%s; to continue without it: required = false in [hook %s] of keyd.ini", try, h.Name)
}

// UnclearHook says that a hook gets a pair and does not say whose.
func UnclearHook(h *settings.Hook, keys int) string {
	return fmt.Sprintf("hook %s gets the pair and names no profile, and the files hold %d keys: it was not run", h.Name, keys)
}

// unclearHint says how a hook names its profile.
func unclearHint(h *settings.Hook, profiles []string, s settings.Settings) string {
	if s.IsManagedHook(h.Name) {
		return fmt.Sprintf("ask whoever manages this machine to name the profiles in [hook %s] of %s", h.Name, s.Managed.Path)
	}
	return fmt.Sprintf("in [hook %s] of keyd.ini: profiles = %s", h.Name, strings.Join(profiles, ", "))
}

// CheckHooks returns a hook for the key that does not say whose pair it gets although the
// files hold several, with what to write in keyd.ini; nil when there is none.
func CheckHooks(f Facts, s settings.Settings) (h *settings.Hook, run string) {
	for _, h := range s.HooksFor(f.Profiles) {
		if f.isUnclear(&h) {
			return &h, unclearHint(&h, f.Profiles, s)
		}
	}
	return nil, ""
}

// HookReport is how a hook stands, for people and programs.
type HookReport struct {
	Name     string    `json:"name"`
	Required bool      `json:"required"`
	State    string    `json:"state"`             // ok, failed, running, due or left out
	KeyID    string    `json:"key,omitzero"`      // the pair that its last run was about
	At       time.Time `json:"at,omitzero"`       // when it last succeeded or failed
	Failures int       `json:"failures,omitzero"` // in a row
	Why      string    `json:"why,omitzero"`      // how it failed, or what it printed last
	Next     time.Time `json:"next,omitzero"`     // when it is tried again
}

// ReportHooks returns how the hooks for a key in a rotation stand, in the order of keyd.ini.
func ReportHooks(f Facts, s settings.Settings, now time.Time) (all []HookReport) {
	id := f.deliveredID()
	if phaseOf(f.Rotation) < phaseOverlap && len(f.Rotation.Hooks) == 0 { // no other place can have the new pair
		return nil
	}
	for _, h := range f.hooks(s) {
		report, known := HookReport{Name: h.Name, Required: h.Required, State: "due"}, f.Rotation.FindHook(h.Name)
		if known != nil {
			report.KeyID, report.At, report.Failures, report.Why = known.KeyID, known.Failed, known.Failures, known.Outcome()
		}
		switch {
		case f.HookRuns == h.Name, runsElsewhere(known, now):
			report.State = "running"
		case id == "" && known == nil:
		case known.HasDelivered(h.Digest(), id), known == nil && id == f.Rotation.Old.ID:
			report.State = "ok"
			if known != nil {
				report.At = known.Delivered
			}
		case f.isUnclear(&h):
			report.State, report.Why = "failed", UnclearHook(&h, f.Keys)
		case known.IsAbout(h.Digest(), id) && known.Failures > 0 && known.LeftOut && !h.Required:
			report.State = "left out"
		case known.IsAbout(h.Digest(), id) && known.Failures > 0:
			report.State, report.Next = "failed", hookFailure(known).retryAt(f.ID)
		}
		all = append(all, report)
	}
	return all
}
