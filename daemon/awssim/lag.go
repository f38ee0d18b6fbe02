package awssim

import (
	"slices"
	"strings"
	"time"
)

// Range describes a delay: uniform in [Min, Max], except that one sample in fifty
// lies in [Max, Tail] if Tail is above Max.
type Range struct{ Min, Max, Tail time.Duration }

// Lag says how late the views of the cloud show a change. Each change has its own
// delay for each replica of each view.
type Lag struct {
	Create   Range         // until a new or reactivated key authenticates at IAM and STS
	EC2      Range         // the same at EC2, which stands for all other services: they may learn of a key minutes later
	Revoke   Range         // until a deactivated or deleted key no longer authenticates
	List     Range         // until ListAccessKeys and the key quota reflect a change
	LastUsed time.Duration // until GetAccessKeyLastUsed shows a use
	Replicas int           // number of replicas of each view, any of which may serve a request; 0 means 1
}

// RealLag returns delays like those of AWS, which publishes no figures. Source:
// Create: HashiCorp go-secure-stdlib ("often takes 3-5 seconds"), aws-vault
// ("consistently about 8 seconds"), openshift/rosa (about 30 s at worst).
// Revoke: OFFENSAI's measurement of deleted keys, 3-4 s. LastUsed: one
// recording by LocalStack, 441 s. List and Replicas are guesses.
func RealLag() Lag {
	return Lag{
		Create:   Range{3 * time.Second, 10 * time.Second, 30 * time.Second},
		Revoke:   Range{Min: 3 * time.Second, Max: 4 * time.Second},
		List:     Range{Max: 3 * time.Second},
		LastUsed: 7 * time.Minute,
		Replicas: 3,
	}
}

func (l Lag) replicas() int { return max(1, l.Replicas) }

func (r Range) sample(h uint64) time.Duration {
	low, high := r.Min, max(r.Min, r.Max)
	if r.Tail > high && h%50 == 0 {
		low, high = high, r.Tail
	}
	return low + time.Duration((h>>8)%uint64(high-low+1))
}

// The views. Lists lag independently of authentication, so they have their own
// view.
const (
	viewIAM  = "iam"
	viewList = "list"
)

func viewSTS(region string) string { return "sts-" + region }

func viewEC2(region string) string { return "ec2-" + region }

func isViewEC2(view string) bool { return strings.HasPrefix(view, viewEC2("")) }

// noteView marks a view as used.
func (c *Cloud) noteView(view string) {
	if !slices.Contains(c.views, view) {
		c.views = append(c.views, view)
	}
}

// scope says which services count.
type scope uint8

// The scopes.
const (
	iamAndSTS  scope = iota // the services that a client asks which proves a key
	everywhere              // EC2 as well, in each region in which STS counts
)

// viewsOf returns the views in which a key of partition p should work.
func (c *Cloud) viewsOf(p string, which scope) []string {
	var vs []string
	for _, v := range c.views {
		region, sts := strings.CutPrefix(v, viewSTS(""))
		switch {
		case isViewEC2(v):
		case !sts:
			vs = append(vs, v)
		case partitionOf(region) == p && !c.closed[region]:
			vs = append(vs, v)
			if which == everywhere {
				vs = append(vs, viewEC2(region))
			}
		}
	}
	return vs
}

// arrivalTime returns when version i of k reaches one replica of a view.
func (c *Cloud) arrivalTime(k *key, i int, view string, replica int) time.Time {
	v := k.log[i]
	if v.everywhere {
		return time.Time{}
	}
	lag := c.opt.Lag.Revoke
	switch {
	case view == viewList:
		lag = c.opt.Lag.List
	case v.status == statusActive && isViewEC2(view):
		lag = c.opt.Lag.EC2
	case v.status == statusActive:
		lag = c.opt.Lag.Create
	}
	return v.at.Add(lag.sample(c.hashSeed(k.id+view, i, replica)))
}

// statusAt returns the status of k that a replica shows at t: that of the newest
// version that has reached it, even if an older version has not. It returns ""
// when no version has.
func (c *Cloud) statusAt(k *key, view string, replica int, t time.Time) string {
	for i := len(k.log) - 1; i >= 0; i-- {
		if !c.arrivalTime(k, i, view, replica).After(t) {
			return k.log[i].status
		}
	}
	return ""
}

// isAccepted reports whether every replica of every view in which accepts k at t.
func (c *Cloud) isAccepted(k *key, which scope, t time.Time) bool {
	for _, view := range c.viewsOf(k.user.partition, which) {
		for r := range c.opt.Lag.replicas() {
			if c.statusAt(k, view, r, t) != statusActive {
				return false
			}
		}
	}
	return true
}
