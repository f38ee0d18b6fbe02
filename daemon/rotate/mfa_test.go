package rotate_test

import (
	"context"
	"fmt"
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

// codes is a person with a phone, who is asked for codes.
type codes struct {
	give    func(q rotate.CodeQuestion) (string, error)
	absent  bool // nobody is there
	atHand  bool
	asked   int
	devices []string
}

func (c *codes) CanAsk(process string) (can, atHand bool) {
	return !c.absent || process != "", c.atHand
}

func (c *codes) Ask(_ context.Context, q rotate.CodeQuestion) (string, error) {
	c.asked++
	c.devices = append(c.devices, q.Device)
	return c.give(q)
}

// guardedLab returns a lab whose user needs MFA, with a phone, and a person who reads it.
func guardedLab(t *testing.T, lag awssim.Lag, age time.Duration) (l *lab.Lab, c *codes, serial string) {
	t.Helper()
	l = lab.NewInMemory(t, time.Now) // a file's date is of the clock of the test
	l.SetUp(lag, age)
	lab.Must(t, l.User.GuardWithMFA())
	serial = l.User.AddVirtualMFA("phone")
	c = &codes{give: func(q rotate.CodeQuestion) (string, error) { return l.User.Code(q.Device), nil }}
	l.Rotator.Codes = c
	return l, c, serial
}

// byHand is what keyd rotate asks of a pass.
var byHand = rotate.Request{Options: decide.Options{Manual: true}}

// TestGuardedKeyIsRotatedWithOneCode: behind the guard of AWS's guide, nothing happens
// until a person gives a code. One code does for the rotation, whose overlap of a day fits
// into the session, and the old key is deleted with the code of the next one.
func TestGuardedKeyIsRotatedWithOneCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c, serial := guardedLab(t, quick, 70*settings.Day)
		start := l.ReadCredentials()
		c.absent = true
		for range 20 {
			r := l.Pass(rotate.Request{})
			if !r.NeedsPerson || r.Hint != "keyd rotate default" || !strings.Contains(r.Why, "waits for an MFA code") || !strings.Contains(r.Why, "estimated") {
				t.Fatalf("%s: %s; run %q", r.State, r.Why, r.Hint)
			}
			time.Sleep(time.Hour)
		}
		if n := len(l.Cloud.Calls()); n > 8 || l.CountCalls("GetSessionToken") > 0 {
			t.Errorf("%d calls while it waits", n)
		}
		c.absent = false
		r := l.PassOnce(byHand)
		if r.State != decide.StateOverlap || c.asked != 1 || c.devices[0] != serial {
			t.Fatalf("%s: %s (%v), asked %d times\n%s", r.State, r.Why, r.Err, c.asked, strings.Join(l.Events, "\n"))
		}
		c.absent = true
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		r = l.RunUntil(30*settings.Day, func(r rotate.Result) bool { return strings.Contains(r.Why, "next MFA code") })
		if r.NeedsPerson {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		calls := len(l.Cloud.Calls())
		r = l.RunUntil(80*settings.Day, func(r rotate.Result) bool { return r.NeedsPerson })
		if !strings.Contains(r.Why, "deleted first") || r.Hint != "keyd rotate default" || len(l.Cloud.Calls()) != calls {
			t.Errorf("%s: %s; run %q; %d calls", r.State, r.Why, r.Hint, len(l.Cloud.Calls())-calls)
		}
		c.absent = false
		if r = l.PassOnce(byHand); r.State != decide.StateOverlap || c.asked != 2 {
			t.Errorf("the second time: %s: %s (%v), asked %d times\n%s", r.State, r.Why, r.Err, c.asked, strings.Join(l.Events, "\n"))
		}
		if keys := l.Cloud.Keys(l.User); len(keys) != 2 {
			t.Errorf("the keys are %+v", keys)
		}
		l.CheckPromises()
		l.CheckOtherBytes(start)
	})
}

// TestNinetyDaysTakeOneCodeARotation: keys are replaced each 30 days, with an overlap of a
// day. A person gives a code when the status asks for one, and at no other time.
func TestNinetyDaysTakeOneCodeARotation(t *testing.T) {
	for _, ends := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewInMemory(t, time.Now)
			l.UseCloud(awssim.New(awssim.Options{Now: time.Now, Seed: 7, Lag: quick, Regions: []string{"eu-west-1", "us-east-1"}, SessionsEndWithKey: ends}), 70*settings.Day)
			lab.Must(t, l.User.GuardWithMFA())
			l.User.AddVirtualMFA("phone")
			c := &codes{give: func(q rotate.CodeQuestion) (string, error) { return l.User.Code(q.Device), nil }, absent: true}
			start, asked := l.ReadCredentials(), 0
			for end := time.Now().Add(95 * settings.Day); time.Now().Before(end); {
				l.Rotator.Codes, l.Rotator.Settings.RotateAfter = c, 30*settings.Day
				r := l.Pass(rotate.Request{})
				if r.NeedsPerson {
					if asked++; r.Hint != "keyd rotate default" {
						t.Fatalf("%s: %s; run %q", r.State, r.Why, r.Hint)
					}
					c.absent = false
					l.PassOnce(byHand)
					c.absent = true
					l.Restart() // the session is in the journal
				}
				time.Sleep(l.Rotator.TimeToNextPass([]rotate.Result{r}))
			}
			if created, codes := l.CountCalls("CreateAccessKey"), l.CountCalls("GetSessionToken"); created != codes || codes != asked || created < 3 {
				t.Errorf("sessions end with their key: %t: %d keys, %d codes, asked %d times\n%s", ends, created, codes, asked, strings.Join(l.Events, "\n"))
			}
			l.CheckPromises()
			l.CheckOtherBytes(start)
		})
	}
}

// TestLongOverlapTakesASecondCode: with an overlap of a week, the deactivation waits for
// another code, and says so. Meanwhile the new key is looked at each day, in a few calls.
func TestLongOverlapTakesASecondCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c, _ := guardedLab(t, quick, 70*settings.Day)
		l.Rotator.Settings.Overlap = 7 * settings.Day
		if r := l.PassOnce(byHand); r.State != decide.StateOverlap {
			t.Fatalf("%s: %s (%v)", r.State, r.Why, r.Err)
		}
		c.absent = true
		before := len(l.Cloud.Calls())
		r := l.RunUntil(9*settings.Day, func(r rotate.Result) bool { return r.NeedsPerson })
		if !strings.Contains(r.Why, "waits for an MFA code") || r.Hint != "keyd rotate default" || len(l.Cloud.Calls())-before > 8*8 {
			t.Errorf("%s: %s; run %q; %d calls in a week", r.State, r.Why, r.Hint, len(l.Cloud.Calls())-before)
		}
		c.absent = false
		if r = l.PassOnce(byHand); r.State != decide.StateQuarantine || c.asked != 2 {
			t.Errorf("%s: %s (%v), asked %d times", r.State, r.Why, r.Err, c.asked)
		}
		if journal := l.Cloud.Calls(); journal[len(journal)-1].KeyID == l.OldKey.ID {
			t.Error("the old key has signed")
		}
		l.CheckPromises()
	})
}

// TestGuardsOfOtherKinds: a policy may allow the calls with MFA instead of denying them
// without, or ask for MFA before changes only. Both are overcome with a code, and the key is
// replaced.
func TestGuardsOfOtherKinds(t *testing.T) {
	const all = `{"Effect": "Allow", "Action": "*", "Resource": "*"}`
	for name, policy := range map[string]string{
		"allowed with MFA": `{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}, {"Effect": "Allow", "Action": "iam:ListMFADevices", "Resource": "*"}`,
		"changes denied":   all + `, {"Effect": "Deny", "Action": ["iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"], "Resource": "*", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
				lab.Must(t, l.User.AllowPolicy(`{"Version": "2012-10-17", "Statement": [`+policy+`]}`))
				serial := l.User.AddVirtualMFA("phone")
				l.WriteFile("config", "[default]\nregion = eu-west-1\nmfa_serial = "+serial+"\n")
				c := &codes{give: func(q rotate.CodeQuestion) (string, error) { return l.User.Code(q.Device), nil }}
				l.Rotator.Codes = c
				if r := l.PassOnce(byHand); r.State != decide.StateOverlap || c.asked != 1 {
					t.Errorf("%s: %s (%v), asked %d times", r.State, r.Why, r.Err, c.asked)
				}
				c.absent = true
				r := l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
				if r.Err != nil || c.asked != 1 {
					t.Errorf("%v, asked %d times", r.Err, c.asked)
				}
				l.CheckPromises()
			})
		})
	}
}

// TestWhatGoesWrongWithCodesLeavesNothingHalfDone: whatever happens to a code, the files and
// the keys stay as they are, and the person learns why.
func TestWhatGoesWrongWithCodesLeavesNothingHalfDone(t *testing.T) {
	for name, c := range map[string]struct {
		give  func(l *lab.Lab, device string) (string, error)
		edit  func(*lab.Lab)
		says  string
		hints string
	}{
		"nobody":           {give: func(*lab.Lab, string) (string, error) { return "", rotate.ErrNoCode }, says: "no MFA code was given: nothing was changed", hints: "keyd rotate default"},
		"not a code":       {give: func(*lab.Lab, string) (string, error) { return "12345", nil }, says: "six digits", hints: "keyd rotate default"},
		"wrong, each time": {give: func(l *lab.Lab, d string) (string, error) { return l.User.CodeAgo(d, time.Hour), nil }, says: "AWS refused the MFA code of", hints: "wait until the device shows the next code"},
		"a process fails":  {give: func(*lab.Lab, string) (string, error) { return "", fmt.Errorf("mfa_process failed with exit code 3") }, says: "no MFA code: mfa_process failed with exit code 3: nothing was changed", hints: "keyd rotate default"},
		"the answer is lost": {edit: func(l *lab.Lab) {
			l.Cloud.Inject(awssim.Fault{Action: "GetSessionToken", Kind: awssim.Close, When: awssim.After, Times: 5})
		}, says: "the answer to an MFA code was lost", hints: ""},
		"the clock is wrong": {edit: func(l *lab.Lab) { l.User.DriftMFA("arn:aws:iam::111122223333:mfa/phone", 5*time.Minute) }, says: "AWS refused", hints: "since each one works once"},
		"the device is gone": {give: func(*lab.Lab, string) (string, error) { return "123456", nil }, edit: func(l *lab.Lab) {
			serial := l.User.AddVirtualMFA("tablet")
			l.User.RemoveMFA(serial)
			l.WriteFile("config", "[default]\nregion = eu-west-1\nmfa_serial = "+serial+"\n")
		}, says: "unable to validate MFA code", hints: "list-mfa-devices"},
		"a security key alone": {edit: func(l *lab.Lab) {
			l.User.RemoveMFA("arn:aws:iam::111122223333:mfa/phone")
			l.User.AddSecurityKey("yubikey")
		}, says: "is a security key or passkey: STS takes only codes of six digits", hints: "aws login"},
		"no device": {edit: func(l *lab.Lab) { l.User.RemoveMFA("arn:aws:iam::111122223333:mfa/phone") }, says: "no MFA device of the user is known", hints: "add a virtual MFA device"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, person, _ := guardedLab(t, awssim.Lag{}, 70*settings.Day)
				start := l.ReadCredentials()
				if c.edit != nil {
					c.edit(l)
				}
				if c.give != nil {
					person.give = func(q rotate.CodeQuestion) (string, error) {
						if q.Refused > 2 {
							return "", rotate.ErrNoCode
						}
						return c.give(l, q.Device)
					}
				} else if name == "the clock is wrong" {
					person.give = func(q rotate.CodeQuestion) (string, error) {
						if q.Refused > 0 {
							return "", rotate.ErrNoCode
						}
						return l.User.Code(q.Device), nil
					}
				}
				r := l.PassOnce(byHand)
				if !strings.Contains(r.Why, c.says) || !strings.Contains(r.Hint, c.hints) {
					t.Errorf("%s: %s; run %q (%v)", r.State, r.Why, r.Hint, r.Err)
				}
				if l.CountCalls("CreateAccessKey")+l.CountCalls("UpdateAccessKey") > 0 || l.ReadCredentials() != start || person.asked > 4 {
					t.Errorf("something was changed, or too often asked: %d", person.asked)
				}
				person.absent = true
				before := len(l.Cloud.Calls()) // the daemon storms nobody
				for range 24 {
					time.Sleep(time.Hour)
					l.Pass(rotate.Request{})
				}
				if calls := len(l.Cloud.Calls()) - before; calls > 12 {
					t.Errorf("%d calls in a day", calls)
				}
				l.CheckPromises()
			})
		})
	}
}

// TestAgeIsEstimated: while AWS lists no keys, the age comes from what else tells it.
func TestAgeIsEstimated(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*lab.Lab)
		age  time.Duration
		says string
		due  bool
	}{
		"the user is young": {func(*lab.Lab) {}, 10 * settings.Day, "estimated by the age of the user", false},
		"the user is old":   {func(*lab.Lab) {}, 400 * settings.Day, "and 400d old, estimated by the age of the user and the date of the file", true},
		"described by keyd": {func(l *lab.Lab) {
			describe(l, "keyd laptop 0123 "+time.Now().Add(-20*settings.Day).Format(time.DateOnly))
		}, 400 * settings.Day, "20d old, estimated by the date in its description", false},
		"described, and old":  {func(l *lab.Lab) { describe(l, "backup, made 1999-10-01") }, 400 * settings.Day, "old, estimated by the date in its description", true},
		"described otherwise": {func(l *lab.Lab) { describe(l, "backup of 2999-99-99") }, 400 * settings.Day, "the age of the user", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, person, _ := guardedLab(t, awssim.Lag{}, c.age)
				c.edit(l)
				person.absent = true
				r := l.PassOnce(rotate.Request{})
				if !strings.Contains(r.Why, c.says) || r.NeedsPerson != c.due {
					t.Errorf("%s: %s; run %q", r.State, r.Why, r.Hint)
				}
				if !r.KeyStatus.Created.IsZero() {
					t.Errorf("an estimate is shown as a fact: %s", r.KeyStatus.Created)
				}
				l.CheckPromises()
			})
		})
	}
}

// describe gives the lab's key a description, as an administrator would.
func describe(l *lab.Lab, text string) { l.User.SetTag(l.OldKey.ID, text) }

// TestOneCodeServesBothKeysOfAUser: two profiles with a key each of one user, both due, take
// one code.
func TestOneCodeServesBothKeysOfAUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c, _ := guardedLab(t, awssim.Lag{}, 70*settings.Day)
		id, secret := l.User.AddKey(80 * settings.Day)
		l.WriteFile("credentials", l.ReadCredentials()+fmt.Sprintf("[second]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret))
		l.PassAll(byHand)
		if n := l.CountCalls("GetSessionToken"); n != 1 || c.asked != 1 {
			t.Errorf("%d sessions, asked %d times", n, c.asked)
		}
		l.CheckPromises()
	})
}

// TestHoldNeedsACode: an old key that is Inactive is made Active again with a code, and
// without one the person is told so.
func TestHoldNeedsACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c, _ := guardedLab(t, awssim.Lag{}, 70*settings.Day)
		l.PassOnce(byHand)
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		time.Sleep(2 * settings.Day)
		c.absent = true
		r, err := l.Rotator.Hold(t.Context(), "default")
		if err != nil || !r.NeedsPerson || !strings.Contains(r.Why, "waits for an MFA code") {
			t.Errorf("%s: %s; %v", r.State, r.Why, err)
		}
		c.absent = false
		if r, err = l.Rotator.Hold(t.Context(), "default"); err != nil || r.State != decide.StateHeld || l.KeyStatuses()[l.OldKey.ID] != "Active" {
			t.Errorf("%s: %s; %v", r.State, r.Why, err)
		}
		l.CheckPromises()
	})
}

// TestGuardedKeyIsPrunedAndRetiredWithACode: the commands that act on one key ask for one
// code each, and without one nothing is changed.
func TestGuardedKeyIsPrunedAndRetiredWithACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, c, _ := guardedLab(t, awssim.Lag{}, 70*settings.Day)
		second, _ := l.User.AddInactiveKey(100 * settings.Day)
		give := c.give
		c.give = func(rotate.CodeQuestion) (string, error) { return "", rotate.ErrNoCode }
		if _, err := l.Rotator.FindSecondKey(t.Context(), "default", ""); err == nil || !strings.Contains(err.Error(), "no MFA code was given") {
			t.Errorf("without a code: %v", err)
		}
		if _, err := l.Rotator.PlanRetirement(t.Context(), "default", true); err == nil || !strings.Contains(err.Error(), "no MFA code was given") {
			t.Errorf("without a code: %v", err)
		}
		c.give, c.asked = give, 0
		p, err := l.Rotator.FindSecondKey(t.Context(), "default", "")
		if err != nil || p.KeyID != second {
			t.Fatalf("%+v, %v", p, err)
		}
		lab.Must(t, l.Rotator.Prune(t.Context(), p))
		if _, err := l.Rotator.PlanRetirement(t.Context(), "default", true); err != nil || c.asked != 1 || len(l.Cloud.Keys(l.User)) != 1 {
			t.Errorf("%v, asked %d times", err, c.asked)
		}
	})
}
