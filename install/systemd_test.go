package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newTestUnit returns a unit whose systemctl is a stand-in. The TestRealSystemd tests
// use the real one.
func newTestUnit(t *testing.T) (*unit, standIn) {
	t.Helper()
	skipOnWindows(t)
	s := putStandIns(t, "systemctl")
	h := newHost(t, "linux")
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
	if got, want := s.takeCalls(t), "daemon-reload\nreset-failed keyd-aws.service\nreenable keyd-aws.service\nrestart keyd-aws.service"; got != want {
		t.Errorf("called\n%s\nwant\n%s", got, want)
	}
	if err := u.Uninstall(); err != nil {
		t.Fatal(err)
	}
	if got, want := s.takeCalls(t), "disable --now keyd-aws.service\ndaemon-reload\nreset-failed keyd-aws.service"; got != want {
		t.Errorf("called\n%s\nwant\n%s", got, want)
	}
	u.checkNothingLeft(t)
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
	s.takeCalls(t)
	s.setFact("refuses restart", "Job failed.")
	u.Executable = "/another/keyd"
	if err := u.Install(); err == nil || !strings.Contains(err.Error(), "older installation is as it was") {
		t.Errorf("error %v, want one that says that the older installation is as it was", err)
	}
	if now, err := os.ReadFile(u.definitionPath()); err != nil || string(now) != string(older) {
		t.Errorf("the older unit was not restored: %v", err)
	}
	if got := s.takeCalls(t); !strings.HasSuffix(got, "enable keyd-aws.service\nstart keyd-aws.service") || s.readFact("active") != "active" {
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
