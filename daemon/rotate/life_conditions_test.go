package rotate_test

import (
	"strings"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/awssim"
	"keyd/daemon/settings"
)

// condition is something that a life may have to live with. draw decides the details,
// and act says what happens on a day. Nothing in a condition changes after draw, because
// forks of a life share it.
type condition interface {
	name() string
	draw(*life)
	act(w *life, day int)
}

// allConditions returns one of each. The order matters: the first ones make machines and
// keys.
func allConditions() []condition {
	return []condition{&moreKeys{}, &secondLaptop{}, &sharedHome{}, &wrongClock{}, &coarseClock{}, &timetable{}, &silence{}, &lostAnswers{}, &slowAnswers{},
		&otherUses{}, &localStandIn{}, &lyingEndpoint{}, &console{}, &curiousPerson{}, &exclusion{}}
}

// at returns a drawn moment of a day, between two hours.
func (w *life) at(day, from, to int) time.Time {
	return w.start.Add(time.Duration(day)*settings.Day + time.Duration(from*3600+w.dice.IntN((to-from)*3600))*time.Second)
}

// days is a number of drawn days.
type days map[int]bool

func (w *life) drawDays(n, from, to int) days {
	all := days{}
	for range n {
		all[from+w.dice.IntN(to-from)] = true
	}
	return all
}

// moreKeys puts one or two more keys of other users into the file.
type moreKeys struct{ n int }

func (*moreKeys) name() string { return "more keys" }
func (c *moreKeys) draw(w *life) {
	c.n = 1 + w.dice.IntN(2)
	for _, user := range []string{"bob", "carol"}[:c.n] {
		w.machines[0].AddProfile(user, time.Duration(30+w.dice.IntN(45))*settings.Day)
	}
}
func (*moreKeys) act(*life, int) {}

// secondLaptop has a copy of the file, and a keyd with a state of its own.
type secondLaptop struct{}

func (*secondLaptop) name() string       { return "second laptop" }
func (*secondLaptop) draw(w *life)       { w.addMachine("second", w.machines[0].CopyTo("second")) }
func (*secondLaptop) act(w *life, _ int) {}

// sharedHome is a network home that another machine has mounted, too.
type sharedHome struct {
	Locks string // "nobody": the locks exclude nobody; "own": only the processes of one machine; "all"
}

func (*sharedHome) name() string { return "shared home" }
func (c *sharedHome) draw(w *life) {
	c.Locks = []string{"nobody", "own", "all"}[w.dice.IntN(3)]
	mirror := w.addMachine("mirror", w.machines[0].Share())
	mirror.Installation = w.machines[0].Installation
	if w.dice.IntN(2) == 0 {
		mirror.Installation = "mirror000000"
	}
	all := map[string]bool{}
	for _, m := range []*machine{w.machines[0], mirror} {
		locks := map[string]map[string]bool{"own": {}, "all": all}[c.Locks]
		m.sys = func(sys atomicfile.Sys) atomicfile.Sys {
			if c.Locks == "all" { // in a fork, too, the machines have one drive
				locks = all
			}
			return &atomicfiletest.Shared{Sys: sys, Locks: locks}
		}
		m.boot()
	}
}
func (*sharedHome) act(*life, int) {}

// wrongClock jumps on some days, and is set right a while later.
type wrongClock struct {
	jumps days
	by    time.Duration
	lasts time.Duration
}

func (*wrongClock) name() string { return "wrong clock" }
func (c *wrongClock) draw(w *life) {
	by := []time.Duration{-26 * time.Hour, -time.Hour, -3 * time.Minute, 30 * time.Second, 4 * time.Minute, time.Hour, 50 * time.Hour}
	*c = wrongClock{w.drawDays(6, 1, lifeLength), by[w.dice.IntN(len(by))], time.Duration(1+w.dice.IntN(300)) * time.Minute}
}
func (c *wrongClock) act(w *life, day int) {
	if !c.jumps[day] {
		return
	}
	at := w.at(day, 8, 18)
	set := func(offset time.Duration) func(*life) {
		return func(w *life) {
			m := w.machines[0]
			m.offset, m.schedule = offset, nil
			m.Rotator.AwakeSince = m.clock() // the daemon notices the jump
			m.next = w.now().Add(time.Second)
			w.tell("the clock of %s is off by %s", m.name, offset)
		}
	}
	w.later(at, set(c.by))
	w.later(at.Add(c.lasts), set(0))
}

// coarseClock reads equal twice in a row.
type coarseClock struct{ grain time.Duration }

func (*coarseClock) name() string { return "coarse clock" }
func (c *coarseClock) draw(w *life) {
	c.grain = []time.Duration{15625 * time.Microsecond, time.Second, 10 * time.Second}[w.dice.IntN(3)]
	for _, m := range w.machines {
		m.grain = c.grain
	}
}
func (*coarseClock) act(*life, int) {}

// timetable denies calls but at some hours: a VPN, a source address.
type timetable struct {
	Action     string
	Layer      awssim.Layer
	From, Long time.Duration // the hours of the day at which it is allowed
	Weekends   bool          // also then
	Until      int           // the day from which on it is always allowed
	begin      time.Time
}

func (*timetable) name() string { return "timetable" }
func (c *timetable) draw(w *life) {
	actions := []string{"*", "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "GetAccessKeyLastUsed"}
	layers := []awssim.Layer{awssim.ExplicitDeny, awssim.NotAllowed, awssim.SCP, awssim.OldDeny, awssim.MFAGuard}
	*c = timetable{actions[w.dice.IntN(len(actions))], layers[w.dice.IntN(len(layers))], time.Duration(8+w.dice.IntN(8)) * time.Hour, time.Duration(2+w.dice.IntN(5)) * time.Hour, w.dice.IntN(2) == 0, lifeLength, w.start}
	if c.Layer == awssim.MFAGuard || w.dice.IntN(3) == 0 { // an administrator lifts it
		c.Until = 30 + w.dice.IntN(40)
	}
	w.machines[0].User.DenyActionWhen(c.Action, c.Layer, func(at time.Time) bool { return !c.isAllowed(at) })
}
func (*timetable) act(*life, int) {}

func (c *timetable) isAllowed(at time.Time) bool {
	since := at.Sub(c.begin)
	day, hour := int(since/settings.Day), since%settings.Day
	switch {
	case day >= c.Until:
		return true
	case c.Layer == awssim.MFAGuard, day%7 > 4 && !c.Weekends:
		return false
	}
	return hour >= c.From && hour < c.From+c.Long
}

// nextAllowed returns the next moment after at that is allowed.
func (c *timetable) nextAllowed(at time.Time) time.Time {
	for !c.isAllowed(at) {
		at = at.Add(30 * time.Minute)
	}
	return at
}

// silence is an endpoint that nobody can reach for some days. One profile has its region.
type silence struct {
	Host     string
	From, To int
	profile  string
}

func (*silence) name() string { return "silent endpoint" }
func (c *silence) draw(w *life) {
	from := w.dice.IntN(40)
	*c = silence{[]string{"sts.ap-south-1.", "sts.ap-south-1.", "sts.eu-west-1.", "iam."}[w.dice.IntN(4)], from, from + 1 + w.dice.IntN(50), "far"}
	m := w.machines[0]
	m.AddProfile("far", time.Duration(40+w.dice.IntN(35))*settings.Day)
	m.WriteFile("config", "[default]\nregion = eu-west-1\n[profile far]\nregion = ap-south-1\n")
}
func (*silence) act(*life, int) {}

func (c *silence) isSilent(w *life, host string) bool {
	return w.day() >= c.From && w.day() < c.To && strings.HasPrefix(host, c.Host)
}

// lostAnswers loses answers to CreateAccessKey, and sometimes to other calls.
type lostAnswers struct{ Calls map[string]awssim.Fault }

func (*lostAnswers) name() string { return "lost answers" }
func (c *lostAnswers) draw(w *life) {
	kinds := []awssim.Kind{awssim.Close, awssim.Reset, awssim.Status500, awssim.Status503, awssim.Truncated, awssim.NoSecret, awssim.Throttle}
	f := awssim.Fault{Action: "CreateAccessKey", Kind: kinds[w.dice.IntN(len(kinds))], When: awssim.When(w.dice.IntN(2)), Times: 1 + w.dice.IntN(2)}
	if f.Kind == awssim.Throttle {
		f.When = awssim.Before
	} else if w.dice.IntN(4) == 0 {
		f.Late = time.Duration(1+w.dice.IntN(12)) * time.Second
	}
	w.cloud.Inject(f)
	w.cloud.Inject(awssim.Fault{Action: []string{"UpdateAccessKey", "DeleteAccessKey", "ListAccessKeys"}[w.dice.IntN(3)], Kind: kinds[w.dice.IntN(4)], When: awssim.After, Skip: w.dice.IntN(5), Times: 1})
	c.Calls = map[string]awssim.Fault{"create": f}
}
func (*lostAnswers) act(*life, int) {}

// slowAnswers makes some answers take seconds, so that the server's clock is known less
// well than usual.
type slowAnswers struct{ by time.Duration }

func (*slowAnswers) name() string { return "slow answers" }
func (c *slowAnswers) draw(w *life) {
	c.by = time.Duration(3+w.dice.IntN(15)) * time.Second
	w.cloud.Inject(awssim.Fault{Action: "ListAccessKeys", Latency: c.by, Times: 40})
}
func (*slowAnswers) act(*life, int) {}

// otherUses is another place that holds the pair of the first day. Its use ends, repeats
// weekly, or continues until the place is given the new pair.
type otherUses struct {
	Kind  string
	Ends  int
	every int
	Place string
}

func (*otherUses) name() string { return "other uses" }
func (c *otherUses) draw(w *life) {
	*c = otherUses{Kind: []string{"ends", "weekly", "continues"}[w.dice.IntN(3)], Ends: 20 + w.dice.IntN(40), every: 1 + w.dice.IntN(3)}
	if c.Kind == "weekly" {
		c.every = 7
	}
	if c.Kind != "ends" {
		c.Ends = lifeLength
	}
	c.Place = w.machines[0].OldKey.ID
}
func (c *otherUses) act(w *life, day int) {
	if day >= c.Ends || day%c.every != 0 {
		return
	}
	w.later(w.at(day, 1, 23), func(w *life) {
		secret := w.cloud.Secrets()[c.Place]
		if err := w.cloud.AskEC2(c.Place, secret, "us-east-1"); err == nil {
			w.tell("another place uses %s", c.Place)
		}
	})
}
