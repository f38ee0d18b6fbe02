package decide

import "time"

// State is the condition of a key, in the word that keyd status shows.
type State string

// The states of a key.
const (
	StateOK         State = "ok"
	StateDue        State = "due"
	StateRotating   State = "rotating"
	StateOverlap    State = "overlap"
	StateQuarantine State = "quarantine"
	StateHeld       State = "hold"
	StateRetiring   State = "retiring" // a person ends the key without a successor
	StateWaiting    State = "waiting"  // something is in the way that may end by itself
	StateBlocked    State = "blocked"  // only a person can continue
	StateSkipped    State = "skipped"
	StateNew        State = "new" // no pass has looked at the key yet; only keyd status shows it
)

// Decision is what to do with one key, how long to wait, and why. The status,
// the log and the notification all print Why.
type Decision struct {
	Do    Do
	State State
	Until time.Time // when to look again, or not to act before; zero when only a change helps, or to act now
	Heals bool      // the action repairs what the files show, or gives an old key back: it waits for no other key
	Why   string
	Short string // Why for one cell of a table, in at most ShortLimit letters or so; "" when Why has to do
	Hint  string // a command or a question that helps; "" when none is needed
}

// InShort returns d with a short reason.
func (d Decision) InShort(text string) Decision {
	d.Short = text
	return d
}

// EndsPass reports whether nothing is left to do for the key in this pass.
func (d Decision) EndsPass() bool { return ActionOf(d.Do).EndsPass }

// IsDue reports whether there is an action to take now.
func (d Decision) IsDue(now time.Time) bool { return !d.EndsPass() && !now.Before(d.Until) }

// heal returns d as a decision that waits for no other key.
func heal(d Decision) Decision {
	d.Heals = !d.EndsPass()
	return d
}

// NeedsPerson reports whether only a person can continue. It is where the status,
// and with it the notification, has that from.
func (d Decision) NeedsPerson() bool { return d.Do == DoBlock }

// actNow returns the decision to take the action do now.
func actNow(do Do, state State, why string) Decision { return Decision{Do: do, State: state, Why: why} }

// Skip returns the decision to leave the key alone because there is nothing to
// rotate.
func Skip(why string) Decision { return Decision{Do: DoSkip, State: StateSkipped, Why: why} }

// BlockUntil returns the decision to leave the key alone until a person helps.
// keyd looks again at until, or only after a change when until is zero. run is
// the hint for the person.
func BlockUntil(until time.Time, why, run string) Decision {
	return Decision{Do: DoBlock, State: StateBlocked, Until: until, Why: why, Hint: run}
}

// WaitUntil returns the decision to do nothing before until, in state.
func WaitUntil(state State, until time.Time, why string) Decision {
	return Decision{Do: DoWait, State: state, Until: until, Why: why}
}

// WaitForFirstPass returns what is known about a key before any pass has looked at
// it.
func WaitForFirstPass() Decision { return WaitUntil(StateNew, time.Time{}, "not yet looked at") }
