package daemon

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// requestLife is how long after its signature AWS may take a request.
// Source: IAM user guide, "Create a signed AWS API request".
const requestLife = 15 * time.Minute

var errImpossible = errors.New("it says what no rotation can leave behind")

// possible returns an error for what keyd never writes: the ids and the steps
// of a damaged journal must not decide which key is deleted. It is no seal: what
// could be true passes, and is held against AWS before a key is deleted.
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
