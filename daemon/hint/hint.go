// Package hint helps a person who reads an error: it finds the advice in the error,
// quotes commands so that they are safe to paste, and guesses which word was meant.
package hint

import (
	"errors"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
)

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
	if untrusted, ok := errors.AsType[*atomicfile.Untrusted](err); ok {
		words, operand := untrusted.Repair()
		if operand == "" {
			return words
		}
		return Command(words, operand)
	}
	if refused, ok := errors.AsType[*atomicfile.Refused](err); ok {
		return refused.Remedy
	}
	if words, operand := atomicfile.RepairAccess(err); words != "" {
		return Command(words, operand)
	}
	return atomicfile.RemedyFor(err)
}

// HintFor is Hint for an error about the key of known profiles: a command in
// the hint names the first of them.
func HintFor(err error, profiles []string) string { return FillProfile(Hint(err), profiles) }
