package rotate

import (
	"context"
	"errors"
	"fmt"

	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
)

// validateTries is how often AWS is asked about the pair on disk while it
// refuses it. The pair was accepted everywhere a moment ago, and reads are not
// monotonic.
const validateTries = 15

// validateFiles reads the pair back from disk through an independent path and
// asks AWS with those bytes.
func (d *Rotator) validateFiles(ctx context.Context, t *target, client *iam.Client) error {
	r := t.facts.Rotation
	for _, p := range t.holders {
		if err := d.Store.Sync(ctx, p); err != nil {
			return err
		}
		onDisk, err := d.Store.ReadBack(ctx, p)
		if err != nil {
			return err
		}
		if onDisk.ID != r.New.ID || !onDisk.Secret.Equal(r.New.Secret) {
			return d.rejectPair(t, nil, fmt.Sprintf("%s does not read back as the pair that was written", p.Path),
				"if another program writes this file at the same time, end it; keyd looks again by itself, or now with: "+hint.Command("keyd rotate", r.Profiles()[0]))
		}
	}
	store := d.linkedStore(r)
	for _, l := range t.newLinks {
		if err := store.ReadBackLink(ctx, l, r.New); err != nil { // somebody writes it: the next round looks again
			return err
		}
	}
	who, err := d.askOwner(ctx, t, client)
	if err = d.retryRefused(t, validateTries, err); errors.Is(err, errNotYet) {
		return err
	}
	other, isOther := errors.AsType[*wrongOwnerError](err)
	switch class := iam.ClassOf(err); {
	case isOther:
		return d.rejectPair(t, nil, fmt.Sprintf("the pair on disk belongs to %s, not %s", other.got, r.ARN),
			hint.AWSCommand("aws sts get-caller-identity", r.Profiles()[0]))
	case class == iam.BadKey || class == iam.BadSecret:
		return d.rejectPair(t, err, "AWS refuses the pair that is on disk ("+err.Error()+")",
			askConsole(r.User, r.New.ID)+"; keyd looks again by itself, or now with: "+hint.Command("keyd rotate", r.Profiles()[0]))
	case err != nil:
		return err
	}
	r.Links = t.linksToJournal(r)
	r.MarkValidated(d.Now().UTC())
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	t.markWatched()
	t.outdateSeen() // that look came before the files showed the new pair
	d.did(t, decide.DoValidate, VerbValidated, r.New.ID, who.ARN, who.ARN+", from the file")
	return nil
}

// rejectPair handles a pair on disk that does not validate. A key that was
// validated before is not given up, because the old one may be Inactive by now: then run
// is what a person can do.
func (d *Rotator) rejectPair(t *target, err error, why, run string) error {
	r := t.facts.Rotation
	if r.Validated.IsZero() {
		return d.giveUpNew(t, why)
	}
	return &needPersonError{text: fmt.Sprintf("%s: %s was left as it is", why, r.Old), hint: run, err: err}
}
