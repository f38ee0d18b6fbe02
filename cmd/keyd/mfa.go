package main

import (
	"context"

	"keyd/daemon"
	"keyd/daemon/iam/remote"
	"keyd/daemon/rotate"
)

// mfaCodes returns who gives MFA codes to a command: a person on the terminal, except for
// the service, and for keyd install, which only looks.
func (a *app) mfaCodes(process string) rotate.CodeSource {
	switch {
	case process == "install":
		return nil
	case process == "run" || !a.term.canType():
		return &daemon.Codes{}
	}
	return &daemon.Codes{Prompt: a.promptCode}
}

// giveCode lets the pass use the code of the command line.
func giveCode(d *rotate.Rotator, code string) error {
	if code == "" {
		return nil
	}
	if !remote.IsMFACode(code) {
		return usageError("give the six digits that the device shows now", "--mfa-code needs six digits")
	}
	if codes, ok := d.Codes.(*daemon.Codes); ok {
		codes.Given = code
	}
	return nil
}

// promptCode asks a person for an MFA code until the answer has six digits, or is empty.
func (a *app) promptCode(ctx context.Context, q rotate.CodeQuestion, problem string) (string, error) {
	switch {
	case problem != "":
		a.term.printNote("%s: %s", joinNames(q.Profiles), problem)
	default:
		a.term.printNote("%s: AWS lets %s list and change access keys only with MFA. After the code, this takes about a minute, at most 15; without one, nothing is changed", joinNames(q.Profiles), q.User)
	}
	for {
		code, err := a.term.askLine(ctx, "MFA code of "+q.Device+" (Enter for none): ")
		if err != nil || code == "" || remote.IsMFACode(code) {
			return code, err
		}
		a.term.printNote("a code has six digits")
	}
}
