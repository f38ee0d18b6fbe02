package install

import (
	"cmp"
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
	Home       string // the home folder
	UID        string // the user's id; a SID on Windows
	Login      string // the user's name, DOMAIN\name on Windows; elsewhere it may be left out
	Root       bool   // the process has more rights than the user's own
	Executable string // this program, as the system names it
	Argv0      string // this program, as it was called
	State      string // keyd's state folder

	// Daemon reports whether a daemon runs on State, and its process id, 0 when
	// that is not known. It is asked where the service manager cannot tell.
	Daemon func() (pid int, lives bool)
}

// Here returns this machine and the user who runs this process. State and
// Daemon are left to the caller.
func Here() (Host, error) {
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

// loginName is the user's name, or the id where there is none to be found: no entry
// in /etc/passwd, say, because a directory service has it. It is looked up
// where it is needed: keyd status, which comes by here, has no time to lose.
func (h *Host) loginName() string {
	if h.Login != "" {
		return h.Login
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return cmp.Or(h.Getenv("USER"), h.UID)
}

// homePath joins names below the home folder.
func (h *Host) homePath(names ...string) string {
	return filepath.Join(append([]string{h.Home}, names...)...)
}
