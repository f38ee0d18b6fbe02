package daemon

import (
	"errors"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/iam"
)

// needPersonError is a failure that waiting does not mend.
type needPersonError struct {
	text, run string
	err       error
}

func (e *needPersonError) Error() string { return e.text }
func (e *needPersonError) Unwrap() error { return e.err }

// Hint is the command, or the question, that helps.
func (e *needPersonError) Hint() string { return e.run }

// gaveUpError is an attempt that ended cleanly without its aim. The next one
// is hours away: each attempt makes and deletes a key.
type gaveUpError struct{ text string }

func (e *gaveUpError) Error() string { return e.text }

// longWait is the count of failures from which retryAfter waits longest.
const longWait = 16

// Hint returns what an error advises, a command or a question, or "".
func Hint(err error) string {
	if hinted, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return hinted.Hint()
	}
	if refusal, ok := errors.AsType[*credfile.Refusal](err); ok {
		return refusal.Remedy
	}
	return atomicfile.Remedy(err)
}

// HintFor is Hint for those who know whose key it is about: a command in it
// names the first of the profiles.
func HintFor(err error, profiles []string) string { return about(Hint(err), profiles) }

// needsPerson reports whether only a person can make a failed action succeed.
func needsPerson(err error) bool {
	if e, ok := errors.AsType[*iam.Error](err); ok {
		return e.Definite() && !e.Temporary()
	}
	for _, is := range []bool{
		is[*needPersonError](err), is[*credfile.Refusal](err), is[*iam.ConflictError](err),
	} {
		if is {
			return true
		}
	}
	refused, ok := errors.AsType[*atomicfile.Refused](err)
	return ok && !errors.Is(refused, atomicfile.ErrBusy) && !errors.Is(refused, atomicfile.ErrChanged)
}

// NeedsPerson reports whether err is of a kind that only a person can end, so
// that a program ends with the exit code for that.
func NeedsPerson(err error) bool {
	return needsPerson(err) || is[*ElsewhereError](err) || is[*NewerError](err) || is[*UnreadError](err)
}

// NoRotation reports whether err is that no rotation of a profile's key goes on.
func NoRotation(err error) bool { return is[*noRotationError](err) }

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// definite reports whether a call at AWS certainly had no effect.
func definite(err error) bool {
	e, ok := errors.AsType[*iam.Error](err)
	return ok && e.Definite()
}

// offline reports whether no connection came about. That is no failure of the
// key's or of AWS's.
func offline(err error) bool { return is[*iam.Error](err) && iam.ClassOf(err) == iam.Unsent }
