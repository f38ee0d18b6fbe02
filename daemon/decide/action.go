package decide

import "slices"

// Do is the action to take on a key now.
type Do string

// The actions, in the order of a rotation. DoWait, DoBlock and DoSkip end the
// pass for a key.
const (
	DoWait        Do = "wait"
	DoBlock       Do = "blocked"
	DoSkip        Do = "skip"
	DoLook        Do = "look"
	DoOpenSession Do = "open session" // with an MFA code, where AWS asks for one
	DoPreflight   Do = "preflight"
	DoPrune       Do = "prune" // deletes the user's second, Inactive key; only with prune_inactive_after
	DoCreate      Do = "create"
	DoReconcile   Do = "reconcile"
	DoSetAside    Do = "set aside"   // makes an orphan Inactive
	DoDropOrphan  Do = "drop orphan" // deletes it
	DoProve       Do = "prove"
	DoMend        Do = "mend" // completes a pair that is half old, half new
	DoSwap        Do = "swap"
	DoValidate    Do = "validate"
	DoHook        Do = "hook" // runs a command that updates a place that is not a file
	DoPutBack     Do = "put back"
	DoDiscard     Do = "discard"
	DoDescribe    Do = "describe"
	DoCheckUse    Do = "check use"
	DoDeactivate  Do = "deactivate"
	DoRevive      Do = "revive"
	DoDelete      Do = "delete"
	DoDropHelper  Do = "drop helper" // ends a retirement: deletes the key that has signed it
)

// Action is one row of the table of actions: what keyd has to know about an action
// apart from when it is due and how it is performed.
type Action struct {
	Do Do

	// EndsPass is set when there is nothing to perform: the pass is over for the key.
	EndsPass bool
	// HeldBackBy lists the actions whose recent failure makes this action wait; nil
	// means every action. An action that repairs the files waits only for its own
	// failures, or for those of the action it leads to: a key that cannot be deleted
	// today is no reason to leave a dead key in the files until tomorrow.
	HeldBackBy []Do
	// Optional is set when nothing depends on the action: if AWS fails it twice in a
	// row, the rotation continues without it.
	Optional bool
	// Interruptible is set when the action may be cancelled at any moment. Any other
	// action has effects at AWS or on files, and runs to its end.
	Interruptible bool
	// NeedsSettings is set when the action could depend on settings: on which keys are
	// excluded, which accounts are decoys and must not even be looked at, or how long an
	// old key is kept. The other actions put the proven pair of a rotation in progress
	// into the files, or its old key back, and need no settings for that.
	NeedsSettings bool
	// NeedsEndpoint is set when the action calls AWS, so that it can do nothing without
	// a network, or while a mistake in the settings hides where AWS is.
	NeedsEndpoint bool
	// NeedsMFA is set when the action lists or changes keys: where a policy asks for MFA, it
	// takes a session. An action that may list, and does without where it must not, does not
	// need one.
	NeedsMFA bool
	// Retires is set when the action makes a key Inactive or deletes it. Only the
	// installation that began a rotation does that.
	Retires bool
}

// actions is the table of actions.
var actions = [...]Action{
	{Do: DoWait, EndsPass: true, NeedsSettings: true}, // the settings say for how long
	{Do: DoBlock, EndsPass: true},
	{Do: DoSkip, EndsPass: true},
	{Do: DoLook, Interruptible: true, NeedsSettings: true, NeedsEndpoint: true},
	{Do: DoOpenSession, HeldBackBy: []Do{DoOpenSession}, Interruptible: true, NeedsSettings: true, NeedsEndpoint: true},
	{Do: DoPreflight, Interruptible: true, NeedsSettings: true, NeedsEndpoint: true, NeedsMFA: true},
	{Do: DoPrune, NeedsSettings: true, NeedsEndpoint: true, NeedsMFA: true},
	{Do: DoCreate, NeedsSettings: true, NeedsEndpoint: true, NeedsMFA: true},
	{Do: DoReconcile, Interruptible: true, NeedsSettings: true, NeedsEndpoint: true, NeedsMFA: true},
	{Do: DoSetAside, NeedsSettings: true, NeedsEndpoint: true, NeedsMFA: true, Retires: true},
	{Do: DoDropOrphan, Interruptible: true, NeedsSettings: true, NeedsEndpoint: true, NeedsMFA: true, Retires: true},
	{Do: DoProve, HeldBackBy: []Do{DoProve, DoSwap}, Interruptible: true, NeedsEndpoint: true},
	{Do: DoMend, HeldBackBy: []Do{DoMend}},
	{Do: DoSwap, HeldBackBy: []Do{DoSwap}, NeedsEndpoint: true},
	{Do: DoValidate, HeldBackBy: []Do{DoValidate}, Interruptible: true, NeedsEndpoint: true},
	{Do: DoHook, HeldBackBy: []Do{DoHook}, NeedsSettings: true}, // how the command itself fails is in the journal, and holds back only what must wait for it
	{Do: DoPutBack, HeldBackBy: []Do{DoPutBack}, NeedsEndpoint: true},
	{Do: DoDiscard, NeedsSettings: true, NeedsEndpoint: true, NeedsMFA: true, Retires: true},
	{Do: DoDescribe, Optional: true, NeedsSettings: true, NeedsEndpoint: true, NeedsMFA: true},
	{Do: DoCheckUse, Interruptible: true, NeedsSettings: true, NeedsEndpoint: true, NeedsMFA: true},
	{Do: DoDeactivate, NeedsSettings: true, NeedsEndpoint: true, NeedsMFA: true, Retires: true},
	{Do: DoRevive, HeldBackBy: []Do{DoRevive}, NeedsEndpoint: true, NeedsMFA: true},
	{Do: DoDelete, NeedsSettings: true, NeedsEndpoint: true, NeedsMFA: true, Retires: true},
	{Do: DoDropHelper, NeedsSettings: true, NeedsEndpoint: true, NeedsMFA: true, Retires: true},
}

// Actions returns the table of actions, one row for each Do.
func Actions() []Action { return slices.Clone(actions[:]) }

// ActionOf returns the row of do. It is empty, apart from Do, when there is none.
func ActionOf(do Do) Action {
	for i := range actions {
		if actions[i].Do == do {
			return actions[i]
		}
	}
	return Action{Do: do}
}

// isHeldBackBy reports whether the action has to wait because failed has recently
// failed.
func (a *Action) isHeldBackBy(failed Do) bool {
	return a.HeldBackBy == nil || slices.Contains(a.HeldBackBy, failed)
}
