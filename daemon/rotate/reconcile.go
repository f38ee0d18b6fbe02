package rotate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/iam"
)

const (
	// equalAnswers and equalDuration say how many equal lists, over how long, are
	// believed.
	equalAnswers  = 3
	equalDuration = 30 * time.Second
	// A key counts as the effect of the lost call when AWS created it at most
	// orphanEarly before the call and orphanWindow after its end, give or take the
	// uncertainty of the server's clock. AWS stamps whole seconds when it accepts the
	// request.
	orphanEarly  = 2 * time.Second
	orphanWindow = decide.ReconcileAfter
)

// reconcileCreate finds out what a CreateAccessKey whose answer was lost has
// done. A single list proves nothing, because lists lag: three equal ones over
// half a minute must agree.
func (d *Rotator) reconcileCreate(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	if early := r.CreateDeadline().Add(decide.ReconcileAfter).Sub(d.Now()); early > 0 && t.progress.wait.steps == 1 { // once: the journal may be from the future
		d.emitProgress(t, decide.DoReconcile, VerbReconcile, "the answer to CreateAccessKey was lost; waiting until the call can no longer take effect", d.Now(), early+equalDuration)
		return d.continueIn(t, min(early, decide.ReconcileAfter))
	}
	keys, err := d.listUntilSteady(ctx, t, client)
	if err != nil {
		return err
	}
	return d.judgeKeys(context.WithoutCancel(ctx), t, client, keys)
}

// steadyListing counts the lists that are equal.
type steadyListing struct {
	ids   string    // the ids of the last list
	since time.Time // when the first list with these ids came
	equal int       // how many lists in a row have these ids
}

// listUntilSteady lists once, and continues later until the answer has not changed
// for half a minute.
func (d *Rotator) listUntilSteady(ctx context.Context, t *target, client *iam.Client) ([]iam.KeyInfo, error) {
	listing, err := client.ListKeys(ctx, t.facts.Rotation.User)
	if err != nil {
		return nil, err
	}
	if t.pair.ID == t.facts.Rotation.Old.ID && findKey(listing.Keys, t.pair.ID) == nil {
		return nil, errListNotWhole
	}
	s := &t.progress.wait.steady
	if ids := joinIDs(listing.Keys); ids != s.ids || s.equal == 0 {
		*s = steadyListing{ids: ids, since: d.Now()}
	}
	if s.equal++; s.equal >= equalAnswers && d.Now().Sub(s.since) >= equalDuration {
		return listing.Keys, nil
	}
	d.emitProgress(t, decide.DoReconcile, VerbReconcile, fmt.Sprintf("the same answer %d times in a row", s.equal), s.since, equalDuration)
	return nil, d.continueIn(t, equalDuration/6)
}

// joinIDs returns the ids of keys in a fixed order, for comparison.
func joinIDs(keys []iam.KeyInfo) string {
	var ids []string
	for _, k := range keys {
		ids = append(ids, k.ID)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}
