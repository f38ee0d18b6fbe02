package rotate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestHookThatHangsHoldsUpNobody: while it runs the lock is free, so that a person can hold
// the rotation, and what heals another key does not wait (I12).
func TestHookThatHangsHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewInMemory(t, time.Now)
		l.SetUp(awssim.Lag{}, 70*settings.Day)
		bob := l.AddProfile("bob", 70*settings.Day)
		healthy := l.ReadCredentials()
		p := newPlace(l, func(h *settings.Hook) { h.Profiles, h.Required = []string{"default"}, true })
		p.takes = time.Hour
		bobsTurn := func(r rotate.Result) bool { return r.State == decide.StateOverlap && r.Profiles[0] == "bob" }
		began := time.Now()
		s := l.Rotator.NewSchedule(rotate.Request{Options: decide.Options{Hurry: true}})
		done := false
		for !done {
			results, next, err := s.Round(t.Context())
			lab.Must(t, err)
			for _, r := range results {
				done = done || bobsTurn(r) && len(p.runs()) == 1
			}
			if next.IsZero() {
				t.Fatal("the pass is over")
			}
			if !done {
				time.Sleep(time.Until(next))
			}
		}
		// Bob's old text comes back while the hook of the other key runs.
		shown := l.ReadCredentials()
		at := strings.Index(healthy, "[bob]")
		l.WriteFile("credentials", shown[:strings.Index(shown, "[bob]")]+healthy[at:])
		hookBegan := time.Now()
		for strings.Contains(l.ReadCredentials(), bob) {
			_, next, err := s.Round(t.Context())
			lab.Must(t, err)
			time.Sleep(time.Until(next))
		}
		if took := time.Since(hookBegan); took > 10*time.Second {
			t.Errorf("bob waited %s for the hook of another key", took)
		}
		held, err := anotherProcess(l).Hold(t.Context(), "default")
		lab.Must(t, err)
		if held.State != decide.StateHeld {
			t.Errorf("%s: %s", held.State, held.Why)
		}
		for range 20 {
			results, next, err := s.Round(t.Context())
			lab.Must(t, err)
			if results[0].State != decide.StateHeld {
				t.Fatalf("the hold is not obeyed: %s: %s", results[0].State, results[0].Why)
			}
			if next.IsZero() {
				break
			}
			time.Sleep(time.Until(next))
		}
		if len(p.runs()) != 1 || time.Since(began) > 30*time.Minute {
			t.Errorf("%q after %s", p.runs(), time.Since(began))
		}
		l.Rotator.EndHooks()
	})
}

// TestHookThatHangsIsAFailure counts the time limit as any other failure.
func TestHookThatHangsIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		p := newPlace(l)
		p.takes = time.Hour
		r := l.Pass(rotate.Request{})
		if r.State != decide.StateWaiting || !strings.HasPrefix(r.Why, "hook github: failed: not finished after 1m0s: ended; ") {
			t.Errorf("%s: %s", r.State, r.Why)
		}
	})
}

// TestTwoPassesRunAHookOnce: a person runs keyd rotate while the daemon's hook runs. A
// process that was killed counts as running its hook until the time limit is over.
func TestTwoPassesRunAHookOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewInMemory(t, time.Now)
		l.SetUp(awssim.Lag{}, 70*settings.Day)
		p := newPlace(l)
		p.takes = 40 * time.Second
		s := l.Rotator.NewSchedule(rotate.Request{Options: decide.Options{Hurry: true}})
		for len(p.runs()) == 0 {
			_, next, err := s.Round(t.Context())
			lab.Must(t, err)
			time.Sleep(time.Until(next))
			synctest.Wait()
		}
		first := l.Rotator
		l.Rotator = anotherProcess(l)
		r := l.PassOnce(rotate.Request{Options: decide.Options{Manual: true}})
		if len(p.runs()) != 1 || !strings.Contains(r.Why, "another keyd was started that runs hook github") || r.Err != nil {
			t.Errorf("%d runs, %s: %s (%v)", len(p.runs()), r.State, r.Why, r.Err)
		}
		first.EndHooks() // as the kernel does with the processes of a container
		time.Sleep(time.Until(r.Until))
		r = l.Pass(rotate.Request{})
		if len(p.runs()) != 2 || r.State != decide.StateOverlap || p.held() != r.KeyID {
			t.Errorf("%d runs, %s: %s", len(p.runs()), r.State, r.Why)
		}
	})
}

// TestCtrlCEndsTheHook: a hook does not outlive its process, and the next pass starts it
// again at once.
func TestCtrlCEndsTheHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		p := newPlace(l)
		p.takes = 50 * time.Second
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(30*time.Second, func() { cancel(errors.New("interrupted")) })
		began := time.Now()
		_, err := l.Rotator.Pass(ctx, rotate.Request{Options: decide.Options{Hurry: true}})
		lab.Must(t, err)
		if took := time.Since(began); took != 30*time.Second || len(p.runs()) != 1 || p.held() != l.OldKey.ID {
			t.Errorf("%s, %d runs, the place holds %s", took, len(p.runs()), p.held())
		}
		p.takes = 0
		if r := l.Pass(rotate.Request{}); r.State != decide.StateOverlap || len(p.runs()) != 2 {
			t.Errorf("%s: %s, %d runs", r.State, r.Why, len(p.runs()))
		}
	})
}

// TestOneHookRunsOnceAtATime: two keys are replaced side by side, and their hook, which is
// for both, runs for one after the other.
func TestOneHookRunsOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewInMemory(t, time.Now)
		l.SetUp(awssim.Lag{}, 70*settings.Day)
		l.RunUntil(20*settings.Day, lab.Settled) // otherwise the first rotation goes alone
		l.AddProfile("bob", 0)
		time.Sleep(70 * settings.Day)
		p := newPlace(l, func(h *settings.Hook) { h.Profiles = []string{"default", "bob"} })
		p.takes = 30 * time.Second
		began := time.Now()
		for _, r := range l.PassAll(rotate.Request{Options: decide.Options{Hurry: true}}) {
			if r.State != decide.StateOverlap {
				t.Errorf("%s: %s: %s", r.Profiles, r.State, r.Why)
			}
		}
		if took := time.Since(began); len(p.runs()) != 2 || took < time.Minute {
			t.Errorf("%d runs in %s\n%s", len(p.runs()), took, strings.Join(l.Events, "\n"))
		}
	})
}
