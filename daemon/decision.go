package daemon

import "time"

// Do is the action to take on a key now.
type Do string

// The actions, in the order of a rotation. DoWait, DoBlock and DoSkip end the
// pass for a key.
const (
	Wait       Do = "wait"
	Blocked    Do = "blocked"
	Skip       Do = "skip"
	Look       Do = "look"
	Preflight  Do = "preflight"
	Prune      Do = "prune" // deletes the user's second, Inactive key; only with prune_inactive_after
	Create     Do = "create"
	Reconcile  Do = "reconcile"
	DropOrphan Do = "drop orphan"
	Prove      Do = "prove"
	Mend       Do = "mend" // completes a pair that is half old, half new
	Swap       Do = "swap"
	Validate   Do = "validate"
	PutBack    Do = "put back"
	Discard    Do = "discard"
	Describe   Do = "describe"
	CheckUse   Do = "check use"
	Deactivate Do = "deactivate"
	Revive     Do = "revive"
	Delete     Do = "delete"
)

// State is the condition of a key, in the word that keyd status shows.
type State string

// The states of a key.
const (
	OK         State = "ok"
	Due        State = "due"
	Rotating   State = "rotating"
	Overlap    State = "overlap"
	Quarantine State = "quarantine"
	Held       State = "hold"
	Waiting    State = "waiting" // an action failed and will be retried
	Stopped    State = "blocked" // only a person can continue
	Skipped    State = "skipped"
)

// Decision is what to do with one key, how long to wait, and why. The status,
// the log and the notification all print Why.
type Decision struct {
	Do    Do
	State State
	Until time.Time // for DoWait and DoBlock: when to look again; zero when only a change helps
	Why   string
	Run   string // a command or a question that helps; "" when none is needed
}

// EndsPass reports whether nothing is left to do for the key in this pass.
func (d Decision) Ends() bool { return d.Do == Wait || d.Do == Blocked || d.Do == Skip }

// actNow returns the decision to take the action do now.
func act(do Do, state State, why string) Decision { return Decision{Do: do, State: state, Why: why} }

// BlockUntil returns the decision to leave the key alone until a person helps.
// keyd looks again at until, or only after a change when until is zero. run is
// the hint for the person.
func blocked(until time.Time, why, run string) Decision {
	return Decision{Do: Blocked, State: Stopped, Until: until, Why: why, Run: run}
}

// WaitUntil returns the decision to do nothing before until, in state.
func wait(state State, until time.Time, why string) Decision {
	return Decision{Do: Wait, State: state, Until: until, Why: why}
}
