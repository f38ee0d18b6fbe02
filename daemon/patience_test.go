package daemon

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// TestTroubleThatLastsNeedsAPerson: waiting is right for a week of a machine that
// is on, and for a day when the key is too old. Having no network at all is no
// trouble until both are over.
func TestTroubleThatLastsNeedsAPerson(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		kind  awssim.Kind
		age   time.Duration // of the key, as the trouble begins
		after time.Duration // of trouble: needs a person then, and not long before
	}{
		"a proxy opens TLS, young":      {awssim.TLS, 10 * day, 7 * day},
		"a proxy opens TLS, too old":    {awssim.TLS, 100 * day, day},
		"AWS answers nonsense":          {awssim.HTML, 10 * day, 7 * day},
		"no network at all, but young":  {awssim.DNS, 10 * day, 0},
		"no network at all and too old": {awssim.DNS, 100 * day, 7 * day},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.Lag{}, c.age)
				l.d.Settings.ProfileRotateAfter = map[string]time.Duration{"default": 365 * day, "work": 365 * day}
				l.pass(Request{})
				time.Sleep(day)
				l.cloud.Inject(awssim.Fault{Kind: c.kind})
				l.pass(Request{})
				began := time.Now()
				for time.Since(began) < 9*day {
					time.Sleep(6 * time.Hour)
					r := l.pass(Request{})
					if lasted := time.Since(began); r.NeedsPerson != (c.after > 0 && lasted >= c.after) || r.NeedsPerson && r.Hint == "" {
						t.Fatalf("after %s: %s: %s; run %q", lasted, r.State, r.Why, r.Hint)
					}
				}
				l.cloud.ClearFaults()
				time.Sleep(6 * time.Hour)
				if r := l.pass(Request{}); r.State != StateOK {
					t.Errorf("when it is over: %s: %s", r.State, r.Why)
				}
			})
		})
	}
}

// TestPatienceDoesNotCountSleep: a week with the lid closed is no week of trouble.
func TestPatienceDoesNotCountSleep(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	before := &Failure{Do: DoLook, At: at, Count: 3, Lasted: time.Hour}
	for _, c := range []struct{ awake, now, want time.Duration }{
		{0, 6 * time.Hour, 7 * time.Hour},
		{-day, 6 * time.Hour, 7 * time.Hour},
		{8 * day, 8*day + 10*time.Minute, time.Hour + 10*time.Minute},
		{0, -time.Hour, time.Hour},     // the clock was set back
		{0, 30 * day, day + time.Hour}, // keyd was not there
	} {
		next := Failure{Do: DoLook, At: at.Add(c.now)}
		next.ContinueFrom(before, at.Add(c.awake))
		if next.Count != 4 || next.Lasted != c.want {
			t.Errorf("awake since %s, at %s: %+v", c.awake, c.now, next)
		}
	}
}

// TestTroubleThatIsOverIsForgotten: what failed once, and was not due again for
// weeks, has not failed for weeks.
func TestTroubleThatIsOverIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 100*day)
		backup := l.text()
		l.live(3*day, func(r Result) bool { return r.State == StateQuarantine })
		swapped := l.text()
		for range 2 {
			l.cloud.Inject(awssim.Fault{Kind: awssim.TLS})
			l.write("credentials", backup)
			if r := l.pass(Request{}); r.State != StateWaiting {
				t.Errorf("%s: %s", r.State, r.Why)
			}
			l.cloud.ClearFaults()
			l.write("credentials", swapped) // by its owner
			time.Sleep(2 * day)
			if r := l.pass(Request{}); r.State != StateQuarantine {
				t.Errorf("%s: %s", r.State, r.Why)
			}
		}
	})
}

// TestTagIsTriedTwice: nobody needs it, and a rotation does not stay open for it.
func TestTagIsTriedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		l.cloud.Inject(awssim.Fault{Action: "TagUser", Kind: awssim.Status500})
		l.live(time.Hour, func(r Result) bool { return r.State == StateOverlap })
		l.live(10*day, settled)
		if said := strings.Join(l.said, "\n"); !strings.Contains(said, "TagUser") {
			t.Errorf("nobody is told that it has no tag: %s", said)
		}
		l.safe()
		l.oneKey()
	})
}

// TestKeysThatNeverServeNeedAPerson: AWS accepts no key that keyd makes, and each
// try makes and deletes one.
func TestKeysThatNeverServeNeedAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{Create: awssim.Range{Min: time.Hour, Max: time.Hour}, Replicas: 2}, 100*day)
		l.live(3*day, func(r Result) bool { return r.NeedsPerson })
		if r := l.live(0, func(r Result) bool { return r.NeedsPerson }); !strings.Contains(r.Why, "did not accept the new key") {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		l.safe()
	})
}
