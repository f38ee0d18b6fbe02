package main

import (
	"context"
	"errors"
	"slices"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/state"
)

// isKeyless reports whether err says that the files were read, and hold no key.
func isKeyless(err error) bool {
	_, ok := errors.AsType[*credfile.NoKeyError](err)
	return ok
}

// skipKeyless returns why nothing is to be done for the profiles that err, which comes from
// reading the files, found without any key; nil when err is another one, when names holds
// another profile, or when a rotation is in progress, whose file is missing.
func (a *app) skipKeyless(d *rotate.Rotator, err error, names []string) (skipped []rotate.Result) {
	keyless, ok := errors.AsType[*credfile.NoKeyError](err)
	if !ok {
		return nil
	}
	for _, name := range names {
		if !slices.Contains(profileNames(keyless.Profiles), name) {
			return nil
		}
	}
	for _, g := range rotate.GroupProfiles(selectProfiles(keyless.Profiles, names)) {
		decision := decide.Next(g.Facts(), d.Settings, a.now())
		r := rotate.Result{KeyStatus: state.KeyStatus{Profiles: g.Names}, Do: decision.Do}
		r.SetDecision(decision)
		skipped = append(skipped, r)
	}
	return skipped
}

// explainMissing returns err, from reading the files, or the error that says more: that the
// missing file is that of a rotation. There is something to do then.
func (a *app) explainMissing(ctx context.Context, loc locations, err error) error {
	if !isKeyless(err) {
		return err
	}
	path := loc.store.Paths.Credentials
	rotations, _ := loc.openJournal().Load(ctx)
	if !slices.ContainsFunc(rotations, func(r *journal.Rotation) bool {
		return slices.ContainsFunc(r.Places, func(p journal.Place) bool { return p.Path == path })
	}) {
		return err
	}
	d := decide.BlockForMissing(path)
	return &commandError{d.Why + ": nothing was changed", d.Hint, exitPerson}
}

// printSkipped prints results about which there is nothing to do.
func (n *narrator) printSkipped(ctx context.Context, skipped []rotate.Result) error {
	code := exitDone
	for _, r := range skipped {
		code = worseCode(code, n.printResult(ctx, r))
	}
	if code != exitDone {
		return exitError(code)
	}
	n.term.printParagraph(nothingToRotate)
	return nil
}
