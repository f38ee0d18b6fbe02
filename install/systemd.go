package install

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kardianos/service"
)

// systemdSystem is the user manager of systemd. Its name is the one that
// kardianos/service uses too.
func systemdSystem(h *Host) loginSystem {
	return loginSystem{
		host: h, platform: "systemd (user)",
		detect: func() bool { // as sd_booted(3): systemd runs this machine, not only is installed on it
			_, err := os.Lstat("/run/systemd/system")
			return err == nil
		},
		create: func(b baseService) loginService { return &unit{baseService: b} },
	}
}

// unit is the systemd user unit keyd-aws.service.
type unit struct {
	baseService
	version int // of the user manager, 0 when it is not known; chooseFolder sets it
}

// systemctl runs systemctl for the user manager.
func (u *unit) systemctl(args ...string) (string, error) {
	return u.host.runCommand(u.host.sessionEnvironment(), "systemctl", append([]string{"--user", "--no-pager", "--no-ask-password"}, args...)...)
}

// unitFolders returns the folders for a user's units, the default one last.
func (u *unit) unitFolders() []string {
	usual := u.host.homePath(".config", "systemd", "user")
	if config := u.host.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(config) {
		return []string{filepath.Join(config, "systemd", "user"), usual}
	}
	return []string{usual}
}

// definitionPath returns the path of what keyd install has written. If there is nothing,
// it is the unit of a package if that is enabled, or else the path that keyd install
// would write.
func (u *unit) definitionPath() string {
	for _, dir := range u.unitFolders() {
		for _, name := range ownNames() {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				return filepath.Join(dir, name)
			}
		}
	}
	if packaged, _ := u.packagedUnit(); packaged != "" {
		if link, _ := u.enabledLink(); link != "" {
			return packaged
		}
	}
	return u.plannedPath()
}

// plannedPath returns the path that keyd install would write, in the default folder
// unless there is a definition in another one.
func (u *unit) plannedPath() string {
	folders := u.unitFolders()
	dir := folders[len(folders)-1]
	for _, other := range folders {
		for _, name := range ownNames() {
			if _, err := os.Lstat(filepath.Join(other, name)); err == nil {
				return filepath.Join(other, u.ownName())
			}
		}
	}
	return filepath.Join(dir, u.ownName())
}

// ownName returns the name, in the folder of a user's units, of what keyd install would
// write: a unit, or a drop-in for the unit of a package.
func (u *unit) ownName() string {
	if u.usesPackage() {
		return filepath.Join(dropInFolder, dropInName)
	}
	return unitName
}

// chooseFolder asks the user manager for its version, and which folders it reads. It
// returns one of them for the unit. The XDG_CONFIG_HOME of a shell need
// not be the one of the user manager. chooseFolder fails when there is no user manager.
func (u *unit) chooseFolder() (string, error) {
	shown, err := u.systemctl("show", "--property=Version,UnitPath")
	if err != nil {
		return "", u.unreachableError(err)
	}
	properties := parseProperties(shown)
	u.version = leadingNumber(properties["Version"])
	reads := " " + properties["UnitPath"] + " " // not split, because a path may hold blanks
	folders := u.unitFolders()
	for _, dir := range folders {
		if strings.Contains(reads, " "+dir+" ") {
			return dir, nil
		}
	}
	return folders[len(folders)-1], nil
}

// unreachableError says what to do in a session without a user manager: su,
// sudo -u, cron, a container, ssh without PAM.
func (u *unit) unreachableError(err error) error {
	if commandNotFound(err) {
		return refuse("install systemd, or start keyd run from your session", "there is no systemctl here: nothing was changed")
	}
	failed, ok := errors.AsType[*CommandError](err)
	if !ok {
		return err
	}
	return refuse("log in at the screen or with ssh, not with su or sudo; on a server: sudo loginctl enable-linger "+u.host.loginName(),
		"the user's systemd does not answer: %s: nothing was changed", failed.Output)
}

// Install writes the unit, enables it and starts it. If a package has brought the unit, it
// writes a drop-in for that.
func (u *unit) Install() error {
	dir, err := u.chooseFolder()
	if err != nil {
		return err
	}
	was, _ := u.Status()
	link, _ := u.enabledLink()
	undo, err := u.writeOwn(dir)
	if err != nil {
		return err
	}
	if err := u.enableAndStart(); err != nil {
		return u.rollBack(err, func() (bool, error) {
			before, err := undo()
			return before || link != "", err
		}, was)
	}
	return nil
}

// writeOwn writes the unit or the drop-in into the folder of the user's units, and takes
// the other one away. undo restores what was there, as that of placeDefinition does.
func (u *unit) writeOwn(dir string) (undo func() (before bool, err error), err error) {
	name, text := u.ownName(), renderUnit(u.Config, u.version)
	if name != unitName {
		text = renderDropIn(u.Config, u.version)
	}
	placed, err := placeDefinition(filepath.Join(dir, name), text)
	if err != nil {
		return nil, err
	}
	for _, other := range ownNames() {
		if other == name {
			continue
		}
		putBack, err := takeAway(filepath.Join(dir, other))
		if err != nil {
			_, undone := placed()
			return nil, errors.Join(err, undone)
		}
		return func() (bool, error) {
			first, err := placed()
			second, failed := putBack()
			return first || second, errors.Join(err, failed)
		}, nil
	}
	return placed, nil
}

func (u *unit) enableAndStart() error {
	for _, args := range [][]string{
		{"daemon-reload"}, {"reset-failed", unitName}, {"reenable", unitName}, {"restart", unitName},
	} {
		if _, err := u.systemctl(args...); err != nil && args[0] != "reset-failed" { // which fails for a unit that never ran
			return errors.Join(err, u.failureReason())
		}
	}
	return nil
}

// failureReason returns what the user manager knows about a unit that did not
// start, nil when that is nothing.
func (u *unit) failureReason() error {
	shown, err := u.systemctl("show", "--property=Result,ExecMainStatus", unitName)
	properties := parseProperties(shown)
	switch {
	case err != nil || properties["Result"] == "success":
		return nil
	case properties["Result"] == "exit-code" && properties["ExecMainStatus"] == strconv.Itoa(ExitAlreadyRunning):
		return errors.New("keyd run already runs here, but not as the service")
	}
	return errors.New(oneLine(shown) + "; see journalctl --user -u " + unitName)
}

// rollBack undoes a failed installation. It returns err, and what is left of the
// installation. was is the status of the service before the installation.
func (u *unit) rollBack(err error, undo func() (before bool, err error), was service.Status) error {
	_, _ = u.systemctl("disable", "--now", unitName) // while the user manager can still read the unit
	before, undone := undo()
	_, reloaded := u.systemctl("daemon-reload")
	_, _ = u.systemctl("reset-failed", unitName)
	if before && reloaded == nil {
		_, reloaded = u.systemctl("enable", unitName)
	}
	if before && reloaded == nil && was == service.StatusRunning {
		_, reloaded = u.systemctl("start", unitName)
	}
	if undone != nil || reloaded != nil {
		return errors.Join(err, undone, reloaded)
	}
	return errors.Join(err, describeLeftover(before))
}

// Uninstall stops the unit, disables it and removes it. It also works when only
// the file is left, or when only the user manager still knows the unit.
func (u *unit) Uninstall() error {
	if _, err := u.chooseFolder(); err != nil {
		return err
	}
	if _, err := u.systemctl("disable", "--now", unitName); err != nil {
		return err
	}
	for _, dir := range u.unitFolders() {
		for _, name := range ownNames() {
			if err := removeUnitFile(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	_, err := u.systemctl("daemon-reload")
	_, _ = u.systemctl("reset-failed", unitName)
	return cmp.Or(err, u.checkDisabled())
}

// removeUnitFile removes a unit or a drop-in, which may be gone already, and the folders
// above it that are empty then: that of the drop-in, user, and systemd. It leaves links
// alone.
func removeUnitFile(path string) error {
	if err := removeFile(path); err != nil {
		return err
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if base := filepath.Base(dir); base != dropInFolder && base != "user" && base != "systemd" {
			break
		}
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() || os.Remove(dir) != nil {
			break
		}
	}
	return nil
}

// Start starts the unit and waits until the daemon is ready.
func (u *unit) Start() error { return u.runVerb("start") }

// Stop stops the unit and waits until the daemon has ended.
func (u *unit) Stop() error { return u.runVerb("stop") }

// Restart stops the unit, starts it again, and waits until the daemon is ready.
func (u *unit) Restart() error { return u.runVerb("restart") }

func (u *unit) runVerb(verb string) error {
	if verb != "stop" {
		_, _ = u.systemctl("daemon-reload")          // a package may have brought another unit since
		_, _ = u.systemctl("reset-failed", unitName) // makes the delay before a restart short again
	}
	if _, err := u.systemctl(verb, unitName); err != nil {
		return errors.Join(err, u.failureReason())
	}
	return nil
}

// Status returns StatusRunning only while the daemon runs. A unit that waits to
// be restarted counts as stopped.
func (u *unit) Status() (service.Status, error) { return statusOf(u) }

// queryState reads what the user manager shows of the unit.
func (u *unit) queryState(state *State) error {
	shown, err := u.systemctl("show", "--property=LoadState,ActiveState,SubState,Result,MainPID,UnitFileState", unitName)
	if err != nil {
		return err
	}
	properties := parseProperties(shown)
	known := properties["LoadState"] != "not-found"
	if packaged, _ := u.packagedUnit(); packaged != "" { // it is there for every user, and means nothing by itself
		known = properties["UnitFileState"] == "enabled"
	}
	state.Installed = state.Installed || known || properties["ActiveState"] == "active"
	state.Enabled = properties["UnitFileState"] == "enabled"
	state.Running = properties["ActiveState"] == "active"
	if state.PID, err = strconv.Atoi(properties["MainPID"]); err != nil || !state.Running {
		state.PID = 0
	}
	if !state.Running && state.Installed {
		state.Detail = properties["ActiveState"] + " (" + properties["SubState"] + "), " + properties["Result"]
	}
	return nil
}

// parseProperties reads the lines NAME=value of systemctl show.
func parseProperties(shown string) map[string]string {
	properties := map[string]string{}
	for line := range strings.Lines(shown) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		properties[name] = value
	}
	return properties
}

// leadingNumber returns the number that a version of systemd begins with, such as
// 252.38-1~deb12u1 or v257, and 0 when it begins with none.
func leadingNumber(version string) int {
	version = strings.TrimPrefix(version, "v")
	end := strings.IndexFunc(version+" ", func(r rune) bool { return r < '0' || r > '9' })
	number, _ := strconv.Atoi(version[:end])
	return number
}
