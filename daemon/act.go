package daemon

import (
	"context"
	"fmt"
)

// runAction performs one action. Effects at AWS and on files run to their end
// even when ctx is cancelled meanwhile; only waiting is cut short.
func (d *Daemon) act(ctx context.Context, u *unit, decision Decision) error {
	effect := context.WithoutCancel(ctx)
	//exhaustive:enforce
	switch decision.Do {
	case Wait, Blocked, Skip: // these end a pass and are never performed
	case Look:
		return d.look(ctx, u)
	case Preflight:
		return d.preflight(ctx, u)
	case Prune:
		return d.prune(effect, u, u.facts.Seen.Other(u.facts.ID).ID)
	case Create:
		return d.create(effect, u, decision)
	case Reconcile:
		return d.reconcile(ctx, u)
	case DropOrphan:
		return d.dropOrphan(ctx, u)
	case Prove:
		return d.prove(ctx, u)
	case Mend:
		return d.mend(effect, u)
	case Swap:
		return d.swap(effect, u)
	case Validate:
		return d.validate(ctx, u)
	case PutBack:
		return d.putBack(effect, u)
	case Discard:
		return d.discard(effect, u)
	case Describe:
		return d.describe(effect, u)
	case CheckUse:
		return d.checkUse(ctx, u)
	case Deactivate:
		return d.deactivate(effect, u)
	case Revive:
		return d.revive(effect, u)
	case Delete:
		return d.delete(effect, u)
	}
	return fmt.Errorf("daemon: no action %q", decision.Do)
}
