package lab

import (
	"strings"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/state"
)

// Pass does one pass and returns the result for [default]. When keyd waits there until a
// new key is five minutes old, Pass does another one then.
func (l *Lab) Pass(req rotate.Request) rotate.Result {
	l.T.Helper()
	r := l.PassOnce(req)
	if r.Do == decide.DoWait && r.State == decide.StateRotating {
		time.Sleep(r.Until.Sub(l.Now()))
		r = l.PassOnce(req)
	}
	return r
}

// PassOnce does one pass and returns the result for [default].
func (l *Lab) PassOnce(req rotate.Request) rotate.Result {
	l.T.Helper()
	results, err := l.Rotator.Pass(l.T.Context(), req)
	if err != nil {
		l.T.Fatalf("pass: %v", err)
	}
	l.RecordShown()
	for _, r := range results {
		if r.Profiles[0] == "default" {
			return r
		}
	}
	l.T.Fatal("the pass has no result for default")
	return rotate.Result{}
}

// PassAll does one pass and returns the result of every key.
func (l *Lab) PassAll(req rotate.Request) []rotate.Result {
	l.T.Helper()
	results, err := l.Rotator.Pass(l.T.Context(), req)
	if err != nil {
		l.T.Fatal(err)
	}
	return results
}

// RunUntil lets time pass, with a pass whenever one is due, until ok returns true. The
// test fails if that takes longer than limit.
func (l *Lab) RunUntil(limit time.Duration, ok func(rotate.Result) bool) rotate.Result {
	l.T.Helper()
	for end := time.Now().Add(limit); ; {
		r := l.Pass(rotate.Request{})
		if ok(r) {
			return r
		}
		if time.Now().After(end) {
			l.T.Fatalf("not reached after %s: %s, %s (%v)\n%s", limit, r.State, r.Why, r.Err, strings.Join(l.Events, "\n"))
		}
		time.Sleep(l.Rotator.TimeToNextPass([]rotate.Result{r}))
	}
}

// Settled reports whether a key only waits until it is old enough to be replaced.
func Settled(r rotate.Result) bool { return r.State == decide.StateOK && r.Rotation == nil }

// StatusLines does a pass and returns the lines of the status, by key id.
func (l *Lab) StatusLines() map[string]state.KeyStatus {
	l.T.Helper()
	time.Sleep(time.Minute)
	if _, err := l.Rotator.Pass(l.T.Context(), rotate.Request{}); err != nil {
		l.T.Fatal(err)
	}
	status, err := state.LoadStatus(l.Rotator.StateDir)
	if err != nil {
		l.T.Fatal(err)
	}
	status.PID = 0 // the next pass takes it for the status of another process
	if err := status.Save(l.Sys, l.Rotator.StateDir); err != nil {
		l.T.Fatal(err)
	}
	all := map[string]state.KeyStatus{}
	for _, line := range status.Keys {
		all[line.KeyID] = line
	}
	return all
}
