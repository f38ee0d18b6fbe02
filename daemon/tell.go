package daemon

import (
	"fmt"
	"strings"
	"time"
)

// heard passes an event on: to the watchdog, the log, and the commands that
// tell people.
func (l *loop) heard(e Event, log func(Event)) {
	l.around.Supervisor.Beat()
	if log != nil {
		log(e)
	}
	if e.Progress {
		return
	}
	if len(l.Settings.OnEvent) > 0 {
		l.post(onEvent(l.Settings.OnEvent, e))
	}
	if words, urgent := forPeople(e); words != "" && l.Settings.Notify == "desktop" {
		l.post(l.out.desktop(words, urgent))
	}
}

func (l *loop) post(c command) {
	if len(c.argv) > 0 && !l.out.post(c) {
		l.note("telling", c.name+": too many events wait, one was passed over")
	}
}

// note says once what does not work as it should, and keeps it for the status.
func (l *loop) note(what, why string) {
	l.Log.Warn(what, "why", why)
	l.life.note(what + ": " + why)
	l.keep()
}

// keep saves what the daemon says of itself.
func (l *loop) keep() {
	if err := l.life.save(l.Sys, l.State); err != nil {
		l.Log.Warn("status", "why", err.Error())
	}
}

// forPeople is what the desktop shows of an event: only that a person is
// needed, or that a rotation ended. No key id, which the screen of a talk or a
// phone would show to everybody.
func forPeople(e Event) (words string, urgent bool) {
	who := strings.Join(e.Profiles, ", ")
	switch {
	case e.Verb == NeedsYou:
		return who + ": the access key needs you. keyd status says why", true
	case e.Verb == "deleted" && e.Do == Delete:
		return who + ": the access key was replaced, and the old one is gone", false
	case e.Verb == "deleted" && e.Do == Discard:
		return who + ": a rotation was given up, and the access key is the old one. keyd history says why", true
	}
	return "", false
}

// tellPass logs what is new since the pass before, and says which keys have
// come to need a person. A key that goes on needing one is not told again.
func (l *loop) tellPass(results []Result, err error) {
	if err != nil {
		l.Log.Error("pass", "why", err.Error())
	}
	for _, r := range results {
		name, line := r.name(), string(r.State)+r.Why
		if l.logged[name] != line {
			l.Log.Info("key", append([]any{"profiles", r.Profiles, "key", short(r.Key), "state", string(r.State), "why", r.Why}, until(r.Next)...)...)
		}
		l.logged[name] = line
		if r.NeedsPerson && !l.needs[name] {
			l.emit(Event{Time: l.Now(), Profiles: r.Profiles, Key: r.Key, Do: r.Do, Verb: NeedsYou, Text: r.Why, Run: r.Run})
		}
		l.needs[name] = r.NeedsPerson
	}
}

// summary is the line of systemctl status. It names no key.
func summary(results []Result, next time.Time) string {
	needs := 0
	for _, r := range results {
		if r.NeedsPerson {
			needs++
		}
	}
	text := count(len(results), "key")
	if needs > 0 {
		text += fmt.Sprintf(", %d of them waiting for you: keyd status", needs)
	}
	return text + "; next look at " + next.Local().Format("15:04")
}

// until is the attribute of a time to wait for; none when only a change helps.
func until(t time.Time) []any {
	if t.IsZero() {
		return nil
	}
	return []any{"until", t}
}
