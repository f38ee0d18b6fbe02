package rotate_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// distant is an AWS that is 80 ms away.
type distant struct{ iam.Doer }

func (d distant) Do(q *http.Request) (*http.Response, error) {
	time.Sleep(80 * time.Millisecond)
	return d.Doer.Do(q)
}

// spread is an IAM that needs eight seconds until every server knows a new key.
var spread = awssim.Lag{Create: awssim.Range{Min: 8 * time.Second, Max: 8 * time.Second}, List: awssim.Range{Max: 2 * time.Second}, Replicas: 2}

// timeToRotate returns how long it takes until n overdue keys of n users are replaced.
// before says whether keyd has validated a rotation on this machine.
func timeToRotate(t *testing.T, n int, before bool, ask rotate.Request) (took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, spread, 70*settings.Day)
		l.HTTP = distant{l.HTTP}
		l.Restart()
		if before {
			l.Pass(rotate.Request{})
			time.Sleep(time.Hour)
		}
		users := n
		if !before { // the key in [default] is one of them
			users--
		}
		for i := range users {
			l.AddProfile(fmt.Sprint("user", i), 70*settings.Day)
		}
		began := time.Now()
		results := l.PassAll(ask)
		for slices.ContainsFunc(results, func(r rotate.Result) bool {
			return r.Rotation == nil && r.State != decide.StateOK || r.State == decide.StateRotating
		}) {
			time.Sleep(l.Rotator.TimeToNextPass(results))
			results = l.PassAll(ask)
		}
		took = time.Since(began)
		for _, r := range results {
			if r.State != decide.StateOverlap || r.Err != nil {
				t.Errorf("%v: %s, %s (%v)", r.Profiles, r.State, r.Why, r.Err)
			}
		}
		if made := l.CountCalls("CreateAccessKey"); len(results) < n || made != users+1 {
			t.Errorf("%d keys, %d calls of CreateAccessKey", len(results), made)
		}
		l.CheckPromises()
	})
	return took
}

// TestKeysOfUsersProceedSideBySide: the keys wait for IAM at the same time.
func TestKeysOfUsersProceedSideBySide(t *testing.T) {
	person := rotate.Request{Options: decide.Options{Manual: true}}
	one, eight := timeToRotate(t, 1, true, person), timeToRotate(t, 8, true, person)
	t.Logf("one key: %s, eight keys: %s", one, eight)
	if eight > one*3/2 {
		t.Errorf("eight keys take %s, one takes %s", eight, one)
	}
	first := timeToRotate(t, 8, false, person)
	t.Logf("eight keys on a machine where nothing was rotated before: %s", first)
	if first > one*5/2 || first < one*3/2 {
		t.Errorf("eight keys on a new machine take %s, one takes %s: the first goes alone", first, one)
	}
}

// TestManyOverdueKeysTakeMinutes lets the daemon replace many keys on a laptop on which it
// was just installed. It waits until each new key is five minutes old.
func TestManyOverdueKeysTakeMinutes(t *testing.T) {
	n, limit := 12, 12*time.Minute
	if deeptest.On() {
		n = 200
	}
	took := timeToRotate(t, n, false, rotate.Request{})
	t.Logf("%d keys: %s", n, took)
	if took > limit {
		t.Errorf("%d keys take %s, want at most %s", n, took, limit)
	}
}

// TestKeysOfOneUserTakeTurns: two keys of one user never act in the same round.
func TestKeysOfOneUserTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, spread, 70*settings.Day)
		id, secret := l.User.CreateKey()
		l.WriteFile("credentials", l.ReadCredentials()+"\n[second]\naws_access_key_id="+id+"\naws_secret_access_key="+secret+"\n")
		time.Sleep(time.Minute) // until the lists show it
		results := l.PassAll(rotate.Request{Options: decide.Options{Force: true}})
		for _, r := range results {
			if r.Rotation != nil {
				t.Errorf("%v: %s, %s", r.Profiles, r.State, r.Why)
			}
		}
		if l.CountCalls("CreateAccessKey") > 0 {
			t.Error("a user with two keys got a third one")
		}
	})
}

// TestStatusShowsStepsOfAllKeys: a pass that takes minutes does not leave the status as
// it was before.
func TestStatusShowsStepsOfAllKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, spread, 70*settings.Day)
		l.AddProfile("bob", 12*settings.Day)
		s := l.Rotator.NewSchedule(rotate.Request{})
		seen := map[string]bool{}
		for {
			results, next, err := s.Round(t.Context())
			lab.Must(t, err)
			if next.IsZero() {
				break
			}
			for _, r := range results {
				seen[strings.Join(r.Profiles, ",")+" "+string(r.State)+" "+string(r.Do)] = true
			}
			time.Sleep(time.Until(next))
		}
		for _, want := range []string{"default,work ok look", "default,work due preflight", "default,work rotating prove", "bob ok wait"} {
			if !seen[want] {
				t.Errorf("no round showed %q; they showed %v", want, seen)
			}
		}
	})
}

// TestOneWaitForAllThatIsMissing removes many profiles in the middle of their rotations. A
// pass waits once until it believes that, and not once for each.
func TestOneWaitForAllThatIsMissing(t *testing.T) {
	took := func(n int) (wait time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
			for i := range n {
				l.AddProfile(fmt.Sprint("user", i), 70*settings.Day)
			}
			l.PassAll(rotate.Request{Options: decide.Options{Manual: true}})
			rest, _, _ := strings.Cut(l.ReadCredentials(), "\n[user0]")
			l.WriteFile("credentials", rest)
			began := time.Now()
			blocked := 0
			for _, r := range l.PassAll(rotate.Request{}) {
				if r.Do == decide.DoBlock {
					blocked++
				}
			}
			if wait = time.Since(began); blocked != n {
				t.Errorf("%d of %d rotations without a profile need a person", blocked, n)
			}
		})
		return wait
	}
	if one, many := took(1), took(6); many > one*3/2 {
		t.Errorf("six missing profiles cost %s, one costs %s", many, one)
	}
}
