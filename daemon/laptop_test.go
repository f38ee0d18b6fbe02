package daemon

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/settings"
	"keyd/daemon/state"
	"keyd/daemon/watch"
)

// laptop is a lab whose wall clock runs ahead while the lid is closed; the time of the
// bubble, which all timers follow, does not.
type laptop struct {
	*lab.Lab
	mu      sync.Mutex
	slept   time.Duration
	offline bool
	asleep  []span
	away    []span // without a network
	changed chan watch.Change
	ended   chan error
	stop    context.CancelFunc
	born    time.Time // of the first key
}

// installation returns the id of the laptop's keyd.
func (p *laptop) installation() string {
	id, err := state.FindInstallationID(p.Sys, p.Rotator.StateDir)
	lab.Must(p.T, err)
	return id
}

type span struct{ from, to time.Time }

func (s span) holds(at time.Time) bool { return at.After(s.from) && at.Before(s.to) }

func (p *laptop) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Add(p.slept)
}

// Do sends a request, unless there is no network.
func (p *laptop) Do(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	offline := p.offline
	p.mu.Unlock()
	if offline {
		gone := &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}
		return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: &net.OpError{Op: "dial", Net: "tcp", Err: gone}}
	}
	p.RecordShown()
	return p.Cloud.Do(r)
}

func newLaptop(t *testing.T, age time.Duration) *laptop {
	p := &laptop{Lab: &lab.Lab{T: t, Home: deeptest.Folder(t), Sys: lab.Unsynced{}}, changed: make(chan watch.Change, 1), ended: make(chan error, 1)}
	p.Lab.Now = p.now
	p.Lab.HTTP = p
	p.Lab.SetUp(awssim.RealLag(), age)
	p.born = p.now().Add(-age)
	return p
}

// boot starts the daemon as a login does.
func (p *laptop) boot() {
	p.Restart()
	p.Rotator.Settings = settings.Default()
	p.Rotator.Settings.Notify, p.Rotator.Settings.CheckEvery = "none", lazy()
	p.Rotator.Log = slog.New(slog.DiscardHandler)
	ctx, stop := context.WithCancel(p.T.Context())
	p.stop = stop
	go func() { p.ended <- Run(ctx, p.Rotator, RunOptions{Changed: p.changed}) }()
}

func (p *laptop) shutdown() {
	p.stop()
	if err := <-p.ended; err != nil {
		p.T.Error(err)
	}
}

// sleep closes the lid for a while.
func (p *laptop) sleep(d time.Duration) {
	synctest.Wait()
	from := p.now()
	p.mu.Lock()
	p.slept += d
	p.mu.Unlock()
	p.asleep = append(p.asleep, span{from, p.now()})
}

func (p *laptop) network(on bool) {
	p.mu.Lock()
	p.offline = !on
	p.mu.Unlock()
	if !on {
		p.away = append(p.away, span{from: p.now()})
	} else if n := len(p.away); n > 0 && p.away[n-1].to.IsZero() {
		p.away[n-1].to = p.now()
	}
}

// edit changes the file as a person does who knows nothing about keyd.
func (p *laptop) edit(text func(string) string) {
	synctest.Wait()
	p.WriteFile("credentials", text(p.ReadCredentials()))
	p.RecordShown()
	select {
	case p.changed <- watch.Change{Path: filepath.Join(p.Home, "credentials")}:
	default:
	}
}

var laptops = flag.Uint64("laptops", 1, "number of laptops that TestNinetyDaysOfALaptop simulates")

// TestNinetyDaysOfALaptop simulates a quarter of a laptop that sleeps at night and at
// noon, is offline on trains and is restarted; its file is edited, and restored from an old
// backup. The key becomes due twice.
func TestNinetyDaysOfALaptop(t *testing.T) {
	t.Parallel()
	for seed := range *laptops {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { ninetyDays(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

// quarter returns the length of TestNinetyDaysOfALaptop in days. Without deep tests
// it ends after the first of the two rotations.
func quarter() int {
	if deeptest.On() {
		return 90
	}
	return 25
}

// The maximum numbers of requests for one key per day.
const (
	mostOnTheDay = 250 // on which a key is created: every endpoint is asked until its answers are steady
	mostWhileOld = 25  // while the old key is retired, deactivated and deleted
	mostElse     = 4
)

func ninetyDays(t *testing.T, dice *rand.Rand) {
	p := newLaptop(t, 50*settings.Day)
	minutes := func(from, to int) time.Duration { return time.Duration(from+dice.IntN(to-from+1)) * time.Minute }
	p.boot()
	backup := p.ReadCredentials()
	for today := range quarter() {
		began := p.now()
		if dice.IntN(2) == 0 { // to work, by train
			p.network(false)
			time.Sleep(minutes(5, 120))
			p.network(true)
		}
		time.Sleep(minutes(60, 180)) // morning
		if dice.IntN(3) == 0 {
			p.network(false)
			time.Sleep(minutes(5, 60))
		}
		p.sleep(minutes(10, 90)) // lunch
		p.network(true)
		time.Sleep(minutes(30, 90)) // afternoon
		if dice.IntN(2) == 0 {
			p.network(false)
			time.Sleep(minutes(20, 120))
			p.network(true)
			time.Sleep(minutes(30, 60))
		}
		switch dice.IntN(8) {
		case 0:
			p.edit(func(s string) string { return s + fmt.Sprintf("\r\n# day %d\r\n", today) })
		case 1: // a dotfile manager that only knows yesterday's file
			p.edit(func(string) string { return backup })
		case 2:
			p.shutdown()
			off := p.now()
			time.Sleep(minutes(1, 30))
			p.asleep = append(p.asleep, span{off, p.now()})
			p.boot()
		}
		time.Sleep(minutes(60, 120))
		backup = p.ReadCredentials()
		p.sleep(settings.Day - p.now().Sub(began)) // night
	}
	p.shutdown()
	p.judge()
}

// judge checks the quarter after it is over.
func (p *laptop) judge() {
	t := p.T
	p.RecordShown()
	if out := p.Cloud.Outage(p.Shown, p.now()); out > 0 {
		t.Errorf("the pair in the file was refused for %s", out)
	}
	if touched := p.Cloud.ForeignCalls(); len(touched) > 0 {
		t.Errorf("foreign keys were touched: %v", touched)
	}
	perDay := map[string]int{}
	var made []time.Time
	for _, c := range p.Cloud.Calls() {
		perDay[c.At.Format(time.DateOnly)]++
		for _, s := range slices.Concat(p.asleep, p.away) {
			if s.holds(c.At) {
				t.Errorf("%s while asleep or offline, at %s", c.Action, c.At)
			}
		}
		if c.Action == "CreateAccessKey" && c.Code == "" {
			made = append(made, c.At)
		}
	}
	p.judgeDays(made)
	judgeCalls(t, perDay, made)
}

// judgeCalls checks that keyd sends few requests.
func judgeCalls(t *testing.T, perDay map[string]int, made []time.Time) {
	most, seen := map[string]int{}, map[int]int{}
	for _, at := range made {
		for after := range 17 { // overlap, quarantine, and what AWS needs to report a use
			most[at.AddDate(0, 0, after).Format(time.DateOnly)] = mostWhileOld
		}
		most[at.Format(time.DateOnly)] = mostOnTheDay
	}
	for date, n := range perDay {
		limit := cmp.Or(most[date], mostElse)
		if n > limit {
			t.Errorf("%d calls on %s, want at most %d", n, date, limit)
		}
		seen[limit] = max(seen[limit], n)
	}
	t.Logf("%d rotations; calls per day at most %d on the day, %d while the old key is left, %d else",
		len(made), seen[mostOnTheDay], seen[mostWhileOld], seen[mostElse])
}

// lazy returns check_every, which is longer without deep tests, and on Windows, because
// reading files takes a hundred times longer under wine.
func lazy() time.Duration {
	if runtime.GOOS == "windows" || !deeptest.On() {
		return 2 * time.Hour
	}
	return settings.Default().CheckEvery
}

// mostLate returns the longest time that the laptop may be awake and online between the
// moment when a key is due and its replacement: a timer of check_every that did not run at
// night, or the longest wait for a network, and a step.
func mostLate() time.Duration { return lazy() + dueSoonStep }

// usable returns how long the laptop was awake, online and not shut down.
func (p *laptop) usable(from, to time.Time) time.Duration {
	total := time.Duration(0)
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		if !slices.ContainsFunc(slices.Concat(p.asleep, p.away), func(s span) bool { return s.holds(at) }) {
			total += time.Minute
		}
	}
	return total
}

// judgeDays checks that every key was replaced as soon as it was due.
func (p *laptop) judgeDays(made []time.Time) {
	born, id := p.born, p.OldKey.ID
	for i := 0; ; i++ {
		due := born.Add(decide.AddJitter(60*settings.Day, id, p.installation()))
		if due.After(p.now().Add(-settings.Day)) {
			if i < len(made) {
				p.T.Errorf("a key was created at %s although none was due", made[i])
			}
			break
		}
		if i >= len(made) {
			p.T.Errorf("%s was due on %s and was not replaced", credfile.Short(id), due)
			return
		}
		if early, late := due.Sub(made[i]), p.usable(due, made[i]); early > time.Minute || late > mostLate() {
			p.T.Errorf("%s was due at %s and replaced at %s, after %s in which keyd could have replaced it", credfile.Short(id), due, made[i], late)
		}
		born = made[i]
		id = p.after(made[i])
	}
	if len(made) < 1 {
		p.T.Error("no key was due in the quarter: the test proves nothing")
	}
}

// after returns the first id that the file showed after a time and never before.
func (p *laptop) after(at time.Time) string {
	before := map[string]bool{}
	for _, h := range p.Shown {
		if !h.At.After(at) {
			before[h.ID] = true
		} else if !before[h.ID] {
			return h.ID
		}
	}
	return ""
}
