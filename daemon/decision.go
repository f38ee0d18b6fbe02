package daemon

import "time"

// Do is what is to be done with a key now.
type Do string

// The actions, in the order of a rotation. Wait, Blocked and Skip end a pass.
const (
	Wait       Do = "wait"
	Blocked    Do = "blocked"
	Skip       Do = "skip"
	Look       Do = "look"
	Preflight  Do = "preflight"
	Prune      Do = "prune" // delete a second, Inactive key: only with prune_inactive_after
	Create     Do = "create"
	Reconcile  Do = "reconcile"
	DropOrphan Do = "drop orphan"
	Prove      Do = "prove"
	Mend       Do = "mend" // a pair that is half old, half new
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

// State is how a key stands, in the word that people are shown.
type State string

// The states.
const (
	OK         State = "ok"
	Due        State = "due"
	Rotating   State = "rotating"
	Overlap    State = "overlap"
	Quarantine State = "quarantine"
	Held       State = "hold"
	Waiting    State = "waiting" // an action failed and is tried again
	Stopped    State = "blocked" // only a person can go on
	Skipped    State = "skipped"
)

// Decision is what to do with one key, until when to wait, and why. Why is the
// text that the status, the log and the notification all print.
type Decision struct {
	Do    Do
	State State
	Until time.Time // of Wait and Blocked: when to look again; zero when only a change helps
	Why   string
	Run   string // the command, or the question, that helps; "" when none is needed
}

// Ends reports whether nothing is left to do in this pass.
func (d Decision) Ends() bool { return d.Do == Wait || d.Do == Blocked || d.Do == Skip }

func act(do Do, state State, why string) Decision { return Decision{Do: do, State: state, Why: why} }

func blocked(until time.Time, why, run string) Decision {
	return Decision{Do: Blocked, State: Stopped, Until: until, Why: why, Run: run}
}

func wait(state State, until time.Time, why string) Decision {
	return Decision{Do: Wait, State: state, Until: until, Why: why}
}
