package rotate

import (
	"errors"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
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
	return actionNeedsPerson(err) || isType[*ElsewhereError](err) || isType[*journal.NewerError](err) || isType[*journal.UnreadableError](err)
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
