package daemon

import (
	"context"
	"fmt"
)

// runAction performs one action. Effects at AWS and on files run to their end
// even when ctx is cancelled meanwhile; only waiting is cut short.
func (d *Daemon) act(ctx context.Context, t *unit, decision Decision) error {
	effect := context.WithoutCancel(ctx)
	//exhaustive:enforce
	switch decision.Do {
	case Wait, Blocked, Skip: // these end a pass and are never performed
	case Look:
		return d.look(ctx, t)
	case Preflight:
		return d.preflight(ctx, t)
	case Prune:
		return d.prune(effect, t, t.facts.Seen.Other(t.facts.ID).ID)
	case Create:
		return d.create(effect, t, decision)
	case Reconcile:
		return d.reconcile(ctx, t)
	case DropOrphan:
		return d.dropOrphan(ctx, t)
	case Prove:
		return d.prove(ctx, t)
	case Mend:
		return d.mend(effect, t)
	case Swap:
		return d.swap(effect, t)
	case Validate:
		return d.validate(ctx, t)
	case PutBack:
		return d.putBack(effect, t)
	case Discard:
		return d.discard(effect, t)
	case Describe:
		return d.describe(effect, t)
	case CheckUse:
		return d.checkUse(ctx, t)
	case Deactivate:
		return d.deactivate(effect, t)
	case Revive:
		return d.revive(effect, t)
	case Delete:
		return d.delete(effect, t)
	}
	return fmt.Errorf("daemon: no action %q", decision.Do)
}
