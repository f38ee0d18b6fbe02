package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/notify"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
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
	for _, program := range l.Settings.EventPrograms() {
		l.queueProgram(onEventProgram(program.Command, e))
	}
	if words, urgent := l.desktopWords(e); words != "" && l.Settings.Notify == "desktop" {
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

// saveInfo writes daemon.json, unless the state folder is one that keyd must leave alone.
// The pass reports that.
func (l *loop) saveInfo() {
	if state.CheckFolder(l.Sys, l.StateDir, l.Getenv("HOME")) != nil {
		return
	}
	if err := l.info.Save(l.Sys, l.StateDir); err != nil {
		l.Log.Warn("status", "why", err.Error())
	}
}

// reportPass logs what changed since the last round, and notes the keys that newly need
// a person. It leaves out keys on which the pass still acts, and keys that needed a
// person before.
func (l *loop) reportPass(results []rotate.Result, err error) {
	l.reportFailure(err)
	if err == nil { // what was mended in the files, and comes back, is new
		maps.DeleteFunc(l.needsPerson, func(name string, _ bool) bool {
			return !slices.ContainsFunc(results, func(r rotate.Result) bool { return r.Identity() == name })
		})
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
			l.needy = append(l.needy, r)
		}
		l.needsPerson[name] = r.NeedsPerson
	}
}

// reportFailure logs why a pass could not take place at all. It notifies a person, once,
// if only a person can change that, as when the state folder or its locks cannot be
// trusted.
func (l *loop) reportFailure(err error) {
	if err == nil {
		l.failure = ""
		return
	}
	l.Log.Error("pass", "why", err.Error())
	_, locks := errors.AsType[*state.LockError](err)
	if _, owners := errors.AsType[*atomicfile.Untrusted](err); !locks && !owners || l.failure == err.Error() {
		return
	}
	l.failure = err.Error()
	l.Deliver(rotate.Event{Time: l.Now(), Verb: rotate.VerbNeedsYou, Text: err.Error(), Hint: hint.Hint(err), About: state.About{AskedBy: state.ByDaemon}})
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
	text := settings.FormatCount(len(results), "key", "keys")
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
	state.About           // old_key, new_key, user, account, files, endpoint, asked_by, command
}

// onEventProgram returns the program of on_event, with e on standard input.
func onEventProgram(argv []string, e rotate.Event) notify.Program {
	text, err := json.Marshal(eventJSON{Version: 1, Time: e.Time.UTC(), Event: e.Verb, Profiles: e.Profiles, Key: e.KeyID,
		Text: e.Text, Run: e.Hint, NeedsPerson: e.Verb == rotate.VerbNeedsYou, About: e.About})
	if err != nil {
		return notify.Program{}
	}
	return notify.Program{Name: "on_event", Argv: argv, Stdin: append(text, '\n'), Limit: notify.EventLimit}
}
