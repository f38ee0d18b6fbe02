package rotate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// otherPlace is a place that is not a file, with a hook that updates it.
type otherPlace struct {
	mu    sync.Mutex
	holds string                         // the id of the pair that it holds
	calls []string                       // the hook and the event of each run
	takes time.Duration                  // how long a run takes
	fails func(n int) rotate.HookOutcome // how run n ends, from 1; nil means well
	miss  error                          // what Check says
}

func (p *otherPlace) Check(settings.Hook) error { return p.miss }

func (p *otherPlace) Run(ctx context.Context, call rotate.HookCall) rotate.HookOutcome {
	var in struct {
		Event           string
		AccessKeyID     string `json:"access_key_id"`
		SecretAccessKey string `json:"secret_access_key"`
		NewKeyID        string `json:"new_key_id"`
	}
	if err := json.Unmarshal(call.Stdin, &in); err != nil {
		return rotate.HookOutcome{Err: err}
	}
	p.mu.Lock()
	p.calls = append(p.calls, call.Hook.Name+" "+in.Event)
	n := len(p.calls)
	p.mu.Unlock()
	limit := time.NewTimer(call.Hook.Timeout)
	defer limit.Stop()
	select {
	case <-time.After(p.takes):
	case <-limit.C:
		return rotate.HookOutcome{Err: fmt.Errorf("not finished after %s: ended", call.Hook.Timeout)}
	case <-ctx.Done():
		return rotate.HookOutcome{Err: context.Cause(ctx)}
	}
	if p.fails != nil {
		if outcome := p.fails(n); outcome.Err != nil {
			return outcome
		}
	}
	p.mu.Lock()
	p.holds = in.NewKeyID
	if call.Hook.GetsSecret() && (in.AccessKeyID != in.NewKeyID || in.SecretAccessKey == "") || !call.Hook.GetsSecret() && in.SecretAccessKey != "" {
		p.holds = "a pair that it must not have"
	}
	p.mu.Unlock()
	return rotate.HookOutcome{Said: "updated"}
}

// runs returns the hook and the event of each run so far. A hook may be running.
func (p *otherPlace) runs() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// held returns the id of the pair that the place holds.
func (p *otherPlace) held() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.holds
}

// newPlace gives the lab's keyd a hook, and a place that holds the old pair.
func newPlace(l *lab.Lab, edit ...func(*settings.Hook)) *otherPlace {
	h := settings.Hook{Name: "github", Command: []string{"gh"}, Required: true, Timeout: time.Minute, Secrets: settings.SecretsStdin, Format: "json"}
	for _, e := range edit {
		e(&h)
	}
	l.Rotator.Settings.Hooks = append(l.Rotator.Settings.Hooks, h)
	p := &otherPlace{holds: l.OldKey.ID}
	l.Rotator.Hooks = p
	return p
}

// failing returns the failures of the first n runs.
func failing(n int, text string) func(int) rotate.HookOutcome {
	return func(i int) rotate.HookOutcome {
		if i > n {
			return rotate.HookOutcome{}
		}
		return rotate.HookOutcome{Err: errors.New(text), Said: "last line"}
	}
}

// anotherProcess returns the keyd of another process on the same laptop.
func anotherProcess(l *lab.Lab) *rotate.Rotator {
	first := l.Rotator
	defer func() { l.Rotator = first }()
	l.Restart()
	l.Rotator.Settings, l.Rotator.Hooks = first.Settings, first.Hooks
	return l.Rotator
}

func hasEvent(l *lab.Lab, text string) bool {
	return strings.Contains(strings.Join(l.Events, "\n"), text)
}

// TestHookRunsBeforeTheOldKeyEnds is the undisturbed course: the hook runs once, right after
// the validation, also when a person ends the overlap in the same pass.
func TestHookRunsBeforeTheOldKeyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		p := newPlace(l)
		p.takes = 20 * time.Second
		r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
		if r.State != decide.StateQuarantine || p.held() != r.KeyID || len(p.runs()) != 1 || p.runs()[0] != "github rotated" {
			t.Fatalf("%s: %s (%v); the place holds %s after %q", r.State, r.Why, r.Err, p.held(), p.runs())
		}
		if len(r.Hooks) != 1 || r.Hooks[0].State != "ok" || r.Hooks[0].KeyID != r.KeyID || r.Hooks[0].Why != "updated" {
			t.Errorf("the status says %+v", r.Hooks)
		}
		events := strings.Join(l.Events, "\n")
		validated, ran, ended := strings.Index(events, "validated"), strings.Index(events, "hook ok github: updated"), strings.Index(events, "deactivated")
		if validated < 0 || ran < validated || ended < ran {
			t.Errorf("the events are\n%s", events)
		}
		r = l.RunUntil(20*settings.Day, lab.Settled)
		if len(p.runs()) != 1 || len(r.Hooks) != 1 || r.Hooks[0].State != "ok" {
			t.Errorf("after the rotation: %q, %+v", p.runs(), r.Hooks)
		}
		l.CheckPromises()
		l.CheckOneKey()
	})
}

// TestRequiredHookThatFailsKeepsTheOldKey fails three times, and then succeeds.
func TestRequiredHookThatFailsKeepsTheOldKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.Rotator.Settings.Overlap = 0
		p := newPlace(l)
		p.fails = failing(3, "exit code 1")
		for n := 1; n <= 3; n++ {
			r := l.Pass(rotate.Request{})
			want := "hook github: failed: exit code 1: last line; "
			if n > 1 {
				want = fmt.Sprintf("hook github: failed %d times: exit code 1: last line; ", n)
			}
			if r.State != decide.StateWaiting || !strings.HasPrefix(r.Why, want) || !strings.HasSuffix(r.Why, " stays usable until it succeeds") || len(p.runs()) != n {
				t.Fatalf("after failure %d: %s: %s (%v), %d runs", n, r.State, r.Why, r.Err, len(p.runs()))
			}
			if wait := time.Until(r.Until); wait > decide.RetryAfter(n) || wait < decide.RetryAfter(n)-time.Second {
				t.Errorf("the next try is in %s", wait)
			}
			if len(r.Hooks) != 1 || r.Hooks[0].State != "failed" || r.Hooks[0].Failures != n || r.Hooks[0].Why != "exit code 1: last line" {
				t.Errorf("the status says %+v", r.Hooks)
			}
			if r.Hint != "to try it now: keyd rotate default; to continue without it: required = false in [hook github] of keyd.ini" {
				t.Errorf("the hint is %s", r.Hint)
			}
			if !l.Cloud.IsUsable(l.OldKey.ID, l.OldKey.Secret.Reveal()) {
				t.Fatal("the old key does not work any more")
			}
			time.Sleep(time.Until(r.Until))
		}
		r := l.Pass(rotate.Request{})
		if r.State == decide.StateWaiting || p.held() != r.KeyID || len(p.runs()) != 4 {
			t.Fatalf("%s: %s; the place holds %s", r.State, r.Why, p.held())
		}
		l.RunUntil(20*settings.Day, lab.Settled)
		if len(p.runs()) != 4 || !hasEvent(l, "hook failed github: failed: exit code 1: last line") || !hasEvent(l, "hook ok github: updated") {
			t.Errorf("%q", p.runs())
		}
		l.CheckPromises()
		l.CheckOneKey()
	})
}

// TestHookThatAlwaysFailsNeedsAPerson: not even a person who ends the overlap gets rid of
// the old key, until keyd.ini says that the hook is not required, or no longer has it.
func TestHookThatAlwaysFailsNeedsAPerson(t *testing.T) {
	for _, way := range []string{"not required", "removed"} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
			p := newPlace(l)
			p.fails = failing(1e6, "exit code 1")
			r := l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.NeedsPerson })
			if !strings.HasPrefix(r.Why, "for more than 7d: hook github: failed ") || !strings.Contains(r.Hint, "required = false in [hook github]") {
				t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
			}
			tries := len(p.runs())
			r = l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
			if len(p.runs()) != tries+1 || !r.NeedsPerson || l.CountCalls("UpdateAccessKey") != 1 { // that one was the preflight's
				t.Errorf("--retire-now: %d more runs, %s: %s", len(p.runs())-tries, r.State, r.Why)
			}
			if l.Rotator.Settings.Hooks[0].Required = false; way == "removed" {
				l.Rotator.Settings.Hooks = nil
			}
			r = l.Pass(rotate.Request{})
			if r.State != decide.StateQuarantine {
				t.Errorf("%s: %s: %s", way, r.State, r.Why)
			}
			l.CheckPromises()
		})
	}
}

// TestOptionalHookIsLeftOut: after three failures the rotation says so and continues.
func TestOptionalHookIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		p := newPlace(l, func(h *settings.Hook) { h.Required = false })
		p.fails = failing(1e6, "exit code 1")
		r := l.Pass(rotate.Request{})
		if r.State != decide.StateOverlap || len(p.runs()) != 1 || r.Hooks[0].State != "failed" {
			t.Errorf("%s: %s, %+v", r.State, r.Why, r.Hooks)
		}
		l.RunUntil(20*settings.Day, lab.Settled)
		if len(p.runs()) != 3 || !hasEvent(l, "hook failed github: failed 3 times: exit code 1: last line; it is not required, and the rotation continues without it: its place may still hold") {
			t.Errorf("%d runs\n%s", len(p.runs()), strings.Join(l.Events, "\n"))
		}
		l.CheckOneKey()
	})
}

// TestHookThatNeverSucceededIsTold: with --delete-now, a hook that is not required gets one
// try before the old key is gone.
func TestHookThatNeverSucceededIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		p := newPlace(l, func(h *settings.Hook) { h.Required = false })
		p.fails = failing(1e6, "exit code 1")
		r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, DeleteNow: true}})
		if !lab.Settled(r) || len(p.runs()) != 1 || !hasEvent(l, "hook failed github: has not succeeded (exit code 1: last line): its place may still hold") {
			t.Errorf("%s: %s\n%s", r.State, r.Why, strings.Join(l.Events, "\n"))
		}
	})
}

// TestHookFollowsTheFilesBack: a new key that dies takes the other place back to the old
// pair, once a person says that the files go back.
func TestHookFollowsTheFilesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		p := newPlace(l)
		r := l.Pass(rotate.Request{})
		lab.Must(t, l.User.SetStatus(r.KeyID, "Inactive"))
		time.Sleep(settings.Day)
		if r = l.Pass(rotate.Request{}); !r.NeedsPerson || len(p.runs()) != 1 {
			t.Fatalf("%s: %s", r.State, r.Why)
		}
		n := 0
		p.fails = func(int) rotate.HookOutcome {
			if n++; n > 1 {
				return rotate.HookOutcome{}
			}
			return rotate.HookOutcome{Err: errors.New("exit code 1")}
		}
		held, err := l.Rotator.Hold(t.Context(), "default")
		lab.Must(t, err)
		if held.State != decide.StateHeld || len(p.runs()) != 2 || !strings.Contains(held.Why, "hook github: failed: exit code 1") {
			t.Errorf("%s: %s, %q", held.State, held.Why, p.runs())
		}
		time.Sleep(time.Until(held.Until))
		r = l.Pass(rotate.Request{})
		if r.State != decide.StateHeld || p.held() != l.OldKey.ID || p.runs()[2] != "github put back" {
			t.Errorf("%s: %s, %q, the place holds %s", r.State, r.Why, p.runs(), p.held())
		}
		_, err = l.Rotator.Resume(t.Context(), "default")
		lab.Must(t, err)
		if keys := l.Cloud.Keys(l.User); len(keys) != 1 || keys[0].ID != l.OldKey.ID || p.held() != l.OldKey.ID {
			t.Errorf("%+v, the place holds %s", keys, p.held())
		}
	})
}

// TestPreflightChecksHooks: what a hook lacks is said before a key exists.
func TestPreflightChecksHooks(t *testing.T) {
	for name, c := range map[string]struct {
		miss  error
		users int
		edit  func(*settings.Hook)
		says  string
	}{
		"no such program":        {errors.New("gh is in no folder of PATH"), 1, nil, "hook github: gh is in no folder of PATH; no key was created"},
		"not required":           {errors.New("gh is in no folder of PATH"), 1, func(h *settings.Hook) { h.Required = false }, ""},
		"of another profile":     {errors.New("gh is in no folder of PATH"), 1, func(h *settings.Hook) { h.Profiles = []string{"bob"} }, ""},
		"two keys":               {nil, 2, nil, "hook github gets the pair and names no profile, and the files hold 2 keys: it was not run, and no key was created"},
		"two keys and a profile": {nil, 2, func(h *settings.Hook) { h.Profiles = []string{"work"} }, ""},
		"two keys, no secret":    {nil, 2, func(h *settings.Hook) { h.Secrets = "none" }, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
			if c.users > 1 {
				l.AddProfile("bob", settings.Day)
			}
			if c.edit == nil {
				c.edit = func(*settings.Hook) {}
			}
			p := newPlace(l, c.edit)
			p.miss = c.miss
			r := l.Pass(rotate.Request{})
			switch {
			case c.says == "" && r.State != decide.StateOverlap:
				t.Errorf("%s: %s: %s (%v)", name, r.State, r.Why, r.Err)
			case c.says != "" && (!r.NeedsPerson || r.Why != c.says || r.Hint == "" || l.CountCalls("CreateAccessKey") > 0):
				t.Errorf("%s: %s: %s; %s", name, r.State, r.Why, r.Hint)
			}
		})
	}
}

// TestHookOfNowDecides: a hook that is added or changed in the middle of a rotation runs,
// and its place gets the pair before the old key is deleted.
func TestHookOfNowDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		p := newPlace(l)
		p.fails = failing(1e6, "exit code 1")
		r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, DeleteNow: true}})
		if r.State != decide.StateWaiting || !strings.HasSuffix(r.Why, "is not deleted before it succeeds") || l.CountCalls("DeleteAccessKey") > 0 {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		p.fails = nil
		l.Rotator.Settings.Hooks[0].Command = []string{"other"}
		r = l.Pass(rotate.Request{}) // at once: it is another command
		if !lab.Settled(r) || len(p.runs()) != 2 || p.held() != r.KeyID {
			t.Errorf("%s: %s, %q", r.State, r.Why, p.runs())
		}
	})
}
