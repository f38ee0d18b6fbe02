package daemon

import (
	"context"
	"fmt"
)

// runAction performs one action. Effects at AWS and on files run to their end
// even when ctx is cancelled meanwhile; only waiting is cut short.
func (d *Rotator) runAction(ctx context.Context, t *target, decision Decision) error {
	effect := context.WithoutCancel(ctx)
	//exhaustive:enforce
	switch decision.Do {
	case DoWait, DoBlock, DoSkip: // these end a pass and are never performed
	case DoLook:
		return d.lookAtKeys(ctx, t)
	case DoPreflight:
		return d.runPreflight(ctx, t)
	case DoPrune:
		return d.pruneSecond(effect, t, t.facts.Seen.FindOther(t.facts.ID).ID)
	case DoCreate:
		return d.createKey(effect, t, decision)
	case DoReconcile:
		return d.reconcileCreate(ctx, t)
	case DoDropOrphan:
		return d.dropOrphan(ctx, t)
	case DoProve:
		return d.proveKey(ctx, t)
	case DoMend:
		return d.mendTorn(effect, t)
	case DoSwap:
		return d.swapFiles(effect, t)
	case DoValidate:
		return d.validateFiles(ctx, t)
	case DoPutBack:
		return d.putBack(effect, t)
	case DoDiscard:
		return d.discardNew(effect, t)
	case DoDescribe:
		return d.describeKey(effect, t)
	case DoCheckUse:
		return d.checkUse(ctx, t)
	case DoDeactivate:
		return d.deactivateOld(effect, t)
	case DoRevive:
		return d.reviveOld(effect, t)
	case DoDelete:
		return d.deleteOld(effect, t)
	}
	return fmt.Errorf("daemon: no action %q", decision.Do)
}
