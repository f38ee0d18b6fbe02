package rotate_test

import (
	"fmt"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// The conditions that people make, and the commands that they run.

// localStandIn is a shell with AWS_ENDPOINT_URL of a stand-in on this machine, which calls
// every key the root key of its own account. A person runs keyd there on some days.
type localStandIn struct{ on days }

func (*localStandIn) name() string   { return "local stand-in" }
func (c *localStandIn) draw(w *life) { c.on = w.drawDays(4, 1, lifeLength) }
func (c *localStandIn) act(w *life, day int) {
	const host = "127.0.0.1:4566"
	if c.on[day] {
		w.laterByPerson(w.at(day, 9, 17), func(w *life) { w.visit("http", host, "000000000000", true) })
	}
}

// lyingEndpoint is the same with somebody else's host, which knows the key as that of a
// user in another account.
type lyingEndpoint struct{ on days }

func (*lyingEndpoint) name() string   { return "lying endpoint" }
func (c *lyingEndpoint) draw(w *life) { c.on = w.drawDays(3, 1, lifeLength) }
func (c *lyingEndpoint) act(w *life, day int) {
	const host = "mock.example.com:5000"
	if c.on[day] {
		w.laterByPerson(w.at(day, 9, 17), func(w *life) { w.visit("https", host, "999999999999", false) })
	}
}

// visit runs keyd rotate and keyd hold in a shell that points to another endpoint.
func (w *life) visit(scheme, host, account string, root bool) {
	m := w.machines[0]
	other := awssim.New(awssim.Options{Now: w.now, Seed: w.seed + uint64(w.day()), AnyRegion: true})
	who := other.AddRoot(account)
	if !root {
		who = other.AddUser(account, "/", "alice")
	}
	m.RecordShown()
	pair := m.Shown[len(m.Shown)-1]
	who.RestoreKey(awssim.KeyState{ID: pair.ID, Status: "Active", Created: w.now().Add(-70 * settings.Day), CreatedBy: awssim.BySeed, Delivered: true}, pair.Secret)
	w.standIns[host] = other
	if m.rotateByHand(scheme+"://"+host, decide.Options{}); w.dice.IntN(3) == 0 {
		m.command("keyd hold", scheme+"://"+host, func(d *rotate.Rotator) error {
			_, err := d.Hold(w.t.Context(), "default")
			return err
		})
		w.laterByPerson(w.now().Add(time.Hour), func(w *life) { w.machines[0].resume("default") })
	}
	if made := len(other.Keys(who)); made != 1 {
		w.judged.wrong("%d keys at %s after keyd rotate there", made, host)
	}
}

// console is a person who ends the new key in the console while both exist.
type console struct {
	Delete bool
	on     days
}

func (*console) name() string { return "console" }
func (c *console) draw(w *life) {
	*c = console{w.dice.IntN(2) == 0, w.drawDays(12, 1, lifeLength)}
}
func (c *console) act(w *life, day int) {
	if !c.on[day] {
		return
	}
	w.laterByPerson(w.at(day, 9, 20), func(w *life) {
		m := w.machines[0]
		for _, r := range rotationsOf(m) {
			if r.User != "alice" || r.Validated.IsZero() || len(w.judged.killed) > 0 || m.ShownID() != r.New.ID {
				continue
			}
			note(&w.judged.killed, r.New.ID, true)
			w.tell("somebody ends %s in the console (delete: %t)", r.New.ID, c.Delete)
			if c.Delete {
				_ = m.User.DeleteKey(r.New.ID)
			} else {
				_ = m.User.SetStatus(r.New.ID, "Inactive")
			}
		}
	})
}

// curiousPerson runs commands nobody asked for.
type curiousPerson struct{ on days }

func (*curiousPerson) name() string   { return "curious person" }
func (c *curiousPerson) draw(w *life) { c.on = w.drawDays(15, 1, lifeLength) }
func (c *curiousPerson) act(w *life, day int) {
	if !c.on[day] {
		return
	}
	w.laterByPerson(w.at(day, 9, 20), func(w *life) {
		m := w.machines[w.dice.IntN(len(w.machines))]
		switch w.dice.IntN(3) {
		case 0:
			m.rotateByHand("", decide.Options{})
		case 1:
			m.hold("default")
			i := m.index()
			w.laterByPerson(w.now().Add(time.Duration(1+w.dice.IntN(72))*time.Hour), func(w *life) { w.machines[i].resume("default") })
		default:
			m.resume("default")
		}
	})
}

// exclusion is rotate = never in keyd.ini, from one drawn day to another.
type exclusion struct{ From, To int }

func (*exclusion) name() string { return "rotate = never" }
func (c *exclusion) draw(w *life) {
	c.From = 5 + w.dice.IntN(60)
	c.To = c.From + 1 + w.dice.IntN(20)
}
func (c *exclusion) act(w *life, day int) {
	set := func(on bool) func(*life) {
		return func(w *life) {
			for _, m := range w.machines {
				if m.Home != w.machines[0].Home {
					continue
				}
				m.excluded = on
				m.Rotator.Settings.RotateAfter = settings.Default().RotateAfter
				if on {
					m.Rotator.Settings.RotateAfter = settings.Never
				}
				m.schedule, m.next = nil, w.now().Add(time.Second)
				w.tell("%s: rotate = never: %t", m.name, on)
			}
		}
	}
	switch day {
	case c.From:
		w.later(w.at(day, 9, 20), set(true))
	case c.To:
		w.later(w.at(day, 9, 20), set(false))
	}
}

func (m *machine) hold(profile string) {
	m.command("keyd hold "+profile, "", func(d *rotate.Rotator) error {
		_, err := d.Hold(m.w.t.Context(), profile)
		return err
	})
}

func (m *machine) resume(profile string) {
	m.command("keyd resume "+profile, "", func(d *rotate.Rotator) error {
		_, err := d.Resume(m.w.t.Context(), profile)
		return err
	})
}

// prune is keyd prune, twice for an Active key.
func (m *machine) prune(profile, id string) {
	m.command(fmt.Sprintf("keyd prune %s %s", profile, id), "", func(d *rotate.Rotator) error {
		for range 2 {
			p, err := d.FindSecondKey(m.w.t.Context(), profile, id)
			if err != nil {
				return err
			}
			note(&m.w.judged.named, p.KeyID, true)
			if err := d.Prune(m.w.t.Context(), p); err != nil || !p.Active {
				return err
			}
			time.Sleep(time.Minute)
		}
		return nil
	})
}
