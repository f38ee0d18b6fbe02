package daemon

import (
	"fmt"
	"strings"
	"time"

	"keyd/credfile"
)

// onEvent forwards an event to the watchdog, the log, and the programs that notify people.
func (l *loop) onEvent(e Event, log func(Event)) {
	l.options.Supervisor.Beat()
	if log != nil {
		log(e)
	}
	if e.Progress {
		return
	}
	if len(l.Settings.OnEvent) > 0 {
		l.queueProgram(onEventProgram(l.Settings.OnEvent, e))
	}
	if words, urgent := desktopText(e); words != "" && l.Settings.Notify == "desktop" {
		l.queueProgram(l.outbox.Desktop(words, urgent))
	}
}

// queueProgram queues a program. It notes when the queue is full.
func (l *loop) queueProgram(c Program) {
	if len(c.Argv) > 0 && !l.outbox.Post(c) {
		l.noteProblem("telling", c.Name+": too many events are waiting, one was skipped")
	}
}

// noteProblem logs something that does not work, and adds it to the notes of keyd status.
func (l *loop) noteProblem(what, why string) {
	l.Log.Warn(what, "why", why)
	l.info.AddNote(what + ": " + why)
	l.saveInfo()
}

// saveInfo writes daemon.json.
func (l *loop) saveInfo() {
	if err := l.info.Save(l.Sys, l.StateDir); err != nil {
		l.Log.Warn("status", "why", err.Error())
	}
}

// desktopText returns what a desktop notification shows of an event, or "". Only two
// kinds of event have one: a person is needed, or a rotation ended. The text contains
// no key id, because a projector or a phone may show it to everyone.
func desktopText(e Event) (words string, urgent bool) {
	who := strings.Join(e.Profiles, ", ")
	switch {
	case e.Verb == NeedsYou:
		return who + ": the access key needs you. keyd status says why", true
	case e.Verb == "deleted" && e.Do == DoDelete:
		return who + ": the access key was replaced, and the old one is deleted", false
	case e.Verb == "deleted" && e.Do == DoDiscard:
		return who + ": a rotation was given up, and the old access key stays. keyd history says why", true
	}
	return "", false
}

// reportPass logs what changed since the last pass, and emits an event for each key that
// newly needs a person. A key that still needs one is not reported again.
func (l *loop) reportPass(results []Result, err error) {
	if err != nil {
		l.Log.Error("pass", "why", err.Error())
	}
	for _, r := range results {
		name, line := r.Identity(), string(r.State)+r.Why
		if l.lastLogged[name] != line {
			l.Log.Info("key", append([]any{"profiles", r.Profiles, "key", credfile.Short(r.KeyID), "state", string(r.State), "why", r.Why}, untilAttr(r.Until)...)...)
		}
		l.lastLogged[name] = line
		if r.NeedsPerson && !l.needsPerson[name] {
			l.Deliver(Event{Time: l.Now(), Profiles: r.Profiles, KeyID: r.KeyID, Do: r.Do, Verb: NeedsYou, Text: r.Why, Hint: r.Hint})
		}
		l.needsPerson[name] = r.NeedsPerson
	}
}

// summary returns the status line that systemctl status shows after a pass; next is
// the time of the next one. The line names no key.
func summary(results []Result, next time.Time) string {
	needs := 0
	for _, r := range results {
		if r.NeedsPerson {
			needs++
		}
	}
	text := countNoun(len(results), "key")
	if needs > 0 {
		text += fmt.Sprintf(", %d of them waiting for you: keyd status", needs)
	}
	return text + "; next look at " + next.Local().Format("15:04")
}

// untilAttr returns the log attribute of the time until which keyd waits; none when t is
// zero, because then only a change helps.
func untilAttr(t time.Time) []any {
	if t.IsZero() {
		return nil
	}
	return []any{"until", t}
}
