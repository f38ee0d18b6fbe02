package daemon

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/notify"
	"keyd/daemon/rotate"
)

// onEvent forwards an event to the watchdog, the log, and the programs that notify people.
func (l *loop) onEvent(e rotate.Event, log func(rotate.Event)) {
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
func (l *loop) queueProgram(c notify.Program) {
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
func desktopText(e rotate.Event) (words string, urgent bool) {
	who := strings.Join(e.Profiles, ", ")
	switch {
	case e.Verb == rotate.VerbNeedsYou:
		return who + ": the access key needs you. keyd status says why", true
	case e.Verb == rotate.VerbDeleted && e.Do == decide.DoDelete:
		return who + ": the access key was replaced, and the old one is deleted", false
	case e.Verb == rotate.VerbDeleted && e.Do == decide.DoDiscard:
		return who + ": a rotation was given up, and the old access key stays. keyd history says why", true
	}
	return "", false
}

// reportPass logs what changed since the last pass, and emits an event for each key that
// newly needs a person. It leaves out keys on which the pass still acts. A key that still needs one is not reported again.
func (l *loop) reportPass(results []rotate.Result, err error) {
	if err != nil {
		l.Log.Error("pass", "why", err.Error())
	}
	for _, r := range results {
		if !decide.ActionOf(r.Do).EndsPass { // the pass has not decided yet how the key stands
			continue
		}
		name, line := r.Identity(), string(r.State)+r.Why
		if l.lastLogged[name] != line {
			attrs := []any{"profiles", r.Profiles, "key", credfile.Short(r.KeyID), "state", string(r.State), "why", r.Why}
			if !r.Until.IsZero() {
				attrs = append(attrs, "until", r.Until)
			}
			l.Log.Info("key", attrs...)
		}
		l.lastLogged[name] = line
		if r.NeedsPerson && !l.needsPerson[name] {
			l.Deliver(rotate.Event{Time: l.Now(), Profiles: r.Profiles, KeyID: r.KeyID, Do: r.Do, Verb: rotate.VerbNeedsYou, Text: r.Why, Hint: r.Hint})
		}
		l.needsPerson[name] = r.NeedsPerson
	}
}

// summary returns the status line that systemctl status shows after a pass; next is
// the time of the next one. The line names no key.
func summary(results []rotate.Result, next time.Time) string {
	needs := 0
	for _, r := range results {
		if r.NeedsPerson {
			needs++
		}
	}
	text := fmt.Sprintf("%d keys", len(results))
	if len(results) == 1 {
		text = "1 key"
	}
	if needs > 0 {
		text += fmt.Sprintf(", %d of them waiting for you: keyd status", needs)
	}
	return text + "; next look at " + next.Local().Format("15:04")
}

// eventJSON is what on_event gets on standard input.
type eventJSON struct {
	Version     int       `json:"version"` // 1
	Time        time.Time `json:"time"`
	Event       string    `json:"event"` // a word of keyd history, or "needs you"
	Profiles    []string  `json:"profiles"`
	Key         string    `json:"key"` // the key id in the files; never a secret
	Text        string    `json:"text"`
	Run         string    `json:"run,omitzero"` // a command or a question that helps
	NeedsPerson bool      `json:"needs_person"`
}

// onEventProgram returns the program of on_event, with e on standard input.
func onEventProgram(argv []string, e rotate.Event) notify.Program {
	text, err := json.Marshal(eventJSON{Version: 1, Time: e.Time.UTC(), Event: e.Verb, Profiles: e.Profiles, Key: e.KeyID,
		Text: e.Text, Run: e.Hint, NeedsPerson: e.Verb == rotate.VerbNeedsYou})
	if err != nil {
		return notify.Program{}
	}
	return notify.Program{Name: "on_event", Argv: argv, Stdin: append(text, '\n'), Limit: notify.EventLimit}
}
