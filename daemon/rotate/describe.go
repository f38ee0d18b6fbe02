package rotate

import (
	"context"
	"errors"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/state"
)

// describeKey sets the new key's text in the console's description column.
// Nothing depends on it. A refusal is remembered for this rotation and does not
// count as a failure.
func (d *Rotator) describeKey(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	err := d.tagNew(ctx, t, client)
	if class := iam.ClassOf(err); err != nil && class != iam.Denied && class != iam.Quota && class != iam.Invalid {
		return err
	}
	r.Described = true
	return d.JournalDir().Save(r)
}

// leaveUndescribed records that the new key gets no text in the console.
func (d *Rotator) leaveUndescribed(t *target, err error) error {
	r := t.facts.Rotation
	d.emit(t, decide.DoDescribe, VerbNotDescribed, r.New.String()+" has no tag for the console: "+err.Error())
	r.Described = true
	return d.JournalDir().Save(r)
}

// anchorHistory renews the description of the new key when the rotation is over, so that
// AWS has a hash of the history that vouches for the deletion. Nothing depends on it: the
// next rotation does it again.
func (d *Rotator) anchorHistory(ctx context.Context, t *target, client *iam.Client) {
	if err := d.tagNew(ctx, t, client); err != nil {
		d.Log.Debug("the history has no new hash at AWS", "why", err.Error())
		return
	}
	d.keepEvidence(t, decide.DoDescribe)
}

// tagNew writes the description of the new key.
func (d *Rotator) tagNew(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	head, err := d.historyLog().Head()
	if err != nil && !errors.Is(err, state.ErrNoChain) { // the description is worth something without it
		d.Log.Warn("history", "why", err.Error())
	}
	if err := client.DescribeKey(ctx, r.User, r.New.ID, d.keyDescription(r.Created, head)); err != nil {
		return err
	}
	t.noteAnchor(head)
	return nil
}

// keyDescription returns the text for the console's description column: which machine, and
// which installation of keyd on it, made the key and when, and the hash of the history so
// far. "" is no hash. AWS's trail of calls thereby has a hash that nobody on this machine can
// change.
func (d *Rotator) keyDescription(made time.Time, head string) string {
	id, _ := d.installationID()
	return state.Description{Host: d.hostName(), Installation: id, Made: made, Anchor: head}.String()
}
