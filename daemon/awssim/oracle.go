package awssim

import (
	"slices"
	"time"
)

// KeyState is the true state of one key, regardless of what the views show.
type KeyState struct {
	ID        string
	Status    string // "Active", "Inactive" or "Expired"; "Deleted" in a History
	Created   time.Time
	CreatedBy string // BySeed, ByConsole or the id of the key that signed CreateAccessKey
	LastUsed  Use    // zero when never; not delayed as in GetAccessKeyLastUsed
	Delivered bool   // its secret was in an answer that arrived complete
}

// Keys returns the keys that a user really has, in order of creation.
func (c *Cloud) Keys(u *User) []KeyState {
	defer c.lockAndSettle()()
	return c.keyStates(u.existingKeys())
}

func (c *Cloud) keyStates(keys []*key) []KeyState {
	var ks []KeyState
	for _, k := range keys {
		last, _ := k.lastUse(c.opt.Now())
		ks = append(ks, KeyState{k.id, k.currentStatus(), k.created, k.by, last, k.delivered})
	}
	return ks
}

// History returns every key that a user ever had, in order of creation. A deleted
// key has the status "Deleted".
func (c *Cloud) History(u *User) []KeyState {
	defer c.lockAndSettle()()
	return c.keyStates(u.keys)
}

// IsUsable reports whether every replica of every view that counts accepts the pair
// now. Outage says which views count.
func (c *Cloud) IsUsable(id, secret string) bool { return c.isUsable(id, secret, iamAndSTS) }

// IsUsableEverywhere is IsUsable for EC2 as well.
func (c *Cloud) IsUsableEverywhere(id, secret string) bool { return c.isUsable(id, secret, everywhere) }

func (c *Cloud) isUsable(id, secret string, which scope) bool {
	defer c.lockAndSettle()()
	k := c.keys[id]
	return k != nil && k.secret == secret && c.isAccepted(k, which, c.opt.Now())
}

// Orphans returns the ids of active keys whose secret is lost. It looks only at
// keys made by a signed CreateAccessKey. The secret is lost when the answer did
// not arrive complete or, if known ids are given, when the id is not one of them.
func (c *Cloud) Orphans(known ...string) []string {
	defer c.lockAndSettle()()
	var ids []string
	for _, k := range c.keys {
		ours := k.by != BySeed && k.by != ByConsole
		lost := !k.delivered || len(known) > 0 && !slices.Contains(known, k.id)
		if ours && lost && k.currentStatus() == statusActive {
			ids = append(ids, k.id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ForeignCalls returns the calls that asked to change or delete a key outside the
// signer's own line. A line is a key of AddKey or CreateKey, the keys made with
// it, the keys made with those, and so on: old keys, new keys and the orphans
// between them. A call counts whether or not it had an effect, and also when its
// signer or its target never existed.
func (c *Cloud) ForeignCalls() []Call {
	defer c.lockAndSettle()()
	var cs []Call
	for _, call := range c.calls {
		if c.isForeign(call) {
			cs = append(cs, *call)
		}
	}
	return cs
}

// IsForeign reports whether a call belongs to Touched.
func (c *Cloud) IsForeign(call Call) bool {
	defer c.lockAndSettle()()
	return c.isForeign(&call)
}

func (c *Cloud) isForeign(call *Call) bool {
	if call.Action != "UpdateAccessKey" && call.Action != "DeleteAccessKey" {
		return false
	}
	signer, target := c.firstOfLine(call.KeyID), c.firstOfLine(call.Target)
	return signer == nil || signer != target
}

// firstOfLine returns the first key of the line to which id belongs; see Touched.
func (c *Cloud) firstOfLine(id string) *key {
	k := c.claimedKey(id)
	for k != nil && k.by != BySeed && k.by != ByConsole {
		k = c.claimedKey(k.by)
	}
	return k
}

// ShownPair is the pair that a credentials file shows from the time At on.
type ShownPair struct {
	At         time.Time
	ID, Secret string
}

// Outage returns for how long, from the first Held until the given time, the pair
// in the file did not work everywhere: at least one replica of one view refused
// it. The views that count are IAM and all STS regions that were used or
// configured, without the closed ones. held is in order of time.
//
// The result is exact, because it is computed from the log of each key and from
// the arrival of its versions, not sampled. For the time after Options.Now, Outage
// assumes that no key changes again.
func (c *Cloud) Outage(held []ShownPair, until time.Time) time.Duration {
	return c.outage(held, until, iamAndSTS)
}

// OutageEverywhere is Outage with EC2 as one more service, in every region in which STS
// counts: it knows a new key as late as Lag.EC2 says, whatever IAM and STS say.
func (c *Cloud) OutageEverywhere(held []ShownPair, until time.Time) time.Duration {
	return c.outage(held, until, everywhere)
}

func (c *Cloud) outage(held []ShownPair, until time.Time, which scope) time.Duration {
	defer c.lockAndSettle()()
	var total time.Duration
	for i, h := range held {
		end := until
		if i+1 < len(held) && held[i+1].At.Before(until) {
			end = held[i+1].At
		}
		total += c.refusedTime(h, end, which)
	}
	return total
}

// refusedTime adds up the parts of [h.At, end) in which the pair is not accepted
// everywhere. Nothing changes between two arrivals of a version at a replica.
func (c *Cloud) refusedTime(h ShownPair, end time.Time, which scope) time.Duration {
	if !end.After(h.At) {
		return 0
	}
	k := c.keys[h.ID]
	if k == nil || k.secret != h.Secret {
		return end.Sub(h.At)
	}
	edges := []time.Time{h.At, end}
	for _, t := range c.arrivalTimes(k, which) {
		if t.After(h.At) && t.Before(end) {
			edges = append(edges, t)
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	var total time.Duration
	for i, t := range edges[:len(edges)-1] {
		if !c.isAccepted(k, which, t) {
			total += edges[i+1].Sub(t)
		}
	}
	return total
}

// arrivalTimes returns the times at which each version of k reaches each replica of
// each view that counts.
func (c *Cloud) arrivalTimes(k *key, which scope) []time.Time {
	var ts []time.Time
	for _, view := range c.viewsOf(k.user.partition, which) {
		for r := range c.opt.Lag.replicas() {
			for i := range k.log {
				ts = append(ts, c.arrivalTime(k, i, view, r))
			}
		}
	}
	return ts
}
