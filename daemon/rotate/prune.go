package rotate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// PruneCandidate is a second key of a profile's user, as shown to a person
// before it is pruned.
type PruneCandidate struct {
	Profile, KeyID, User string
	Active               bool
	Created              time.Time
	LastUse              *remote.Use // nil: unknown
	Suspect              bool        // a rotation waits until a person says that no one needs the key
}

// FindSecondKey returns the key of the same user that is not the profile's own.
// id may name it, or be empty if there is only one. A key that a profile shows
// is never returned. While a rotation is in progress, a key is returned only if
// keyd cannot tell whose it is and id names it.
func (d *Rotator) FindSecondKey(ctx context.Context, profile, id string) (PruneCandidate, error) {
	w, t, unlock, err := d.openPruneTarget(ctx, profile, id)
	if err != nil {
		return PruneCandidate{}, err
	}
	defer unlock()
	if err := d.lookBeforePrune(ctx, t, profile); err != nil {
		return PruneCandidate{}, err
	}
	if id, err = t.wholeID(id); err != nil {
		return PruneCandidate{}, err
	}
	other := t.facts.Seen.FindOther(t.facts.ID)
	if id != "" {
		other = t.facts.Seen.FindKey(id)
	}
	switch {
	case other == nil && id != "":
		return PruneCandidate{}, &hintError{fmt.Sprintf("%s is not a key of user %s", id, t.facts.Seen.User),
			"list the keys of the user: " + hint.AWSCommand("aws iam list-access-keys", profile)}
	case other == nil:
		return PruneCandidate{}, &hintError{fmt.Sprintf("user %s has no second key", t.facts.Seen.User), hint.Command("keyd status", profile)}
	}
	if err := cmp.Or(w.checkNotShown(d.Settings, other.ID), d.checkNotAnothers(t, other)); err != nil {
		return PruneCandidate{}, err
	}
	return PruneCandidate{profile, other.ID, t.facts.Seen.User, other.Active, other.Created, other.LastUse, t.facts.Rotation != nil}, nil
}

// Prune deletes p if it is Inactive. An Active key is only made Inactive, which
// can be undone; deleting it takes a second call. Prune fails, and does
// nothing, if the key is no longer as p describes it.
func (d *Rotator) Prune(ctx context.Context, p PruneCandidate) error {
	w, t, unlock, err := d.openPruneTarget(ctx, p.Profile, p.KeyID)
	if err != nil {
		return err
	}
	defer unlock()
	if err := d.lookBeforePrune(ctx, t, p.Profile); err != nil {
		return err
	}
	key := t.facts.Seen.FindKey(p.KeyID)
	if key == nil || key.Active != p.Active || w.checkNotShown(d.Settings, p.KeyID) != nil {
		return &hintError{fmt.Sprintf("%s has changed in the meantime: nothing was done", credfile.Short(p.KeyID)), "look at it again: " + hint.Command("keyd prune", p.Profile)}
	}
	if err := d.checkNotAnothers(t, key); err != nil {
		return err
	}
	if r := t.facts.Rotation; r != nil && !p.Active { // saved first: a crash in between costs one more look at most
		r.ResetReconcile()
		if err := d.JournalDir().Save(r); err != nil {
			return err
		}
	}
	if err := d.withClient(t, t.pair, func(client *iam.Client) error {
		if p.Active {
			return d.deactivateSecond(ctx, t, client, p)
		}
		return d.pruneSecond(ctx, t, client, p.KeyID)
	}); err != nil {
		return err
	}
	return d.forgetListing(t, p)
}

// wholeID returns the id of the user's key that typed stands for: it may be the short
// form, which is what keyd prints. It returns what was typed if no key has it.
func (t *target) wholeID(typed string) (string, error) {
	known := []string{t.facts.ID}
	if seen := t.facts.Seen; seen != nil {
		for _, k := range seen.Keys {
			known = append(known, k.ID)
		}
	}
	if r := t.facts.Rotation; r != nil {
		known = append(append(known, r.New.ID, r.OrphanID), r.Suspects...)
	}
	switch found := credfile.MatchIDs(typed, known); len(found) {
	case 0:
		return typed, nil
	case 1:
		return found[0], nil
	default:
		return "", &AmbiguousIDError{typed, found}
	}
}

// openPruneTarget takes the pass lock and returns the target of a profile whose
// user's second key may be pruned, with the function that releases the lock.
func (d *Rotator) openPruneTarget(ctx context.Context, profile, id string) (*world, *target, func(), error) {
	w, leave, err := d.openWorld(ctx, decide.Options{Manual: true}, []string{profile}, passLockWait, true)
	if err != nil {
		return nil, nil, nil, err
	}
	t := cmp.Or(w.findTarget(profile, func(t *target) bool { return t.facts.RotationErr == nil }),
		w.findTarget(profile, func(*target) bool { return true }))
	id, err = t.wholeID(id)
	if err := cmp.Or(err, d.checkPrunable(t, profile, id), d.checkNotExcluded(t, profile)); err != nil {
		leave()
		return nil, nil, nil, err
	}
	return w, t, leave, nil
}

// lookBeforePrune asks AWS for the user's keys. It then checks again whether
// the account is excluded, since not every key id reveals its account.
func (d *Rotator) lookBeforePrune(ctx context.Context, t *target, profile string) error {
	if err := d.runToEnd(ctx, t, decide.Decision{Do: decide.DoLook}); err != nil {
		return err
	}
	if err := d.openSessionFor(ctx, t); err != nil {
		return err
	}
	return d.checkNotExcluded(t, profile)
}

// checkNotExcluded refuses to sign anything with a decoy or with a key of
// never_accounts, as Next does for a pass.
func (d *Rotator) checkNotExcluded(t *target, profile string) error {
	if why := decide.NeverSignReason(t.facts.ID, t.facts.KnownAccount(), d.Settings); why != "" {
		return fmt.Errorf("%s: %s", profile, why)
	}
	return nil
}

// checkPrunable refuses while a rotation is in progress, unless the rotation is
// stuck because keyd cannot tell whose the key with this id is.
func (d *Rotator) checkPrunable(t *target, profile, id string) error {
	switch r := t.facts.Rotation; {
	case id == t.facts.ID:
		return errPruneUsed(d.Settings, id, profile)
	case t.facts.RotationErr != nil:
		return t.facts.RotationErr
	case t.facts.SkipReason != "":
		return &hintError{fmt.Sprintf("%s: %s", profile, t.facts.SkipReason), hint.Command("keyd status", profile)}
	case t.facts.Unreadable != nil:
		return &needPersonError{text: t.facts.Unreadable.Why, hint: t.facts.Unreadable.Hint}
	case r != nil && r.IsStuck() && !r.Doubts(id):
		return &needPersonError{text: r.StuckReason, hint: decide.SuspectHint(r)}
	case r == nil || r.Doubts(id):
		if t.pair.IsZero() {
			return &hintError{fmt.Sprintf("no file shows %s any more: keyd has no key to ask AWS with", credfile.Short(t.facts.ID)), "put it back into the file, or: " + hint.Command("keyd resume", profile)}
		}
		return nil
	}
	return &needPersonError{text: fmt.Sprintf("%s is being rotated; its keys cannot be pruned until that ends", profile), hint: hint.Command("keyd status", profile)}
}

// errPruneUsed is the error for a key that a profile uses.
func errPruneUsed(s settings.Settings, id, profile string) error {
	text := fmt.Sprintf("%s is the key that %s uses: keyd never prunes it", credfile.Short(id), profile)
	if f := (decide.Facts{ID: id, Profiles: []string{profile}}); decide.ExcludedBy(f, s) != "" {
		return &hintError{text, decide.ExcludedHint("replace or retire it", f, s)}
	}
	return &hintError{text, "replace it: " + hint.Command("keyd rotate --force", profile) + "; or, if nothing needs it, end it: " + hint.Command("keyd retire", profile)}
}

// checkNotAnothers refuses an Active key that another machine may have made in place of
// this machine's: to prune it would lock that machine out. In a rotation whose answer was
// lost, it refuses while AWS cannot yet say whether anyone uses the key.
func (d *Rotator) checkNotAnothers(t *target, key *decide.ListedKey) error {
	r, now := t.facts.Rotation, d.Now()
	switch {
	case !key.Active:
		return nil
	case r != nil && now.Before(r.JudgeAt):
		return &needPersonError{text: fmt.Sprintf("%s may be another machine's: whether anyone uses it is known at %s, and keyd prunes it no sooner", credfile.Short(key.ID), r.JudgeAt.Local().Format("15:04")),
			hint: hint.Command("keyd status", t.facts.Profiles[0])}
	case r != nil || !decide.MayBeAnothers(t.facts, key, now):
		return nil
	}
	return &needPersonError{text: fmt.Sprintf("%s is active, and newer than %s or younger than a day: another machine may have made it to replace that key, and would be locked out; not pruned", credfile.Short(key.ID), credfile.Short(t.facts.ID)),
		hint: fmt.Sprintf("copy profile %[2]s from the machine that shows %[1]s; or, if nothing uses it, make it inactive in the console of IAM, and prune it when nothing has failed", credfile.Short(key.ID), t.facts.Profiles[0])}
}

// checkNotShown refuses a key that a profile shows, and one with a journal that cannot be
// read.
func (w *world) checkNotShown(s settings.Settings, id string) error {
	if err := blockingProblem(w.problems, id); err != nil { // its rotation may be in any phase
		return err
	}
	for _, t := range w.targets {
		if by := t.facts.ShownBy[id]; by != "" {
			return errPruneUsed(s, id, by)
		}
		if slices.ContainsFunc(t.holders, func(p credfile.Profile) bool { return p.Key.ID == id }) {
			return errPruneUsed(s, id, t.facts.Profiles[0])
		}
	}
	return nil
}

// deactivateSecond makes a second key Inactive that a person has named.
func (d *Rotator) deactivateSecond(ctx context.Context, t *target, client *iam.Client, p PruneCandidate) error {
	if err := d.deactivateKey(ctx, t, client, p.User, p.KeyID); err != nil {
		return err
	}
	d.appendHistory(t, VerbDeactivated, p.KeyID, state.PrunedOffNote)
	d.awaitListed(ctx, t, client, func(keys []iam.KeyInfo) bool {
		key := findKey(keys, p.KeyID)
		return key == nil || key.Status != iam.Active
	})
	return nil
}

// pruneInactive deletes the user's second key, which has been Inactive for
// prune_inactive_after.
func (d *Rotator) pruneInactive(ctx context.Context, t *target, client *iam.Client) error {
	return d.pruneSecond(ctx, t, client, t.facts.Seen.FindOther(t.facts.ID).ID)
}

// pruneSecond deletes a second, Inactive key.
func (d *Rotator) pruneSecond(ctx context.Context, t *target, client *iam.Client, id string) error {
	if err := d.deleteKey(ctx, t, client, t.facts.Seen.User, id); err != nil && iam.ClassOf(err) != iam.NoSuch {
		return err
	}
	t.outdateSeen()
	d.awaitListed(ctx, t, client, func(keys []iam.KeyInfo) bool { return findKey(keys, id) == nil })
	d.did(t, decide.DoPrune, VerbDeleted, id, state.PrunedNote, credfile.Short(id)+", which was inactive")
	return nil
}

// awaitListed waits until the list shows a change, so that a person's next
// command sees it. The change has been made even if IAM does not show it in
// time.
func (d *Rotator) awaitListed(ctx context.Context, t *target, client *iam.Client, shown func([]iam.KeyInfo) bool) {
	t.progress.endAction()
	err := d.confirmList(ctx, t, client, shown)
	for ; errors.Is(err, errNotYet); err = d.confirmList(ctx, t, client, shown) {
		if pauseFor(ctx, time.Second) != nil {
			break
		}
	}
	if err != nil {
		d.Log.Info("not listed yet", "key", credfile.Short(t.facts.ID), "why", err.Error())
	}
}

// forgetListing makes the next pass look again. Otherwise the remembered list
// would report for a day that the second key is in the way. A rotation that
// waits for the key to be deleted keeps waiting. p is the second key as it was before.
func (d *Rotator) forgetListing(t *target, p PruneCandidate) error {
	t.outdateSeen()
	pruned, short := "the second key is gone", ""
	if p.Active {
		pruned, short = "the second key, "+credfile.Short(p.KeyID)+", is inactive now", "the second key is off"
	}
	decision := decide.WaitUntil(decide.StateDue, d.Now(), pruned+"; keyd looks again at the next check").InShort(short)
	if r := t.facts.Rotation; r != nil && r.IsStuck() {
		decision = decide.Next(t.facts, d.Settings, d.Now())
	}
	return d.saveStatusLine(t, d.makeResult(t, decision, nil))
}
