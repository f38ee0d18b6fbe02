package rotate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
)

// createKey journals the intent, sends CreateAccessKey once, and journals the
// pair before anything else happens. After an ambiguous answer the journal
// stays, and reconcileCreate finds out what happened. That there are two keys already is
// such an answer: the look before it found a free slot. Another machine took it, or
// something on the way sent this request twice.
func (d *Rotator) createKey(ctx context.Context, t *target, client *iam.Client) error {
	if left := t.untilSlotIsFree(d.Now()); left > 0 {
		return d.continueIn(t, left)
	}
	r := d.makeIntent(t)
	t.progress.created = true
	if !slices.Contains(r.IDsBefore, r.Old.ID) { // no journal without a list could tell the new key from others
		return fmt.Errorf("the keys of %s were not listed, or without %s: no key was created", r.User, r.Old)
	}
	if other, err := d.JournalDir().Find(ctx, r.Old.ID); other != nil || err != nil {
		return cmp.Or(err, error(&gaveUpError{text: "another keyd has begun to replace " + r.Old.String()}))
	}
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	t.oldLinks, t.newLinks = t.newLinks, nil
	t.setRotation(r, decide.Placement{Old: len(t.holders), LinksOld: len(t.oldLinks)})
	doing := "rotating"
	if r.IsRetirement() {
		doing = "retiring it"
		d.appendHistory(t, VerbRetiring, r.Old.ID, "with a second key, which keyd makes for that")
	}
	d.emit(t, decide.DoCreate, VerbBegin, fmt.Sprintf("%s, %s (user %s, account %s)", t.decision.Why, doing, r.User, r.Account))
	d.reportUnused(t)
	created, err := client.CreateKey(ctx, r.User)
	switch {
	case err == nil:
		return d.journalPair(ctx, t, client, created)
	case iam.ClassOf(err) == iam.Ambiguous:
		r.CreateAnswered = d.Now().UTC()
		return cmp.Or(d.checkSameAttempt(ctx, t), d.JournalDir().Save(r), err)
	case iam.ClassOf(err) == iam.Quota:
		r.CreateAnswered = d.Now().UTC()
		return cmp.Or(d.checkSameAttempt(ctx, t), d.JournalDir().Save(r), error(&gaveUpError{text: "AWS says that " + r.User + " has two keys already, and listed one a moment ago: finding out who made the other"}))
	}
	if err := d.checkSameAttempt(ctx, t); err != nil { // then that journal is not ours to erase
		return err
	}
	t.dropRotation()
	return cmp.Or(d.JournalDir().Erase(r.Old.ID), err)
}

// quotaLag is how long AWS may still count a key that is deleted: longer than its lists
// usually lag.
const quotaLag = 15 * time.Second

// untilSlotIsFree returns how long AWS may still count a key of the user that keyd has
// deleted a moment ago. CreateAccessKey would fail with an answer that says nothing about
// whose the other key is.
func (t *target) untilSlotIsFree(now time.Time) time.Duration {
	since := now.Sub(t.recent.Freed[t.facts.OwnerID()])
	if since < 0 || since >= quotaLag {
		return 0
	}
	return quotaLag - since
}

// makeIntent returns the journal of a rotation that is about to create its key.
func (d *Rotator) makeIntent(t *target) *journal.Rotation {
	seen := t.facts.Seen
	r := &journal.Rotation{
		Old: credfile.Key{ID: t.facts.ID}, Account: seen.Account, User: seen.User, ARN: seen.ARN, UserID: seen.UserID,
		Installation: t.facts.Installation, Host: d.hostName(),
		OpenRegions: t.progress.acceptingRegions, ClosedRegions: t.progress.refusingRegions, Endpoints: t.endpoints,
		Session: t.session(), NeedsMFA: t.needsMFA(),
		RetireNow: t.facts.Options.RetireNow, DeleteNow: t.facts.Options.DeleteNow, CreateSent: d.Now().UTC(), ClockOffset: seen.Offset, ClockWithin: seen.OffsetWithin,
	}
	if r.Retire = t.progress.retire; r.IsRetirement() {
		r.Old = t.pair // the way back does not depend on the files
	} else if since, unused := t.facts.UnusedSince(d.Settings, r.CreateSent); unused {
		r.UnusedSince = since
	}
	for _, p := range t.holders {
		r.Places = append(r.Places, journal.Place{Path: p.Path, Section: p.Section, Profile: p.Name})
	}
	if !r.IsRetirement() { // which changes no file
		r.Links = t.linksToJournal(r)
	}
	for _, k := range seen.Keys {
		r.IDsBefore = append(r.IDsBefore, k.ID)
	}
	return r
}

// journalPair journals the new pair. If that fails, the secret exists only in
// memory, so the key is deleted at once. If the deletion fails as well, the
// intent on disk lets the next pass find the key.
func (d *Rotator) journalPair(ctx context.Context, t *target, client *iam.Client, created iam.CreatedKey) error {
	r := t.facts.Rotation
	r.New, r.Created = created.Key, d.Now().UTC()
	if err := d.JournalDir().Save(r); err != nil {
		r.New = credfile.Key{}
		if dropErr := d.deleteKey(ctx, t, client, r.User, created.Key.ID); dropErr != nil {
			return fmt.Errorf("%w; %s exists at AWS and its secret is lost: the next pass deletes it", err, created.Key)
		}
		_ = d.JournalDir().Erase(r.Old.ID) // if this fails, the next pass finds that no key was created
		return fmt.Errorf("%w; the new key was deleted again, and the files are unchanged", err)
	}
	d.did(t, decide.DoCreate, VerbCreated, r.New.ID, "", r.New.String())
	return nil
}
