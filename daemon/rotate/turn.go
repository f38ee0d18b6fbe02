package rotate

import (
	"cmp"
	"context"
	"slices"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/state"
)

// turn is one key in one round.
type turn struct {
	*target
	decision decide.Decision
	over     *Result // how the key's part of the pass has ended, if not with decision
}

// takeTurns returns the keys that the request is for, with what to do about each.
func (s *Schedule) takeTurns(ctx context.Context, d *Rotator, w *world) (turns []*turn) {
	shown := make(map[string]bool, len(w.targets))
	for _, t := range w.targets {
		shown[t.facts.ID] = true
	}
	for _, t := range w.targets {
		if !s.isFor(t) {
			continue
		}
		p := s.known[t.facts.ID]
		if p == nil {
			p = &progress{evidence: evidence{receipts: d.unrecorded(t.facts.Rotation)}, succeeds: s.succeeds(t, shown)}
			s.known[t.facts.ID] = p
		}
		if p.known && (p.rotation == nil) != (t.facts.Rotation == nil) { // another process has begun or ended a rotation
			p.distrust()
		}
		t.recall(p, d.Now())
		turns = append(turns, s.decideTurn(ctx, d, t))
	}
	for i, u := range turns {
		u.progress.place, u.progress.keys = i+1, len(turns)
	}
	s.proven = s.proven || w.recent.Validated
	s.letFirstGoAlone(d, w, turns)
	return turns
}

// succeeds reports whether the key has taken the place of another one in this pass, in a
// rotation that another process has finished. What the person asked for was about the
// other key, and asking for it again would have no end. shown are the ids of all targets.
func (s *Schedule) succeeds(t *target, shown map[string]bool) (succeeds bool) {
	for _, name := range t.facts.Profiles {
		before := s.shown[name]
		if before == "" {
			s.shown[name] = t.facts.ID
			continue
		}
		succeeds = succeeds || !shown[before]
	}
	return succeeds
}

// isFor reports whether the request is for the key.
func (s *Schedule) isFor(t *target) bool {
	if s.request.keyID != "" {
		return t.facts.ID == s.request.keyID
	}
	return len(s.request.Profiles) == 0 || t.hasProfile(s.request.Profiles)
}

// decideTurn decides what to do about a key in this round.
func (s *Schedule) decideTurn(ctx context.Context, d *Rotator, t *target) *turn {
	p := t.progress
	u := &turn{target: t, over: p.over}
	if u.over != nil {
		return u
	}
	if s.request.rehearse {
		u.end(d.rehearseTarget(ctx, t))
		return u
	}
	if !p.askedFor {
		p.askedFor = true
		if err := d.noteRetireNow(t, s.request); err != nil {
			asIfNobodyAsked := t.facts // otherwise the status would go on to show a question that is not asked
			asIfNobodyAsked.Options = decide.Options{}
			u.end(d.makeResult(t, decide.Next(asIfNobodyAsked, d.Settings, d.Now()), err))
			return u
		}
	}
	u.decision = decide.Next(t.facts, d.Settings, d.Now())
	if u.decision.IsDue(d.Now()) && s.away.shareFailure(t, u.decision.Do, d.Now()) {
		u.decision = decide.Next(t.facts, d.Settings, d.Now())
	}
	switch {
	case u.decision.EndsPass():
		t.clearStaleFailure(d.Now())
	case s.request.DryRun && u.decision.Do != decide.DoLook && u.decision.Do != decide.DoPreflight: // which change nothing
		u.end(d.previewTarget(ctx, t, u.decision))
	case p.steps >= maxActions || p.wait.steps >= maxSteps:
		u.decision = decide.BlockUntil(d.Now().Add(decide.RecheckEvery), "keyd went in circles and stopped", "please report it with: keyd history").InShort("keyd went in circles")
	}
	if u.decision.Do != p.logged.Do || u.decision.Why != p.logged.Why {
		d.logDecision(t, u.decision)
	}
	p.logged = u.decision
	return u
}

// end ends the key's part of the pass.
func (u *turn) end(result Result) { u.over, u.progress.over = &result, &result }

// ended reports whether the key takes no further step in this pass.
func (u *turn) ended() bool { return u.over != nil || u.decision.EndsPass() }

// isDue reports whether the key can take a step now.
func (u *turn) isDue(now time.Time) bool { return u.over == nil && u.decision.IsDue(now) }

// letFirstGoAlone makes the other keys wait for the first rotation on this machine.
func (s *Schedule) letFirstGoAlone(d *Rotator, w *world, turns []*turn) {
	if s.proven || s.request.DryRun || s.request.rehearse {
		return
	}
	first := w.firstRotation(d)
	for _, u := range turns {
		if first == nil && !u.ended() && (u.decision.Do == decide.DoPreflight || u.decision.Do == decide.DoCreate) {
			first = &decide.FirstRotation{Profile: u.facts.Profiles[0], Until: u.decision.Until}
			continue
		}
		if first != nil && u.over == nil && u.facts.Rotation == nil {
			u.setFirstRotation(first)
			u.decision = decide.Next(u.facts, d.Settings, d.Now())
		}
	}
}

// firstRotation returns the rotation in progress that is not validated yet, unless it
// waits for a person or for a long time.
func (w *world) firstRotation(d *Rotator) *decide.FirstRotation {
	for _, t := range w.targets {
		if t.facts.Rotation == nil || t.facts.Rotation.IsRetirement() || !t.facts.Rotation.Validated.IsZero() {
			continue
		}
		next := decide.Next(t.facts, d.Settings, d.Now())
		if !next.EndsPass() || next.Do == decide.DoWait && next.State == decide.StateRotating {
			return &decide.FirstRotation{Profile: t.facts.Profiles[0], Until: next.Until, Waits: next.EndsPass()}
		}
	}
	return nil
}

// chooseDue returns the turns that take a step now. What heals goes first, and alone. There
// are more than eight only if all of them look at keys at rest.
func (d *Rotator) chooseDue(turns []*turn, now time.Time) (chosen []*turn) {
	looks := !d.oneByOne
	heals := slices.ContainsFunc(turns, func(u *turn) bool { return u.isDue(now) && u.decision.Heals })
	owners := map[string]bool{}
	for _, u := range turns {
		if !u.isDue(now) || heals != u.decision.Heals || owners[u.ownerKey()] {
			continue
		}
		if len(chosen) >= maxSideBySide && !u.looksAtRest() {
			continue
		}
		owners[u.ownerKey()] = true
		chosen, looks = append(chosen, u), looks && u.looksAtRest()
		if len(chosen) == maxSideBySide && !looks {
			break
		}
	}
	return chosen
}

// looksAtRest reports whether the turn asks AWS about a key that is not being rotated.
// That changes nothing, and nothing depends on which server answers.
func (u *turn) looksAtRest() bool { return u.decision.Do == decide.DoLook && u.facts.Rotation == nil }

// ownerKey identifies the user of the key, whose keys take their steps one after the
// other. A key of an unknown user stands for itself.
func (t *target) ownerKey() string {
	if r := t.facts.Rotation; r != nil {
		return r.Account + "/" + r.User
	}
	return cmp.Or(t.facts.OwnerID(), t.facts.ID)
}

// turnResult describes how a key stands in this round. stopped is why the process ends,
// or nil.
func (d *Rotator) turnResult(u *turn, stopped error) Result {
	if u.over != nil {
		return *u.over
	}
	err := u.progress.err
	if stopped != nil && !u.decision.EndsPass() {
		err = stopped
	}
	return d.makeResult(u.target, u.decision, err)
}

// statusLine returns the line of the status. While a look is in progress, that is the
// previous line: there is nothing new to say until AWS has answered.
func (u *turn) statusLine(result Result) state.KeyStatus {
	if u.decision.Do != decide.DoLook {
		return result.KeyStatus
	}
	if u.lastStatus == nil {
		line := result.KeyStatus
		line.SetDecision(decide.WaitForFirstPass())
		return line
	}
	line := *u.lastStatus
	line.Memory = result.Memory
	return line
}

// hasProfile reports whether one of the target's profiles is among profiles.
func (t *target) hasProfile(profiles []string) bool {
	return slices.ContainsFunc(t.facts.Profiles, func(p string) bool { return slices.Contains(profiles, p) })
}
