package rotate_test

import (
	"maps"
	"slices"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// The most calls per key and day (I13): while it waits, and on a day on which a call
// fails that may work a minute later, or on which a rotation moves on.
const (
	mostWaiting  = 8
	mostDenied   = 11 // a day of the calendar may have one try more than any 24 hours
	mostRetrying = 40
)

// closeDay checks what can only be said of a whole day.
func (g *ledger) closeDay() {
	w := g.life
	for _, key := range slices.Sorted(maps.Keys(g.perDay)) {
		switch d := g.perDay[key]; {
		case d.busy || d.changes:
		case d.young && d.calls > 4 && !g.life.has(&wrongClock{}): // what AWS said in the future is not believed
			g.wrong("I13: %d calls for %s, whose key is young: %s", d.calls, key, d.text)
		case d.denied && d.calls <= mostDenied*g.daysOfClock():
		case d.calls > mostWaiting && d.waits && !d.retries:
			g.wrong("I13: %d calls for %s, which waits: %s", d.calls, key, d.text)
		case d.calls > mostRetrying*len(w.machines): // machines with one home count failures together
			g.wrong("I13: %d calls for %s: %s", d.calls, key, d.text)
		}
	}
	g.perDay = nil
	for _, m := range w.machines {
		m.RecordShown()
		g.checkOutage(m)
		for _, name := range slices.Sorted(maps.Keys(m.latest)) {
			g.checkProgress(m, m.latest[name])
		}
		if m.awake || m.always {
			g.checkDead(m)
		}
	}
	g.checkOrphans()
	g.checked = w.now()
}

// daysOfClock returns how many days the day that ends has for a machine that only knows its
// clock: two if the clock went to another day and came back. The tries of one of them say
// nothing about those of the other.
func (g *ledger) daysOfClock() int {
	for _, c := range g.life.conditions {
		if c, ok := c.(*wrongClock); ok && c.by.Abs() >= settings.Day && c.jumps[g.life.day()-1] {
			return 2
		}
	}
	return 1
}

// has reports whether the life has a condition.
func (w *life) has(one condition) bool {
	return slices.ContainsFunc(w.conditions, func(c condition) bool { return c.name() == one.name() })
}

// checkOutage checks I1 for the time since the last check.
func (g *ledger) checkOutage(m *machine) {
	if m.name == "mirror" { // it sees the file of the laptop, and notices changes later
		return
	}
	held := []awssim.ShownPair{}
	for i, h := range m.Shown {
		if i+1 < len(m.Shown) && !m.Shown[i+1].At.After(g.checked) || g.killed[h.ID] {
			continue
		}
		if h.At.Before(g.checked) {
			h.At = g.checked
		}
		end := g.life.now()
		if i+1 < len(m.Shown) {
			end = m.Shown[i+1].At
		}
		if known := g.revived[h.ID].Add(30 * time.Second); h.At.Before(known) { // it took the place of a dead key, and AWS's servers were learning of it
			if h.At = known; end.Before(known) {
				continue
			}
		}
		held = append(held[:0], h)
		if out := g.life.cloud.Outage(held, end); out > 0 {
			g.wrong("I1: the pair in %s's file, %s, was refused for %s", m.name, h.ID, out)
		}
	}
}

// patience is how long a key may be overdue while nobody is told and nothing goes on.
const patience = 15 * settings.Day

// checkProgress checks that nothing is stuck without a word (I4).
func (g *ledger) checkProgress(m *machine, r rotate.Result) {
	if r.Seen == nil || r.NeedsPerson || m.excluded || r.State == decide.StateSkipped || r.Failure != nil && r.Failure.Lasted < decide.FailureLimit || r.Rotation != nil && !r.Rotation.Held.IsZero() || m.name == "mirror" {
		if r.Seen != nil {
			delete(g.quietSince, m.name+r.KeyID)
		}
		return
	}
	if k := r.Seen.FindKey(r.KeyID); r.Rotation != nil || k == nil || g.life.now().Sub(k.Created) < 66*settings.Day {
		delete(g.quietSince, m.name+r.KeyID)
	} else if since := g.quietSince[m.name+r.KeyID]; since.IsZero() {
		note(&g.quietSince, m.name+r.KeyID, g.life.now())
	} else if quiet := g.life.now().Sub(since); quiet >= patience {
		g.wrong("I4: %s: the key in %s is overdue, and nobody is told for %s: %s: %s", m.name, r.Profiles[0], quiet, r.State, r.Why)
	}
}

// checkDead checks that a person hears within a day and a look of a key in the file that
// somebody has ended in mid-rotation.
func (g *ledger) checkDead(m *machine) {
	for id := range g.killed {
		r, known := m.latest["default"]
		if !known || m.ShownID() != id || r.Rotation == nil || r.Rotation.New.ID != id || r.NeedsPerson || r.Failure != nil || !r.Rotation.Held.IsZero() {
			delete(g.deadSince, m.name+id)
			continue
		}
		if g.deadSince[m.name+id].IsZero() {
			note(&g.deadSince, m.name+id, g.life.now())
		} else if since := g.life.now().Sub(g.deadSince[m.name+id]); since >= 2*settings.Day {
			g.wrong("I4: %s: the key in the file is dead for %s, and nobody is told: %s: %s", m.name, since, r.State, r.Why)
		}
	}
}

// checkOrphans checks I5: an Active key whose secret nobody has is looked after.
func (g *ledger) checkOrphans() {
	for _, id := range g.life.cloud.Orphans() {
		for _, k := range g.life.cloud.History(g.life.machines[0].User) {
			if age := g.life.now().Sub(k.Created); k.ID == id && age > 6*settings.Day && !g.anyBlocked() {
				g.wrong("I5: nobody has the secret of %s, which is active for %s", id, age)
			}
		}
	}
}

// anyBlocked reports whether a person was told, holds a rotation, or has excluded a key.
func (g *ledger) anyBlocked() bool {
	for _, m := range g.life.machines {
		for _, r := range m.latest {
			if r.NeedsPerson || m.excluded || r.Rotation != nil && !r.Rotation.Held.IsZero() || r.Failure != nil {
				return true
			}
		}
	}
	return false
}
