package rotate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// swapFiles replaces the old pair in every file that shows it. The old pair
// stays in the journal until the new one is validated, so that it can be put
// back, and so that a write that was cut short can be mended.
func (d *Rotator) swapFiles(ctx context.Context, t *target) error {
	r := t.facts.Rotation
	mend := !r.Validated.IsZero()
	if mend {
		r.MendStarted = d.Now().UTC()
	}
	shown := r.Old
	if !t.pair.IsZero() { // otherwise only linked files show it
		shown = t.pair
	}
	if !mend || r.Old.Secret.IsZero() { // an old id that comes back may have a secret that was never its own
		r.Old.Secret = shown.Secret
	}
	r.Links = t.linksToJournal(r)
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	store := d.storeOf(t)
	put := store.Swap
	if mend { // the old key may be Inactive by now: write whatever can be written
		put = store.Restore
	}
	swapped, err := d.writeFiles(func() (credfile.SwapResult, error) { return put(ctx, shown, r.New) })
	d.emitConcurrent(t, decide.DoSwap, swapped)
	if err != nil {
		return fmt.Errorf("%w; %s%s is kept for the next pass", explainLink(store, err), filesLeftAs(err, r, mend), r.New)
	}
	r.Swapped = d.Now().UTC()
	if mend && t.facts.Placement.Old > 0 { // otherwise a linked file has joined
		r.Mends++
	}
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	verb, came := VerbSwapped, ""
	if mend {
		verb, came = VerbMended, fmt.Sprintf("; an old copy with %s, which keyd replaced on %s, had come back", r.Old, formatDay(r.Validated))
	}
	text := fmt.Sprintf("%s (%d values in %s), nothing else changed", strings.Join(swapped.Files, ", "), swapped.Values, countProfiles(len(swapped.Profiles)))
	d.appendHistory(t, verb, r.New.ID, text+came)
	e := d.newEvent(t, decide.DoSwap, verb, text+came)
	if found := t.facts.CopiesFound; verb == VerbSwapped && found != nil {
		e.Brief = found.CountPrograms()
	}
	d.Deliver(e)
	return nil
}

// filesLeftAs says what the files show after a failed swap, as far as that is
// known.
func filesLeftAs(err error, r *journal.Rotation, mend bool) string {
	_, gone := errors.AsType[*credfile.GoneError](err)
	_, unknown := errors.AsType[*credfile.NotUndoneError](err)
	switch {
	case gone, unknown: // the error already says it
		return ""
	case mend:
		return fmt.Sprintf("files that could not be written still show %s, and ", r.Old)
	}
	return fmt.Sprintf("the files still show %s, and ", r.Old)
}

// countProfiles prints a number of profiles.
func countProfiles(n int) string {
	return settings.FormatCount(n, "profile", "profiles")
}

// emitConcurrent reports what happened to the text of a program that wrote a
// file at the moment of the swap.
func (d *Rotator) emitConcurrent(t *target, do decide.Do, swapped credfile.SwapResult) {
	for _, note := range swapped.Notes {
		d.did(t, do, VerbMetAnother, t.facts.Rotation.New.ID, note, note)
	}
}

// mendTorn writes the new pair over a pair that an interrupted write in place
// left half old and half new, or over a spoiled one. AWS is not asked first: neither works
// anywhere, the new pair was proven before it was written, and what is on disk is
// validated afterwards. Places that show the whole old pair are left to
// swapFiles.
func (d *Rotator) mendTorn(ctx context.Context, t *target) error {
	r := t.facts.Rotation
	what, mend := fmt.Sprintf("half of %s and half of %s", r.Old, r.New), d.storeOf(t).Mend
	if t.facts.Placement.Spoiled {
		what, mend = fmt.Sprintf("%s with a secret that is not its own", r.New), d.storeOf(t).MendSpoiled
	}
	mended, err := d.writeFiles(func() (credfile.SwapResult, error) { return mend(ctx, r.Old, r.New) })
	d.emitConcurrent(t, decide.DoMend, mended)
	if err != nil {
		return fmt.Errorf("%w; files that could not be written still show %s", err, what)
	}
	r.Swapped = d.Now().UTC()
	if t.facts.Placement.Spoiled && !r.Validated.IsZero() {
		r.Mends++
	}
	if err := d.JournalDir().Save(r); err != nil {
		return err
	}
	text := fmt.Sprintf("%s (%d values: %s), nothing else changed", strings.Join(mended.Files, ", "), mended.Values, what)
	d.did(t, decide.DoMend, VerbMended, r.New.ID, text, text)
	return nil
}
