package rotate_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
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
		l.ProveFully()
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

// crowd counts the requests that are under way at the same time.
type crowd struct {
	iam.Doer
	now, most atomic.Int32
}

func (c *crowd) Do(q *http.Request) (*http.Response, error) {
	n := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
	return c.Doer.Do(q)
}

// addYoungProfiles adds n users with a young key each, in profiles of their own.
func addYoungProfiles(l *lab.Lab, n int) {
	var text strings.Builder
	for i := range n {
		id, secret := l.Cloud.AddUser(lab.Account, "/", fmt.Sprint("user", i)).AddKey(settings.Day)
		fmt.Fprintf(&text, "\n[user%d]\naws_access_key_id = %s\naws_secret_access_key = %s\n", i, id, secret)
	}
	l.WriteFile("credentials", l.ReadCredentials()+text.String())
}

// TestFirstLooksFollowEachOther: the first looks at many keys keep eight calls under way,
// and the files are not read anew for every eight of them. A round lasts about a second,
// so that a command gets the lock.
func TestFirstLooksFollowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewInMemory(t, time.Now)
		l.SetUp(awssim.Lag{}, settings.Day)
		counted := &crowd{Doer: distant{l.Cloud}}
		l.Rotator.HTTP = counted
		addYoungProfiles(l, 63)
		s, began, rounds, longest := l.Rotator.NewSchedule(rotate.Request{}), time.Now(), 0, time.Duration(0)
		for next := began; !next.IsZero(); rounds++ {
			time.Sleep(time.Until(next))
			start := time.Now()
			var err error
			_, next, err = s.Round(t.Context())
			lab.Must(t, err)
			longest = max(longest, time.Since(start))
		}
		calls := len(l.Cloud.Calls())
		limit := time.Duration(calls) * 80 * time.Millisecond / 8
		t.Logf("%d calls, at most %d at once, in %d rounds of at most %s: %s; without a pause %s", calls, counted.most.Load(), rounds, longest, time.Since(began), limit)
		if calls != 3*64 || counted.most.Load() != 8 || rounds > 3 || longest > 1300*time.Millisecond || time.Since(began) > limit*11/10 {
			t.Errorf("%d calls, at most %d at once, in %d rounds of at most %s: %s; without a pause %s", calls, counted.most.Load(), rounds, longest, time.Since(began), limit)
		}
	})
}

// TestFailedLookIsTheLastOfItsRound: when there is no network, the pass finds that out with
// the first eight keys, and asks for no other.
func TestFailedLookIsTheLastOfItsRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewInMemory(t, time.Now)
		l.SetUp(awssim.Lag{}, settings.Day)
		l.Rotator.HTTP = airplane{}
		addYoungProfiles(l, 31)
		results := l.PassAll(rotate.Request{})
		asked := map[string]bool{}
		for line := range strings.Lines(l.Log.String()) {
			if _, key, ok := strings.Cut(line, "msg=failed profile="); ok {
				asked[key[:strings.Index(key, " ")]] = true
			}
		}
		if len(results) != 32 || len(asked) != 8 {
			t.Errorf("%d keys, and %d of them were asked about", len(results), len(asked))
		}
	})
}

// TestLooksShareConnections: looks at keys of many users open no more connections than
// there are looks at a time.
func TestLooksShareConnections(t *testing.T) {
	l := lab.NewOnDisk(t, awssim.Lag{}, settings.Day)
	addYoungProfiles(l, 23)
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(l.Cloud)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	l.Rotator.HTTP, l.Rotator.Getenv = nil, func(name string) string {
		if name == "AWS_ENDPOINT_URL" {
			return server.URL
		}
		return ""
	}
	for _, r := range l.PassAll(rotate.Request{}) {
		if r.State != decide.StateOK {
			t.Errorf("%v: %s, %s", r.Profiles, r.State, r.Why)
		}
	}
	if n, calls := opened.Load(), len(l.Cloud.Calls()); n > 8 || calls != 3*24 {
		t.Errorf("%d connections for %d calls", n, calls)
	}
}

// TestRotationNowTakesItsRoundTrips: a rotation that a person wants to end at once takes as
// long as the calls that depend on each other, and the four pauses of the proof.
func TestRotationNowTakesItsRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewInMemory(t, time.Now)
		l.SetUp(awssim.Lag{}, 70*settings.Day)
		l.ProveFully()
		l.Rotator.HTTP = distant{l.Cloud}
		began := time.Now()
		r := l.PassAll(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})[0]
		took := time.Since(began)
		trips := map[time.Time]bool{}
		for _, call := range l.Cloud.Calls() {
			trips[call.At] = true
		}
		beyond := took - time.Duration(len(trips))*80*time.Millisecond
		t.Logf("%d calls in %d round trips: %s, of which %s are pauses", len(l.Cloud.Calls()), len(trips), took, beyond)
		if r.State != decide.StateQuarantine || len(trips) > 18 || beyond > 950*time.Millisecond {
			t.Errorf("%s; %d calls in %d round trips: %s, of which %s are pauses", r.State, len(l.Cloud.Calls()), len(trips), took, beyond)
		}
	})
}

// TestShortWaitNeedsNoRound: of a proof with its pauses of 200 ms, each round asks. A round
// that finds only that the step has to wait reads all files for nothing.
func TestShortWaitNeedsNoRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.ProveFully()
		s := l.Rotator.NewSchedule(rotate.Request{Options: decide.Options{Manual: true}})
		proving, asked := 0, l.CountCalls("GetCallerIdentity")
		for {
			_, next, err := s.Round(t.Context())
			lab.Must(t, err)
			if next.IsZero() {
				break
			}
			if n := l.CountCalls("GetCallerIdentity"); next.Sub(l.Now()) == 200*time.Millisecond {
				if proving++; n == asked {
					t.Errorf("round %d of the proof asked nothing", proving)
				}
			}
			asked = l.CountCalls("GetCallerIdentity")
			time.Sleep(next.Sub(l.Now()))
		}
		if proving != 4 || l.ShownID() == l.OldKey.ID {
			t.Errorf("%d pauses of 200 ms, want 4; the file shows %s", proving, l.ShownID())
		}
	})
}
