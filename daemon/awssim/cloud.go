package awssim

import (
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
	faults   []*armed
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
		c.see(viewSTS(r))
	}
	return c
}

// SkewDate sets how far the cloud's clock is ahead of Options.Now (behind when
// negative): in the Date header, in the check of a signature's date and in
// every date of an answer. It is how a client with a wrong clock sees AWS. The
// oracles speak of Options.Now, whatever the skew.
func (c *Cloud) SkewDate(d time.Duration) {
	defer c.enter()()
	c.skew = d
}

// CloseRegion makes region an opt-in region that the accounts have not turned
// on: STS answers InvalidClientTokenId to every key there, and Outage and
// Usable leave it out.
func (c *Cloud) CloseRegion(region string) {
	defer c.enter()()
	c.closed[region] = true
}

// OpenRegion undoes CloseRegion.
func (c *Cloud) OpenRegion(region string) {
	defer c.enter()()
	delete(c.closed, region)
}

// enter locks the cloud and lets everything happen that was to happen by now.
func (c *Cloud) enter() (leave func()) {
	c.mu.Lock()
	c.settle(c.opt.Now())
	return c.mu.Unlock
}

// lateEffect is a request that is still on its way.
type lateEffect struct {
	at time.Time
	x  *exchange
}

// delay puts a request into the queue. The caller holds the lock.
func (c *Cloud) delay(at time.Time, x *exchange) {
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
		e.x.act(e.at)
	}
}

func (c *Cloud) next() int {
	c.serial++
	return c.serial
}

// draw hashes the seed, a label and numbers: FNV-1a, then splitmix64's
// finalizer, because FNV alone leaves the high bits of short inputs alike.
func (c *Cloud) draw(label string, n ...int) uint64 {
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
