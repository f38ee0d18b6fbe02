package awssim

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Options says how a Cloud behaves. With the zero value, changes are visible at
// once and the clock is the wall clock.
type Options struct {
	Now     func() time.Time // the cloud's only clock; nil: time.Now
	Seed    uint64           // determines ids, secrets, delays and the choice of replicas
	Lag     Lag              // how late the views show a change; zero: at once
	Dialect Dialect          // the IAM that is spoken; the zero Dialect is AWS's
	Regions []string         // STS regions that count as used from the start; see Outage

	// AnyRegion accepts IAM requests signed for any region of the partition.
	// AWS does not accept them, but a client with a custom endpoint signs for
	// its configured region. botocore does so, and aws-cli with it.
	AnyRegion bool

	// ListWithoutDates leaves CreateDate out of lists, which the model of IAM allows.
	ListWithoutDates bool

	// SessionsEndWithKey ends a session when the key that opened it is made Inactive or
	// deleted. AWS is believed not to do that, and does not document it.
	SessionsEndWithKey bool
}

// Cloud simulates every account of every partition. It is safe for concurrent use.
// With one request at a time, the same seed and clock give the same answers byte
// for byte. Concurrent requests are numbered in the order of their arrival.
type Cloud struct {
	opt Options

	mu       sync.Mutex
	skew     time.Duration
	serial   int // counts everything that gets an id: keys, users, requests
	users    map[userName]*User
	keys     map[string]*key
	sessions map[string]*session
	views    []string // every view that was used or configured, "iam" first
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
// negative). The skew applies to the Date header, to the check of a signature's
// date and to every date in an answer: a client with a wrong clock sees AWS like
// this. The oracles (Keys, Outage and so on) use Options.Now without the skew.
func (c *Cloud) SkewDate(d time.Duration) {
	defer c.lockAndSettle()()
	c.skew = d
}

// CloseRegion turns region into an opt-in region that the accounts have not
// enabled. STS there answers InvalidClientTokenId to every key, and Outage and
// Usable ignore the region.
func (c *Cloud) CloseRegion(region string) {
	defer c.lockAndSettle()()
	c.closed[region] = true
}

// OpenRegion undoes CloseRegion.
func (c *Cloud) OpenRegion(region string) {
	defer c.lockAndSettle()()
	delete(c.closed, region)
}

// lockAndSettle locks the cloud and carries out the late requests that are due.
func (c *Cloud) lockAndSettle() (leave func()) {
	c.mu.Lock()
	c.settle(c.opt.Now())
	return c.mu.Unlock
}

// lateEffect is a request that waits to be carried out at a later time.
type lateEffect struct {
	at time.Time
	x  *exchange
}

// queueLate queues a request until at. The caller holds the lock.
func (c *Cloud) queueLate(at time.Time, x *exchange) {
	i := len(c.late)
	for i > 0 && c.late[i-1].at.After(at) {
		i--
	}
	c.late = slices.Insert(c.late, i, lateEffect{at, x})
}

// settle carries out the late requests that are due, each at its own time.
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

// hashSeed hashes the seed, a label and numbers with FNV-1a and then splitmix64's
// finalizer, because FNV alone barely changes the high bits for short inputs.
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

// Clone returns a second cloud in the same state with its own clock. From then on
// the two are independent, so that a test can continue from one instant in many
// ways. Late requests stay under way in both. The clone has no faults and an
// empty record of calls. User returns its users.
func (c *Cloud) Clone(now func() time.Time) *Cloud {
	defer c.lockAndSettle()()
	same := c.opt
	same.Now, same.Regions = now, nil
	d := New(same)
	d.skew, d.serial = c.skew, c.serial
	d.views, d.closed = slices.Clone(c.views), maps.Clone(c.closed)
	for name, u := range c.users {
		twin := new(*u)
		twin.c, twin.keys = d, nil
		twin.tags, twin.policies, twin.denials = slices.Clone(u.tags), slices.Clone(u.policies), slices.Clone(u.denials)
		twin.devices = nil
		for _, dev := range u.devices {
			twin.devices = append(twin.devices, new(*dev))
		}
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

// cloneLate copies a late request for cloud c. The request has not been carried
// out, so its caller is not known yet and needs no copy.
func (x *exchange) cloneLate(c *Cloud) *exchange {
	twin, call := new(*x), new(*x.call)
	twin.c, twin.call = c, call
	return twin
}

// FindUser returns the user with this name, or nil. An empty name means root.
func (c *Cloud) FindUser(account, name string) *User {
	defer c.lockAndSettle()()
	return c.users[userName{account, name}]
}
