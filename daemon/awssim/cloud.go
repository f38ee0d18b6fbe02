package awssim

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Options says how a Cloud behaves. The zero value is a cloud that is
// consistent at once and uses the wall clock.
type Options struct {
	Now     func() time.Time // the cloud's only clock; nil: time.Now
	Seed    uint64           // ids, secrets, delays and the choice of replicas follow from it
	Lag     Lag              // how late a view shows a change; zero: at once
	Regions []string         // STS regions that count as used from the start, see Outage

	// AnyRegion accepts IAM requests signed for any region of the partition.
	// AWS does not, but clients with an endpoint of their own sign for the
	// region they are set to: botocore does, aws-cli with it.
	AnyRegion bool
}

// Cloud is every account of every partition. It is safe for concurrent use.
// With one request at a time, the same seed and clock give the same answers
// byte for byte; concurrent requests are numbered as they come.
type Cloud struct {
	opt Options

	mu       sync.Mutex
	skew     time.Duration
	serial   int // of everything that is named: keys, users, requests
	users    map[userName]*User
	keys     map[string]*key
	sessions map[string]*session
	views    []string // every view that has been used or configured, "iam" first
	closed   map[string]bool
	faults   []*armedFault
	calls    []*Call
	late     []lateEffect // by time
}

// New returns an empty cloud.
func New(o Options) *Cloud {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Cloud{
		opt:      o,
		users:    map[userName]*User{},
		keys:     map[string]*key{},
		sessions: map[string]*session{},
		views:    []string{viewIAM},
		closed:   map[string]bool{},
	}
	for _, r := range o.Regions {
		c.noteView(viewSTS(r))
	}
	return c
}

// SkewDate sets how far the cloud's clock is ahead of Options.Now (behind when
// negative): in the Date header, in the check of a signature's date and in
// every date of an answer. It is how a client with a wrong clock sees AWS. The
// oracles speak of Options.Now, whatever the skew.
func (c *Cloud) SkewDate(d time.Duration) {
	defer c.lockAndSettle()()
	c.skew = d
}

// CloseRegion makes region an opt-in region that the accounts have not turned
// on: STS answers InvalidClientTokenId to every key there, and Outage and
// Usable leave it out.
func (c *Cloud) CloseRegion(region string) {
	defer c.lockAndSettle()()
	c.closed[region] = true
}

// OpenRegion undoes CloseRegion.
func (c *Cloud) OpenRegion(region string) {
	defer c.lockAndSettle()()
	delete(c.closed, region)
}

// lockAndSettle locks the cloud and lets everything happen that was to happen by now.
func (c *Cloud) lockAndSettle() (leave func()) {
	c.mu.Lock()
	c.settle(c.opt.Now())
	return c.mu.Unlock
}

// lateEffect is a request that is still on its way.
type lateEffect struct {
	at time.Time
	x  *exchange
}

// queueLate puts a request into the queue. The caller holds the lock.
func (c *Cloud) queueLate(at time.Time, x *exchange) {
	i := len(c.late)
	for i > 0 && c.late[i-1].at.After(at) {
		i--
	}
	c.late = slices.Insert(c.late, i, lateEffect{at, x})
}

// settle acts upon the late requests that are due, each at its own time.
func (c *Cloud) settle(now time.Time) {
	for len(c.late) > 0 && !c.late[0].at.After(now) {
		e := c.late[0]
		c.late = c.late[1:]
		e.x.carryOut(e.at)
	}
}

func (c *Cloud) nextSerial() int {
	c.serial++
	return c.serial
}

// hashSeed hashes the seed, a label and numbers: FNV-1a, then splitmix64's
// finalizer, because FNV alone leaves the high bits of short inputs alike.
func (c *Cloud) hashSeed(label string, n ...int) uint64 {
	const prime = 1099511628211
	h := c.opt.Seed ^ 14695981039346656037
	for i := range len(label) {
		h = (h ^ uint64(label[i])) * prime
	}
	for _, v := range n {
		h = (h ^ uint64(v)) * prime
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// Clone returns a second cloud in the same state, by a clock of its own; from
// there the two go apart. Requests that are late stay on their way in both.
// Faults are left behind and the ledger begins anew, so that a test can go on
// from one instant in many ways. Users of the new cloud are asked for by User.
func (c *Cloud) Clone(now func() time.Time) *Cloud {
	defer c.lockAndSettle()()
	d := New(Options{Now: now, Seed: c.opt.Seed, Lag: c.opt.Lag, AnyRegion: c.opt.AnyRegion})
	d.skew, d.serial = c.skew, c.serial
	d.views, d.closed = slices.Clone(c.views), maps.Clone(c.closed)
	for name, u := range c.users {
		twin := new(*u)
		twin.c, twin.keys = d, nil
		twin.tags, twin.policies, twin.denials = slices.Clone(u.tags), slices.Clone(u.policies), slices.Clone(u.denials)
		d.users[name] = twin
		for _, k := range u.keys {
			twin.keys = append(twin.keys, k.cloneFor(twin))
			d.keys[k.id] = twin.keys[len(twin.keys)-1]
		}
	}
	for id, s := range c.sessions {
		twin := new(*s)
		twin.key = d.keys[s.key.id]
		d.sessions[id] = twin
	}
	for _, e := range c.late {
		d.late = append(d.late, lateEffect{e.at, e.x.cloneLate(d)})
	}
	return d
}

func (k *key) cloneFor(u *User) *key {
	twin := new(*k)
	twin.user, twin.log, twin.uses = u, slices.Clone(k.log), slices.Clone(k.uses)
	return twin
}

// cloneLate is a late request that has not been acted upon: it knows its caller
// only then.
func (x *exchange) cloneLate(c *Cloud) *exchange {
	twin, call := new(*x), new(*x.call)
	twin.c, twin.call = c, call
	return twin
}

// User returns the user of that name, nil when there is none. Empty is root.
func (c *Cloud) User(account, name string) *User {
	defer c.lockAndSettle()()
	return c.users[userName{account, name}]
}
