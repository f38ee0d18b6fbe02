package daemon

import (
	"context"
	"fmt"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// putBack shows the old pair in the files again, because the new one failed.
func (d *Daemon) putBack(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	if r.Old.Secret.IsZero() {
		return &needPersonError{text: fmt.Sprintf("%s; the secret of %s is no longer known here", r.Failed, r.Old), run: AsProfile("aws configure", r.Profiles()[0])}
	}
	if err := d.worthIt(ctx, u); err != nil {
		return err
	}
	restored, err := d.Store.Restore(ctx, r.New, r.Old)
	d.tellKept(u, PutBack, restored)
	if err != nil {
		return err
	}
	d.record(u, "put back", r.Old.ID, r.Failed)
	d.tell(u, PutBack, "put back", fmt.Sprintf("%s (%s)", r.Old, r.Failed))
	return nil
}

// worthIt refuses to put the old pair back in place of one that works, unless
// it works too. Where the new one is refused there is nothing to lose, and the
// old one signs nothing.
func (d *Daemon) worthIt(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	ask := func(key credfile.Key) error {
		client, err := d.client(u, key)
		if err != nil {
			return err
		}
		defer client.Close()
		_, err = u.identity(ctx, client)
		return err
	}
	err := ask(r.New)
	if class := iam.ClassOf(err); err != nil && (class == iam.BadKey || class == iam.BadSecret) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := ask(r.Old); err != nil {
		return fmt.Errorf("%s; %s is not put back: %w", r.Failed, r.Old, err)
	}
	return nil
}

// discard deletes the new key, which no file shows, and ends the rotation. That
// no file shows it must survive a power failure first: the process that put the
// old pair back may have been killed before its last step.
func (d *Daemon) discard(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	signer := u.key
	if signer.IsZero() || u.facts.Shows.Old == 0 {
		signer = r.New
	}
	client, err := d.client(u, signer)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, p := range u.holders {
		if err := d.Store.Sync(ctx, p); err != nil {
			return err
		}
	}
	k, err := d.ours(ctx, u, client, r.New.ID, iam.Active)
	switch refused := signer == r.New && iam.ClassOf(err) == iam.BadKey; {
	case refused && d.Now().Sub(r.Created) < proveHard: // it may only be too young
		return &gaveUpError{text: fmt.Sprintf("%s; AWS does not know %s yet, or no longer", r.Failed, r.New)}
	case refused: // deleted, or Inactive: nobody can ask, and nobody can use it
	case err != nil:
		return err
	case k != nil && !d.inWindow(r, *k):
		return &needPersonError{text: fmt.Sprintf("%s; %s was not created by this rotation: it is left as it is", r.Failed, r.New), run: "aws iam list-access-keys"}
	case k != nil:
		if err := client.DeleteKey(ctx, r.User, r.New.ID); err != nil && iam.ClassOf(err) != iam.NoSuch {
			return err
		}
	}
	d.record(u, "deleted", r.New.ID, r.Failed)
	d.tell(u, Discard, "deleted", r.New.String()+" again: "+r.Failed)
	why := r.Failed
	if err := d.closeRotation(u); err != nil {
		return err
	}
	if u.facts.Shows.Old == 0 { // a person gave it up: nothing failed, and nothing is left to rotate
		u.facts.Skip = why
		return nil
	}
	again := &Trouble{Do: Discard, Count: longWait}
	if before := u.facts.Trouble; before != nil && before.Do == Discard {
		again.At, again.Lasted = before.At, before.Lasted
	}
	u.facts.Trouble = again
	return &gaveUpError{text: why + "; the files show " + short(u.facts.ID) + " as before"}
}

// fail gives the new key up; Next then puts the old pair back and deletes it.
func (d *Daemon) fail(u *unit, why string) error {
	r := u.facts.Rotation
	r.Failed = why
	if err := d.journal().Save(r); err != nil {
		return err
	}
	d.record(u, "gave up", r.New.ID, why)
	d.tell(u, Validate, "gave up", why)
	return nil
}
