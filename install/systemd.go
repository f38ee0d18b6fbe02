package install

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kardianos/service"
)

// systemdSystem is the user manager of systemd.
type systemdSystem struct{ host *Host }

// String is the name by which kardianos/service knows it too.
func (systemdSystem) String() string { return "systemd (user)" }

// Detect is sd_booted(3): not whether systemd is installed, but whether it runs
// this machine.
func (systemdSystem) Detect() bool {
	_, err := os.Lstat("/run/systemd/system")
	return err == nil
}

// Interactive reports whether nobody but a person can have started this
// process. SYSTEMD_EXEC_PID is set since systemd 248.
func (s systemdSystem) Interactive() bool {
	return s.host.Getenv("SYSTEMD_EXEC_PID") != strconv.Itoa(os.Getpid())
}

// New returns the unit.
func (s systemdSystem) New(i service.Interface, c *service.Config) (service.Service, error) {
	return &unit{baseService{Config: c, program: i, host: s.host, platform: s.String()}}, nil
}

// unit is keyd-aws.service.
type unit struct{ baseService }

// Run is for programs that kardianos/service drives.
func (u *unit) Run() error { return u.run(u) }

// systemctl speaks to the user manager.
func systemctl(args ...string) (string, error) {
	return runCommand("systemctl", append([]string{"--user", "--no-pager", "--no-ask-password"}, args...)...)
}

// unitFolders are where a user's units may stand, the usual one last.
func (u *unit) unitFolders() []string {
	usual := u.host.homePath(".config", "systemd", "user")
	if config := u.host.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(config) {
		return []string{filepath.Join(config, "systemd", "user"), usual}
	}
	return []string{usual}
}

// definitionPath is the unit that exists, or the one that the usual place would have.
func (u *unit) definitionPath() string {
	folders := u.unitFolders()
	for _, dir := range folders {
		if _, err := os.Lstat(filepath.Join(dir, unitName)); err == nil {
			return filepath.Join(dir, unitName)
		}
	}
	return filepath.Join(folders[len(folders)-1], unitName)
}

func (u *unit) parseProgram(definition []byte) string { return unitProgram(definition) }

// chooseFile asks the manager which folders it reads, which is also the question
// whether there is one. The shell's XDG_CONFIG_HOME may not be the manager's.
func (u *unit) chooseFile() (file string, err error) {
	paths, err := systemctl("show", "--property=UnitPath", "--value")
	if err != nil {
		return "", u.unreachableError(err)
	}
	reads := " " + strings.TrimSpace(paths) + " " // not split: there may be blanks in a path
	folders := u.unitFolders()
	for _, dir := range folders {
		if strings.Contains(reads, " "+dir+" ") {
			return filepath.Join(dir, unitName), nil
		}
	}
	return filepath.Join(folders[len(folders)-1], unitName), nil
}

// unreachableError is what a session without a user manager gets: su, sudo -u, cron,
// a container, ssh without PAM.
func (u *unit) unreachableError(err error) error {
	if commandNotFound(err) {
		return refuse("install systemd, or start keyd run from your session", "there is no systemctl here: nothing was changed")
	}
	failed, ok := errors.AsType[*CommandError](err)
	if !ok {
		return err
	}
	return &RefusedError{
		Text:    "the user's systemd does not answer: " + failed.Said + ": nothing was changed",
		Instead: "log in at the screen or with ssh, not with su or sudo; on a server: sudo loginctl enable-linger " + u.host.loginName(),
	}
}

// Install writes the unit, enables it and starts it.
func (u *unit) Install() error {
	file, err := u.chooseFile()
	if err != nil {
		return err
	}
	was, _ := u.Status()
	undo, err := placeDefinition(file, renderUnit(u.Config))
	if err != nil {
		return err
	}
	if err := u.enableAndStart(); err != nil {
		return u.rollBack(err, undo, was)
	}
	return nil
}

func (u *unit) enableAndStart() error {
	for _, args := range [][]string{
		{"daemon-reload"}, {"reset-failed", unitName}, {"reenable", unitName}, {"restart", unitName},
	} {
		if _, err := systemctl(args...); err != nil && args[0] != "reset-failed" { // which fails for a unit that never ran
			return errors.Join(err, u.failureReason())
		}
	}
	return nil
}

// failureReason adds the manager's view of a unit that did not start.
func (u *unit) failureReason() error {
	shown, err := systemctl("show", "--property=Result,ExecMainStatus", unitName)
	if err != nil || strings.Contains(shown, "Result=success") {
		return nil
	}
	return errors.New(oneLine(shown) + "; see journalctl --user -u " + unitName)
}

// rollBack makes a failed installation undone.
func (u *unit) rollBack(err error, undo func() (before bool, err error), was service.Status) error {
	_, _ = systemctl("disable", "--now", unitName) // while the unit can still be read
	before, undone := undo()
	_, reloaded := systemctl("daemon-reload")
	_, _ = systemctl("reset-failed", unitName)
	if before && reloaded == nil {
		_, reloaded = systemctl("enable", unitName)
	}
	if before && reloaded == nil && was == service.StatusRunning {
		_, reloaded = systemctl("start", unitName)
	}
	if undone != nil || reloaded != nil {
		return errors.Join(err, undone, reloaded)
	}
	return errors.Join(err, describeLeftover(before))
}

// describeLeftover says what a failed installation left.
func describeLeftover(before bool) error {
	if before {
		return errors.New("the older installation is as it was")
	}
	return errors.New("nothing is left of the installation")
}

// Uninstall stops the unit, disables it and removes it. It also works when only
// the file is left, or only the manager still knows the unit.
func (u *unit) Uninstall() error {
	if _, err := u.chooseFile(); err != nil {
		return err
	}
	if _, err := systemctl("disable", "--now", unitName); err != nil {
		return err
	}
	if err := removeUnitFile(u.definitionPath()); err != nil {
		return err
	}
	_, err := systemctl("daemon-reload")
	_, _ = systemctl("reset-failed", unitName)
	return err
}

// Start starts the unit and waits until the daemon is ready.
func (u *unit) Start() error { return u.runVerb("start") }

// Stop stops the unit and waits until the daemon has ended.
func (u *unit) Stop() error { return u.runVerb("stop") }

// Restart does both.
func (u *unit) Restart() error { return u.runVerb("restart") }

func (u *unit) runVerb(verb string) error {
	if verb != "stop" {
		_, _ = systemctl("reset-failed", unitName) // a person's start is not one of the counted ones
	}
	_, err := systemctl(verb, unitName)
	if err != nil {
		return errors.Join(err, u.failureReason())
	}
	return nil
}

// Status is running only while the daemon is: a unit that waits for its restart
// is not.
func (u *unit) Status() (service.Status, error) {
	state := State{}
	if err := u.askManager(&state); err != nil {
		return service.StatusUnknown, err
	}
	switch {
	case !state.Installed:
		return service.StatusUnknown, service.ErrNotInstalled
	case state.Running:
		return service.StatusRunning, nil
	}
	return service.StatusStopped, nil
}

func (u *unit) queryState(state *State) {
	if err := u.askManager(state); err != nil {
		state.Detail = err.Error()
	}
}

// askManager fills in what the manager knows.
func (u *unit) askManager(state *State) error {
	shown, err := systemctl("show", "--property=LoadState,ActiveState,SubState,Result,MainPID,UnitFileState", unitName)
	if err != nil {
		return err
	}
	says := map[string]string{}
	for line := range strings.Lines(shown) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		says[name] = value
	}
	state.Installed = state.Installed || says["LoadState"] != "not-found" || says["ActiveState"] == "active"
	state.Enabled = says["UnitFileState"] == "enabled"
	state.Running = says["ActiveState"] == "active"
	if state.PID, err = strconv.Atoi(says["MainPID"]); err != nil || !state.Running {
		state.PID = 0
	}
	if !state.Running && state.Installed {
		state.Detail = says["ActiveState"] + " (" + says["SubState"] + "), " + says["Result"]
	}
	return nil
}
