package daemon

import "time"

// Event is one thing that a pass did or is waiting for, for the person who
// watches and for the log. It never holds a secret.
type Event struct {
	Time     time.Time
	Profiles []string
	Key      string // the id that the profiles showed when the pass began
	Do       Do
	Verb     string // "created", "proving", "swapped", ...
	Text     string
	Run      string        // the command that helps, when a person is needed
	Progress bool          // replaces the line before it; more will follow
	Elapsed  time.Duration // of Progress
	Limit    time.Duration // of Progress: how long at most
	Err      error
}

// NeedsYou is the Verb of an event that says that a person is needed.
const NeedsYou = "needs you"

// tell passes an event on, to whoever watches.
func (d *Daemon) tell(u *unit, do Do, verb, text string) {
	d.emit(Event{Time: d.Now(), Profiles: u.facts.Profiles, Key: u.facts.ID, Do: do, Verb: verb, Text: text})
}

func (d *Daemon) progress(u *unit, do Do, verb, text string, since time.Time, limit time.Duration) {
	d.emit(Event{Time: d.Now(), Profiles: u.facts.Profiles, Key: u.facts.ID, Do: do, Verb: verb, Text: text,
		Progress: true, Elapsed: d.Now().Sub(since), Limit: limit})
}

func (d *Daemon) emit(e Event) {
	if d.Tell != nil {
		d.Tell(e)
	}
}
