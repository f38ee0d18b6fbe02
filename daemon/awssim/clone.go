package awssim

import (
	"maps"
	"slices"
	"time"
)

// Clone returns a second cloud in the same state, by a clock of its own; from
// there the two go apart. Requests that are late stay on their way in both.
// Faults are left behind and the ledger begins anew, so that a test can go on
// from one instant in many ways. Users of the new cloud are asked for by User.
func (c *Cloud) Clone(now func() time.Time) *Cloud {
	defer c.enter()()
	d := New(Options{Now: now, Seed: c.opt.Seed, Lag: c.opt.Lag, AnyRegion: c.opt.AnyRegion})
	d.skew, d.serial = c.skew, c.serial
	d.views, d.closed = slices.Clone(c.views), maps.Clone(c.closed)
	for name, u := range c.users {
		twin := new(*u)
		twin.c, twin.keys = d, nil
		twin.tags, twin.policies, twin.denials = slices.Clone(u.tags), slices.Clone(u.policies), slices.Clone(u.denials)
		d.users[name] = twin
		for _, k := range u.keys {
			twin.keys = append(twin.keys, k.clone(twin))
			d.keys[k.id] = twin.keys[len(twin.keys)-1]
		}
	}
	for id, s := range c.sessions {
		twin := new(*s)
		twin.key = d.keys[s.key.id]
		d.sessions[id] = twin
	}
	for _, e := range c.late {
		d.late = append(d.late, lateEffect{e.at, e.x.clone(d)})
	}
	return d
}

func (k *key) clone(u *User) *key {
	twin := new(*k)
	twin.user, twin.log, twin.uses = u, slices.Clone(k.log), slices.Clone(k.uses)
	return twin
}

// clone is a late request that has not been acted upon: it knows its caller
// only then.
func (x *exchange) clone(c *Cloud) *exchange {
	twin, call := new(*x), new(*x.call)
	twin.c, twin.call = c, call
	return twin
}

// User returns the user of that name, nil when there is none. Empty is root.
func (c *Cloud) User(account, name string) *User {
	defer c.enter()()
	return c.users[userName{account, name}]
}
