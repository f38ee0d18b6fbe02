package rotate_test

import (
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

// TestLastingFailureNeedsPerson: keyd waits in silence for a week in which the machine
// is on, and for one day if the key is too old. Without any network it asks for a person
// only after a week, and only if the key is too old.
func TestLastingFailureNeedsPerson(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		kind  awssim.Kind
		age   time.Duration // of the key when the failures begin
		after time.Duration // of failures: from then on a person is needed; 0: never
	}{
		"a proxy opens TLS, young":      {awssim.TLS, 10 * settings.Day, 7 * settings.Day},
		"a proxy opens TLS, too old":    {awssim.TLS, 100 * settings.Day, settings.Day},
		"AWS answers nonsense":          {awssim.HTML, 10 * settings.Day, 7 * settings.Day},
		"no network at all, but young":  {awssim.DNS, 10 * settings.Day, 0},
		"no network at all and too old": {awssim.DNS, 100 * settings.Day, 7 * settings.Day},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, c.age)
				l.Rotator.Settings.ProfileRotateAfter = map[string]time.Duration{"default": 365 * settings.Day, "work": 365 * settings.Day}
				l.Pass(rotate.Request{})
				time.Sleep(settings.Day)
				l.Cloud.Inject(awssim.Fault{Kind: c.kind})
				l.Pass(rotate.Request{})
				began := time.Now()
				for time.Since(began) < 9*settings.Day {
					time.Sleep(6 * time.Hour)
					r := l.Pass(rotate.Request{})
					if lasted := time.Since(began); r.NeedsPerson != (c.after > 0 && lasted >= c.after) || r.NeedsPerson && r.Hint == "" {
						t.Fatalf("after %s: %s: %s; run %q", lasted, r.State, r.Why, r.Hint)
					}
				}
				l.Cloud.ClearFaults()
				time.Sleep(6 * time.Hour)
				if r := l.Pass(rotate.Request{}); r.State != decide.StateOK {
					t.Errorf("after the failures: %s: %s", r.State, r.Why)
				}
			})
		})
	}
}

// TestFailureDurationExcludesSleep: a week with the lid closed is not a week of
// failures.
func TestFailureDurationExcludesSleep(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	before := &decide.Failure{Do: decide.DoLook, At: at, Count: 3, Lasted: time.Hour}
	for _, c := range []struct{ awake, now, want time.Duration }{
		{0, 6 * time.Hour, 7 * time.Hour},
		{-settings.Day, 6 * time.Hour, 7 * time.Hour},
		{8 * settings.Day, 8*settings.Day + 10*time.Minute, time.Hour + 10*time.Minute},
		{0, -time.Hour, time.Hour},                       // the clock was set back
		{0, 30 * settings.Day, settings.Day + time.Hour}, // keyd did not run
	} {
		next := decide.Failure{Do: decide.DoLook, At: at.Add(c.now)}
		next.ContinueFrom(before, at.Add(c.awake))
		if next.Count != 4 || next.Lasted != c.want {
			t.Errorf("awake since %s, at %s: %+v", c.awake, c.now, next)
		}
	}
}

// TestEndedFailureIsForgotten: a step that failed once, and was not due again for
// weeks, has not failed for weeks.
func TestEndedFailureIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 100*settings.Day)
		backup := l.ReadCredentials()
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		swapped := l.ReadCredentials()
		for range 2 {
			l.Cloud.Inject(awssim.Fault{Kind: awssim.TLS})
			l.WriteFile("credentials", backup)
			if r := l.Pass(rotate.Request{}); r.State != decide.StateWaiting {
				t.Errorf("%s: %s", r.State, r.Why)
			}
			l.Cloud.ClearFaults()
			l.WriteFile("credentials", swapped) // as the person does
			time.Sleep(2 * settings.Day)
			if r := l.Pass(rotate.Request{}); r.State != decide.StateQuarantine {
				t.Errorf("%s: %s", r.State, r.Why)
			}
		}
	})
}

// TestTagIsTriedTwice: the tag is optional, and a rotation does not stay open for it.
func TestTagIsTriedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.Cloud.Inject(awssim.Fault{Action: "TagUser", Kind: awssim.Status500})
		l.RunUntil(time.Hour, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		l.RunUntil(10*settings.Day, lab.Settled)
		if said := strings.Join(l.Events, "\n"); !strings.Contains(said, "TagUser") {
			t.Errorf("no event reports the missing tag: %s", said)
		}
		l.CheckPromises()
		l.CheckOneKey()
	})
}

// TestUnusableNewKeysNeedPerson: AWS accepts no key that keyd creates, and each
// attempt creates and deletes one.
func TestUnusableNewKeysNeedPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{Create: awssim.Range{Min: time.Hour, Max: time.Hour}, Replicas: 2}, 100*settings.Day)
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.NeedsPerson })
		if r := l.RunUntil(0, func(r rotate.Result) bool { return r.NeedsPerson }); !strings.Contains(r.Why, "did not accept the new key") {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		l.CheckPromises()
	})
}
