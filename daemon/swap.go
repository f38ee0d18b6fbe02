package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"keyd/credfile"
)

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
	put := d.Store.Swap
	if mend { // the old key may be Inactive by now
		put = d.Store.Restore
	}
	swapped, err := put(ctx, u.key, r.New)
	d.tellKept(u, Swap, swapped)
	if err != nil {
		return fmt.Errorf("%w; %s%s is kept for the next pass", err, leftAs(err, r, mend), r.New)
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

// leftAs is what the files show of a swap that failed, as far as that is known.
func leftAs(err error, r *Rotation, mend bool) string {
	_, gone := errors.AsType[*credfile.Gone](err)
	_, unknown := errors.AsType[*credfile.NotUndone](err)
	switch {
	case gone, unknown: // the error says it
		return ""
	case mend:
		return fmt.Sprintf("where it could not be written a file still shows %s, and ", r.Old)
	}
	return fmt.Sprintf("the files show %s as before, and ", r.Old)
}

// tellKept tells what became of the text of a program that was writing a file at
// the moment of the swap.
func (d *Daemon) tellKept(u *unit, do Do, swapped credfile.Swapped) {
	for _, note := range swapped.Notes {
		d.record(u, "met another program", u.facts.Rotation.New.ID, note)
		d.tell(u, do, "met another program", note)
	}
}

// mend makes the new pair of what a write in place that was cut off has left
// half old, half new. Nothing is asked of AWS first: nobody accepts the halves,
// the new pair was proven before it was written, and what is on disk is validated
// afterwards. A place that shows the old pair as a whole is left to swap.
func (d *Daemon) mend(ctx context.Context, u *unit) error {
	r := u.facts.Rotation
	mended, err := d.Store.Mend(ctx, r.Old, r.New)
	d.tellKept(u, Mend, mended)
	if err != nil {
		return fmt.Errorf("%w; where it could not be written a file shows half of %s and half of %s", err, r.Old, r.New)
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
