package install

import (
	"cmp"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
)

// Host is the machine and the user that keyd is installed for.
type Host struct {
	GOOS       string // a runtime.GOOS value
	Getenv     func(string) string
	Home       string // path of the home folder
	UID        string // id of the user; a SID on Windows
	Login      string // name of the user, DOMAIN\name on Windows; may be empty on other systems
	Root       bool   // the process runs as root
	Executable string // path of this program, as the system reports it
	Argv0      string // path or name of this program, as it was called
	StateDir   string // path of keyd's state folder

	// Daemon reports whether a daemon runs on the state folder, and its process
	// id, 0 when the id is not known. It answers where the service manager cannot.
	Daemon func() (pid int, lives bool)

	command     command // nil: runCommand
	runtimeRoot string  // the folder that holds the runtime folder of each user; "": /run/user
	accounts    string  // the folder that holds passwd and group; "": /etc
	root        string  // stands before the folders of packages and administrators; "": the real ones
}

// runCommand runs a program of the service manager, in this environment or in the
// one of this process when env is nil.
func (h *Host) runCommand(env []string, name string, args ...string) (string, error) {
	if h.command != nil {
		return h.command(env, name, args...)
	}
	return runCommand(env, name, args...)
}

// CurrentHost returns this machine and the user who runs this process. The caller fills
// in the state folder and Daemon.
func CurrentHost() (Host, error) {
	h := Host{GOOS: runtime.GOOS, Getenv: os.Getenv, Root: os.Geteuid() == 0, Argv0: os.Args[0]}
	var err error
	if h.Executable, err = os.Executable(); err != nil {
		return h, wrapError(err)
	}
	if h.Home, err = os.UserHomeDir(); err != nil {
		return h, wrapError(err)
	}
	if runtime.GOOS != "windows" {
		h.UID = strconv.Itoa(os.Getuid())
		return h, nil
	}
	u, err := user.Current()
	if err != nil {
		return h, wrapError(err)
	}
	h.UID, h.Login = u.Uid, u.Username
	return h, nil
}

// loginName returns the name of the user, or the user's id when no name can be
// found: /etc/passwd may have no entry because a directory service holds it. The
// name is looked up only where it is needed, because keyd status makes a Host too
// and has no time to lose.
func (h *Host) loginName() string {
	if h.Login != "" {
		return h.Login
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return cmp.Or(h.Getenv("USER"), h.UID)
}

// homePath joins names to a path below the home folder.
func (h *Host) homePath(names ...string) string {
	return filepath.Join(append([]string{h.Home}, names...)...)
}

// checkUser refuses a user whose service would look at other files than the
// person means.
func (h *Host) checkUser() error {
	switch {
	case h.Root && h.Getenv("SUDO_USER") != "":
		return refuse("run it as "+h.Getenv("SUDO_USER")+", without sudo", "sudo would install keyd for root, whose ~/.aws is another folder: nothing was changed")
	case h.Root && h.GOOS != "windows":
		return refuse("run it as the user whose keys are to be rotated; on a server, have the init system run: keyd run",
			"keyd is a service of a login session, and root has none: nothing was changed")
	}
	return nil
}

// unsupportedError says what to do on a machine without a service manager that
// keyd supports. native is the service manager that kardianos/service finds
// there, "" for none.
func (h *Host) unsupportedError(native string) error {
	native = cmp.Or(native, "no service manager")
	switch {
	case h.GOOS == "linux" && h.Getenv("WSL_DISTRO_NAME") != "":
		return refuse("write [boot] systemd=true into /etc/wsl.conf, run wsl --shutdown in Windows, and try again",
			"this WSL runs without systemd: nothing was changed")
	case native == "linux-openrc":
		return refuse("with OpenRC 0.60 or later, write a user service that runs: keyd run; with an older OpenRC, start keyd run from ~/.profile or the desktop's autostart",
			"OpenRC is not supported: nothing was changed")
	case h.GOOS == "linux":
		return refuse("have your session start: keyd run; from the desktop's autostart, ~/.profile, user services of runit or s6, or cron's @reboot",
			"systemd does not run this machine (found: %s): nothing was changed", native)
	}
	return refuse("have your session start: keyd run", "keyd cannot install itself on %s: nothing was changed", native)
}

// RefusedError reports an installation that keyd refuses, and what to do instead.
type RefusedError struct {
	Text    string // why, and what was left as it was
	Instead string // what to do instead
}

// Error returns the reason, with the name of the package in front.
func (e *RefusedError) Error() string { return "install: " + e.Text }

// Hint returns what to do instead.
func (e *RefusedError) Hint() string { return e.Instead }

// refuse returns a *RefusedError. instead says what to do, format and args why.
func refuse(instead, format string, args ...any) error {
	return &RefusedError{Text: fmt.Sprintf(format, args...), Instead: instead}
}
