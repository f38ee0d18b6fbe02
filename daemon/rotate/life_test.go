package rotate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/iam"
	"keyd/daemon/internal/lab"
	"keyd/daemon/settings"
)

// life is a quarter of a year of one or two machines, an AWS, the people who use them,
// and what happens to them. Everything in it is drawn from a seed. One goroutine runs it,
// event by event and round by round, so that a seed always gives the same life.
type life struct {
	t          *testing.T
	seed       uint64
	dice       *rand.Rand
	spent      time.Duration // time of the bubble that forks of this life have lived
	start      time.Time     // midnight of the first day
	cloud      *awssim.Cloud
	machines   []*machine
	conditions []condition
	queue      []event
	forked     bool                // runs on without the person
	standIns   map[string]iam.Doer // others that answer like AWS, by host
	judged     ledger
	story      strings.Builder // what happened, for a failure
}

// event is something that happens at a time. It is given the life in which it happens,
// since a fork has the same events.
type event struct {
	at     time.Time
	person bool // a person does it
	do     func(*life)
}

// lifeLength is how long a life lasts, in days.
const lifeLength = 90

// mostRounds is how many rounds and events a day may have; a proof takes a few hundred.
const mostRounds = 5000

// now returns the time in this life: its forks do not cost it any.
func (w *life) now() time.Time { return time.Now().Add(-w.spent) }

// day returns the number of the current day.
func (w *life) day() int { return int(w.now().Sub(w.start) / settings.Day) }

// later makes something happen.
func (w *life) later(at time.Time, do func(*life)) { w.queue = append(w.queue, event{at: at, do: do}) }

// laterByPerson is later for what a person does, whom a fork does not have.
func (w *life) laterByPerson(at time.Time, do func(*life)) {
	w.queue = append(w.queue, event{at, true, do})
}

// tell adds a line to the story.
func (w *life) tell(format string, args ...any) {
	if !w.forked {
		fmt.Fprintf(&w.story, "%s %s\n", w.now().Format("Jan 02 15:04:05"), fmt.Sprintf(format, args...))
	}
}

// newLife draws a life that has not begun. It has the conditions that are named, and
// others by chance.
func newLife(t *testing.T, seed uint64, with ...string) *life {
	w := &life{t: t, seed: seed, dice: rand.New(rand.NewPCG(seed, 17)), standIns: map[string]iam.Doer{}}
	w.judged.life = w
	w.start = time.Now().Truncate(settings.Day).Add(settings.Day)
	time.Sleep(time.Until(w.start))
	lag := awssim.RealLag()
	if w.dice.IntN(2) == 0 {
		lag = lateEC2()
	}
	w.cloud = awssim.New(awssim.Options{Now: w.now, Seed: seed, Lag: lag, Regions: []string{"eu-west-1", "us-east-1"}})
	first := lab.NewInMemory(t, w.now)
	first.UseCloud(w.cloud, time.Duration(30+w.dice.IntN(45))*settings.Day)
	first.ProveFully()
	w.addMachine("laptop", first)
	for _, c := range allConditions() {
		if w.dice.IntN(3) == 0 || slices.Contains(with, c.name()) {
			c.draw(w)
			w.conditions = append(w.conditions, c)
			w.tell("condition %s: %+v", c.name(), c)
		}
	}
	return w
}

// run lets the life last until end, or until something was wrong. Before each day the
// conditions say what happens.
func (w *life) run(end time.Time) {
	for w.now().Before(end) && len(w.judged.found) == 0 {
		if day := w.day(); w.now().Equal(w.start.Add(time.Duration(day) * settings.Day)) {
			w.judged.closeDay()
			for _, m := range w.machines {
				m.liveDay(day)
			}
			for _, c := range w.conditions {
				c.act(w, day)
			}
		}
		midnight := w.start.Add(time.Duration(w.day()+1) * settings.Day)
		if midnight.After(end) {
			midnight = end
		}
		w.runUntil(midnight)
	}
}

// runUntil lets everything happen that is due before end, in order.
func (w *life) runUntil(end time.Time) {
	for rounds := 0; ; rounds++ {
		if rounds == mostRounds {
			w.judged.wrong("keyd goes in circles: %d rounds before %s", rounds, end)
			time.Sleep(end.Sub(w.now()))
			return
		}
		at, do := end, func() {}
		for i, e := range w.queue {
			if e.at.Before(at) {
				at, do = e.at, func() {
					w.queue = slices.Delete(w.queue, i, i+1)
					if !e.person || !w.forked {
						e.do(w)
					}
				}
			}
		}
		for _, m := range w.machines {
			if m.awake && m.next.Before(at) {
				at, do = m.next, m.round
			}
		}
		time.Sleep(at.Sub(w.now()))
		if at.Equal(end) {
			return
		}
		do()
	}
}

// fork returns a copy of the life that goes on without the person.
func (w *life) fork() *life {
	f := &life{t: w.t, seed: w.seed, dice: rand.New(rand.NewPCG(w.seed, uint64(w.now().Unix()))), spent: w.spent, start: w.start,
		conditions: w.conditions, queue: slices.Clone(w.queue), forked: true, standIns: map[string]iam.Doer{}}
	f.judged.life = f
	f.cloud = w.cloud.Clone(f.now)
	disks := map[*atomicfiletest.Disk]*atomicfiletest.Disk{}
	for _, m := range w.machines {
		f.machines = append(f.machines, m.fork(f, disks))
	}
	return f
}

// waitInFork returns the life as it is after d without the person.
func (w *life) waitInFork(d time.Duration) *life {
	f, began := w.fork(), time.Now()
	f.run(f.now().Add(d))
	w.spent += time.Since(began)
	return f
}

// liveOne lets a life happen, and returns what was found wrong with it, in order.
func liveOne(t *testing.T, seed uint64, with ...string) (w *life) {
	synctest.Test(t, func(t *testing.T) {
		w = newLife(t, seed, with...)
		w.run(w.start.Add(lifeLength * settings.Day))
		w.judged.closeDay()
	})
	return w
}

// TestLives draws lives, and in each one checks every promise all the time.
func TestLives(t *testing.T) {
	t.Parallel()
	seeds := uint64(1)
	if deeptest.On() {
		seeds = 12
	}
	if *lifeCount > 0 {
		seeds = *lifeCount
	}
	total := ledger{}
	for i := range seeds {
		seed := i
		if *lifeSeed >= 0 {
			seed = uint64(*lifeSeed)
		}
		w := liveOne(t, seed)
		total.add(&w.judged)
		if len(w.judged.found) > 0 {
			t.Errorf("seed %d: %s\nrepeat it: go test ./daemon/rotate -run '^TestLives$' -life.seed=%d -v", seed, strings.Join(w.judged.found, "\n"), seed)
		}
		if *lifeSeed >= 0 {
			t.Log(w.story.String())
			break
		}
	}
	t.Log(total.String())
}
