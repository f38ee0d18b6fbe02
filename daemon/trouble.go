package daemon

import (
	"errors"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/iam"
)

// needPersonError is a failure that waiting does not cure. text is the message,
// hint the command or question that helps.
type needPersonError struct {
	text, hint string
	err        error
}

func (e *needPersonError) Error() string { return e.text }
func (e *needPersonError) Unwrap() error { return e.err }

// Hint returns the command or the question that helps.
func (e *needPersonError) Hint() string { return e.hint }

// gaveUpError is an attempt that ended cleanly without reaching its goal. The
// next attempt is hours away, because each one creates and deletes a key.
type gaveUpError struct{ text string }

func (e *gaveUpError) Error() string { return e.text }

// longWaitCount is the number of failures from which RetryAfter returns its
// longest wait.
const longWaitCount = 16

// Hint returns what an error advises, a command or a question, or "" if it
// advises nothing.
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
	return atomicfile.RemedyFor(err)
}

// HintFor is Hint for an error about the key of known profiles: a command in
// the hint names the first of them.
func HintFor(err error, profiles []string) string { return FillProfile(Hint(err), profiles) }

// actionNeedsPerson reports whether only a person can make a failed action
// succeed.
func actionNeedsPerson(err error) bool {
	if e, ok := errors.AsType[*iam.Error](err); ok {
		return e.Definite() && !e.Temporary()
	}
	for _, matches := range []bool{
		isType[*needPersonError](err), isType[*credfile.Refusal](err), isType[*iam.ConflictError](err),
	} {
		if matches {
			return true
		}
	}
	refused, ok := errors.AsType[*atomicfile.Refused](err)
	return ok && !errors.Is(refused, atomicfile.ErrBusy) && !errors.Is(refused, atomicfile.ErrChanged)
}

// NeedsPerson reports whether only a person can resolve err. A program that
// ends with such an error exits with the code for that.
func NeedsPerson(err error) bool {
	return actionNeedsPerson(err) || isType[*ElsewhereError](err) || isType[*NewerError](err) || isType[*UnreadableError](err)
}

// IsNoRotation reports whether err says that no rotation of a profile's key is
// in progress.
func IsNoRotation(err error) bool { return isType[*noRotationError](err) }

// isType reports whether err is, or wraps, an E.
func isType[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// hadNoEffect reports whether a call to AWS certainly changed nothing.
func hadNoEffect(err error) bool {
	e, ok := errors.AsType[*iam.Error](err)
	return ok && e.Definite()
}

// isOffline reports whether err means that no connection was made. Neither the
// key nor AWS is at fault then.
func isOffline(err error) bool { return isType[*iam.Error](err) && iam.ClassOf(err) == iam.Unsent }
