package rotate

import (
	"os"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/state"
)

// Event is one thing that a pass did or is waiting for, for the person who
// watches and for the log. It never holds a secret.
type Event struct {
	Time     time.Time
	Profiles []string
	KeyID    string // the id that the profiles showed when the pass began
	Do       decide.Do
	Verb     string // "created", "proving", "swapped", ...
	Text     string
	Hint     string        // the command or question that helps, when a person is needed
	Progress bool          // replaces the previous progress event; more will follow
	Elapsed  time.Duration // of Progress: since the wait began
	Limit    time.Duration // of Progress: the longest time that the wait can take
	Err      error
}

// NeedsYou is the Verb of an event that reports that a person is needed.
const NeedsYou = "needs you"

// emit sends an event about t to OnEvent.
func (d *Rotator) emit(t *target, do decide.Do, verb, text string) {
	d.Deliver(Event{Time: d.Now(), Profiles: t.facts.Profiles, KeyID: t.facts.ID, Do: do, Verb: verb, Text: text})
}

// emitProgress sends a progress event about a wait that began at since and
// takes at most limit.
func (d *Rotator) emitProgress(t *target, do decide.Do, verb, text string, since time.Time, limit time.Duration) {
	d.Deliver(Event{Time: d.Now(), Profiles: t.facts.Profiles, KeyID: t.facts.ID, Do: do, Verb: verb, Text: text,
		Progress: true, Elapsed: d.Now().Sub(since), Limit: limit})
}

// Deliver calls OnEvent, if it is set.
func (d *Rotator) Deliver(e Event) {
	if d.OnEvent != nil {
		d.OnEvent(e)
	}
}

// appendHistory records what was done to the key id. A failure to write the history
// stops nothing; it is reported as a warning.
func (d *Rotator) appendHistory(u *target, did, id, text string) {
	r := u.facts.Rotation
	e := state.HistoryEntry{Time: d.Now().UTC(), Process: d.Process, PID: os.Getpid(), Profiles: u.facts.Profiles, Verb: did, KeyID: id, Text: text}
	if r != nil {
		e.User, e.Account = r.User, r.Account
	}
	if err := d.historyLog().Append(e); err != nil {
		d.emit(u, "", "warning", err.Error())
	}
}
