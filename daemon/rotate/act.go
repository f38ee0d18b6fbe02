package rotate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
)

// step is how one action is performed. What else there is to know about the action
// is in its row of decide's table.
type step struct {
	do      decide.Do
	perform func(*Rotator, context.Context, *target) error
	// leaveOut records that the rotation continues without the action, which AWS
	// failed. Only optional actions have it.
	leaveOut func(*Rotator, *target, error) error
}

// allSteps returns the steps, one for each action that does not end a pass, with
// the pair that signs its calls.
func allSteps() []step {
	return []step{
		{do: decide.DoLook, perform: signedBy((*target).shownPair, (*Rotator).lookAround)},
		{do: decide.DoOpenSession, perform: signedBy((*target).shownPair, (*Rotator).openSession)},
		{do: decide.DoPreflight, perform: signedBy((*target).ownPair, (*Rotator).runPreflight)},
		{do: decide.DoPrune, perform: signedBy((*target).ownPair, (*Rotator).pruneInactive)},
		{do: decide.DoCreate, perform: signedBy((*target).ownPair, (*Rotator).createKey)},
		{do: decide.DoReconcile, perform: signedBy((*target).ownPair, (*Rotator).reconcileCreate)},
		{do: decide.DoSetAside, perform: signedBy((*target).ownPair, (*Rotator).setOrphanAside)},
		{do: decide.DoDropOrphan, perform: signedBy((*target).ownPair, (*Rotator).dropOrphan)},
		{do: decide.DoProve, perform: signedByNew((*Rotator).proveKey)},
		{do: decide.DoMend, perform: (*Rotator).mendTorn},
		{do: decide.DoSwap, perform: (*Rotator).swapFiles},
		{do: decide.DoValidate, perform: signedBy((*target).newPair, (*Rotator).validateFiles)},
		{do: decide.DoHook, perform: (*Rotator).runHook},
		{do: decide.DoPutBack, perform: (*Rotator).putBack},
		{do: decide.DoDiscard, perform: signedBy((*target).discardingPair, (*Rotator).discardNew)},
		{do: decide.DoDescribe, perform: signedByNew((*Rotator).describeKey), leaveOut: (*Rotator).leaveUndescribed},
		{do: decide.DoCheckUse, perform: signedByNew((*Rotator).checkUse)},
		{do: decide.DoDeactivate, perform: signedByNew((*Rotator).deactivateOld)},
		{do: decide.DoRevive, perform: signedByNew((*Rotator).reviveOld)},
		{do: decide.DoDelete, perform: signedByNew((*Rotator).deleteOld)},
		{do: decide.DoDropHelper, perform: (*Rotator).dropHelper},
	}
}

// signedBy returns a step whose calls to AWS are signed with one pair of the
// target. The step gets a client of its own.
func signedBy(pair func(*target) credfile.Key, perform func(*Rotator, context.Context, *target, *iam.Client) error) func(*Rotator, context.Context, *target) error {
	return func(d *Rotator, ctx context.Context, t *target) error {
		return d.withClient(t, pair(t), func(client *iam.Client) error { return perform(d, ctx, t, client) })
	}
}

// runAction performs the action that was decided. Unless the action is
// interruptible, its effects at AWS and on files run to their end even when ctx is
// cancelled meanwhile. An action that has to wait returns errNotYet.
func (d *Rotator) runAction(ctx context.Context, t *target, decision decide.Decision) error {
	steps := allSteps()
	i := slices.IndexFunc(steps, func(s step) bool { return s.do == decision.Do })
	if i < 0 {
		return fmt.Errorf("daemon: no action %q", decision.Do)
	}
	action := decide.ActionOf(decision.Do)
	if !action.Interruptible {
		ctx = context.WithoutCancel(ctx)
	}
	t.decision = decision
	t.progress.beginAction(decision.Do, d.Now())
	err := steps[i].perform(d, ctx, t)
	if errors.Is(err, errNotYet) {
		return err
	}
	if d.endsSession(t, err) {
		t.progress.endAction()
		return errSessionOver
	}
	t.progress.endAction()
	err = d.explainFailure(ctx, t, decision.Do, err)
	d.keepEvidence(t, decision.Do)
	if action.Optional && !isInterrupted(ctx, err) && t.failsAgain(action.Do, err) {
		return steps[i].leaveOut(d, t, err)
	}
	return err
}

// failsAgain reports whether err is the second failure in a row in which AWS, or
// something on the way to it, failed the action. Failures without a network do not
// count: nothing else could be done then either.
func (t *target) failsAgain(do decide.Do, err error) bool {
	before := t.facts.Failure
	return isType[*iam.Error](err) && !isOffline(err) && before != nil && before.Do == do && !before.Offline
}
