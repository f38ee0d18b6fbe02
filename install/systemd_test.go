package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// newTestUnit returns a unit whose systemctl is a stand-in. The TestRealSystemd tests
// use the real one.
func newTestUnit(t *testing.T) (*unit, *standIn) {
	t.Helper()
	skipOnWindows(t)
	h := newHost(t, "linux")
	h.runtimeRoot = t.TempDir()
	s := putStandIns(&h)
	made, err := systemdSystem(&h).New(nil, awkwardConfig())
	if err != nil {
		t.Fatal(err)
	}
	return made.(*unit), s
}

func TestUnitCallsSystemctl(t *testing.T) {
	u, s := newTestUnit(t)
	if err := u.Install(); err != nil {
		t.Fatal(err)
	}
	if got, want := s.takeCalls(), "daemon-reload\nreset-failed keyd-aws.service\nreenable keyd-aws.service\nrestart keyd-aws.service"; got != want {
		t.Errorf("called\n%s\nwant\n%s", got, want)
	}
	if err := u.Uninstall(); err != nil {
		t.Fatal(err)
	}
	if got, want := s.takeCalls(), "disable --now keyd-aws.service\ndaemon-reload\nreset-failed keyd-aws.service"; got != want {
		t.Errorf("called\n%s\nwant\n%s", got, want)
	}
	u.checkNothingLeft(t)
}

// TestUnitIsRestartedWithoutEnd reads the units that are written for several versions of
// systemd: it gives a daemon up after five failures in ten seconds unless told otherwise.
func TestUnitIsRestartedWithoutEnd(t *testing.T) {
	const grows, constant = "\nRestartSec=5\nRestartSteps=6\nRestartMaxDelaySec=300\n", "\nRestartSec=30\n"
	for version, delay := range map[string]string{"249": constant, "252.38-1~deb12u1": constant, "253": constant, "254": grows, "v257-7.fc42": grows, "?": constant} {
		t.Run(version, func(t *testing.T) {
			u, s := newTestUnit(t)
			s.setFact("version", version)
			if err := u.Install(); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(u.definitionPath())
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range []string{delay, "\nStartLimitIntervalSec=0\n", "\nRestart=on-failure\n", "\nRestartPreventExitStatus=4\n"} {
				if !strings.Contains(string(text), line) {
					t.Errorf("the unit lacks %q:\n%s", line, text)
				}
			}
			if strings.Count(string(text), "\nRestartSec=") != 1 || delay == constant && strings.Contains(string(text), "RestartSteps") {
				t.Errorf("the unit for systemd %s waits in more than one way:\n%s", version, text)
			}
		})
	}
}

func TestUnitSaysThatAnotherDaemonRuns(t *testing.T) {
	u, s := newTestUnit(t)
	s.setFact("refuses start", "Job for keyd-aws.service failed.")
	s.setFact("result", "Result=exit-code\nExecMainStatus=4\n")
	if err := u.Start(); err == nil || !strings.Contains(err.Error(), "keyd run already runs here") {
		t.Errorf("error %v, want one that says why", err)
	}
}

// TestUserManagerIsFoundWithoutASession covers shells that su and sudo -u start.
func TestUserManagerIsFoundWithoutASession(t *testing.T) {
	uid := strconv.Itoa(os.Getuid())
	for _, test := range []struct {
		name, dir string // dir is XDG_RUNTIME_DIR; OWN and THEIRS stand for folders of this user and of another
		linger    bool   // the user has a runtime folder
		replaced  bool
	}{
		{"a session", "OWN", true, false},
		{"a session with its folder elsewhere", "OTHER", true, false},
		{"su -, linger on", "", true, true},
		{"su, which keeps the variable of the caller", "THEIRS", true, true},
		{"su, and the folder of the caller cannot be seen", "/nonexistent/1000", true, true},
		{"su -, linger off", "", false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, s := newTestUnit(t)
			own := filepath.Join(u.host.runtimeRoot, uid)
			if test.linger {
				if err := os.Mkdir(own, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			theirs := "/" // root's, and for root a file, which is no folder at all
			if uid == "0" {
				theirs = "/dev/null"
			}
			h := u.host.withEnv(map[string]string{"XDG_RUNTIME_DIR": map[string]string{"OWN": own, "OTHER": t.TempDir(), "THEIRS": theirs}[test.dir]})
			if strings.HasPrefix(test.dir, "/") {
				h = h.withEnv(map[string]string{"XDG_RUNTIME_DIR": test.dir})
			}
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/the/bus/of/the/caller")
			h.UID, u.host = uid, &h
			if err := u.Start(); err != nil {
				t.Fatal(err)
			}
			for _, env := range s.envs {
				if test.replaced != slices.Contains(env, "XDG_RUNTIME_DIR="+own) || test.replaced && strings.Contains(strings.Join(env, "\n"), "DBUS_SESSION") {
					t.Errorf("systemctl ran with %q", env)
				}
			}
			if test.replaced == (s.envs[0] == nil) {
				t.Errorf("replaced is %v", !test.replaced)
			}
		})
	}
}

// checkNothingLeft checks that neither the unit nor its folder is left.
func (u *unit) checkNothingLeft(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(u.host.Home, ".config", "systemd")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a unit or its folder was left behind: %v", err)
	}
}

func TestUnitRefusesSessionWithoutUserBusBeforeWriting(t *testing.T) {
	u, s := newTestUnit(t)
	s.setFact("no bus", "yes")
	err := u.Install()
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok || !strings.Contains(err.Error(), "No medium found") || !strings.Contains(refused.Instead, "log in") {
		t.Errorf("error %v, want a refusal with systemctl's words and a hint", err)
	}
	u.checkNothingLeft(t)
}

func TestFailedUnitInstallLeavesNothing(t *testing.T) {
	for _, verb := range []string{"daemon-reload", "reenable", "restart"} {
		t.Run(verb, func(t *testing.T) {
			u, s := newTestUnit(t)
			s.setFact("refuses "+verb, "Unit keyd-aws.service is masked.")
			if err := u.Install(); err == nil || !strings.Contains(err.Error(), "is masked") {
				t.Errorf("error %v, want systemctl's words", err)
			}
			u.checkNothingLeft(t)
		})
	}
}

func TestFailedUnitInstallRestoresOlderUnit(t *testing.T) {
	u, s := newTestUnit(t)
	if err := u.Install(); err != nil {
		t.Fatal(err)
	}
	older, err := os.ReadFile(u.definitionPath())
	if err != nil {
		t.Fatal(err)
	}
	s.takeCalls()
	s.setFact("refuses restart", "Job failed.")
	u.Executable = "/another/keyd"
	if err := u.Install(); err == nil || !strings.Contains(err.Error(), "older installation is as it was") {
		t.Errorf("error %v, want one that says that the older installation is as it was", err)
	}
	if now, err := os.ReadFile(u.definitionPath()); err != nil || string(now) != string(older) {
		t.Errorf("the older unit was not restored: %v", err)
	}
	if got := s.takeCalls(); !strings.HasSuffix(got, "enable keyd-aws.service\nstart keyd-aws.service") || s.facts["active"] != "active" {
		t.Errorf("the older service was not started again:\n%s", got)
	}
}

// TestUnitGoesWhereTheUserManagerReads covers a shell whose XDG_CONFIG_HOME the
// user manager, which reads the units, does not have.
func TestUnitGoesWhereTheUserManagerReads(t *testing.T) {
	for name, reads := range map[string]bool{"manager has XDG_CONFIG_HOME": true, "manager does not have it": false} {
		t.Run(name, func(t *testing.T) {
			u, s := newTestUnit(t)
			other := filepath.Join(u.host.Home, "my settings")
			h := u.host.withEnv(map[string]string{"XDG_CONFIG_HOME": other})
			u.host = &h
			usual, own := filepath.Join(h.Home, ".config", "systemd", "user"), filepath.Join(other, "systemd", "user")
			want := usual
			s.setFact("reads", usual)
			if reads {
				want = own
				s.setFact("reads", own+" "+usual)
			}
			if err := u.Install(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(want, unitName)); err != nil || u.definitionPath() != filepath.Join(want, unitName) {
				t.Errorf("the unit is %s, %v; want it in %s", u.definitionPath(), err, want)
			}
		})
	}
}
