package install

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
		create: func(b baseService) loginService { return &unit{b} },
	}
}

// unit is the systemd user unit keyd-aws.service.
type unit struct{ baseService }

// systemctl runs systemctl for the user manager.
func systemctl(args ...string) (string, error) {
	return runCommand("systemctl", append([]string{"--user", "--no-pager", "--no-ask-password"}, args...)...)
}

// unitFolders returns the folders for a user's units, the default one last.
func (u *unit) unitFolders() []string {
	usual := u.host.homePath(".config", "systemd", "user")
	if config := u.host.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(config) {
		return []string{filepath.Join(config, "systemd", "user"), usual}
	}
	return []string{usual}
}

// definitionPath returns the path of the unit that exists, or the path in the
// default folder when none exists.
func (u *unit) definitionPath() string {
	folders := u.unitFolders()
	for _, dir := range folders {
		if _, err := os.Lstat(filepath.Join(dir, unitName)); err == nil {
			return filepath.Join(dir, unitName)
		}
	}
	return filepath.Join(folders[len(folders)-1], unitName)
}

// choosePath asks the user manager which folders it reads and returns the path
// for the unit in one of them. The XDG_CONFIG_HOME of a shell need not be the one
// of the user manager. choosePath fails when there is no user manager.
func (u *unit) choosePath() (string, error) {
	paths, err := systemctl("show", "--property=UnitPath", "--value")
	if err != nil {
		return "", u.unreachableError(err)
	}
	reads := " " + strings.TrimSpace(paths) + " " // not split, because a path may hold blanks
	folders := u.unitFolders()
	for _, dir := range folders {
		if strings.Contains(reads, " "+dir+" ") {
			return filepath.Join(dir, unitName), nil
		}
	}
	return filepath.Join(folders[len(folders)-1], unitName), nil
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

// Install writes the unit, enables it and starts it.
func (u *unit) Install() error {
	file, err := u.choosePath()
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

// failureReason returns what the user manager knows about a unit that did not
// start, nil when that is nothing.
func (u *unit) failureReason() error {
	shown, err := systemctl("show", "--property=Result,ExecMainStatus", unitName)
	if err != nil || strings.Contains(shown, "Result=success") {
		return nil
	}
	return errors.New(oneLine(shown) + "; see journalctl --user -u " + unitName)
}

// rollBack undoes a failed installation. It returns err, and what is left of the
// installation. was is the status of the service before the installation.
func (u *unit) rollBack(err error, undo func() (before bool, err error), was service.Status) error {
	_, _ = systemctl("disable", "--now", unitName) // while the user manager can still read the unit
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

// Uninstall stops the unit, disables it and removes it. It also works when only
// the file is left, or when only the user manager still knows the unit.
func (u *unit) Uninstall() error {
	if _, err := u.choosePath(); err != nil {
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

// removeUnitFile removes a unit, which may be gone already, and the folders
// systemd and user above it that are empty then. It leaves links alone.
func removeUnitFile(path string) error {
	if err := removeFile(path); err != nil {
		return err
	}
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		if base := filepath.Base(dir); base != "user" && base != "systemd" {
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
		_, _ = systemctl("reset-failed", unitName) // systemd limits how often it restarts a unit: a person's start does not count
	}
	if _, err := systemctl(verb, unitName); err != nil {
		return errors.Join(err, u.failureReason())
	}
	return nil
}

// Status returns StatusRunning only while the daemon runs. A unit that waits to
// be restarted counts as stopped.
func (u *unit) Status() (service.Status, error) { return statusOf(u) }

// queryState reads what the user manager shows of the unit.
func (u *unit) queryState(state *State) error {
	shown, err := systemctl("show", "--property=LoadState,ActiveState,SubState,Result,MainPID,UnitFileState", unitName)
	if err != nil {
		return err
	}
	properties := map[string]string{}
	for line := range strings.Lines(shown) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		properties[name] = value
	}
	state.Installed = state.Installed || properties["LoadState"] != "not-found" || properties["ActiveState"] == "active"
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

// unitText is the template of the user unit. It differs from the one of
// kardianos/service: it uses default.target, which is the one that a user manager
// has; it restarts the daemon after 5 s instead of 2 minutes; its quotes allow
// blanks and percent signs in a path; and it has no Condition line, because a
// program that is missing for a moment would then look like a success.
//
// The sandbox holds what a user manager can do everywhere. Mount options
// (ProtectSystem, PrivateTmp and so on) have no effect in a user manager before
// systemd 257, and keep the unit from starting where user namespaces are
// forbidden. MemoryDenyWriteExecute and SystemCallFilter would break the programs
// that on_event starts, which inherit them.
const unitText = `[Unit]
Description=%[1]s
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
ExecStart=%[2]s
Restart=on-failure
RestartSec=5
WatchdogSec=120
TimeoutStopSec=60
%[3]sUMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
LimitCORE=0
MemoryMax=256M
TasksMax=64
Nice=5

[Install]
WantedBy=default.target
`

// renderUnit returns the unit for a configuration.
func renderUnit(c *service.Config) []byte {
	var start, env strings.Builder
	start.WriteString(quoteUnit(c.Executable))
	for _, arg := range c.Arguments {
		start.WriteString(" " + strings.ReplaceAll(quoteUnit(arg), "$", "$$"))
	}
	for _, v := range sortedVariables(c) {
		fmt.Fprintf(&env, "Environment=%s\n", quoteUnit(v.String()))
	}
	return fmt.Appendf(nil, unitText, c.Description, start.String(), env.String())
}

// quoteUnit quotes any text without control characters as one word of a unit.
// systemd expands $VARIABLES in the arguments of a program, but not in its path,
// so renderUnit escapes dollar signs in arguments only.
func quoteUnit(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(text) + `"`
}

// parseProgram returns the path of the program in a unit.
func (*unit) parseProgram(definition []byte) string {
	found := regexp.MustCompile(`(?m)^ExecStart="((?:[^"\\]|\\.)*)"`).FindSubmatch(definition)
	if found == nil {
		return ""
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `%%`, `%`).Replace(string(found[1]))
}
