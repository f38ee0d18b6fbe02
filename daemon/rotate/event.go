package rotate

import (
	"context"
	"fmt"
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
	Verb     string // VerbCreated, VerbProving, VerbSwapped, ...
	Text     string
	Retiring bool          // the key ends without a successor
	Hint     string        // the command or question that helps, when a person is needed
	Brief    string        // what a notification may add in front of other people: no key id, no path
	Progress bool          // replaces the previous progress event; more will follow
	Elapsed  time.Duration // of Progress: since the wait began
	Limit    time.Duration // of Progress: the longest time that the wait can take
	Err      error
	Place    int // which key of the pass it is, from 1, in the order of the files; 0 outside a pass
	Keys     int // how many keys the pass is for

	state.About // whom and what it concerns
}

// The verbs of events. Verbs of what was done to a key are also on disk, in
// history.jsonl, and programs of on_event read all of them: a verb never changes.
const (
	VerbBegin        = "begin" // a rotation begins
	VerbCreated      = "created"
	VerbNoEffect     = "create had no effect" // only in the history
	VerbReconcile    = "reconcile"            // progress: finding out what a lost CreateAccessKey did
	VerbReconciled   = "reconciled"
	VerbProving      = "proving"
	VerbSwapped      = "swapped"
	VerbMended       = "mended"
	VerbMetAnother   = "met another program" // a program wrote a file at the moment of the swap
	VerbValidated    = "validated"
	VerbHook         = "hook" // progress: a hook runs
	VerbHookOK       = "hook ok"
	VerbHookFailed   = "hook failed" // for the first time, or so often that the rotation continues without it
	VerbGaveUp       = "gave up"
	VerbPutBack      = "put back"
	VerbNotDescribed = "not described"
	VerbDeactivated  = "deactivated"
	VerbRevived      = "revived"
	VerbTooLate      = "too late" // the key to revive was already deleted
	VerbDeleted      = "deleted"
	VerbStillUsed    = "still used" // someone uses the old key after the swap
	VerbRefused      = "refused"    // only in the history: AWS refuses the new key after the files showed it
	VerbCopies       = "copies"     // the key that is being replaced stands in places that keyd does not change
	VerbUnused       = "unused"     // no one but keyd uses a key that is being replaced
	VerbRetired      = "retired"    // a key that a person has retired is gone
	VerbKept         = "kept"       // a key was to be retired, and stays
	VerbMFA          = "mfa"        // a session was opened with an MFA code
	VerbNeedsYou     = "needs you"  // a person is needed
	VerbWarning      = "warning"    // the history cannot be written
	VerbDescribed    = "described"  // only in the history
	VerbCalled       = "called AWS" // only in the history: a change that no other entry speaks of
	VerbFailed       = "failed"     // progress: an action of a rotation has failed, and the pass goes on with other keys
	VerbHeld         = "held"       // only in the history: a person has paused the rotation
	VerbResumed      = "resumed"    // only in the history: a person lets it continue
	VerbRetireNow    = "retire now" // only in the history: a person ends the overlap
	VerbDeleteNow    = "delete now" // only in the history: a person ends the overlap and the quarantine
	VerbRetiring     = "retiring"   // only in the history: a person begins to retire a key
)

// did records what was done to the key id, and sends an event about it. The
// history gets note, and the event text.
func (d *Rotator) did(t *target, do decide.Do, verb, id, note, text string) {
	d.appendHistory(t, verb, id, note)
	d.emit(t, do, verb, text)
}

// appendHistory records what was done to the key id. A failure to write the
// history stops nothing; it is reported as a warning.
func (d *Rotator) appendHistory(t *target, verb, id, note string) {
	if d.readOnly {
		return
	}
	e := d.newEntry(t, verb, id, note)
	if seen := t.facts.Seen; verb == VerbCreated && seen != nil {
		if old := seen.FindKey(t.facts.ID); old != nil {
			e.OldCreated = old.Created
		}
	}
	if e.Calls = t.takeReceipts(); verb == VerbDeleted {
		t.noteDeleted(id, e.Time)
	}
	if err := d.appendEntry(e); err != nil {
		d.emit(t, "", VerbWarning, err.Error())
	}
}

// appendEntry appends to the history, one step at a time, with the settings in force. It
// takes the pass lock if this process does not hold it: the lines are a chain.
func (d *Rotator) appendEntry(e state.HistoryEntry) error {
	if d.lock == nil {
		leave, err := d.lockPass(context.Background(), midPassLockWait)
		if err != nil {
			return fmt.Errorf("the history: %w", err)
		}
		defer leave()
	}
	e.Policy = d.Settings.PolicyFor(e.Profiles)
	if d.guard != nil {
		d.guard.events.Lock()
		defer d.guard.events.Unlock()
	}
	return d.historyLog().Append(e)
}

// newEntry returns an entry of the history about t.
func (d *Rotator) newEntry(t *target, verb, id, note string) state.HistoryEntry {
	return state.HistoryEntry{Time: d.Now().UTC(), Process: d.Process, PID: os.Getpid(), Profiles: t.facts.Profiles, Verb: verb, KeyID: id, Text: note,
		About: d.about(t, verb), Installation: t.facts.Installation}
}

// emit sends an event about t to OnEvent.
func (d *Rotator) emit(t *target, do decide.Do, verb, text string) {
	d.Deliver(d.newEvent(t, do, verb, text))
}

// newEvent returns an event about t.
func (d *Rotator) newEvent(t *target, do decide.Do, verb, text string) Event {
	return Event{Time: d.Now(), Profiles: t.facts.Profiles, KeyID: t.facts.ID, Do: do, Verb: verb, Text: text, Retiring: t.isRetiring(), About: d.about(t, verb),
		Place: t.progress.place, Keys: t.progress.keys}
}

// emitProgress sends a progress event about a wait that began at since and
// takes at most limit.
func (d *Rotator) emitProgress(t *target, do decide.Do, verb, text string, since time.Time, limit time.Duration) {
	e := d.newEvent(t, do, verb, text)
	e.Progress, e.Elapsed, e.Limit = true, d.Now().Sub(since), limit
	d.Deliver(e)
}

// Deliver calls OnEvent, if it is set. A dry run does nothing that would be an event.
func (d *Rotator) Deliver(e Event) {
	if d.OnEvent == nil || d.readOnly && !e.Progress {
		return
	}
	if d.guard != nil {
		d.guard.events.Lock()
		defer d.guard.events.Unlock()
	}
	d.OnEvent(e)
}
