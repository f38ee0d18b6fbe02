package rotate

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// target is one access key and everything known about it.
type target struct {
	facts      decide.Facts       // written only in this file
	pair       credfile.Key       // the pair with the id facts.ID, as the files show it; zero when no file does
	holders    []credfile.Profile // the profiles that show the old or the new id
	oldLinks   []credfile.Link    // the linked files that show the old pair; none without a rotation
	newLinks   []credfile.Link    // the linked files that show the new pair, or the only one
	endpoints  remote.Endpoints
	warnings   []string
	lastStatus *state.KeyStatus        // the key's line in the last status; nil when it has none
	places     []journal.Place         // where the key at rest stands, and where it stood in a file that is not there; nil when it stands in one file only
	recent     state.Recent            // what keyd did lately
	elsewhere  map[string]state.Memory // what other endpoints said about the key, by endpoint

	decision decide.Decision // the action in progress, or the last one
	progress *progress       // what this pass knows of the key; never nil
}

// addProfileName adds a profile name unless it is there already.
func (t *target) addProfileName(name string) {
	if !slices.Contains(t.facts.Profiles, name) {
		t.facts.Profiles = append(t.facts.Profiles, name)
	}
}

// setRotation records the rotation in progress, or nil, and what the files show of it.
func (t *target) setRotation(r *journal.Rotation, shows decide.Placement) {
	t.facts.Rotation, t.facts.Placement = r, shows
}

// markJustClosed records that something has just ended with this key in place, so that
// the pass that has ended it does not replace it as well.
func (t *target) markJustClosed() { t.facts.JustClosed = true }

// dropRotation records that the rotation has ended. What the files showed of it stays
// known.
func (t *target) dropRotation() { t.facts.Rotation = nil }

// adoptReread takes over what the files and the journal show now.
func (t *target) adoptReread(reread *target) {
	t.setRotation(reread.facts.Rotation, reread.facts.Placement)
	t.facts.RotationErr, t.holders = reread.facts.RotationErr, reread.holders
	t.facts.Astray, t.oldLinks, t.newLinks = reread.facts.Astray, reread.oldLinks, reread.newLinks
	if !reread.pair.IsZero() {
		t.pair = reread.pair
	}
}

// setAstray records the linked files that keyd cannot keep up to date now.
func (t *target) setAstray(astray []decide.Astray) { t.facts.Astray = astray }

// forgetForeign forgets the places that a person has taken out of the rotation.
func (t *target) forgetForeign() { t.facts.Placement.Foreign, t.facts.Placement.Missing = nil, nil }

// adoptNewID carries what is known over to the new id, once the rotation r is closed.
func (t *target) adoptNewID(r *journal.Rotation) {
	asked := t.facts.Options
	t.facts.ID, t.facts.PreflightDone, t.facts.Proven, t.facts.Watched, t.facts.Options = r.New.ID, false, false, false, decide.Options{}
	if t.needsMFA() && !t.progress.created { // the code was for the rotation that follows, and so is what the person asks
		t.facts.Options = asked
	}
	t.facts.JustClosed = true
	t.facts.CopiesFound = nil // those were the old key's
	t.facts.Use = nil         // that was the old key's; withClient notes that keyd has signed with the new one
	t.pair, t.facts.Rotation, t.facts.Failure = r.New, nil, nil
	t.progress.created = false
	if seen := t.facts.Seen; seen != nil {
		left := *seen
		left.Keys = withoutKey(seen.Keys, r.Old.ID)
		t.facts.Seen = &left
	}
}

// setSurroundings records what the whole pass knows: what keyd did lately, the first
// profile that shows each key, and when the machine woke.
func (t *target) setSurroundings(recent state.Recent, by map[string]string, awake time.Time) {
	recent.Deleted, recent.Freed = maps.Clone(recent.Deleted), maps.Clone(recent.Freed) // each target adds its own
	t.recent, t.facts.ShownBy, t.facts.AwakeSince = recent, by, awake
	t.facts.LastRotation, t.facts.MadeHere = recent.Created[t.facts.OwnerID()], recent.Made
	t.facts.Seen = withoutDeletedSince(t.facts.Seen, recent.Deleted)
	t.facts.RetiredAt, t.facts.Replaces = recent.Retired[t.facts.ID], recent.Replaced[t.facts.ID]
}

// setInstallation records which installation of keyd this is, and the name of its machine.
func (t *target) setInstallation(id, host string) { t.facts.Installation, t.facts.Host = id, host }

// noteDeleted records that keyd has deleted a key.
func (t *target) noteDeleted(id string, at time.Time) {
	if t.recent.Deleted == nil {
		t.recent.Deleted = map[string]time.Time{}
	}
	if t.recent.Freed == nil {
		t.recent.Freed = map[string]time.Time{}
	}
	t.recent.Deleted[id], t.recent.Freed[t.facts.OwnerID()] = at, at
}

// setSeen records what AWS said about the key. Its lists lag: one that still shows a key
// Inactive which this pass has revived is not believed.
func (t *target) setSeen(seen *decide.Seen) {
	t.facts.Seen = seen
	t.facts.LastRotation = t.recent.Created[t.facts.OwnerID()]
	if t.progress.revivedID == "" || seen.FindKey(t.progress.revivedID) == nil {
		return
	}
	corrected := *seen
	corrected.Keys = slices.Clone(seen.Keys)
	old := corrected.FindKey(t.progress.revivedID)
	old.Active, old.Status = true, "Active"
	t.facts.Seen = &corrected
}

// noteRevived records that AWS has made the old key of the rotation Active again.
func (t *target) noteRevived() {
	t.progress.revivedID = t.facts.Rotation.Old.ID
	if t.facts.Seen != nil {
		t.setSeen(t.facts.Seen)
	}
}

// outdateSeen makes what AWS said about the keys too old to act on.
func (t *target) outdateSeen() { t.facts.Seen = staleSeen(t.facts.Seen) }

// setFailure records the failure of an action; nil when none is left.
func (t *target) setFailure(f *decide.Failure) { t.facts.Failure = f }

// noteHookTried records that a hook has failed in this pass.
func (t *target) noteHookTried(name string) {
	if t.progress.hooksTried == nil {
		t.progress.hooksTried = map[string]bool{}
	}
	t.progress.hooksTried[name] = true
	t.facts.HooksTried = t.progress.hooksTried
}

// setHookRuns records the hook that this process is running for the rotation.
func (t *target) setHookRuns(run *hookRun) {
	if t.facts.HookRuns = ""; run != nil {
		t.facts.HookRuns = run.name
	}
}

// setMFA records how the codes for the key are had.
func (t *target) setMFA(m decide.MFA) {
	m.SessionUntil = t.facts.MFA.SessionUntil
	t.facts.MFA = m
}

// setSession records the session that signs from now on; the zero Session when there is
// none any more.
func (t *target) setSession(s journal.Session, now time.Time) {
	t.progress.session = s
	if t.facts.Rotation != nil {
		t.facts.Rotation.Session = s
	}
	t.refreshSession(now)
}

// refreshSession records until when the target's session can sign. A rotation that lacks
// the one that this pass has opened gets it.
func (t *target) refreshSession(now time.Time) {
	if r := t.facts.Rotation; r != nil {
		r.DropSession(now)
		if r.Session.Key.ID == "" && t.progress.session.IsUsable(now) {
			r.Session = t.progress.session
		}
	}
	t.facts.MFA.Looked, t.facts.MFA.SessionUntil = t.progress.devicesAsked, time.Time{}
	t.facts.MFA.CanAsk = t.facts.MFA.CanAsk || t.progress.wait.asking != nil // the only code may be under way
	if s := t.session(); s.IsUsable(now) {
		t.facts.MFA.SessionUntil = s.UsableUntil()
	}
}

// setKeys records how many keys the files hold that keyd rotates.
func (t *target) setKeys(n int) { t.facts.Keys = n }

// setUse records what is known about the use of the key at rest.
func (t *target) setUse(use *decide.KeyUse) { t.facts.Use = use }

// noteSigned records that keyd has signed with a key: AWS counts that as a use.
func (t *target) noteSigned(id string, now time.Time) {
	if id != t.facts.ID {
		return
	}
	use := decide.KeyUse{}
	if t.facts.Use != nil {
		use = *t.facts.Use
	}
	use.Signed = now
	t.setUse(&use)
}

// setCopiesFound records what a search of this machine has found.
func (t *target) setCopiesFound(found *decide.Copies) { t.facts.CopiesFound = found }

// markWatched records that AWS was asked whether the new key still works.
func (t *target) markWatched() { t.facts.Watched = true }

// isLeftAlone reports whether the files hold no key here that keyd could use.
func (t *target) isLeftAlone() bool { return t.facts.SkipReason != "" || t.facts.Unreadable != nil }

// setSkipReason records why there is nothing left to rotate.
func (t *target) setSkipReason(why string) { t.facts.SkipReason = why }

// setCustomEndpoint records the URLs that stand in for AWS.
func (t *target) setCustomEndpoint(urls string) { t.facts.CustomEndpoint = urls }

// setRotationErr records why the rotation must be left alone; nil when it need not be.
func (t *target) setRotationErr(err error) { t.facts.RotationErr = err }

// setEndpointErr records that the settings do not say where AWS is.
func (t *target) setEndpointErr(err error) { t.facts.EndpointErr = err }

// addCopy records that a file which keyd does not read shows the id.
func (t *target) addCopy(id, path string) {
	if t.facts.Copies == nil {
		t.facts.Copies = map[string]string{}
	}
	if t.facts.Copies[id] == "" {
		t.facts.Copies[id] = path
	}
}

// markPreflightDone records that nothing was found that would refuse a new key.
func (t *target) markPreflightDone(now time.Time) {
	t.facts.PreflightDone, t.progress.preflightAt = true, now.Round(0)
}

// setProven records whether AWS has accepted the new key everywhere. The wall clock says how
// long ago that was, also where the machine has slept since: the monotonic clock stands still
// then.
func (t *target) setProven(proven bool, now time.Time) {
	t.facts.Proven, t.progress.provenID, t.progress.provenAt = proven, "", now.Round(0)
	if proven {
		t.progress.provenID = t.facts.Rotation.New.ID
	}
}

// recall takes over what this pass knows of the key from its earlier steps.
func (t *target) recall(p *progress, now time.Time) {
	t.progress = p
	if p.succeeds {
		t.facts.Options = decide.Options{}
	}
	if p.known {
		t.facts.Failure, t.facts.Options, t.facts.Use = p.failure, p.options, p.use
		t.facts.Watched, t.facts.JustClosed, t.facts.CopiesFound = p.watched, p.justClosed, p.copies
		if !p.outdated {
			t.facts.Seen = p.seen
		}
		t.facts.LastRotation = t.recent.Created[t.facts.OwnerID()]
	}
	recent := func(at time.Time) bool { return !at.IsZero() && now.Sub(at) < decide.FreshFor && !at.After(now) }
	t.facts.HooksTried = p.hooksTried
	t.facts.PreflightDone = t.facts.Rotation == nil && recent(p.preflightAt)
	t.facts.Proven = t.facts.Rotation != nil && t.facts.Rotation.New.ID == p.provenID && recent(p.provenAt)
	t.refreshSession(now)
	if p.wait.do != "" {
		t.facts.Pending = &decide.Pending{Do: p.wait.do, Until: p.wait.until}
	}
}

// setAbsent records a file that showed the key at rest and that does not exist now.
func (t *target) setAbsent(path string) { t.facts.Absent = path }

// setFirstRotation records the rotation that goes alone on this machine.
func (t *target) setFirstRotation(first *decide.FirstRotation) { t.facts.FirstRotation = first }

// fillTarget adds what the status remembers of the key, and where its calls go. lines are
// those of the status, by key id.
func (d *Rotator) fillTarget(t *target, status state.Status, lines map[string]*state.KeyStatus, ask decide.Options) {
	t.facts.Options, t.progress = ask, &progress{}
	t.facts.Options.Hurry = ask.Hurry || d.Hurry
	line := lines[t.facts.ID]
	if r := t.facts.Rotation; r != nil && line == nil && !r.IsRetirement() {
		line = lines[r.New.ID]
	}
	t.lastStatus = line
	d.rememberPlaces(t)
	sites := []credfile.EndpointConfig{}
	for _, p := range t.holders {
		sites = append(sites, p.Endpoints)
		for _, w := range p.Warnings {
			t.warnings = append(t.warnings, fmt.Sprintf("%s:%d: %s", w.Path, w.Line, w.Text))
		}
	}
	if t.isLeftAlone() { // its line in the status may belong to another place with the same id
		return
	}
	d.resolveEndpoints(t, sites)
	t.setMFA(d.describeMFA(t))
	t.refreshSession(d.Now())
	if line != nil {
		m := status.Recall(line.KeyID, t.endpointName())
		t.facts.Seen, t.facts.Failure, t.facts.Use = agedSeen(m.Seen, d.Now()), m.Failure, m.KeyUse
		if c := line.FoundCopies; c != nil && c.KeyID == t.facts.ID {
			t.facts.CopiesFound = c
		}
		t.elsewhere = status.RecallElsewhere(line.KeyID, t.endpointName())
	}
	if ask.Manual || ask.Retry {
		t.facts.Failure = nil
	}
}
