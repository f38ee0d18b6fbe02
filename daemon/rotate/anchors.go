package rotate

import (
	"context"
	"errors"
	"fmt"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/state"
)

// DescribedKey is a key with the description that AWS shows for it.
type DescribedKey struct {
	KeyID, User, Account string
	Text                 string
}

// ReadDescriptions asks AWS for the descriptions of the keys of each user, signed with the
// key that the files show. profiles limits it to their users; empty means all. unasked says
// of which keys AWS was not asked, or did not say it, and why. The error is for what concerns
// all keys.
//
// AWS counts the call as a use of the key, so the status remembers that it was keyd's.
func (d *Rotator) ReadDescriptions(ctx context.Context, profiles []string) (found []DescribedKey, unasked []string, err error) {
	w, leave, err := d.openWorld(ctx, decide.Options{}, profiles, holdLockWait, false)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	asked := map[string]bool{}
	for _, t := range w.targets {
		if t.isLeftAlone() || len(profiles) > 0 && !t.hasProfile(profiles) {
			continue
		}
		owner := t.ownerID()
		if asked[owner] {
			continue
		}
		keys, err := d.readDescriptions(ctx, t)
		_ = d.saveUse(t)
		if err != nil {
			unasked = append(unasked, fmt.Sprintf("%s (%s): %v", t.facts.Profiles[0], credfile.Short(t.facts.ID), err))
			continue
		}
		asked[owner] = true
		found = append(found, keys...)
	}
	return found, unasked, nil
}

// saveUse keeps in the status that keyd has signed with a key, since its call would otherwise
// look like somebody's use. All else there is what the last pass found, and stays: nothing was
// looked at here, and a key that needs a person still does.
func (d *Rotator) saveUse(t *target) error {
	if t.lastStatus == nil {
		return nil
	}
	status, err := state.LoadStatusAndMemoryFrom(d.Sys, d.StateDir)
	if err != nil {
		return err
	}
	line := status.FindKey(t.lastStatus.KeyID)
	if line == nil || line.Endpoint != t.endpointName() {
		return nil
	}
	line.KeyUse = t.facts.Use
	return status.Save(d.Sys, d.StateDir)
}

// ownerID names the user of a key, as in "111122223333/alice"; it is the key itself while AWS
// has not named the user.
func (t *target) ownerID() string {
	switch r := t.facts.Rotation; {
	case r != nil:
		return r.Account + "/" + r.User
	case t.facts.OwnerID() != "":
		return t.facts.OwnerID()
	}
	return t.facts.ID
}

// readDescriptions asks AWS about the keys of the user of t.
func (d *Rotator) readDescriptions(ctx context.Context, t *target) (found []DescribedKey, err error) {
	pair, user := t.shownPair(), t.userName()
	switch by := decide.NeverSignReason(t.facts.ID, t.facts.KnownAccount(), d.Settings); {
	case t.facts.RotationErr != nil:
		return nil, t.facts.RotationErr
	case decide.ExcludedBy(t.facts, d.Settings) != "":
		return nil, errors.New(decide.ExcludedBy(t.facts, d.Settings))
	case by != "":
		return nil, errors.New(by)
	case user == "" || pair.Secret.IsZero():
		return nil, errors.New("keyd has not looked at it yet")
	}
	account := t.facts.KnownAccount()
	if r := t.facts.Rotation; r != nil {
		account = r.Account
	}
	err = d.withClient(t, pair, func(client *iam.Client) error {
		texts, err := client.Descriptions(ctx, user)
		for id, text := range texts {
			found = append(found, DescribedKey{id, user, account, text})
		}
		return err
	})
	return found, err
}
