package rotate_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

var laptopSchedules = flag.Uint64("laptops.schedules", 0, "how many schedules TestTwoLaptopsNeverHarmEachOther draws; 0 means 1,000 in deep tests and 20 in others")

// laptopPair is two laptops with copies of one credentials file. Each runs the real keyd
// on its own file and its own state; they share the user at AWS.
type laptopPair struct {
	a, b *lab.Lab
	rng  *rand.Rand
	text strings.Builder // the schedule, for a failure
}

// newLaptopPair copies the file of a new lab to a second laptop.
func newLaptopPair(t *testing.T, lag awssim.Lag, seed uint64) *laptopPair {
	p := &laptopPair{rng: rand.New(rand.NewPCG(seed, 9))}
	p.a = lab.NewLab(t, lag, 70*settings.Day)
	p.a.UseCloud(awssim.New(awssim.Options{Now: time.Now, Seed: seed, Lag: lag, Regions: []string{"eu-west-1", "us-east-1"}}), 70*settings.Day)
	p.b = p.a.CopyTo("bob")
	return p
}

// TestTwoLaptopsInOneSecond: both laptops come due in the same second. The request of one
// is refused, and that answer is lost. It must not take the other's new key for its own.
func TestTwoLaptopsInOneSecond(t *testing.T) {
	for name, kind := range map[string]awssim.Kind{"503": awssim.Status503, "closed": awssim.Close, "quota": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newLaptopPair(t, awssim.Lag{LastUsed: awssim.RealLag().LastUsed}, 1)
				told := p.b.Rotator.OnEvent
				p.b.Rotator.OnEvent = func(e rotate.Event) {
					told(e)
					if e.Verb == rotate.VerbBegin {
						p.a.Pass(rotate.Request{}) // a second ahead
						if kind != "" {
							p.a.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: kind, When: awssim.Before, Times: 1})
						}
					}
				}
				for n := range 5 * 24 {
					if r := p.b.Pass(rotate.Request{}); strings.Contains(r.Why+r.Hint, "prune") {
						t.Fatalf("%s: %s; %s", r.State, r.Why, r.Hint)
					}
					if n < 10 { // AWS does not tell yet that A has used its key
						time.Sleep(2 * time.Minute)
					} else {
						time.Sleep(time.Hour)
					}
				}
				p.checkUnharmed(t)
			})
		})
	}
}

// TestSecondLaptopIsToldWhereTheKeyIs: laptop A has replaced the key. Laptop B waits,
// says how to bring the new pair over, never names keyd prune, and refuses it by name.
// Once the profile is copied, B is content, and A's rotation ends.
func TestSecondLaptopIsToldWhereTheKeyIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLaptopPair(t, awssim.RealLag(), 1)
		p.a.Pass(rotate.Request{})
		time.Sleep(2 * time.Minute)
		for n := range 3 {
			p.b.Pass(rotate.Request{})
			time.Sleep(time.Minute)
			r := p.b.Pass(rotate.Request{})
			if want := n > 0; r.NeedsPerson != want || !strings.Contains(r.Why, "another machine has replaced") || !strings.HasPrefix(r.Hint, "copy profile default") || strings.Contains(r.Why+r.Hint, "prune") {
				t.Errorf("day %d: %s: %s; %s", n, r.State, r.Why, r.Hint)
			}
			if _, err := p.b.Rotator.FindSecondKey(t.Context(), "default", p.a.ShownID()); err == nil {
				t.Error("keyd prune is ready to take the other laptop's key")
			}
			time.Sleep(settings.Day)
		}
		p.b.WriteFile("credentials", p.a.ReadCredentials())
		if r := p.b.Pass(rotate.Request{}); !lab.Settled(r) {
			t.Errorf("after the copy: %s: %s; %s", r.State, r.Why, r.Hint)
		}
		p.a.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}}) // B's use of the old key was the last one
		p.a.RunUntil(30*settings.Day, lab.Settled)
		p.checkUnharmed(t)
		p.a.CheckOneKey()
	})
}

// TestTwoLaptopsNeverHarmEachOther draws schedules: when each laptop is on, which
// answers are lost and how, and how far the views of AWS lag. Nobody's file shows a
// refused pair, and no laptop touches a key of the other. Each uses the key of its file
// several times a day, so that the other one does not retire it.
func TestTwoLaptopsNeverHarmEachOther(t *testing.T) {
	t.Parallel()
	schedules := *laptopSchedules
	if schedules == 0 {
		schedules = 2
		if deeptest.On() {
			schedules = 1000
		}
	}
	for seed := range schedules {
		synctest.Test(t, func(t *testing.T) {
			lag := awssim.Lag{LastUsed: awssim.RealLag().LastUsed}
			if seed%2 == 1 {
				lag = awssim.RealLag()
			}
			p := newLaptopPair(t, lag, seed)
			p.liveTwoWeeks(t)
			p.checkUnharmed(t)
			if t.Failed() {
				t.Logf("seed %d: %s", seed, p.text.String())
			}
		})
	}
}

// liveTwoWeeks lets both laptops run by a drawn schedule.
func (p *laptopPair) liveTwoWeeks(t *testing.T) {
	kinds := []awssim.Kind{awssim.Close, awssim.Reset, awssim.Status500, awssim.Status503, awssim.Truncated, awssim.NoSecret, awssim.Refused, awssim.ReplicationLimit}
	owner := map[string]*lab.Lab{}
	for _, l := range []*lab.Lab{p.a, p.b} {
		l.HTTP = ownKeys{l.HTTP, l, owner, t}
		l.Rotator.HTTP = l.HTTP
	}
	both := []*lab.Lab{p.a, p.b}
	busy := false
	for i, l := range both { // in some rotations the other laptop is a second ahead
		tell, other := l.Rotator.OnEvent, both[1-i]
		l.Rotator.OnEvent = func(e rotate.Event) {
			tell(e)
			if e.Verb == rotate.VerbBegin && !busy && p.rng.IntN(2) == 0 {
				busy = true
				other.Pass(rotate.Request{})
				busy = false
			}
		}
	}
	for hour := 0; hour < 24*14; hour += 8 {
		if p.rng.IntN(5) == 0 || hour == 0 {
			f := awssim.Fault{Action: "CreateAccessKey", Kind: kinds[p.rng.IntN(len(kinds))], When: awssim.When(p.rng.IntN(2)), Times: 1, Skip: p.rng.IntN(2)}
			if p.rng.IntN(3) == 0 {
				f.Late = time.Duration(p.rng.IntN(14)) * time.Second
			}
			if f.Kind == awssim.Refused || f.Kind == awssim.ReplicationLimit { // AWS refuses before it acts
				f.When, f.Late = awssim.Before, 0
			}
			p.a.Cloud.ClearFaults()
			p.a.Cloud.Inject(f)
			fmt.Fprintf(&p.text, "h%d %s skip %d late %s; ", hour, f, f.Skip, f.Late)
		}
		first := p.rng.IntN(2)
		for i := range 6 { // AWS does not tell at once who has used a key
			l := both[(first+i)%2]
			if p.rng.IntN(4) > 0 { // else its lid is closed
				l.Pass(rotate.Request{})
				fmt.Fprintf(&p.text, "h%d %s; ", hour, filepath.Base(l.Home))
			}
			time.Sleep(time.Duration(p.rng.IntN(90)) * time.Second)
		}
		for _, l := range both {
			l.RecordShown()
			if err := p.a.User.UseKey(l.ShownID(), "s3", "eu-west-1"); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(8 * time.Hour)
	}
}

// ownKeys is the network of one laptop. It reports a call that changes a key which the
// other laptop made, other than as the old key of its own rotation.
type ownKeys struct {
	doer interface {
		Do(*http.Request) (*http.Response, error)
	}
	l     *lab.Lab
	owner map[string]*lab.Lab // who made a key, by its id
	t     *testing.T
}

func (o ownKeys) Do(q *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(q.Body)
	q.Body = io.NopCloser(bytes.NewReader(body))
	before := len(o.l.Cloud.History(o.l.User))
	resp, err := o.doer.Do(q)
	call := o.l.Cloud.LastCall()
	if keys := o.l.Cloud.History(o.l.User); call.Action == "CreateAccessKey" && len(keys) > before {
		o.owner[keys[len(keys)-1].ID] = o.l
	}
	if other := o.owner[call.Target]; other != nil && other != o.l && o.isDelivered(call.Target) && (call.Action == "DeleteAccessKey" || call.Action == "UpdateAccessKey" && call.Asked == "Inactive") {
		o.t.Errorf("%s touches %s, which the other laptop made: %s %s", filepath.Base(o.l.Home), call.Target, call.Action, call.Asked)
	}
	return resp, err
}

// isDelivered reports whether somebody has the secret of a key. Two requests that are
// lost in the same seconds leave one key that may be of either; nobody misses it.
func (o ownKeys) isDelivered(id string) bool {
	return slices.ContainsFunc(o.l.Cloud.History(o.l.User), func(k awssim.KeyState) bool { return k.ID == id && k.Delivered })
}

// checkUnharmed checks that both files showed a pair that AWS accepts, all the time.
func (p *laptopPair) checkUnharmed(t *testing.T) {
	t.Helper()
	for _, l := range []*lab.Lab{p.a, p.b} {
		l.RecordShown()
		if out := l.Cloud.Outage(l.Shown, time.Now()); out > 0 {
			t.Errorf("%s is locked out for %s: it shows %s, AWS has %v", filepath.Base(l.Home), out.Round(time.Second), l.ShownID(), l.KeyStatuses())
		}
	}
	if n := p.a.Cloud.Orphans(p.a.ShownID(), p.b.ShownID()); len(n) > 2 {
		t.Errorf("%d orphans: %v", len(n), n)
	}
}

// TestCopiedStateRetiresNothing: the whole home, state included, was copied to another
// machine in the middle of a rotation. The copy brings the new pair into its own file, but
// retires no key: the first machine's files may still show it. After keyd resume it does.
func TestCopiedStateRetiresNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		a.Installation = "aaaaaaaaaaaa"
		a.Restart()
		a.Rotator.Host = "old-laptop"
		a.Pass(rotate.Request{})
		a.Installation = "bbbbbbbbbbbb" // from here on it is the copy; the first machine stays off
		a.Restart()
		var r rotate.Result
		for range 30 {
			time.Sleep(settings.Day)
			r = a.Pass(rotate.Request{})
		}
		if a.CountCalls("DeleteAccessKey") > 0 || a.KeyStatuses()[a.OldKey.ID] != "Active" || !r.NeedsPerson || !strings.Contains(r.Why, "keyd on old-laptop began this rotation") || !strings.HasSuffix(r.Hint, ": keyd resume default") {
			t.Errorf("%v; %s: %s; %s", a.KeyStatuses(), r.State, r.Why, r.Hint)
		}
		if _, err := a.Rotator.Resume(t.Context(), "default"); err != nil {
			t.Fatal(err)
		}
		a.RunUntil(40*settings.Day, lab.Settled)
		a.CheckPromises()
		a.CheckOneKey()
	})
}

// TestOtherMachinesIntentIsLeftToIt: in a shared state folder, another machine has just
// sent CreateAccessKey. Nothing is asked and nothing is judged while that call may be
// in flight.
func TestOtherMachinesIntentIsLeftToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		a.Installation = "aaaaaaaaaaaa"
		a.Restart()
		a.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
		a.Pass(rotate.Request{})
		a.Installation = "bbbbbbbbbbbb"
		a.Restart()
		calls := len(a.Cloud.Calls())
		if r := a.Pass(rotate.Request{Options: decide.Options{Manual: true}}); r.State != decide.StateWaiting || len(a.Cloud.Calls()) > calls {
			t.Errorf("%s: %s, %d calls", r.State, r.Why, len(a.Cloud.Calls())-calls)
		}
	})
}
