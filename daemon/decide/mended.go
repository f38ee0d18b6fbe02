package decide

import (
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// latest returns the later of two times.
func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// wasMended reports whether an old text has come back into the files since the pair in them
// was validated, or a linked file has joined them.
func wasMended(r *journal.Rotation) bool {
	return !r.Validated.IsZero() && r.Swapped.After(r.Validated)
}

// quarantineEnd returns when the old key may be deleted. The journal, with the only other
// copy of the new secret, is erased then: what has written an old text into the files since
// must have had the time to do it once more.
func quarantineEnd(r *journal.Rotation, s settings.Settings) time.Time {
	began := r.Deactivated
	if wasMended(r) {
		began = latest(began, r.Swapped)
	}
	return began.Add(s.Quarantine)
}

// mendedText says when the files were last mended.
func mendedText(r *journal.Rotation, now time.Time) string {
	return fmt.Sprintf("something wrote an old or a wrong pair into the files, which keyd mended %s", formatAgo(r.Swapped, now))
}

// How often an old text comes back before a person is told that something goes on writing it,
// and how long that is said after the last time.
const (
	manyMends    = 4
	mendsToldFor = 2 * settings.Day
)

// blockForOldCopies tells a person about an old text that comes back again and again. The
// rotation cannot end before that does.
func blockForOldCopies(r *journal.Rotation, now time.Time) (Decision, bool) {
	if !wasMended(r) || r.Mends < manyMends || now.Sub(r.Swapped) >= mendsToldFor {
		return Decision{}, false
	}
	return BlockUntil(r.Swapped.Add(mendsToldFor), fmt.Sprintf("%s, for the last of %d times: %s is kept as long as that goes on", mendedText(r, now), r.Mends, credfile.Short(r.Old.ID)),
		"find what writes it, such as a backup, a sync or a dotfile manager, and give it the file as it is now").InShort("an old file comes back"), true
}
