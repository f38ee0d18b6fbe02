package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// whereKey is a key to search for.
type whereKey struct {
	Profiles []string  `json:"profiles"`
	ID       string    `json:"key"`                    // the key in the files
	OldID    string    `json:"old_key,omitzero"`       // the other key of a rotation in progress
	OldUntil time.Time `json:"old_key_until,omitzero"` // when the old key stops working, at the earliest; zero: not known
	LastUse  *whereUse `json:"last_use,omitzero"`      // nil: AWS was never asked

	Verdict *decide.Verdict `json:"verdict,omitzero"` // whether the key is needed; nil in a rotation, and for a key that is being retired

	swapped bool            // the files show the new key
	status  state.KeyStatus // its line in the status
}

// whereUse is what AWS has said about the use of a key by anyone but keyd.
type whereUse struct {
	KeyID   string    `json:"of"`
	At      time.Time `json:"at,omitzero"`
	Service string    `json:"service,omitzero"`
	Region  string    `json:"region,omitzero"`
	Asked   time.Time `json:"asked,omitzero"`       // when AWS was asked
	Denied  bool      `json:"denied,omitzero"`      // AWS refused to say it then
	Never   bool      `json:"never,omitzero"`       // only keyd has used it at all
	Quiet   time.Time `json:"quiet_since,omitzero"` // only keyd has used it since then
}

// ids returns the ids to search for.
func (k whereKey) ids() []string {
	if k.OldID == "" {
		return []string{k.ID}
	}
	return []string{k.ID, k.OldID}
}

// isOldInUse reports whether the old key of a rotation will stop working while its copies
// still show it.
func (k whereKey) isOldInUse() bool { return k.OldID != "" && k.swapped }

// findKeys returns the long-term keys of the named profiles, or of all of them. A rotation
// in progress has two.
func (a *app) findKeys(ctx context.Context, names []string) (locations, *whereReport, error) {
	status, err := a.buildReport(ctx, names, state.LoadStatusAndMemory)
	if err != nil {
		return locations{}, nil, err
	}
	loc, err := a.openLocations()
	if err != nil {
		return loc, nil, err
	}
	rotations, errs := loc.openJournal().Load(ctx)
	for _, err := range errs {
		a.term.printNote("%s: the keys of that rotation may be missing here", stripPackages(err.Error()))
	}
	r := &whereReport{Version: 1, Now: status.Now, Keys: []whereKey{}, Copies: []whereCopy{}, settings: status.settings, rotations: rotations}
	for _, l := range status.Keys {
		if k, ok := newWhereKey(l, rotations); ok {
			r.Keys = append(r.Keys, k)
		}
	}
	r.addUnreadable(ctx, loc, names)
	return loc, r, nil
}

// addUnreadable adds the keys of profiles that keyd cannot rotate as they stand in the file:
// programs may hold them all the same.
func (r *whereReport) addUnreadable(ctx context.Context, loc locations, names []string) {
	snapshot, err := loc.store.Read(ctx)
	if err != nil {
		return // buildReport has said so
	}
	for _, p := range selectProfiles(snapshot.Profiles, names) {
		for _, id := range p.IDs {
			known := slices.ContainsFunc(r.Keys, func(k whereKey) bool { return slices.Contains(k.ids(), id) })
			if k, ok := newWhereKey(state.KeyStatus{Profiles: []string{p.Name}, KeyID: id}, nil); ok && !known {
				r.Keys = append(r.Keys, k)
			}
		}
	}
}

// newWhereKey returns the key of a line of the status, or false if it is none that a program
// could hold for long.
func newWhereKey(l state.KeyStatus, rotations []*journal.Rotation) (whereKey, bool) {
	k := whereKey{Profiles: l.Profiles, ID: l.KeyID, status: l}
	i := slices.IndexFunc(rotations, func(r *journal.Rotation) bool {
		return l.KeyID != "" && !r.IsRetirement() && (r.Old.ID == l.KeyID || r.New.ID == l.KeyID)
	})
	if i >= 0 {
		k.addRotation(rotations[i], l)
	}
	if !credfile.IsLongTerm(k.ID) && (l.Endpoint == "" || k.ID == "") || strings.HasSuffix(k.ID, "EXAMPLE") { // AWS's documents are full of such ids
		return k, false
	}
	switch { // what is remembered of the use at rest may be of either key of a rotation
	case k.OldID != "" && l.OldKeyUse != nil:
		k.LastUse = oldUse(k.OldID, l.OldKeyUse)
	case k.OldID == "" && l.KeyUse != nil && !l.KeyUse.Read.IsZero():
		k.LastUse = restUse(k.ID, l.KeyUse)
	}
	return k, true
}

// addRotation adds the second key of a rotation.
func (k *whereKey) addRotation(r *journal.Rotation, l state.KeyStatus) {
	if r.New.ID == "" {
		return
	}
	k.ID, k.OldID, k.swapped = r.New.ID, r.Old.ID, !r.Validated.IsZero()
	if l.State == decide.StateOverlap {
		k.OldUntil = l.Until
	}
}

// oldUse returns what AWS has said about the old key of a rotation. Nothing of keyd's is
// signed with it since the swap.
func oldUse(id string, u *decide.OldKeyUse) *whereUse {
	w := &whereUse{KeyID: id, Asked: u.Asked, Denied: u.Denied, Quiet: u.UnusedSince}
	if u.Last != nil && len(u.Days) > 0 {
		w.At, w.Service, w.Region, w.Quiet = u.Last.At, u.Last.Service, u.Last.Region, time.Time{}
	}
	return w
}

// restUse returns what AWS has said about a key at rest.
func restUse(id string, u *decide.KeyUse) *whereUse {
	w := &whereUse{KeyID: id, Asked: u.Read, Denied: u.Denied, Quiet: u.Quiet}
	if u.Last != nil {
		w.At, w.Service, w.Region, w.Never = u.Last.At, u.Last.Service, u.Last.Region, u.Last.At.IsZero()
	}
	return w
}

// isOwn reports whether the use is the question itself: AWS counts it.
func (w *whereUse) isOwn() bool {
	return (w.Service == "iam" || w.Service == "sts") && w.At.Sub(w.Asked).Abs() < journal.MaxClockOffset
}

// format says it for people.
func (w *whereUse) format(now time.Time) string {
	if w == nil {
		return "who uses it is not known: keyd has not asked AWS yet"
	}
	asked := ""
	if !w.Asked.IsZero() {
		asked = " (AWS was asked " + formatAgo(now.Sub(w.Asked)) + ")"
	}
	switch {
	case w.isOwn():
		return "who uses it is not known: the last use that AWS has recorded is keyd's question" + asked
	case !w.At.IsZero():
		return fmt.Sprintf("last used by %s in %s, %s%s", w.Service, w.Region, formatAgo(now.Sub(w.At)), asked)
	case w.Denied:
		return "who uses it is not known: iam:GetAccessKeyLastUsed is denied" + asked
	case w.Never:
		return "only keyd has used it" + asked
	case !w.Quiet.IsZero():
		return "only keyd has used it since " + w.Quiet.Local().Format("2 Jan 2006") + asked
	case w.Asked.IsZero():
		return "who uses it is not known: keyd has not asked AWS yet"
	}
	return "no one has used it since the files show the new key" + asked
}
