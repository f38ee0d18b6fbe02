package evidence

import (
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
		if listed.LastUse != nil && one.LastUse == nil {
			one.LastUse = listed.LastUse
		}
		if seen.At.Before(one.lastKnown()) { // keyd has acted since
			continue
		}
		one.listedAt = seen.At
		one.Status = Status(listed.Status)
		if listed.Active {
			one.Status, one.Deactivated = Active, time.Time{}
		}
	}
	m.noteListing(l)
}

// addUse adds what AWS said about the use of a key. In a rotation, the line is that of the new
// key as soon as the files show it, and the reading is still that of the old one, which was
// at rest then. What the rotation has read since is newer.
func (m *maker) addUse(l state.KeyStatus) {
	u, k := l.KeyUse, m.key(l.KeyID)
	if u == nil {
		return
	}
	i := slices.IndexFunc(m.Rotations, func(r *journal.Rotation) bool { return r.New.ID == l.KeyID })
	if i >= 0 {
		k = m.key(m.Rotations[i].Old.ID)
	}
	k.UseDenied = k.UseDenied || u.Denied && i < 0
	if u.Last != nil && (i < 0 || k.LastUse == nil) {
		k.LastUse = u.Last
	}
}

// listing is the list of all keys of a user, as an endpoint gave it at some time.
type listing struct {
	at  time.Time
	ids []string
}

// noteListing remembers the newest list of the keys of a user.
func (m *maker) noteListing(l state.KeyStatus) {
	seen := l.Seen
	of := (&Key{User: seen.User, Account: seen.Account, endpoint: l.Endpoint}).owner() + " " + l.Endpoint
	if seen.User == "" || !seen.At.After(m.newest[of].at) {
		return
	}
	one := listing{at: seen.At.UTC()}
	for _, k := range seen.Keys {
		one.ids = append(one.ids, k.ID)
	}
	if m.newest == nil {
		m.newest = map[string]listing{}
	}
	m.newest[of] = one
}

// goneAfter is how much newer than what keyd did to a key a list without it must be. AWS's
// servers do not all know the same for some seconds.
const goneAfter = time.Hour

// findGone marks the keys that AWS no longer lists: a person has deleted them, and the history
// does not tell. A list vouches only for the endpoint that gave it.
func (m *maker) findGone() {
	for _, k := range m.order {
		if k.User == "" || k.Rotating || k.Status == Deleted {
			continue
		}
		list, asked := m.newest[k.owner()+" "+k.endpoint]
		if asked && !slices.Contains(list.ids, k.ID) && list.at.After(k.lastKnown().Add(goneAfter)) {
			k.Status, k.GoneBy = Gone, list.at
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
