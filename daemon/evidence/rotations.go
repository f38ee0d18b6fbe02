package evidence

import (
	"cmp"
	"slices"
	"time"

	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// follow adds an entry of the history to the rotation that it belongs to. It begins with the
// key that it makes. An older keyd does not name the old key: that is then the one that it
// wrote into the files before, or the one that it ended.
func (m *maker) follow(a *Action, e state.HistoryEntry) {
	r := m.findOpen(a, e)
	if a.Did == "created" {
		r = &Rotation{NewKey: a.KeyID, Profiles: a.Profiles, User: a.User, Account: a.Account, WhoAsked: a.WhoAsked, Began: a.Time, Policy: a.Policy, OldAgeDays: -1, InTime: Undecided, OldKey: cmp.Or(e.OldKey, m.lastShown(a.Profiles))}
		m.open, m.report.Rotations = append(m.open, r), append(m.report.Rotations, r)
	}
	if r == nil {
		return
	}
	for _, c := range a.Calls {
		r.Requests = append(r.Requests, cmp.Or(c.RequestID, NotRecorded))
	}
	if a.Did == "created" && len(a.Calls) == 0 {
		r.Requests = append(r.Requests, NotRecorded)
	}
	isNew := a.KeyID == r.NewKey
	if !isNew && slices.Contains([]string{"put back", "still used", "revived", "deactivated", "deleted"}, a.Did) {
		r.OldKey = a.KeyID
	}
	r.Retirement = r.Retirement || a.Text == state.RetiredNote
	switch a.Did {
	case "swapped":
		r.Swapped = cmp.Or(r.Swapped, a.Time)
		m.noteShown(a)
	case "gave up", "put back":
		r.GivenUp = cmp.Or(r.GivenUp, a.Text, "unknown why")
	case "revived":
		r.Deactivated = time.Time{}
	case "deactivated":
		if !isNew {
			r.Deactivated = a.Time
		}
	case "deleted":
		if isNew && !r.Retirement {
			r.GivenUp = cmp.Or(r.GivenUp, a.Text, "the new key was deleted again")
		}
		if isNew || !r.Retirement { // the key that has signed a retirement goes last
			r.Ended = a.Time
		}
	}
	if !r.Ended.IsZero() && a.Did != "deleted" { // the description, renewed after the end
		m.open = slices.DeleteFunc(m.open, func(o *Rotation) bool { return o == r })
	}
}

// findOpen returns the rotation in progress that an entry belongs to, or nil: the one with its
// keys, or the last one of the same profiles.
func (m *maker) findOpen(a *Action, e state.HistoryEntry) *Rotation {
	if a.Did == "created" || e.IsPruning() {
		return nil
	}
	for _, r := range slices.Backward(m.open) {
		shared := e.OldKey == "" && slices.ContainsFunc(r.Profiles, func(p string) bool { return slices.Contains(a.Profiles, p) })
		ofOld := r.OldKey != "" && (a.KeyID == r.OldKey || e.OldKey == r.OldKey)
		if a.KeyID == r.NewKey || ofOld || shared && r.Ended.IsZero() {
			return r
		}
	}
	return nil
}

// lastShown returns the key that keyd has last written into the files of these profiles, or
// "".
func (m *maker) lastShown(profiles []string) string {
	for _, p := range profiles {
		if id := m.shown[p]; id != "" {
			return id
		}
	}
	return ""
}

// noteShown remembers which key the files of the profiles show.
func (m *maker) noteShown(a *Action) {
	if m.shown == nil {
		m.shown = map[string]string{}
	}
	for _, p := range a.Profiles {
		m.shown[p] = a.KeyID
	}
}

// followJournal adds what the journal of a rotation in progress knows of it.
func (m *maker) followJournal(j *journal.Rotation) {
	i := slices.IndexFunc(m.open, func(r *Rotation) bool {
		return j.New.ID != "" && r.NewKey == j.New.ID || r.Ended.IsZero() && r.OldKey == j.Old.ID
	})
	if i < 0 {
		r := &Rotation{Profiles: j.Profiles(), User: j.User, Account: j.Account, Began: j.CreateSent.UTC(), WhoAsked: "unknown", OldAgeDays: -1, InTime: Undecided}
		m.open, m.report.Rotations = append(m.open, r), append(m.report.Rotations, r)
		i = len(m.open) - 1
	}
	r := m.open[i]
	r.OldKey, r.NewKey, r.Retirement = j.Old.ID, cmp.Or(j.New.ID, r.NewKey), j.IsRetirement()
	r.Swapped, r.Deactivated = cmp.Or(r.Swapped, utc(j.Swapped)), cmp.Or(r.Deactivated, utc(j.Deactivated))
}

// utc returns t in UTC, and the zero time for the zero time.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// closeRotations joins the rotations and their keys.
func (m *maker) closeRotations() {
	for _, r := range m.report.Rotations {
		if r.Requests == nil {
			r.Requests = []string{}
		}
		if r.OldKey == "" {
			continue
		}
		old := m.key(r.OldKey)
		if len(old.Profiles) == 0 {
			old.Profiles = r.Profiles
		}
		old.User, old.Account = cmp.Or(old.User, r.User), cmp.Or(old.Account, r.Account)
		end := cmp.Or(r.Deactivated, r.Ended, m.Now)
		if !old.Created.IsZero() {
			age := end.Sub(old.Created)
			r.OldAgeDays, r.InTime = int(max(age, 0)/day), withinOwn(age, cmp.Or(r.Policy, m.policyFor(r.Profiles)))
		}
		if r.Retirement || r.GivenUp != "" || r.NewKey == "" {
			continue
		}
		old.ReplacedBy, old.Superseded = r.NewKey, r.Swapped
		if next := m.keys[r.NewKey]; next != nil {
			next.Replaces = r.OldKey
		}
	}
}
