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
	l = lab.NewLab(t, lag, age)
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

var _ = fmt.Sprint
