package rotate_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// localStack answers GetCallerIdentity as stand-ins of AWS do, for any key, and knows no
// user.
type localStack struct{ arn string }

func (s localStack) Do(q *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(q.Body)
	code, text := 404, `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The user with name alice cannot be found.</Message></Error><RequestId>x</RequestId></ErrorResponse>`
	if strings.Contains(string(body), "Action=GetCallerIdentity") {
		code, text = 200, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>`+s.arn+`</Arn><UserId>AKIAIOSFODNN7EXAMPLE</UserId><Account>000000000000</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
	}
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: q}, nil
}

const (
	standInURL = "http://localhost:4566"
	rootARN    = "arn:aws:iam::000000000000:root"
)

// inShellAt runs f in a shell whose AWS_ENDPOINT_URL is url, where http answers.
func inShellAt(l *lab.Lab, url string, http interface {
	Do(*http.Request) (*http.Response, error)
}, f func()) {
	getenv, real := l.Rotator.Getenv, l.Rotator.HTTP
	l.Rotator.HTTP, l.Rotator.Getenv = http, func(name string) string {
		if name == "AWS_ENDPOINT_URL" {
			return url
		}
		return ""
	}
	f()
	l.Rotator.HTTP, l.Rotator.Getenv = real, getenv
}

// TestStandInsWordStaysWithTheStandIn: one look in a shell whose AWS_ENDPOINT_URL
// names a stand-in, or a profile that had endpoint_url for two days, changes nothing about
// what AWS has said. The key is replaced when it is due.
func TestStandInsWordStaysWithTheStandIn(t *testing.T) {
	asked := func(l *lab.Lab, arn string) {
		inShellAt(l, standInURL, localStack{arn}, func() { l.Pass(rotate.Request{Options: decide.Options{Manual: true}}) })
	}
	for name, at := range map[string]func(*lab.Lab){
		"before the first look": func(l *lab.Lab) { asked(l, rootARN) },
		"after the first look":  func(l *lab.Lab) { l.Pass(rotate.Request{}); time.Sleep(2 * settings.Day); asked(l, rootARN) },
		"not a user":            func(l *lab.Lab) { l.Pass(rotate.Request{}); asked(l, "arn:aws:sts::000000000000:user/moto") },
		"in the config file": func(l *lab.Lab) {
			l.Pass(rotate.Request{})
			l.WriteFile("config", "[default]\nregion = eu-west-1\nendpoint_url = "+standInURL+"\n[profile work]\nregion = eu-west-1\nendpoint_url = "+standInURL+"\n")
			real := l.Rotator.HTTP
			l.Rotator.HTTP = localStack{rootARN}
			for range 2 {
				time.Sleep(settings.Day)
				l.Pass(rotate.Request{})
			}
			l.Rotator.HTTP = real
			l.WriteFile("config", "[default]\nregion = eu-west-1\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 50*settings.Day)
				at(l)
				time.Sleep(time.Minute)
				if r := l.Pass(rotate.Request{}); r.State != decide.StateOK {
					t.Errorf("back at AWS: %s: %s", r.State, r.Why)
				}
				l.RunUntil(20*settings.Day, func(rotate.Result) bool { return l.CountCalls("CreateAccessKey") == 1 })
			})
		})
	}
}

// TestNoIsAskedAgain: that a key is a root key, or not a user's, is believed for a day.
// Here the answer was wrong, as an earlier keyd remembers it from a stand-in.
func TestNoIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		real := l.Rotator.HTTP
		l.Rotator.HTTP = localStack{rootARN}
		if r := l.Pass(rotate.Request{}); r.State != decide.StateSkipped || !strings.Contains(r.Why, "root key") {
			t.Fatalf("%s: %s", r.State, r.Why)
		}
		l.Rotator.HTTP = real
		time.Sleep(settings.Day)
		if r := l.Pass(rotate.Request{}); r.State != decide.StateOverlap {
			t.Errorf("a day later: %s: %s", r.State, r.Why)
		}
	})
}

// TestRotationGoesOnWhereItBegan: no command and no pass in a shell that is pointed to
// another endpoint changes anything about a rotation, and the hint says how to leave it.
func TestRotationGoesOnWhereItBegan(t *testing.T) {
	for _, state := range []decide.State{decide.StateOverlap, decide.StateQuarantine} {
		t.Run(string(state), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				l.RunUntil(10*settings.Day, func(r rotate.Result) bool { return r.State == state })
				before, text, keys := *loadRotation(t, l.Rotator), l.ReadCredentials(), len(l.Cloud.Keys(l.User))
				check := func(what string, why, run string) {
					t.Helper()
					if !strings.Contains(why, "began at AWS (partition aws)") || !strings.Contains(why, standInURL) || run != "unset AWS_ENDPOINT_URL" {
						t.Errorf("%s: %s; run %q", what, why, run)
					}
				}
				inShellAt(l, standInURL, localStack{rootARN}, func() {
					r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true, RetireNow: true}})
					check("rotate", r.Why, r.Hint)
					for what, do := range map[string]func() error{
						"hold":   func() error { _, err := l.Rotator.Hold(t.Context(), "default"); return err },
						"resume": func() error { _, err := l.Rotator.Resume(t.Context(), "default"); return err },
						"prune":  func() error { _, err := l.Rotator.FindSecondKey(t.Context(), "default", l.OldKey.ID); return err },
					} {
						err := do()
						if e, ok := err.(interface{ Hint() string }); ok && what != "prune" {
							check(what, err.Error(), e.Hint())
						} else if err == nil {
							t.Errorf("%s is not refused", what)
						}
					}
				})
				after := *loadRotation(t, l.Rotator)
				if after.Held != before.Held || after.RetireNow || l.ReadCredentials() != text || len(l.Cloud.Keys(l.User)) != keys {
					t.Errorf("something changed: %+v", after)
				}
				l.RunUntil(30*settings.Day, lab.Settled)
				l.CheckPromises()
				l.CheckOneKey()
			})
		})
	}
}

// TestWrongOwnerGetsNoKey: a host that another person runs takes every key, says that
// it is one of its own users', and would hand out a pair. The key stays as it is: the
// host's word contradicts AWS's, or the account in the key id.
func TestWrongOwnerGetsNoKey(t *testing.T) {
	const evil = "https://aws.example.com"
	for name, c := range map[string]struct {
		url, account, user string
		looks              bool // AWS has been asked before
	}{
		"another account, known before":          {evil, "222233334444", "alice", true},
		"another account, never asked before":    {evil, "222233334444", "alice", false},
		"another user of the account":            {evil, lab.Account, "bob", true},
		"a user of that name, with another id":   {evil, lab.Account, "alice", true},
		"this machine, known before":             {standInURL, "123456789012", "alice", true},
		"this machine, the account is in the id": {standInURL, "222233334444", "alice", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 30*settings.Day)
				if c.looks {
					l.Pass(rotate.Request{})
				}
				other := awssim.New(awssim.Options{Now: time.Now, Seed: 99})
				other.AddUser(c.account, "/", "somebody") // so that no two users have one unique id
				other.AddUser(c.account, "/", c.user).RestoreKey(l.Cloud.Keys(l.User)[0], l.OldKey.Secret.Reveal())
				start := l.ReadCredentials()
				inShellAt(l, c.url, other, func() {
					r := l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true, RetireNow: true}})
					if r.Err == nil || !r.NeedsPerson || r.Hint != "unset AWS_ENDPOINT_URL" || !strings.Contains(r.Err.Error(), c.url+" says that "+credfile.Short(l.OldKey.ID)) {
						t.Errorf("%s: %v; run %q", r.State, r.Err, r.Hint)
					}
				})
				for _, call := range other.Calls() {
					if call.Action == "CreateAccessKey" || call.Action == "UpdateAccessKey" || call.Action == "DeleteAccessKey" {
						t.Errorf("%s was sent to %s", call.Action, c.url)
					}
				}
				if l.ReadCredentials() != start {
					t.Errorf("the file is now %q", l.ReadCredentials())
				}
				time.Sleep(time.Minute)
				if r := l.Pass(rotate.Request{}); r.State != decide.StateOK {
					t.Errorf("at AWS: %s: %s", r.State, r.Why)
				}
			})
		})
	}
}

// TestStandInCanBeRotatedAt: a stand-in on this machine that makes up its account may
// rotate the keys that only it knows.
func TestStandInCanBeRotatedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.Cloud = awssim.New(awssim.Options{Now: time.Now, Seed: 3, AnyRegion: true})
		l.User = l.Cloud.AddUser("123456789012", "/", "dev")
		l.User.RestoreKey(awssim.KeyState{ID: l.OldKey.ID, Status: "Active", Created: time.Now().Add(-70 * settings.Day), CreatedBy: awssim.BySeed, Delivered: true}, l.OldKey.Secret.Reveal())
		inShellAt(l, standInURL, l.HTTP, func() { l.RunUntil(30*settings.Day, lab.Settled) })
		l.CheckOneKey()
	})
}

// TestHistoryNamesTheInstallation: each entry says which keyd did it, also when nobody
// has told the process its id, and the two laptops of one user are told apart.
func TestHistoryNamesTheInstallation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		l.Pass(rotate.Request{})
		id, err := state.FindInstallationID(l.Sys, l.Rotator.StateDir)
		entries, _, _ := state.OpenHistory(l.Rotator.StateDir, l.Sys).Read()
		if err != nil || id == "" || len(entries) == 0 || loadRotation(t, l.Rotator).Installation != id {
			t.Fatalf("%q, %v, %d entries", id, err, len(entries))
		}
		for _, e := range entries {
			if e.Installation != id {
				t.Errorf("%s is by %q, want %q", e.Verb, e.Installation, id)
			}
		}
	})
}
