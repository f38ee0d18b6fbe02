package daemon

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// requestLifetime is how long after it was signed AWS may accept a request.
// Source: IAM user guide, "Create a signed AWS API request".
const requestLife = 15 * time.Minute

// errInconsistent reports a journal that keyd cannot have written.
var errImpossible = errors.New("its ids and times do not fit together")

// checkConsistent returns an error for contents that keyd never writes, because the
// ids and steps of a damaged journal must not decide which key is deleted. It is not
// a checksum: plausible contents pass, and keyd compares them with AWS before it
// deletes a key.
func (r *Rotation) possible() error {
	steps := []bool{r.New.ID != "", !r.Swapped.IsZero(), !r.Validated.IsZero(), !r.Deactivating.IsZero(), !r.Deactivated.IsZero()}
	switch last := max(slices.Index(steps, false), 0); {
	case !slices.Contains(r.Before, r.Old.ID):
	case slices.Contains(r.Before, cmp.Or(r.New.ID, "-")), slices.Contains(r.Before, cmp.Or(r.Orphan, "-")):
	case (r.New.ID == "") != r.New.Secret.IsZero():
	case !steps[last] && slices.Contains(steps[last:], true):
	case r.Offset.Abs() > maxClockOff:
	default:
		return nil
	}
	return errImpossible
}
