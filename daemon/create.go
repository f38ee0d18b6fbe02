package daemon

import (
	"cmp"
	"context"
	"fmt"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// runPreflight refuses whatever can be refused before a key exists: the edit,
// the file, the state folder, an endpoint where no key could be proven, and a
// missing permission to deactivate. The permission is tested by an
// UpdateAccessKey of the old key to Active, which changes nothing.
func (d *Daemon) preflight(ctx context.Context, t *unit) error {
	effect := context.WithoutCancel(ctx)
	if err := d.Store.Check(effect, t.key); err != nil {
		return err
	}
	if err := d.journal().Writable(); err != nil {
		return err
	}
	open, closed, who, err := d.control(ctx, t, Preflight, t.site.Regions)
	switch {
	case err != nil:
		return err
	case len(open) == 0:
		return notAccepted(t)
	}
	t.regions, t.closed = open, closed
	user := t.user()
	if err := d.adopt(t, who); err != nil {
		return err
	}
	if t.user() != user { // the user has another name and perhaps other keys: look again first
		return nil
	}
	client, err := d.client(t, t.key)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.SetStatus(effect, t.facts.Seen.User, t.facts.ID, iam.Active); err != nil {
		return err
	}
	t.facts.Ready = true
	return nil
}

// createKey journals the intent, sends CreateAccessKey once, and journals the
// pair before anything else happens. After an ambiguous answer the journal
// stays, and reconcileCreate finds out what happened.
func (d *Daemon) create(ctx context.Context, t *unit, decision Decision) error {
	client, err := d.client(t, t.key)
	if err != nil {
		return err
	}
	defer client.Close()
	r := d.intent(t)
	if err := d.journal().Save(r); err != nil {
		return err
	}
	t.facts.Rotation, t.facts.Shows = r, Shows{Old: len(t.holders)}
	d.tell(t, Create, "begin", fmt.Sprintf("%s, rotating (user %s, account %s)", decision.Why, r.User, r.Account))
	created, err := client.CreateKey(ctx, r.User)
	switch {
	case err == nil:
		return d.keep(ctx, t, client, created)
	case iam.ClassOf(err) == iam.Ambiguous:
		r.Answered = d.Now().UTC()
		return cmp.Or(d.journal().Save(r), err)
	}
	t.facts.Rotation = nil
	return cmp.Or(d.journal().Erase(r.Old.ID), err)
}

// makeIntent returns the journal of a rotation that is about to create its key.
func (d *Daemon) intent(t *unit) *Rotation {
	seen := t.facts.Seen
	r := &Rotation{
		Old: credfile.Key{ID: t.facts.ID}, Account: seen.Account, User: seen.User, ARN: seen.ARN, UserID: seen.UserID,
		Regions: t.regions, Closed: t.closed, Site: t.site,
		RetireNow: t.facts.Ask.RetireNow, Sent: d.Now().UTC(), Offset: seen.Offset,
	}
	for _, p := range t.holders {
		r.Places = append(r.Places, Place{Path: p.Path, Section: p.Section, Profile: p.Name})
	}
	for _, k := range seen.Keys {
		r.Before = append(r.Before, k.ID)
	}
	return r
}

// journalPair journals the new pair. If that fails, the secret exists only in
// memory, so the key is deleted at once. If the deletion fails as well, the
// intent on disk lets the next pass find the key.
func (d *Daemon) keep(ctx context.Context, t *unit, client *iam.Client, created iam.Created) error {
	r := t.facts.Rotation
	r.New, r.Created = created.Key, d.Now().UTC()
	if err := d.journal().Save(r); err != nil {
		r.New = credfile.Key{}
		if dropErr := client.DeleteKey(ctx, r.User, created.Key.ID); dropErr != nil {
			return fmt.Errorf("%w; %s exists at AWS and its secret is lost: the next pass deletes it", err, created.Key)
		}
		_ = d.journal().Erase(r.Old.ID) // if this fails, the next pass finds that no key was created
		return fmt.Errorf("%w; the new key was deleted again, and the files are unchanged", err)
	}
	d.record(t, "created", r.New.ID, "")
	d.tell(t, Create, "created", r.New.String())
	return nil
}
