package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// act does one action. Effects at AWS and on files run to their end even when
// ctx is cancelled meanwhile: only waiting is cut short.
func (d *Daemon) act(ctx context.Context, u *unit, decision Decision) error {
	effect := context.WithoutCancel(ctx)
	//exhaustive:enforce
	switch decision.Do {
	case Wait, Blocked, Skip: // end a pass
	case Look:
		return d.look(ctx, u)
	case Preflight:
		return d.preflight(effect, u)
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

// preflight refuses what can be refused before a key exists: the edit, the
// file, the state folder, and the permission to deactivate. UpdateAccessKey of
// the old key to Active changes nothing and needs the same permission.
func (d *Daemon) preflight(ctx context.Context, u *unit) error {
	if err := d.Store.Check(ctx, u.key); err != nil {
		return err
	}
	if err := d.journal().Writable(); err != nil {
		return err
	}
	client, err := d.client(u, u.key)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.SetStatus(ctx, u.facts.Seen.User, u.facts.ID, iam.Active); err != nil {
		return err
	}
	u.facts.Ready = true
	return nil
}

// create journals the intent, sends CreateAccessKey once, and journals the
// pair before anything else happens. An answer that leaves doubt keeps the
// journal: reconcile finds out.
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

func (d *Daemon) intent(u *unit) *Rotation {
	seen := u.facts.Seen
	r := &Rotation{
		Old: credfile.Key{ID: u.facts.ID}, Account: seen.Account, User: seen.User, ARN: seen.ARN,
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

// keep journals the new pair. When that fails the secret is in memory only, so
// the key is deleted at once; should that fail too, the intent on disk lets the
// next pass find it.
func (d *Daemon) keep(ctx context.Context, u *unit, client *iam.Client, created iam.Created) error {
	r := u.facts.Rotation
	r.New, r.Created = created.Key, d.Now().UTC()
	if err := d.journal().Save(r); err != nil {
		r.New = credfile.Key{}
		if dropErr := client.DeleteKey(ctx, r.User, created.Key.ID); dropErr != nil {
			return fmt.Errorf("%w; %s exists at AWS and nobody has its secret: the next pass deletes it", err, created.Key)
		}
		_ = d.journal().Erase(r.Old.ID) // else the next pass finds that the call had no effect
		return fmt.Errorf("%w; the new key was deleted again, the files are as they were", err)
	}
	d.record(u, "created", r.New.ID, "")
	d.tell(u, Create, "created", r.New.String())
	return nil
}

// mend makes the new pair of what a write in place that was cut off has left
// half old, half new. Nothing is asked of AWS first: nobody accepts the halves,
// the new pair was proven before it was written, and what is on disk is validated
// afterwards. A place that shows the old pair as a whole is left to swap.
func (d *Daemon) mend(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	mended, err := d.Store.Mend(ctx, r.Old, r.New)
	if err != nil {
		return fmt.Errorf("%w; until it can be written a file shows half of %s and half of %s", err, r.Old, r.New)
	}
	r.Swapped = d.Now().UTC()
	if err := d.journal().Save(r); err != nil {
		return err
	}
	text := fmt.Sprintf("%s (%d values half of %s and half of %s), every other byte as it was", strings.Join(mended.Files, ", "), mended.Values, r.Old, r.New)
	d.record(u, "mended", r.New.ID, text)
	d.tell(u, Mend, "mended", text)
	return nil
}

// swap replaces the old pair in every file that shows it. The old pair stays
// in the journal until the new one is validated, so that it can be put back, and
// a write that is cut off can be mended.
func (d *Daemon) swap(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	mend := !r.Validated.IsZero()
	if mend {
		r.Mending = d.Now().UTC()
	}
	r.Old.Secret = u.key.Secret
	if err := d.journal().Save(r); err != nil {
		return err
	}
	put, left := d.Store.Swap, fmt.Sprintf("the files show %s as before", r.Old)
	if mend { // the old key may be Inactive by now
		put, left = d.Store.Restore, fmt.Sprintf("where it could not be written a file still shows %s", r.Old)
	}
	swapped, err := put(ctx, u.key, r.New)
	if err != nil {
		return fmt.Errorf("%w; %s, and %s is kept for the next pass", err, left, r.New)
	}
	r.Swapped = d.Now().UTC()
	if err := d.journal().Save(r); err != nil {
		return err
	}
	verb := "swapped"
	if mend {
		verb = "mended"
	}
	text := fmt.Sprintf("%s (%d values in %s), every other byte as it was", strings.Join(swapped.Files, ", "), swapped.Values, count(len(swapped.Profiles), "profile"))
	d.record(u, verb, r.New.ID, text)
	d.tell(u, Swap, verb, text)
	return nil
}

// validateTries is how often a refusal of the pair on disk is asked again: it
// was accepted everywhere a moment ago, and reads are not monotonic.
const validateTries = 15

// validate reads the pair back from disk on a path of its own, and asks AWS
// with those bytes.
func (d *Daemon) validate(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	for _, p := range u.holders {
		if err := d.Store.Sync(ctx, p); err != nil {
			return err
		}
		onDisk, err := d.Store.ReadBack(ctx, p)
		if err != nil {
			return err
		}
		if onDisk.ID != r.New.ID || !onDisk.Secret.Equal(r.New.Secret) {
			return d.invalid(u, nil, fmt.Sprintf("%s does not read back as the pair that was written", p.Path))
		}
	}
	client, err := d.client(u, r.New)
	if err != nil {
		return err
	}
	defer client.Close()
	who, err := retried(ctx, validateTries, func() (iam.Identity, error) { return client.CallerIdentity(ctx, u.site.Regions[0]) })
	switch class := iam.ClassOf(err); {
	case class == iam.BadKey || class == iam.BadSecret:
		return d.invalid(u, err, "AWS refuses the pair that is on disk ("+err.Error()+")")
	case err != nil:
		return err
	case who.ARN != r.ARN || who.Account != r.Account:
		return d.invalid(u, nil, fmt.Sprintf("the pair on disk is %s, not %s", who.ARN, r.ARN))
	}
	r.validated(d.Now().UTC())
	if d.flaw != oldDeactivates {
		r.Old.Secret = credfile.Secret{}
	}
	if err := d.journal().Save(r); err != nil {
		return err
	}
	u.facts.Seen = staleSeen(u.facts.Seen) // it was before
	d.record(u, "validated", r.New.ID, who.ARN)
	d.tell(u, Validate, "validated", who.ARN+", from the file")
	if d.flaw == eraseEarly {
		return d.closeRotation(u)
	}
	return nil
}

// validated notes that the files show the new pair, durably. The overlap begins
// with the first time.
func (r *Rotation) validated(now time.Time) {
	if r.Swapped.IsZero() || r.Swapped.Before(r.Mending) { // killed between the write and the journal
		r.Swapped = now
	}
	if r.Validated.IsZero() {
		r.Validated = now
	}
	r.Mending = time.Time{}
}

// invalid is what is on disk and does not hold. A key that was validated before
// is not given up for it: the old one may be Inactive by now.
func (d *Daemon) invalid(u *unit, err error, why string) error {
	r := u.facts.Rotation
	if r.Validated.IsZero() {
		return d.fail(u, why)
	}
	return &needPersonError{text: fmt.Sprintf("%s: %s is left as it is", why, r.Old), run: "aws iam list-access-keys --profile " + r.Profiles()[0], err: err}
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

// retried repeats a call that the key's slow spreading can refuse, a second apart.
func retried[T any](ctx context.Context, tries int, call func() (T, error)) (T, error) {
	for {
		value, err := call()
		tries--
		if iam.ClassOf(err) != iam.BadKey || err == nil || tries <= 0 {
			return value, err
		}
		if err := pause(ctx, time.Second); err != nil {
			return value, err
		}
	}
}

// pause waits, or returns the cause for which ctx ended.
func pause(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func count(n int, what string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func contains(keys []iam.KeyInfo, id string) *iam.KeyInfo {
	i := slices.IndexFunc(keys, func(k iam.KeyInfo) bool { return k.ID == id })
	if i < 0 {
		return nil
	}
	return &keys[i]
}
