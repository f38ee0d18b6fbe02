package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
	"keyd/daemon/watch"
)

// running is a daemon that runs on a lab's files, with its log and its events.
type running struct {
	*lab.Lab
	log    page
	told   []string // the verbs of the events
	events []rotate.Event
	mu     sync.Mutex // held while told and events are used
	hangup chan os.Signal
	change chan watch.Change
	stop   func()
}

// page is a log that the test reads while the daemon writes it.
type page struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *page) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(line)
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// run starts a daemon on the lab's files, and returns when the daemon has nothing more to
// do at this time.
func run(l *lab.Lab, reload func() (settings.Settings, error)) *running {
	s := settings.Default()
	s.CheckEvery = 12 * time.Hour // fewer passes in which nothing is due
	return runWith(l, s, reload)
}

// runWith is like run, with settings that are in force as long as reload fails.
func runWith(l *lab.Lab, s settings.Settings, reload func() (settings.Settings, error)) *running {
	r := &running{Lab: l, hangup: make(chan os.Signal, 1), change: make(chan watch.Change, 1)}
	l.Restart()
	l.Rotator.Settings = s
	l.Rotator.Settings.Notify = "none"
	l.Rotator.Log = slog.New(slog.NewTextHandler(&r.log, nil))
	l.Rotator.OnEvent = func(e rotate.Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.told, r.events = append(r.told, e.Verb), append(r.events, e)
	}
	ctx, cancel := context.WithCancel(l.T.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, l.Rotator, RunOptions{Reload: reload, Changed: r.change, Hangup: r.hangup, Release: "keyd test"})
	}()
	r.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			l.T.Error(err)
		}
	}
	synctest.Wait()
	return r
}

// wait lets time pass, until the daemon has done everything that became due.
func (r *running) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// eventsSoFar returns the events that the daemon has emitted.
func (r *running) eventsSoFar() []rotate.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

func (r *running) passes() int { return r.CountCalls("ListAccessKeys") }

func TestDaemonPublishesThatItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 12*settings.Day)
		r := run(l, nil)
		began := time.Now()
		r.wait(time.Second) // the first pass ends
		life := state.LoadDaemonInfo(l.Rotator.StateDir)
		if !state.DaemonRunning(l.Rotator.StateDir) || life == nil || life.PID != os.Getpid() || life.Release != "keyd test" || !life.Since.Equal(began) || !life.NextPass.After(time.Now()) {
			t.Errorf("running: %v, %+v", state.DaemonRunning(l.Rotator.StateDir), life)
		}
		if err := Run(t.Context(), l.Rotator, RunOptions{}); !errors.Is(err, AlreadyRunningError{}) {
			t.Errorf("a second daemon: %v", err)
		}
		r.stop()
		if state.DaemonRunning(l.Rotator.StateDir) || state.LoadDaemonInfo(l.Rotator.StateDir) != nil {
			t.Error("the daemon has ended, and its files still say that it runs")
		}
	})
}

// TestNewKeyIsLookedAtImmediately adds a key and wakes the daemon in each possible way.
func TestNewKeyIsLookedAtImmediately(t *testing.T) {
	for name, wake := range map[string]func(*running){
		"a file changed": func(r *running) { r.change <- watch.Change{Path: filepath.Join(r.Home, "credentials")} },
		"SIGHUP":         func(r *running) { r.hangup <- os.Interrupt },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewOnDisk(t, awssim.Lag{}, 12*settings.Day)
				r := run(l, nil)
				defer r.stop()
				r.wait(time.Minute)
				before := r.passes()
				id, secret := l.Cloud.AddUser(lab.Account, "/", "bob").AddKey(settings.Day)
				l.WriteFile("credentials", l.ReadCredentials()+"[bob]\naws_access_key_id="+id+"\naws_secret_access_key="+secret+"\n")
				synctest.Wait()
				if r.passes() != before {
					t.Fatal("the daemon looked before it was woken")
				}
				wake(r)
				synctest.Wait()
				if r.passes() != before+1 {
					t.Errorf("%d lists before, %d after", before, r.passes())
				}
			})
		})
	}
}

func TestPersonIsNotifiedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		lab.Must(t, l.User.AllowPolicy(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:ListAccessKeys", "Resource": "*"}]}`))
		calls := func(r *running) int { return strings.Count(strings.Join(r.told, "\n"), rotate.VerbNeedsYou) }
		r := run(l, nil)
		r.wait(5 * settings.Day)
		if n := calls(r); n != 1 {
			t.Errorf("%d notifications in five days", n)
		}
		r.stop()
		r = run(l, nil)
		r.wait(2 * settings.Day)
		if n := calls(r); n != 0 {
			t.Errorf("%d notifications after a restart", n)
		}
		l.User.AllowSelf(false)
		r.wait(30 * settings.Day)
		r.stop()
		l.RecordShown()
		if l.ShownID() == l.OldKey.ID {
			t.Error("the permission was granted, and the key was not replaced")
		}
	})
}

// TestSIGHUPRetriesADenial: a script that connects a VPN asks keyd to try again now.
// Without it, a denied call waits for its time.
func TestSIGHUPRetriesADenial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 10*settings.Day)
		l.User.DenyAction("*", awssim.ExplicitDeny)
		r := run(l, nil)
		defer func() { r.stop() }()
		r.change <- watch.Change{Path: "credentials"}
		r.wait(time.Second)
		if n := r.passes(); n != 1 {
			t.Errorf("%d looks without a signal", n)
		}
		l.User.LiftDeny("*")
		r.hangup <- os.Interrupt
		r.wait(time.Second)
		if n := r.passes(); n != 2 {
			t.Errorf("%d looks after SIGHUP", n)
		}
	})
}

func TestBrokenSettingsKeepLastGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 55*settings.Day)
		good := settings.Default()
		good.CheckEvery = 6 * time.Hour
		good.Notify, good.ProfileRotateAfter = "none", map[string]time.Duration{"default": settings.Never}
		var broken atomic.Bool
		r := run(l, func() (settings.Settings, error) {
			if broken.Load() {
				return settings.Settings{}, errors.New("keyd.ini:1: unknown setting")
			}
			return good, nil
		})
		broken.Store(true)
		r.wait(30 * settings.Day)
		r.stop()
		if l.RecordShown(); l.ShownID() != l.OldKey.ID {
			t.Error("an excluded key was replaced")
		}
		if n := strings.Count(r.log.String(), "unknown setting"); n != 1 {
			t.Errorf("the mistake was logged %d times", n)
		}
		if s, err := state.LoadStatus(l.Rotator.StateDir); err != nil || !strings.Contains(s.SettingsErr, "unknown setting") {
			t.Errorf("the status says %q, %v", s.SettingsErr, err)
		}
	})
}

func TestSlowWatchingIsInStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 12*settings.Day)
		r := run(l, nil)
		r.change <- watch.Change{SlowReason: errors.New("no space left on device")}
		synctest.Wait()
		if life := state.LoadDaemonInfo(l.Rotator.StateDir); life == nil || len(life.Notes) != 1 || !strings.Contains(life.Notes[0], "a minute late") {
			t.Errorf("%+v", life)
		}
		r.stop()
	})
}

// TestIdleDaemonLogsLittle: people turn a daemon off that writes a log line every
// quarter of an hour.
func TestIdleDaemonLogsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 12*settings.Day)
		r := run(l, nil)
		r.wait(settings.Day / 2)
		before := len(r.log.String())
		r.wait(settings.Day)
		r.stop()
		if lines := strings.Count(r.log.String()[before:], "\n"); lines > 2 { // the age in days, the end
			t.Errorf("%d lines in a day:\n%s", lines, r.log.String()[before:])
		}
	})
}

// TestFewKeysDetectOfflineForAll: sixty timeouts in a row would delay everything else, so
// the keys of the first round find out that there is no network.
func TestFewKeysDetectOfflineForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 12*settings.Day)
		alone := func() int {
			l.Cloud.Inject(awssim.Fault{Kind: awssim.Dial})
			l.Pass(rotate.Request{})
			return len(l.Cloud.Calls())
		}()
		for i := range 30 {
			name := fmt.Sprint("user", i)
			id, secret := l.Cloud.AddUser(lab.Account, "/", name).AddKey(settings.Day)
			l.WriteFile("credentials", l.ReadCredentials()+"["+name+"]\naws_access_key_id="+id+"\naws_secret_access_key="+secret+"\n")
		}
		time.Sleep(decide.OfflineMaxWait)
		before := len(l.Cloud.Calls())
		results, err := l.Rotator.Pass(t.Context(), rotate.Request{})
		lab.Must(t, err)
		if n := len(l.Cloud.Calls()) - before; n > 8*alone {
			t.Errorf("%d requests for 31 keys, %d for one", n, alone)
		}
		for _, r := range results {
			if r.State != decide.StateWaiting || r.NeedsPerson || time.Until(r.Until) > decide.OfflineMaxWait {
				t.Errorf("%v: %s until %s", r.Profiles, r.State, r.Until)
			}
		}
		l.Cloud.ClearFaults()
		time.Sleep(decide.OfflineMaxWait)
		results, err = l.Rotator.Pass(t.Context(), rotate.Request{})
		lab.Must(t, err)
		for _, r := range results {
			if r.State != decide.StateOK {
				t.Errorf("%v with a network: %s, %s", r.Profiles, r.State, r.Why)
			}
		}
	})
}

// TestKeyNotDueIgnoresOffline: a key for which nothing is due stays ok without a network.
func TestKeyNotDueIgnoresOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 12*settings.Day)
		l.Pass(rotate.Request{})
		id, secret := l.Cloud.AddUser(lab.Account, "/", "bob").AddKey(settings.Day)
		l.WriteFile("credentials", "[bob]\naws_access_key_id="+id+"\naws_secret_access_key="+secret+"\n"+l.ReadCredentials())
		l.Cloud.Inject(awssim.Fault{Kind: awssim.DNS})
		results, err := l.Rotator.Pass(t.Context(), rotate.Request{})
		lab.Must(t, err)
		if len(results) != 2 || results[0].State != decide.StateWaiting || results[1].State != decide.StateOK {
			t.Errorf("%+v", results)
		}
	})
}
