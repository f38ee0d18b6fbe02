package evidence

import (
	"cmp"
	"slices"
	"time"

	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// addStatus adds what the last passes have found about a key, and about the other keys of
// its user.
func (m *maker) addStatus(l state.KeyStatus) {
	if l.KeyID == "" || l.State == "skipped" && l.Seen == nil {
		return
	}
	k := m.key(l.KeyID)
	k.Profiles, k.endpoint = l.Profiles, l.Endpoint
	if k.Status == Unknown {
		k.Status = Active
	}
	if !l.Created.IsZero() {
		k.Created = l.Created.UTC()
	}
	m.addUse(l)
	seen := l.Seen
	if seen == nil || seen.Root {
		return
	}
	for _, listed := range seen.Keys {
		one := m.key(listed.ID)
		one.User, one.Account, one.ARN, one.endpoint = seen.User, seen.Account, seen.ARN, l.Endpoint
		if !listed.Created.IsZero() {
			one.Created = listed.Created.UTC()
		}
		one.LastUse = cmp.Or(one.LastUse, listed.LastUse)
		if seen.At.Before(one.lastKnown()) { // keyd has acted since
			continue
		}
		one.listedAt = seen.At
		one.Status = Status(listed.Status)
		if listed.Active {
			one.Status, one.Deactivated = Active, time.Time{}
		}
	}
	of := ownerOf(seen.Account, seen.User, l.Endpoint) + " " + l.Endpoint
	if seen.At.After(m.listed[of]) {
		m.listed[of] = seen.At.UTC()
	}
}

// addUse adds what AWS said about the use of a key. In a rotation, the line is about the new key
// as soon as the files show it, while the reading is still that of the old key, from before the
// rotation. What the rotation has read since then is newer.
func (m *maker) addUse(l state.KeyStatus) {
	k, u := m.key(l.KeyID), l.KeyUse
	if u == nil {
		return
	}
	if i := slices.IndexFunc(m.Rotations, func(r *journal.Rotation) bool { return r.New.ID == k.ID }); i >= 0 {
		old := m.key(m.Rotations[i].Old.ID)
		old.LastUse = cmp.Or(old.LastUse, u.Last)
		return
	}
	k.UseDenied, k.LastUse = k.UseDenied || u.Denied, cmp.Or(u.Last, k.LastUse)
}

// goneAfter is how much newer than what keyd did to a key a list without it must be. AWS's
// servers do not all know the same for some seconds.
const goneAfter = time.Hour

// findGone marks the keys that AWS no longer lists: a person has deleted them, and the history
// does not tell. The newest list cannot have such a key, or lastKnown would be no earlier than
// the list. A list vouches only for the endpoint that gave it.
func (m *maker) findGone() {
	for _, k := range m.order {
		if k.User == "" || k.Rotating || k.Status == Deleted {
			continue
		}
		if at := m.listed[k.owner()+" "+k.endpoint]; at.After(k.lastKnown().Add(goneAfter)) {
			k.Status, k.GoneBy = Gone, at
		}
	}
}

// lastKnown returns when the key was last known to be there: keyd did something to it, or AWS
// listed it. It is zero for a key that only the files show.
func (k *Key) lastKnown() time.Time {
	last := k.listedAt
	if n := len(k.Actions); n > 0 && k.Actions[n-1].Time.After(last) {
		last = k.Actions[n-1].Time
	}
	return last
}
