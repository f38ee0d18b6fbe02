package rotate_test

import (
	"slices"
	"strings"
	"testing"

	"keyd/credfile/deeptest"
	"keyd/daemon/decide"
)

// TestExploreDeadNewKey explores the way back. Someone makes the new key Inactive, or
// deletes it, while a rotation waits in its overlap; keyd notices, and a person runs keyd
// hold. That process is killed at each of its moments, the power fails there, and each
// fault happens at each of its effects; without KEYD_DEEP=1, that is every eighth of them.
// Whatever happens, no invariant is broken, and what the status says then leads to a file
// with the old pair, which works. Where a hook has brought the new pair to another place,
// that place gets the old one as well.
func TestExploreDeadNewKey(t *testing.T) {
	t.Parallel()
	atOnce, inPlace := setting{name: "at once", hook: true, proofRounds: 2}, setting{name: "in place", inPlace: true, twoFiles: true, proofRounds: 2}
	linked := setting{name: "linked files and a hook", links: true, hook: true, proofRounds: 2}
	for how, settings := range map[string][]setting{"console: newest off": {atOnce, inPlace, linked}, "console: newest deleted": {inPlace, atOnce, linked}} {
		if !deeptest.On() {
			settings = settings[:1]
		}
		for _, s := range settings {
			t.Run(how+", "+s.name, func(t *testing.T) {
				t.Parallel()
				w := s.deadKeyScene(t, how)
				hold := fault{atStart, fateNamed(t, "keyd hold")}
				base := s.runTake(t, w, []fault{hold}, nil, true)
				if id, _ := base.shownKey(defaultPlace); base.err != nil || base.result.State != decide.StateHeld || id != base.ghost.of[alice].firstKey.ID || len(base.violations) > 0 {
					t.Fatalf("%s: %s (%v); the file shows %s; %v", base.result.State, base.result.Why, base.err, id, base.violations)
				}
				takes := 0
				for _, m := range base.moments {
					for _, dead := range base.deathScenes(m, nil) {
						if takes++; !deeptest.On() && takes%8 != 1 {
							continue
						}
						s.mustLeadToOldPair(t, dead, dead.checkDeath(m.usable))
					}
				}
				for i, e := range base.effects {
					for j := range fates {
						if f := &fates[j]; f.command == nil && f.act == nil && f.beside == nil && f.lie == nil && !f.kills && f.rank >= inSingles && f.canHappenAt(e) && f.mattersAt(e, inPairs) {
							if takes++; !deeptest.On() && takes%8 != 1 {
								continue
							}
							r := s.runTake(t, w, []fault{hold, {i + 1, f}}, nil, false)
							s.mustLeadToOldPair(t, r.scene, r.violations)
						}
					}
				}
				t.Logf("%d effects, %d deaths and faults", len(base.effects), takes)
			})
		}
	}
}

// fateNamed returns the fate of this name.
func fateNamed(t *testing.T, name string) *fate {
	t.Helper()
	i := slices.IndexFunc(fates, func(f fate) bool { return f.name == name })
	if i < 0 {
		t.Fatalf("no fate is called %q", name)
	}
	return &fates[i]
}

// deadKeyScene returns a scene in which a rotation is in its overlap, something has
// happened to its new key, and a person has been told so.
func (s setting) deadKeyScene(t *testing.T, how string) *scene {
	t.Helper()
	w := s.firstScene()
	for range 5 {
		r := s.runTake(t, w, nil, nil, false)
		if w = r.scene; r.result.State == decide.StateOverlap {
			break
		}
	}
	ask := fault{atStart, fateNamed(t, "keyd rotate")}
	n := slices.IndexFunc(s.runTake(t, w, []fault{ask}, nil, false).effects, func(e effect) bool { return e.kind == query }) + 1
	r := s.runTake(t, w, []fault{ask, {n, fateNamed(t, how)}}, nil, false)
	if n == 0 || r.result.Do != decide.DoBlock || !strings.HasSuffix(r.result.Hint, "keyd hold default") {
		t.Fatalf("effect %d: %s: %s; %s", n, r.result.State, r.result.Why, r.result.Hint)
	}
	return r.scene
}

// mustLeadToOldPair fails the test if something is wrong with w, or if passes without a
// fault, and the command that the status names, do not lead to a file with the old pair.
func (s setting) mustLeadToOldPair(t *testing.T, w *scene, wrong []string) {
	t.Helper()
	from, why := w, ""
	for range 8 {
		var faults []fault
		if strings.HasPrefix(why, "keyd hold") {
			faults = []fault{{atStart, fateNamed(t, "keyd hold")}}
		}
		r := s.runTake(t, w, faults, nil, false)
		wrong = append(wrong, r.violations...)
		w, why = r.scene, ""
		restored := w.linksShow(w.ghost.of[alice].firstKey.ID) && (!s.hook || w.ghost.holds == w.ghost.of[alice].firstKey.ID)
		if id, whole := w.shownKey(defaultPlace); restored && id == w.ghost.of[alice].firstKey.ID && whole && w.isUsable(defaultPlace) && r.result.State == decide.StateHeld {
			if len(wrong) > 0 {
				t.Errorf("%s: %v", from.trace, wrong)
			}
			return
		}
		if _, command, ok := strings.Cut(r.result.Hint, "back into the files: "); ok && r.result.Do == decide.DoBlock {
			why = command
		}
	}
	t.Errorf("%s: the old pair does not come back; %v", from.trace, wrong)
}
