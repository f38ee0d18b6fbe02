package settings

import (
	"slices"
	"time"
)

// order says which of two values of one setting is the weaker one, which a user may not
// choose when the managed settings have the other.
type order uint8

const (
	either  order = iota // neither is weaker: the user's value counts
	shorter              // the longer duration is weaker
	longer               // the shorter duration is weaker
	exact                // every other value is weaker
	inOrder              // of the words of a choice, the later one is weaker; of true and false, false
	both                 // none: what both files say counts
)

// isWeaker reports whether a user may not choose a value, because the managed one is another.
func (o order) isWeaker(users, managed value) bool {
	switch {
	case o == shorter || o == inOrder:
		return rank(users) > rank(managed)
	case o == longer:
		return rank(users) < rank(managed)
	}
	return o == exact && rank(users) != rank(managed)
}

// allows says what the managed value of a setting lets users choose.
func (o order) allows(managed value) string {
	switch o {
	case shorter:
		return "allows " + managed.String() + " at most"
	case longer:
		return "wants " + managed.String() + " at least"
	}
	return "sets it to " + managed.String()
}

// rank returns a number by which values of one setting compare.
func rank(v value) int64 {
	switch v := v.(type) {
	case *duration:
		return int64(*v)
	case *durationOrNever:
		return int64(*v)
	case *flag:
		if *v {
			return 0
		}
		return 1
	case choice:
		return int64(slices.Index(v.words, *v.chosen))
	}
	return 0
}

// copyValue stores in one Settings the value of a row that another one has.
func (r row) copyValue(into, from *Settings) {
	switch to := r.field(into).(type) {
	case *duration:
		*to = *r.field(from).(*duration)
	case *durationOrNever:
		*to = *r.field(from).(*durationOrNever)
	case *flag:
		*to = *r.field(from).(*flag)
	case choice:
		*to.chosen = *r.field(from).(choice).chosen
	case *accounts:
		*to = slices.Clone(*r.field(from).(*accounts))
	case *command:
		*to = slices.Clone(*r.field(from).(*command))
	case *shellLine:
		*to = *r.field(from).(*shellLine)
	default:
		panic("settings: a value that cannot be copied: " + r.name) // a test copies every row
	}
}

// isLongerThan reports whether a rotate_after leaves a key alone for longer than another one.
func isLongerThan(after, limit time.Duration) bool {
	return limit != Never && (after == Never || after > limit)
}
