package rotate

import (
	"context"
	"fmt"

	"keyd/daemon/decide"
)

// runAction performs one action. Effects at AWS and on files run to their end
// even when ctx is cancelled meanwhile; only waiting is cut short.
func (d *Rotator) runAction(ctx context.Context, t *target, decision decide.Decision) error {
	effect := context.WithoutCancel(ctx)
	//exhaustive:enforce
	switch decision.Do {
	case decide.DoWait, decide.DoBlock, decide.DoSkip: // these end a pass and are never performed
	case decide.DoLook:
		return d.lookAtKeys(ctx, t)
	case decide.DoPreflight:
		return d.runPreflight(ctx, t)
	case decide.DoPrune:
		return d.pruneSecond(effect, t, t.facts.Seen.FindOther(t.facts.ID).ID)
	case decide.DoCreate:
		return d.createKey(effect, t, decision)
	case decide.DoReconcile:
		return d.reconcileCreate(ctx, t)
	case decide.DoDropOrphan:
		return d.dropOrphan(ctx, t)
	case decide.DoProve:
		return d.proveKey(ctx, t)
	case decide.DoMend:
		return d.mendTorn(effect, t)
	case decide.DoSwap:
		return d.swapFiles(effect, t)
	case decide.DoValidate:
		return d.validateFiles(ctx, t)
	case decide.DoPutBack:
		return d.putBack(effect, t)
	case decide.DoDiscard:
		return d.discardNew(effect, t)
	case decide.DoDescribe:
		return d.describeKey(effect, t)
	case decide.DoCheckUse:
		return d.checkUse(ctx, t)
	case decide.DoDeactivate:
		return d.deactivateOld(effect, t)
	case decide.DoRevive:
		return d.reviveOld(effect, t)
	case decide.DoDelete:
		return d.deleteOld(effect, t)
	}
	return fmt.Errorf("daemon: no action %q", decision.Do)
}
