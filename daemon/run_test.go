package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
)

// running is a daemon of a lab, and what it said.
type running struct {
	*lab
	log    page
	told   []string
	hangup chan os.Signal
	change chan Change
	stop   func()
}

// page is a log that is read while it is written.
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

// run starts a daemon on the lab's files. In the bubble everything that it does
// at once is over when run returns.
func run(l *lab, reload func() (Settings, error)) *running {
	s := Default()
	s.CheckEvery = 12 * time.Hour // fewer passes in which nothing is due
	return runWith(l, s, reload)
}

// runWith is run with settings that hold as long as reload fails.
func runWith(l *lab, s Settings, reload func() (Settings, error)) *running {
	r := &running{lab: l, hangup: make(chan os.Signal, 1), change: make(chan Change, 1)}
	l.restart()
	l.d.Settings = s
	l.d.Settings.Notify = "none"
	l.d.Log = slog.New(slog.NewTextHandler(&r.log, nil))
	l.d.OnEvent = func(e Event) { r.told = append(r.told, e.Verb) }
	ctx, cancel := context.WithCancel(l.t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, l.d, RunOptions{Reload: reload, Changed: r.change, Hangup: r.hangup, Release: "keyd test"})
	}()
	r.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			l.t.Error(err)
		}
	}
	synctest.Wait()
	return r
}

// let lets time go by, and everything that it brings come to its end.
func (r *running) let(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *running) passes() int { return r.count("ListAccessKeys") }

func TestTheDaemonSaysThatItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 12*day)
		r := run(l, nil)
		life := LoadDaemonInfo(l.d.StateDir)
		if !DaemonRunning(l.d.StateDir) || life == nil || life.PID != os.Getpid() || life.Release != "keyd test" || !life.Since.Equal(time.Now()) || !life.NextPass.After(time.Now()) {
			t.Errorf("lives: %v, %+v", DaemonRunning(l.d.StateDir), life)
		}
		if err := Run(t.Context(), l.d, RunOptions{}); !errors.Is(err, AlreadyRunningError{}) {
			t.Errorf("a second daemon: %v", err)
		}
		r.stop()
		if DaemonRunning(l.d.StateDir) || LoadDaemonInfo(l.d.StateDir) != nil {
			t.Error("it ended, and still says that it lives")
		}
	})
}

// TestAKeyThatAppearsIsLookedAtAtOnce, by whatever the daemon hears of it.
func TestAKeyThatAppearsIsLookedAtAtOnce(t *testing.T) {
	for name, wake := range map[string]func(*running){
		"a file changed": func(r *running) { r.change <- Change{Path: filepath.Join(r.home, "credentials")} },
		"SIGHUP":         func(r *running) { r.hangup <- os.Interrupt },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.Lag{}, 12*day)
				r := run(l, nil)
				defer r.stop()
				r.let(time.Minute)
				before := r.passes()
				id, secret := l.cloud.AddUser(account, "/", "bob").AddKey(day)
				l.write("credentials", l.text()+"[bob]\naws_access_key_id="+id+"\naws_secret_access_key="+secret+"\n")
				synctest.Wait()
				if r.passes() != before {
					t.Fatal("it looked before it was woken")
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

func TestPeopleAreCalledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		must(t, l.user.AllowPolicy(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:ListAccessKeys", "Resource": "*"}]}`))
		calls := func(r *running) int { return strings.Count(strings.Join(r.told, "\n"), NeedsYou) }
		r := run(l, nil)
		r.let(5 * day)
		if n := calls(r); n != 1 {
			t.Errorf("told %d times in five days", n)
		}
		r.stop()
		r = run(l, nil)
		r.let(2 * day)
		if n := calls(r); n != 0 {
			t.Errorf("told %d times again after a restart", n)
		}
		l.user.AllowSelf(false)
		r.let(30 * day)
		r.stop()
		l.watch()
		if l.shows() == l.old.ID {
			t.Error("it was allowed, and was not done")
		}
	})
}

func TestAMistakeInTheSettingsKeepsTheLastGoodOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 55*day)
		good := Default()
		good.CheckEvery = 6 * time.Hour
		good.Notify, good.ProfileRotateAfter = "none", map[string]time.Duration{"default": Never}
		var broken atomic.Bool
		r := run(l, func() (Settings, error) {
			if broken.Load() {
				return Settings{}, errors.New("keyd.ini:1: unknown setting")
			}
			return good, nil
		})
		broken.Store(true)
		r.let(30 * day)
		r.stop()
		if l.watch(); l.shows() != l.old.ID {
			t.Error("an excluded key was replaced")
		}
		if n := strings.Count(r.log.String(), "unknown setting"); n != 1 {
			t.Errorf("the mistake was logged %d times", n)
		}
		if s, err := LoadStatus(l.d.StateDir); err != nil || !strings.Contains(s.SettingsErr, "unknown setting") {
			t.Errorf("the status says %q, %v", s.SettingsErr, err)
		}
	})
}

func TestSlowWatchingIsToldInTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 12*day)
		r := run(l, nil)
		r.change <- Change{SlowReason: errors.New("no space left on device")}
		synctest.Wait()
		if life := LoadDaemonInfo(l.d.StateDir); life == nil || len(life.Notes) != 1 || !strings.Contains(life.Notes[0], "a minute late") {
			t.Errorf("%+v", life)
		}
		r.stop()
	})
}

// TestAnIdleDaemonIsSilent: a log line a quarter of an hour is what makes
// people turn a daemon off.
func TestAnIdleDaemonIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 12*day)
		r := run(l, nil)
		r.let(day / 2)
		before := len(r.log.String())
		r.let(day)
		r.stop()
		if lines := strings.Count(r.log.String()[before:], "\n"); lines > 2 { // the age in days, the end
			t.Errorf("%d lines in a day:\n%s", lines, r.log.String()[before:])
		}
	})
}

// TestOneKeyFindsOutThatTheNetworkIsAway for all: sixty timeouts in a row would
// keep everything else waiting.
func TestOneKeyFindsOutThatTheNetworkIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 12*day)
		alone := func() int {
			l.cloud.Inject(awssim.Fault{Kind: awssim.Dial})
			l.pass(Request{})
			return len(l.cloud.Calls())
		}()
		for name := range strings.FieldsSeq("a b c d e f") {
			id, secret := l.cloud.AddUser(account, "/", name).AddKey(day)
			l.write("credentials", l.text()+"["+name+"]\naws_access_key_id="+id+"\naws_secret_access_key="+secret+"\n")
		}
		time.Sleep(offlineMaxWait)
		before := len(l.cloud.Calls())
		results, err := l.d.Pass(t.Context(), Request{})
		must(t, err)
		if n := len(l.cloud.Calls()) - before; n > alone {
			t.Errorf("%d requests for seven keys, %d for one", n, alone)
		}
		for _, r := range results {
			if r.State != StateWaiting || r.NeedsPerson || time.Until(r.Until) > offlineMaxWait {
				t.Errorf("%v: %s until %s", r.Profiles, r.State, r.Until)
			}
		}
		l.cloud.ClearFaults()
		time.Sleep(offlineMaxWait)
		results, err = l.d.Pass(t.Context(), Request{})
		must(t, err)
		for _, r := range results {
			if r.State != StateOK {
				t.Errorf("%v with a network: %s, %s", r.Profiles, r.State, r.Why)
			}
		}
	})
}

// TestAKeyThatNeedsNoNetworkDoesNotMissIt: nothing is due for it, and it is ok.
func TestAKeyThatNeedsNoNetworkDoesNotMissIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 12*day)
		l.pass(Request{})
		id, secret := l.cloud.AddUser(account, "/", "bob").AddKey(day)
		l.write("credentials", "[bob]\naws_access_key_id="+id+"\naws_secret_access_key="+secret+"\n"+l.text())
		l.cloud.Inject(awssim.Fault{Kind: awssim.DNS})
		results, err := l.d.Pass(t.Context(), Request{})
		must(t, err)
		if len(results) != 2 || results[0].State != StateWaiting || results[1].State != StateOK {
			t.Errorf("%+v", results)
		}
	})
}
