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
func (d *Daemon) preflight(ctx context.Context, u *unit) error {
	effect := context.WithoutCancel(ctx)
	if err := d.Store.Check(effect, u.key); err != nil {
		return err
	}
	if err := d.journal().Writable(); err != nil {
		return err
	}
	open, closed, who, err := d.control(ctx, u, Preflight, u.site.Regions)
	switch {
	case err != nil:
		return err
	case len(open) == 0:
		return notAccepted(u)
	}
	u.regions, u.closed = open, closed
	user := u.user()
	if err := d.adopt(u, who); err != nil {
		return err
	}
	if u.user() != user { // the user has another name and perhaps other keys: look again first
		return nil
	}
	client, err := d.client(u, u.key)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.SetStatus(effect, u.facts.Seen.User, u.facts.ID, iam.Active); err != nil {
		return err
	}
	u.facts.Ready = true
	return nil
}

// createKey journals the intent, sends CreateAccessKey once, and journals the
// pair before anything else happens. After an ambiguous answer the journal
// stays, and reconcileCreate finds out what happened.
func (d *Daemon) create(ctx context.Context, u *unit, decision Decision) error {
	client, err := d.client(u, u.key)
	if err != nil {
		return err
	}
	defer client.Close()
	r := d.intent(u)
	if err := d.journal().Save(r); err != nil {
		return err
	}
	u.facts.Rotation, u.facts.Shows = r, Shows{Old: len(u.holders)}
	d.tell(u, Create, "begin", fmt.Sprintf("%s, rotating (user %s, account %s)", decision.Why, r.User, r.Account))
	created, err := client.CreateKey(ctx, r.User)
	switch {
	case err == nil:
		return d.keep(ctx, u, client, created)
	case iam.ClassOf(err) == iam.Ambiguous:
		r.Answered = d.Now().UTC()
		return cmp.Or(d.journal().Save(r), err)
	}
	u.facts.Rotation = nil
	return cmp.Or(d.journal().Erase(r.Old.ID), err)
}

// makeIntent returns the journal of a rotation that is about to create its key.
func (d *Daemon) intent(u *unit) *Rotation {
	seen := u.facts.Seen
	r := &Rotation{
		Old: credfile.Key{ID: u.facts.ID}, Account: seen.Account, User: seen.User, ARN: seen.ARN, UserID: seen.UserID,
		Regions: u.regions, Closed: u.closed, Site: u.site,
		RetireNow: u.facts.Ask.RetireNow, Sent: d.Now().UTC(), Offset: seen.Offset,
	}
	for _, p := range u.holders {
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
func (d *Daemon) keep(ctx context.Context, u *unit, client *iam.Client, created iam.Created) error {
	r := u.facts.Rotation
	r.New, r.Created = created.Key, d.Now().UTC()
	if err := d.journal().Save(r); err != nil {
		r.New = credfile.Key{}
		if dropErr := client.DeleteKey(ctx, r.User, created.Key.ID); dropErr != nil {
			return fmt.Errorf("%w; %s exists at AWS and its secret is lost: the next pass deletes it", err, created.Key)
		}
		_ = d.journal().Erase(r.Old.ID) // if this fails, the next pass finds that no key was created
		return fmt.Errorf("%w; the new key was deleted again, and the files are unchanged", err)
	}
	d.record(u, "created", r.New.ID, "")
	d.tell(u, Create, "created", r.New.String())
	return nil
}
