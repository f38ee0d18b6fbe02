package rotate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
)

// NeedsPerson reports whether only a person can resolve err. A program that
// ends with such an error exits with the code for that.
func NeedsPerson(err error) bool {
	return actionNeedsPerson(err) || isType[*ElsewhereError](err) || isType[*OriginError](err) || isType[*journal.NewerError](err) || isType[*journal.UnreadableError](err)
}

// actionNeedsPerson reports whether only a person can make a failed action
// succeed.
func actionNeedsPerson(err error) bool {
	if e, ok := errors.AsType[*iam.Error](err); ok {
		return e.Definite() && !e.Temporary()
	}
	for _, matches := range []bool{
		isType[*needPersonError](err), isType[*wrongOwnerError](err), isType[*credfile.Refusal](err), isType[*iam.ConflictError](err),
	} {
		if matches {
			return true
		}
	}
	refused, ok := errors.AsType[*atomicfile.Refused](err)
	return ok && !errors.Is(refused, atomicfile.ErrBusy) && !errors.Is(refused, atomicfile.ErrChanged)
}

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

// hintError is a failure with a hint that needs no person.
type hintError struct{ text, hint string }

func (e *hintError) Error() string { return e.text }

// Hint returns the command or the advice that helps.
func (e *hintError) Hint() string { return e.hint }

// gaveUpError is an attempt that ended cleanly without reaching its goal. The
// next attempt is hours away, because each one creates and deletes a key.
type gaveUpError struct{ text string }

func (e *gaveUpError) Error() string { return e.text }

// longWaitCount is the number of failures from which RetryAfter returns its
// longest wait.
const longWaitCount = 16

// UnknownProfileError reports a profile name that appears in no file.
type UnknownProfileError struct {
	Name  string
	Known []string
	Paths credfile.Paths
}

// Error names the profile and the two files that were searched.
func (e *UnknownProfileError) Error() string {
	if credfile.LooksLikeID(e.Name) {
		return fmt.Sprintf("no profile in %s or %s shows %s", e.Paths.Credentials, e.Paths.Config, e.Name)
	}
	return fmt.Sprintf("no profile %q in %s or %s", e.Name, e.Paths.Credentials, e.Paths.Config)
}

// Hint names the profile that was probably meant, or lists all of them.
func (e *UnknownProfileError) Hint() string {
	if credfile.LooksLikeID(e.Name) {
		return "keyd status"
	}
	if near := hint.Nearest(e.Name, e.Known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	var names []string
	for _, name := range e.Known {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "aws configure"
	}
	return "name one of the profiles: " + strings.Join(names, ", ")
}

// AmbiguousIDError reports the short form of a key id that stands for several keys.
type AmbiguousIDError struct {
	Typed string
	IDs   []string // whole
}

// Error lists the ids, since their short form does not tell them apart.
func (e *AmbiguousIDError) Error() string {
	return fmt.Sprintf("%s stands for %d keys: %s", e.Typed, len(e.IDs), strings.Join(e.IDs, ", "))
}

// Hint says what to type.
func (e *AmbiguousIDError) Hint() string { return "type the whole id" }

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

// isOffline reports whether err means that no connection was made, and that no other
// endpoint answers either, as far as explainFailure has asked. Neither the key nor AWS
// is at fault then.
func isOffline(err error) bool {
	return isType[*iam.Error](err) && iam.ClassOf(err) == iam.Unsent && !isType[*oneSilentError](err)
}
