package rotate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestWeeklyJobIsNotCutOff: a job on another machine uses the old key once a week, at any
// hour of its day. keyd sees that in time, does not deactivate the key, and calls nobody
// before the key would get too old.
func TestWeeklyJobIsNotCutOff(t *testing.T) {
	for _, before := range []time.Duration{time.Minute, 3 * settings.Day, 7*settings.Day - time.Minute} { // the job's last run before the swap
		t.Run(before.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 60*settings.Day)
				l.Rotator.Settings.Overlap, l.Rotator.Settings.RotateAfter = 7*settings.Day, 50*settings.Day
				l.Pass(rotate.Request{})
				for week := range 2 {
					time.Sleep(7*settings.Day - before - time.Second)
					r := l.Pass(rotate.Request{})
					if r.NeedsPerson && r.Rotation != nil || r.State != decide.StateOverlap || l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1") != nil || !l.Cloud.IsUsable(l.OldKey.ID, l.OldKey.Secret.Reveal()) {
						t.Fatalf("week %d: %s: %s; %+v", week, r.State, r.Why, l.Cloud.Keys(l.User))
					}
					for range 28 {
						time.Sleep(before / 28)
						l.Pass(rotate.Request{})
					}
				}
				l.CheckPromises()
			})
		})
	}
}

// TestDiaryOfUse lets others use the old key on drawn days of a quarter. Afterwards the
// diary names exactly the days after the swap on which the key was used, and no key was
// deactivated that somebody had used within the overlap.
func TestDiaryOfUse(t *testing.T) {
	seeds := uint64(1)
	if deeptest.On() {
		seeds = 40
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { diaryOfQuarter(t, rand.New(rand.NewPCG(seed, 11))) })
		})
	}
}

func diaryOfQuarter(t *testing.T, dice *rand.Rand) {
	l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
	l.Rotator.Settings.Overlap, l.Rotator.Settings.MaxAge = 7*settings.Day, 400*settings.Day
	first := l.Pass(rotate.Request{}).Rotation
	began := time.Now().Truncate(settings.Day)
	ends := 30 + dice.IntN(15) // the day of the last use
	var truth, diary []string
	lastUse := first.Validated
	for day, open := 0, true; day < 90 && open; day++ {
		minutes := []int{10, 25, 23*60 + 45, 23*60 + 55} // the daemon's passes around midnight; the others change less
		every := 4                                       // hours
		if deeptest.On() {
			every = 1
		}
		for hour := 0; hour < 24; hour += every {
			minutes = append(minutes, 60*hour+40)
		}
		use := -1
		if day < ends && dice.IntN(2) == 0 {
			use = dice.IntN(24 * 60)
			minutes = append(minutes, use)
		}
		slices.Sort(minutes)
		for _, minute := range minutes {
			at := began.Add(time.Duration(day)*settings.Day + time.Duration(minute)*time.Minute)
			if open = open && l.KeyStatuses()[l.OldKey.ID] != ""; !open || !at.After(time.Now()) {
				continue
			}
			time.Sleep(time.Until(at))
			was := l.KeyStatuses()[l.OldKey.ID]
			if minute == use && was == "Active" {
				lab.Must(t, l.User.UseKey(l.OldKey.ID, "ec2", "us-east-1"))
				lastUse, truth = time.Now(), append(truth, time.Now().UTC().Format(time.DateOnly))
			}
			r := l.Pass(rotate.Request{})
			is := l.KeyStatuses()[l.OldKey.ID]
			switch hidden := time.Since(lastUse) < awssim.RealLag().LastUsed; {
			case was != "Active" || is == was || time.Since(lastUse) >= 7*settings.Day:
			case hidden && len(truth) > 0: // after a week of quiet, and AWS had not reported it yet
				truth = truth[:len(truth)-1]
			default:
				t.Errorf("the old key was deactivated %s after its last use", time.Since(lastUse))
			}
			if r.Rotation == nil || r.Rotation.Old.ID != l.OldKey.ID { // the next rotation has a diary of its own
				break
			}
			if diary = r.Rotation.UseDays; r.NeedsPerson {
				t.Fatalf("a person is called on day %d: %s", day, r.Why)
			}
		}
	}
	if !slices.Equal(diary, truth) {
		t.Errorf("the diary names\n%v, used on\n%v", diary, truth)
	}
	t.Logf("used on %d days, the last %d days after the swap", len(truth), int(lastUse.Sub(first.Validated)/settings.Day))
	l.CheckPromises()
}

// TestUseIsToldAndDenialIsSaid: the person learns at once that the old key is still used,
// and at its deactivation how to bring it back. A refusal to tell is neither a use nor
// none: the length of the overlap decides, and the person learns that too.
func TestUseIsToldAndDenialIsSaid(t *testing.T) {
	for _, denied := range []bool{false, true} {
		t.Run(fmt.Sprint(denied), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				var events []rotate.Event
				l.Rotator.OnEvent = func(e rotate.Event) { events = append(events, e) }
				l.Pass(rotate.Request{})
				if denied {
					l.User.DenyAction("GetAccessKeyLastUsed", awssim.NotAllowed)
				}
				time.Sleep(3 * time.Hour)
				lab.Must(t, l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1"))
				time.Sleep(10 * time.Hour)
				r := l.Pass(rotate.Request{})
				if want := map[bool]string{true: "AWS does not tell whether", false: "still used by s3 in eu-west-1, 10h ago"}[denied]; r.State != decide.StateOverlap || !strings.Contains(r.Why, want) || r.OldKeyUse.Denied != denied {
					t.Errorf("%s: %s; %+v", r.State, r.Why, r.OldKeyUse)
				}
				l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
				i := slices.IndexFunc(events, func(e rotate.Event) bool { return e.Verb == rotate.VerbDeactivated })
				if i < 0 || events[i].Hint != "keyd hold default" || strings.Contains(events[i].Text, "did not tell") != denied {
					t.Fatalf("%+v", events)
				}
				if told := slices.ContainsFunc(events, func(e rotate.Event) bool { return e.Verb == rotate.VerbStillUsed }); told == denied {
					t.Errorf("the use was told: %v", told)
				}
				quiet := time.Since(l.Shown[1].At) - 3*time.Hour // since the use
				if !denied && quiet < settings.Day {
					t.Errorf("deactivated %s after the use", quiet)
				}
			})
		})
	}
}

// TestUseBeforeOwnCalls: AWS says of a key that keyd has never called before who used it
// last, because that is the first thing that keyd asks. A key that nobody uses is
// replaced, and said to be unused; keyd's own calls do not hide that 60 days later.
func TestUseBeforeOwnCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 50*settings.Day) // not due yet, whatever the draw of this machine is
		lab.Must(t, l.User.UseKeyAgo(l.OldKey.ID, "s3", "eu-west-1", settings.Day))
		l.Pass(rotate.Request{})
		if first := l.Cloud.Calls()[0]; first.Action != "GetAccessKeyLastUsed" || first.KeyID != l.OldKey.ID {
			t.Errorf("the first call is %s", first.Action)
		}
		time.Sleep(3 * settings.Day)
		r := l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		if !r.Rotation.UnusedSince.IsZero() {
			t.Errorf("a key that was used weeks ago is said to be unused since %s", r.Rotation.UnusedSince)
		}
		l.RunUntil(20*settings.Day, lab.Settled)
		closed := time.Now()
		time.Sleep(40 * settings.Day)
		r = l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		if since := r.Rotation.UnusedSince; since.Sub(closed).Abs() > time.Hour || !strings.Contains(r.Why, "only keyd had used it since") || r.OldKeyUse == nil {
			t.Errorf("unused since %s, the rotation before was closed at %s: %s", since, closed, r.Why)
		}
		if said := strings.Join(l.Events, "\n"); strings.Count(said, "it is replaced all the same") != 1 {
			t.Errorf("it is not told once: %s", said)
		}
	})
}

// TestYoungKeyCostsNothing: after its first look, a young key costs no call, whatever
// wakes the passes and however often keyd is started again.
func TestYoungKeyCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), settings.Day)
		l.Pass(rotate.Request{})
		first := len(l.Cloud.Calls())
		for n := range 40 * 4 {
			time.Sleep(6 * time.Hour)
			if n%10 == 0 {
				l.Restart()
			}
			l.Rotator.AwakeSince = time.Now()
			if r := l.Pass(rotate.Request{}); !lab.Settled(r) {
				t.Fatalf("%s: %s", r.State, r.Why)
			}
		}
		if n := len(l.Cloud.Calls()) - first; n > 0 || first != 3 {
			t.Errorf("%d calls in 40 days, %d at the first look", n, first)
		}
		l.Pass(rotate.Request{Options: decide.Options{Manual: true}})
		if n := len(l.Cloud.Calls()) - first; n == 0 {
			t.Error("a person asks, and AWS is not asked")
		}
	})
}

// TestBlockedKeyCostsNoCallBeforeItsTime counts the calls of a day in which a key waits
// for a person or for its time, with a pass every quarter of an hour, some of them after
// the machine woke.
func TestBlockedKeyCostsNoCallBeforeItsTime(t *testing.T) {
	inOverlap := func(l *lab.Lab) {
		l.RunUntil(time.Hour, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
	}
	cases := map[string]struct {
		begin func(*lab.Lab)
		state decide.State
	}{
		"a second key":      {func(l *lab.Lab) { l.User.AddKey(20 * settings.Day) }, decide.StateBlocked},
		"a denied call":     {func(l *lab.Lab) { l.User.DenyAction("UpdateAccessKey", awssim.SCP) }, decide.StateWaiting},
		"a denied list":     {func(l *lab.Lab) { l.User.DenyAction("ListAccessKeys", awssim.SCP) }, decide.StateWaiting},
		"a key that is off": {func(l *lab.Lab) { lab.Must(l.T, l.User.SetStatus(l.OldKey.ID, "Inactive")) }, decide.StateBlocked},
		"a wrong clock": {func(l *lab.Lab) {
			l.Now = func() time.Time { return time.Now().Add(7 * time.Minute) }
			l.Restart()
		}, decide.StateBlocked},
		"the overlap": {inOverlap, decide.StateOverlap},
		"a use that continues": {func(l *lab.Lab) {
			l.Rotator.Settings.MaxAge = 71 * settings.Day
			inOverlap(l)
			for range 4 {
				time.Sleep(20 * time.Hour)
				lab.Must(l.T, l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1"))
				time.Sleep(4 * time.Hour)
				l.Pass(rotate.Request{})
			}
		}, decide.StateBlocked},
		"the quarantine": {func(l *lab.Lab) {
			l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		}, decide.StateQuarantine},
		"an old key that is on again": {func(l *lab.Lab) {
			l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
			time.Sleep(time.Hour)
			lab.Must(l.T, l.User.SetStatus(l.OldKey.ID, "Active"))
			l.RunUntil(12*settings.Day, func(r rotate.Result) bool { return r.Do == decide.DoBlock })
		}, decide.StateBlocked},
		"a hold": {func(l *lab.Lab) {
			inOverlap(l)
			_, err := l.Rotator.Hold(l.T.Context(), "default")
			lab.Must(l.T, err)
		}, decide.StateHeld},
		"rotate = never": {func(l *lab.Lab) {
			inOverlap(l)
			l.Rotator.Settings.ProfileRotateAfter = map[string]time.Duration{"default": settings.Never}
		}, decide.StateHeld},
		"a new key that is off": {func(l *lab.Lab) {
			inOverlap(l)
			lab.Must(l.T, l.User.SetStatus(l.ShownID(), "Inactive"))
			l.RunUntil(25*time.Hour, func(r rotate.Result) bool { return r.NeedsPerson })
		}, decide.StateBlocked},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
				c.begin(l)
				l.Pass(rotate.Request{})
				l.Pass(rotate.Request{})
				from := len(l.Cloud.Calls())
				passes := 24
				if deeptest.On() {
					passes = 96
				}
				for n := range passes {
					time.Sleep(settings.Day / time.Duration(passes))
					if n%8 == 0 && name != "a wrong clock" { // the clock may have been set
						l.Rotator.AwakeSince = l.Now()
					}
					r := l.Pass(rotate.Request{})
					if denied := c.state == decide.StateWaiting && r.State == decide.StateBlocked; r.State != c.state && !denied { // blocked on the second day
						t.Fatalf("%s: %s", r.State, r.Why)
					}
				}
				calls := l.Cloud.Calls()[from:]
				if len(calls) > 8 {
					t.Errorf("%d calls", len(calls))
					for _, call := range calls {
						t.Log(call.At, call.Action, call.Code)
					}
				}
			})
		})
	}
}

// TestNeverHoldsRotation: rotate = never, or the account in never_accounts, said in the
// middle of a rotation, holds it for as long as that is said: no key is created,
// deactivated or deleted. A file that shows the old text again is still mended.
func TestNeverHoldsRotation(t *testing.T) {
	for _, at := range []decide.State{decide.StateOverlap, decide.StateQuarantine} {
		for _, by := range []string{"rotate = never", "never_accounts"} {
			if !deeptest.On() && (at == decide.StateOverlap) != (by == "rotate = never") {
				continue
			}
			t.Run(string(at)+" "+by, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
					start := l.ReadCredentials()
					l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == at })
					after, keys := l.ReadCredentials(), l.KeyStatuses()
					if by == "rotate = never" {
						l.Rotator.Settings.ProfileRotateAfter = map[string]time.Duration{"default": settings.Never}
					} else {
						l.Rotator.Settings.NeverAccounts = []string{lab.Account}
					}
					for range 20 {
						time.Sleep(settings.Day)
						if r := l.Pass(rotate.Request{}); r.State != decide.StateHeld || r.NeedsPerson || !strings.HasPrefix(r.Why, by+" in keyd.ini holds the rotation") {
							t.Fatalf("%s: %s", r.State, r.Why)
						}
					}
					if r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}}); r.Err == nil || !strings.Contains(r.Err.Error(), "holds the rotation") || !strings.HasSuffix(r.Hint, "take this out of keyd.ini: "+by) {
						t.Errorf("--retire-now: %s: %s (%v; %s)", r.State, r.Why, r.Err, r.Hint)
					}
					l.WriteFile("credentials", start)
					if l.Pass(rotate.Request{}); l.ReadCredentials() != after || fmt.Sprint(l.KeyStatuses()) != fmt.Sprint(keys) {
						t.Errorf("the file is mended: %v; keys %v, were %v", l.ReadCredentials() == after, l.KeyStatuses(), keys)
					}
					l.Rotator.Settings = settings.Default()
					l.Rotator.Settings.CheckEvery = settings.Day
					l.RunUntil(30*settings.Day, lab.Settled)
					l.CheckOneKey()
				})
			})
		}
	}
}
