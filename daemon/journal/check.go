package journal

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// requestLifetime is how long after it was signed AWS may accept a request.
// Source: IAM user guide, "Create a signed AWS API request".
const requestLifetime = 15 * time.Minute

// errInconsistent reports a journal that keyd cannot have written.
var errInconsistent = errors.New("its ids and times do not fit together")

// checkConsistent returns an error for contents that keyd never writes, because the
// ids and steps of a damaged journal must not decide which key is deleted. It is not
// a checksum: plausible contents pass, and keyd compares them with AWS before it
// deletes a key.
func (r *Rotation) checkConsistent() error {
	steps := []bool{r.New.ID != "", !r.Swapped.IsZero(), !r.Validated.IsZero(), !r.DeactivateStarted.IsZero(), !r.Deactivated.IsZero()}
	if r.Retire != nil { // no file is swapped
		steps = []bool{r.New.ID != "", !r.DeactivateStarted.IsZero(), !r.Deactivated.IsZero(), !r.Retire.Deleted.IsZero()}
	}
	switch last := max(slices.Index(steps, false), 0); {
	case !slices.Contains(r.IDsBefore, r.Old.ID):
	case slices.Contains(r.IDsBefore, cmp.Or(r.New.ID, "-")), slices.Contains(r.IDsBefore, cmp.Or(r.OrphanID, "-")):
	case (r.New.ID == "") != r.New.Secret.IsZero():
	case !steps[last] && slices.Contains(steps[last:], true):
	case r.ClockOffset.Abs() > MaxClockOffset:
	default:
		return nil
	}
	return errInconsistent
}
