package rotate

import (
	"context"
	"errors"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// noteGuard finds out whether AWS has denied the list of keys because it asks for MFA. If
// so it records that, with what is known without a list, and returns true: the look has not
// failed. AWS denies a call only after it has found the key that signed, so the key works.
//
// A policy that allows the calls with MFA, instead of denying them without, is denied in
// words that do not tell it from one that allows nothing. It counts as a guard where a
// device is configured, or a code at hand.
func (d *Rotator) noteGuard(ctx context.Context, t *target, client *iam.Client, err error) (guarded bool, failed error) {
	e, ok := errors.AsType[*iam.Error](err)
	if !ok || e.Class != iam.Denied || e.Session || e.Call != "ListAccessKeys" {
		return false, nil
	}
	before := t.facts.Seen
	known := before != nil && !before.Guarded.IsZero() && t.facts.Device() != "" && !t.facts.Options.Manual
	switch configured := t.facts.MFA.Serial != "" || t.facts.MFA.AtHand; {
	case e.IsVague() && known: // as before
		e.Denial = iam.DenialMFA
		for _, serial := range before.Devices {
			e.Devices = append(e.Devices, iam.Device{Serial: serial})
		}
	case e.IsVague() && d.deniedBefore(t, e):
	case e.IsVague():
		_ = client.ExplainDenial(ctx, t.userName(), e)
	case configured && (e.Denial == iam.DenialNotAllowed || e.Denial == iam.DenialUnsaid):
		e.Denial = iam.DenialMFA
		if devices, failed := client.ListDevices(ctx, t.userName()); failed == nil {
			e.Devices = devices
		}
	}
	if e.Denial != iam.DenialMFA {
		return false, nil
	}
	if err := d.identifyOnce(ctx, client, t); err != nil { // a list would have told whose keys they are
		return true, err
	}
	t.progress.devicesAsked = true
	seen := *t.facts.Seen
	seen.Guarded, seen.Devices = d.Now().UTC(), nil
	for _, device := range e.Devices {
		seen.Devices = append(seen.Devices, device.Serial)
	}
	if clock := t.progress.evidence.clock; clock.Within > 0 {
		seen.Offset, seen.OffsetWithin = clock.Offset, clock.Within
	}
	if key := seen.FindKey(t.facts.ID); key == nil && t.facts.Rotation == nil && seen.Estimate == nil {
		seen.Estimate = d.estimateAge(ctx, t, client)
	}
	t.setSeen(&seen)
	if r := t.facts.Rotation; r != nil && !r.NeedsMFA && !d.readOnly {
		r.NeedsMFA = true
		if err := d.JournalDir().Save(r); err != nil {
			return true, err
		}
	}
	return true, d.redateRotation(t)
}

// forgetDevices makes the next look ask for the user's devices: AWS does not take a code of
// the one that was known.
func (t *target) forgetDevices() {
	if t.facts.Seen == nil {
		return
	}
	seen := *t.facts.Seen
	seen.Devices = nil
	t.setSeen(&seen)
}

// deniedBefore takes over what an earlier denial of the look was found to be.
func (d *Rotator) deniedBefore(t *target, e *iam.Error) bool {
	before := t.failureBefore(decide.DoLook)
	if before == nil || !before.Denied || !iam.Denial(before.Denial).ComesFromPattern() {
		return false
	}
	e.Denial = iam.Denial(before.Denial)
	return true
}

// noteUnguarded records that AWS has listed the keys without MFA.
func (d *Rotator) noteUnguarded(t *target, seen *decide.Seen) {
	if s := t.session(); s.IsUsable(d.Now()) || t.facts.Rotation != nil && !t.wasDenied() { // changes may need it all the same
		return
	}
	seen.Guarded, seen.Devices = time.Time{}, nil
	if r := t.facts.Rotation; r != nil {
		r.NeedsMFA = false // on disk as of the next Save
	}
}

// wasDenied reports whether the last look could not list the keys, for want of MFA.
func (t *target) wasDenied() bool {
	return t.facts.Seen != nil && t.facts.Seen.Guarded.After(t.facts.Seen.At)
}

// needsMFA reports whether AWS asks for MFA before keys are listed or changed.
func (t *target) needsMFA() bool {
	r, seen := t.facts.Rotation, t.facts.Seen
	return seen != nil && !seen.Guarded.IsZero() || r != nil && r.NeedsMFA
}

// estimateAge collects what tells the age of a key that AWS does not list, best first:
// keyd's own history, a date in the description that the console shows, the age of the user,
// and of the file. It makes one call, which only reads. nil means that nothing tells it.
func (d *Rotator) estimateAge(ctx context.Context, t *target, client *iam.Client) *decide.Estimate {
	if made := t.recent.MadeAt[t.facts.ID]; !made.IsZero() {
		return &decide.Estimate{Oldest: made, Newest: made, By: "keyd's history"}
	}
	e := &decide.Estimate{}
	if p, err := client.DescribeUser(ctx, t.userName(), t.facts.ID); err == nil {
		if day := state.FindDay(p.Description); !day.IsZero() && day.Before(d.Now()) {
			return &decide.Estimate{Oldest: day, Newest: day, By: "the date in its description"}
		}
		if !p.Created.IsZero() {
			e.Oldest, e.By = p.Created.UTC(), "the age of the user"
		}
	}
	if written := d.lastWritten(t); !written.IsZero() && !written.Before(e.Oldest) {
		e.Newest = written
		if e.By != "" {
			e.By += " and "
		}
		e.By += "the date of the file"
	}
	if e.By == "" {
		return nil
	}
	return e
}

// lastWritten returns when the files that show the key were last written: the pair was in
// one of them by the earliest of these times. It is zero when that is not known, or lies
// in the future.
func (d *Rotator) lastWritten(t *target) (earliest time.Time) {
	for _, p := range t.holders {
		info, err := d.Sys.Lstat(p.Path)
		if err == nil && info.ModTime.Before(d.Now()) && (earliest.IsZero() || info.ModTime.Before(earliest)) {
			earliest = info.ModTime.UTC()
		}
	}
	return earliest
}

// session returns the session that signs for the target; the zero Session when there is
// none, or when it was opened elsewhere: no other endpoint gets its token.
func (t *target) session() journal.Session {
	s := t.progress.session
	if r := t.facts.Rotation; r != nil && r.Session.Key.ID != "" {
		s = r.Session
	}
	if s.Endpoint != t.endpointName() {
		return journal.Session{}
	}
	return s
}

// endedWithOld reports whether err says that AWS no longer knows a session which the old key
// has opened: it ended with that key. AWS does not say whether sessions do.
func (t *target) endedWithOld(err error) bool {
	e, ok := errors.AsType[*iam.Error](err)
	return ok && e.EndsSession() && e.Class == iam.BadKey && t.session().Opener == t.facts.Rotation.Old.ID
}

// triesWithMFA reports whether a change that AWS denies, although it lists the keys, is
// tried once more with a session: a policy may ask for MFA before changes only, and says
// the same as AWS's quarantine of a leaked key.
func (d *Rotator) triesWithMFA(ctx context.Context, t *target) bool {
	if t.needsMFA() || t.facts.Seen == nil || !t.facts.MFA.CanAsk {
		return false
	}
	seen := *t.facts.Seen
	if t.facts.Device() == "" {
		_ = d.withClient(t, t.shownPair(), func(client *iam.Client) error {
			devices, err := client.ListDevices(ctx, t.userName())
			for _, device := range devices {
				seen.Devices = append(seen.Devices, device.Serial)
			}
			return err
		})
	}
	facts := t.facts
	facts.Seen = &seen
	if device := facts.Device(); device == "" || !remote.ShowsCodes(device) {
		return false
	}
	seen.Guarded = d.Now().UTC()
	t.setSeen(&seen)
	if r := t.facts.Rotation; r != nil {
		r.NeedsMFA = true // on disk as of the next Save
	}
	return true
}

// endsSession reports whether err says that the session is over, and forgets it. The action
// begins again with another one. A second session in a row that AWS does not know at all is
// a failure: codes do not help then.
func (d *Rotator) endsSession(t *target, err error) bool {
	e, ok := errors.AsType[*iam.Error](err)
	if !ok || !e.EndsSession() || t.progress.lostSessions > 0 && e.Class == iam.BadKey {
		return false
	}
	t.progress.lostSessions++
	return d.loseSession(t) == nil
}
