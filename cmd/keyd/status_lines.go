package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/state"
)

// addHiddenRotations adds the rotations whose old key the files no longer show:
// someone has replaced the key or removed the profile.
func (r *report) addHiddenRotations(profiles []credfile.Profile, status state.Status) {
	shown := make(map[string]bool, len(profiles))
	for i := range profiles {
		if p := &profiles[i]; p.Skip == credfile.Rotatable {
			shown[p.Key.ID] = true
		}
	}
	for _, l := range status.Keys {
		if l.InRotation && !shown[l.KeyID] {
			l.Warnings = nil
			r.Keys = append(r.Keys, l)
		}
	}
}

// addProfiles adds one line for each key, and one for each profile without a key.
func (r *report) addProfiles(profiles []credfile.Profile, status state.Status) {
	groups := rotate.GroupProfiles(profiles)
	unreadable := map[string]bool{} // their names
	for i := range groups {
		if g := &groups[i]; g.Unreadable != nil {
			unreadable[strings.Join(g.Names, "\n")] = true
		}
	}
	lines := make(map[string]*state.KeyStatus, len(status.Keys))
	for i := range status.Keys {
		// A profile that cannot use the key may have a line of its own.
		if l := &status.Keys[i]; lines[l.KeyID] == nil || !unreadable[strings.Join(l.Profiles, "\n")] {
			lines[l.KeyID] = l
		}
	}
	r.Keys = make([]state.KeyStatus, len(groups))
	for i := range groups {
		g := &groups[i]
		r.fillLine(&r.Keys[i], g, lines[g.Holders[0].Key.ID])
	}
	r.addFollowers()
	r.addWarnings(profiles)
}

// selectKeys keeps the keys of the named profiles, each with all its profiles, and
// sorts them by sortRank. Without names it keeps all keys.
func (r *report) selectKeys(names []string) {
	if len(names) > 0 {
		r.Keys = slices.DeleteFunc(r.Keys, func(l state.KeyStatus) bool {
			return !slices.ContainsFunc(l.Profiles, func(p string) bool { return slices.Contains(names, p) })
		})
	}
	byRank := func(a, b *state.KeyStatus) int { return cmp.Compare(sortRank(a), sortRank(b)) }
	for i := 1; i < len(r.Keys); i++ {
		if byRank(&r.Keys[i-1], &r.Keys[i]) > 0 {
			slices.SortStableFunc(r.Keys, func(a, b state.KeyStatus) int { return byRank(&a, &b) })
			break
		}
	}
}

// fillLine fills in the line of a key. last is what the last pass said about it;
// nil if no pass has seen it.
func (r *report) fillLine(line *state.KeyStatus, g *rotate.Group, last *state.KeyStatus) {
	line.KeyID = g.Holders[0].Key.ID
	switch {
	case g.SkipReason != "" || g.Unreadable != nil: // the files alone decide
		line.SetDecision(decide.Next(g.Facts(), r.settings, r.Now))
	case last == nil:
		line.SetDecision(decide.WaitForFirstPass())
	default:
		*line = *last
	}
	line.Profiles, line.Warnings, line.Asks = g.Names, nil, g.Holders[0].Asks
}

// addFollowers says of each profile whose programs ask keyd for a key when all of them that
// run have the new one: handoutLife after the swap. They asked for the old one then at the
// latest.
func (r *report) addFollowers() {
	swapped := map[string]time.Time{}        // of the profiles whose key is being rotated, by name
	for i := range slices.Backward(r.Keys) { // the first one counts
		if r.Keys[i].InRotation {
			for _, name := range r.Keys[i].Profiles {
				swapped[name] = r.Keys[i].Swapped
			}
		}
	}
	for i := range r.Keys {
		l := &r.Keys[i]
		if l.Asks == "" {
			continue
		}
		if short := "overlap in " + r.settings.FileOf("", "overlap") + " is shorter than the " + formatDuration(handoutLife) + " for which programs that ask keyd may keep an old pair; " + lengthenOverlap(r.settings); r.settings.Overlap < handoutLife && !slices.Contains(r.Warnings, short) {
			r.Warnings = append(r.Warnings, short)
		}
		at, rotating := swapped[l.Asks]
		if until := at.Add(handoutLife); rotating && until.After(r.Now) {
			l.Until = until
		}
	}
}

// sortRank orders the keys by state. Keys that need a person come first.
func sortRank(l *state.KeyStatus) int {
	if l.NeedsPerson {
		return -1
	}
	return slices.Index(stateOrder[:], l.State)
}

var stateOrder = [...]decide.State{decide.StateBlocked, decide.StateWaiting, decide.StateHeld, decide.StateRotating, decide.StateRetiring, decide.StateDue,
	decide.StateOverlap, decide.StateQuarantine, decide.StateNew, decide.StateOK, decide.StateSkipped}
