package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"

	"keyd/daemon/rotate"
)

// TestCodesComeFromWhoeverIsThere: the code of the command line is given once, and a person
// is asked after it, and no more than three times.
func TestCodesComeFromWhoeverIsThere(t *testing.T) {
	var problems []string
	c := &Codes{Given: "111111", Prompt: func(_ context.Context, _ rotate.CodeQuestion, problem string) (string, error) {
		problems = append(problems, problem)
		return "222222", nil
	}}
	if can, atHand := c.CanAsk(""); !can || !atHand {
		t.Error("nobody gives a code")
	}
	for refused, want := range []string{"111111", "222222", "222222", ""} {
		code, err := c.Ask(t.Context(), rotate.CodeQuestion{Refused: refused})
		if code != want || (want == "") != errors.Is(err, rotate.ErrNoCode) {
			t.Errorf("after %d refusals: %q, %v", refused, code, err)
		}
	}
	if can, atHand := c.CanAsk(""); !can || atHand {
		t.Error("the code of the command line is given twice")
	}
	if len(problems) != 2 || !strings.Contains(problems[0], "wait for the next one") {
		t.Errorf("a person is told %q", problems)
	}
	alone := &Codes{}
	if can, _ := alone.CanAsk(""); can {
		t.Error("the service asks nobody")
	}
	if _, err := alone.Ask(t.Context(), rotate.CodeQuestion{}); !errors.Is(err, rotate.ErrNoCode) {
		t.Error(err)
	}
	nothing := &Codes{Prompt: func(context.Context, rotate.CodeQuestion, string) (string, error) { return "", nil }}
	if _, err := nothing.Ask(t.Context(), rotate.CodeQuestion{}); !errors.Is(err, rotate.ErrNoCode) {
		t.Error(err)
	}
}

// TestFailingProcessLeavesThePerson: where mfa_process fails, the person is told and asked.
func TestFailingProcessLeavesThePerson(t *testing.T) {
	var told string
	c := &Codes{Prompt: func(_ context.Context, _ rotate.CodeQuestion, problem string) (string, error) {
		told = problem
		return "333333", nil
	}}
	code, err := c.Ask(t.Context(), rotate.CodeQuestion{Process: "exit 3"})
	if err != nil || code != "333333" || !strings.Contains(told, "exit code 3") {
		t.Errorf("%q, %v; told %q", code, err, told)
	}
	if _, err := (&Codes{}).Ask(t.Context(), rotate.CodeQuestion{Process: "exit 3"}); err == nil || errors.Is(err, rotate.ErrNoCode) {
		t.Errorf("without a person: %v", err)
	}
}
