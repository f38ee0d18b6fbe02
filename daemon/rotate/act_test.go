package rotate

import (
	"errors"
	"slices"
	"testing"

	"keyd/daemon/decide"
	"keyd/daemon/iam"
)

// TestEveryActionHasOneStep compares the steps with decide's table of actions.
func TestEveryActionHasOneStep(t *testing.T) {
	var want, got []decide.Do
	for _, a := range decide.Actions() {
		if !a.EndsPass {
			want = append(want, a.Do)
		}
	}
	for _, s := range allSteps() {
		got = append(got, s.do)
		if optional := decide.ActionOf(s.do).Optional; s.perform == nil || (s.leaveOut != nil) != optional {
			t.Errorf("%s: can be performed: %t, can be left out: %t, optional: %t", s.do, s.perform != nil, s.leaveOut != nil, optional)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the steps are %q, the actions %q", got, want)
	}
}

// TestOnlyAWSFailsAnOptionalActionTwice covers the failures after which a rotation
// continues without an optional action.
func TestOnlyAWSFailsAnOptionalActionTwice(t *testing.T) {
	failed := func(do decide.Do, offline bool) *decide.Failure {
		return &decide.Failure{Do: do, Count: 1, Offline: offline}
	}
	unavailable, unsent := &iam.Error{Class: iam.Throttled}, &iam.Error{Class: iam.Unsent}
	for _, c := range []struct {
		name   string
		before *decide.Failure
		err    error
		want   bool
	}{
		{"success", failed(decide.DoDescribe, false), nil, false},
		{"the first failure", nil, unavailable, false},
		{"the second failure", failed(decide.DoDescribe, false), unavailable, true},
		{"no network", failed(decide.DoDescribe, false), unsent, false},
		{"no network before", failed(decide.DoDescribe, true), unavailable, false},
		{"another action failed before", failed(decide.DoLook, false), unavailable, false},
		{"the state folder is full", failed(decide.DoDescribe, false), errors.New("no space left on device"), false},
	} {
		u := &target{facts: decide.Facts{Failure: c.before}}
		if got := u.failsAgain(decide.DoDescribe, c.err); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
