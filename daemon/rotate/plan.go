package rotate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
)

// RetirePlan is what would happen to a key that a person wants to retire, as shown to
// that person before anything does.
type RetirePlan struct {
	Profiles    []string // the profiles that show it
	KeyID, User string
	Account     string         // of the user
	Created     time.Time      // by this machine's clock
	Quiet       time.Time      // since when no one but keyd has used it; zero when that is unknown
	LastUse     *remote.Use    // the last use by anyone but keyd; nil: none is known; with a zero time: it was never used
	Unread      bool           // AWS does not let the user read it
	Signer      string         // the profile whose key signs; "" when keyd makes a key for that
	SignerID    string         // its key id; "" when keyd makes one
	Copy        string         // a file that this keyd does not read, and that shows the key; "" when none is known
	Found       *decide.Copies // where else on this machine it stands; nil when nothing was found, or no search was made
	Forced      bool           // the person has said that it does not matter who uses the key
}

// PlanRetirement finds out how the profile's key can be retired. It changes nothing. forced
// says that it does not matter whether someone uses the key.
func (d *Rotator) PlanRetirement(ctx context.Context, profile string, forced bool) (RetirePlan, error) {
	w, t, leave, err := d.openToRetire(ctx, profile, forced)
	if err != nil {
		return RetirePlan{}, err
	}
	p, _, err := d.planFor(ctx, w, t, forced)
	if saveErr := d.saveStatusLine(t, d.makeResult(t, decide.Next(t.facts, d.Settings, d.Now()), nil)); err == nil { // that keyd has signed with the key
		err = saveErr
	}
	leave()
	if err != nil || d.Search == nil {
		return p, err
	}
	searching, cancel := context.WithTimeout(ctx, beforeCreateLimit)
	defer cancel()
	d.waits("searching this machine for other places where " + credfile.Short(p.KeyID) + " stands")
	defer d.waits("")
	for _, found := range d.Search(searching, []string{p.KeyID}) {
		if found.KeyID == p.KeyID && !found.IsEmpty() {
			p.Found = &found
		}
	}
	return p, context.Cause(ctx)
}

// Retire begins what p says, and does what is due. It fails, and does nothing, if the key
// is no longer as p describes it.
func (d *Rotator) Retire(ctx context.Context, p RetirePlan) (Result, error) {
	t, err := d.beginRetirement(ctx, p)
	if t == nil || t.facts.Rotation == nil {
		return Result{}, err
	}
	result, passErr := d.settleOne(ctx, p.KeyID)
	switch {
	case passErr != nil:
		return result, passErr
	case err != nil && result.Rotation == nil: // the answer was lost, and no key was made
		return result, err
	}
	return result, nil
}

// openToRetire takes the pass lock and returns the target of a profile whose key may be
// retired, as far as is known without a call.
func (d *Rotator) openToRetire(ctx context.Context, profile string, forced bool) (*world, *target, func(), error) {
	w, leave, err := d.openWorld(ctx, decide.Options{Manual: true}, []string{profile}, passLockWait, true)
	if err != nil {
		return nil, nil, nil, err
	}
	t := w.findTarget(profile, func(t *target) bool { return t.facts.RotationErr == nil && !t.pair.IsZero() })
	if t == nil {
		t = w.findTarget(profile, func(*target) bool { return true })
	}
	asked := t.facts
	asked.Seen = nil // what was seen before is found out anew
	if refused := decide.RefuseRetirement(asked, d.Settings, d.Now(), "", forced); refused != nil {
		leave()
		return nil, nil, nil, refusal(refused)
	}
	if t.pair.IsZero() {
		leave()
		return nil, nil, nil, &hintError{fmt.Sprintf("profile %s shows no key that keyd could retire", profile), hint.Command("keyd status", profile)}
	}
	if why := decide.NeverSignReason(t.facts.ID, t.facts.KnownAccount(), d.Settings); why != "" {
		leave()
		return nil, nil, nil, &hintError{fmt.Sprintf("%s: %s", profile, why), hint.Command("keyd status", profile)}
	}
	return w, t, leave, nil
}

// refusal returns a refusal of package decide as an error. Without a hint, there is
// nothing that a person has to do.
func refusal(r *decide.Refusal) error {
	if r.Hint == "" {
		return &hintError{r.Why, "keyd status"}
	}
	return &needPersonError{text: r.Why, hint: r.Hint}
}

// planFor asks AWS about the key, its use before anything else, and returns the plan and
// the target whose key would sign, or nil.
func (d *Rotator) planFor(ctx context.Context, w *world, t *target, forced bool) (RetirePlan, *target, error) {
	t.progress.retire = &journal.Retirement{Forced: forced}
	before := t.facts.Seen
	if err := d.runToEnd(ctx, t, decide.Decision{Do: decide.DoLook}); err != nil {
		if iam.ClassOf(err) == iam.BadKey && !isType[*needPersonError](err) {
			err = &needPersonError{text: fmt.Sprintf("AWS refuses %s: a key that is inactive or deleted signs nothing, so keyd cannot end it", t.pair),
				hint: "delete it in the console of AWS, if it is there, and take " + t.facts.Profiles[0] + " out of the files", err: err}
		}
		return RetirePlan{}, nil, err
	}
	if err := d.openSessionFor(ctx, t); err != nil {
		return RetirePlan{}, nil, err
	}
	if seen := t.facts.Seen; before != nil && before.Account != "" && (before.Account != seen.Account || before.UserID != "" && seen.UserID != "" && before.UserID != seen.UserID) {
		return RetirePlan{}, nil, &needPersonError{text: fmt.Sprintf("AWS says that %s belongs to %s, but it said %s before: nothing was changed", t.pair, seen.ARN, before.ARN), hint: hint.AWSCommand("aws sts get-caller-identity", t.facts.Profiles[0])}
	}
	signer := w.findSigner(t)
	p := RetirePlan{Account: t.facts.KnownAccount(), Profiles: t.facts.Profiles, KeyID: t.facts.ID, User: t.userName(), Copy: t.facts.Copies[t.facts.ID], Forced: forced, Quiet: decide.QuietSince(t.facts)}
	if signer != nil {
		p.Signer, p.SignerID = signer.facts.Profiles[0], signer.facts.ID
	}
	if refused := decide.RefuseRetirement(t.facts, d.Settings, d.Now(), p.Signer, forced); refused != nil {
		return p, signer, refusal(refused)
	}
	if k := t.facts.Seen.FindKey(t.facts.ID); k != nil {
		p.Created = k.Created.Add(-t.facts.Seen.Offset)
	}
	if use := t.facts.Use; use != nil {
		p.LastUse, p.Unread = use.Last, use.Denied
	}
	return p, signer, nil
}

// findSigner returns the target whose key is the other key of t's user, and can sign what
// happens to t's key; nil when there is none.
func (w *world) findSigner(t *target) *target {
	i := slices.IndexFunc(w.targets, func(u *target) bool {
		return !u.pair.IsZero() && !u.isLeftAlone() && u.facts.Rotation == nil && u.facts.RotationErr == nil && u.endpointName() == t.endpointName() && decide.CanSignFor(t.facts, u.pair.ID)
	})
	if i < 0 {
		return nil
	}
	return w.targets[i]
}

// beginRetirement writes the journal of a retirement, for which it creates a key unless
// another profile's key can sign. After an error, the target has a rotation if a key may
// have been created.
func (d *Rotator) beginRetirement(ctx context.Context, p RetirePlan) (*target, error) {
	w, t, leave, err := d.openToRetire(ctx, p.Profiles[0], p.Forced)
	if err != nil {
		return nil, err
	}
	defer leave()
	now, signer, err := d.planFor(ctx, w, t, p.Forced)
	if err != nil {
		return nil, err
	}
	changed := fmt.Errorf("the files or the keys of %s have changed in the meantime: nothing was done", p.User)
	if now.KeyID != p.KeyID || now.Account != p.Account || now.User != p.User || now.SignerID != p.SignerID || !slices.Equal(now.Profiles, p.Profiles) {
		return nil, changed
	}
	if now.LastUse != nil {
		t.progress.retire.KnownUse = now.LastUse.At.UTC()
	}
	if err := d.runToEnd(ctx, t, decide.Decision{Do: decide.DoPreflight}); err != nil {
		return nil, err
	}
	if !t.facts.PreflightDone || t.facts.KnownAccount() != p.Account || t.facts.Seen.FindKey(t.facts.ID) == nil { // AWS has named another owner, whose keys it has not listed
		return nil, changed
	}
	if signer != nil {
		return t, d.borrowKey(ctx, t, signer)
	}
	err = d.runToEnd(ctx, t, decide.Decision{Do: decide.DoCreate, Why: t.pair.String() + " is to end"})
	return t, explainNoHelper(t, err)
}

// borrowKey writes the journal of a retirement that the key of another profile signs.
func (d *Rotator) borrowKey(ctx context.Context, t, signer *target) error {
	r := d.makeIntent(t)
	r.New, r.Created, r.Retire.Borrowed = signer.pair, r.CreateSent, true
	r.IDsBefore = []string{r.Old.ID} // the other one is New
	switch other, err := d.JournalDir().Find(ctx, r.Old.ID); {
	case err != nil:
		return fmt.Errorf("%w: nothing was done", err)
	case other != nil:
		return fmt.Errorf("another keyd has begun something with %s meanwhile: nothing was done", r.Old)
	}
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	t.setRotation(r, decide.Placement{Old: len(t.holders)})
	d.appendHistory(t, VerbRetiring, r.Old.ID, "with the key of "+signer.facts.Profiles[0])
	d.emit(t, decide.DoCreate, VerbBegin, fmt.Sprintf("%s is to end, retiring it with the key of %s (user %s, account %s)", r.Old, signer.facts.Profiles[0], r.User, r.Account))
	return nil
}

// explainNoHelper adds what an administrator can do to a refusal to create the helper.
func explainNoHelper(t *target, err error) error {
	if iam.ClassOf(err) != iam.Denied || isType[*needPersonError](err) || err == nil {
		return err
	}
	user, id := t.userName(), t.facts.ID
	return &needPersonError{text: err.Error() + ": a key that is inactive cannot be deleted by itself, so keyd has to make another one for that",
		hint: fmt.Sprintf("allow it, see %s; or let an administrator end the key: aws iam update-access-key --user-name %s --access-key-id %s --status Inactive, and aws iam delete-access-key --user-name %s --access-key-id %s when nothing has failed",
			hint.Command("keyd policy", t.facts.Profiles[0]), user, id, user, id), err: err}
}
