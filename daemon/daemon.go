package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/iam"
)

// Daemon does the passes for one user's files. One goroutine calls it; a lock
// in the state folder keeps processes apart.
type Daemon struct {
	Store    *credfile.Store
	State    string // folder
	Sys      atomicfile.Sys
	Settings Settings
	HTTP     iam.Doer // nil: the network
	Now      func() time.Time
	Getenv   func(string) string // for endpoints, proxies and CA bundles only
	Tell     func(Event)         // may be nil; called from the pass, in order
	Log      *slog.Logger
	Process  string // for the history: "run", "rotate", ...

	// Also are files that are not the Store's in which a key may stand, too: the
	// default ones, where the environment names others. They are read only.
	Also []string

	// SettingsProblem is told in the status while an older Settings is in force.
	SettingsProblem string

	awake time.Time // when Run began, or the machine woke; zero outside of Run
	beat  func()    // tells the watchdog that the pass goes on; may be nil

	readOnly bool // of a dry run: the state folder is left as it is, but for the lock

	flaw   flaw // a test's
	rounds int  // of a proof, a test's; 0: streak
}

// UnknownProfileError is a profile that no file names.
type UnknownProfileError struct {
	Name  string
	Known []string
	Paths credfile.Paths
}

func (e *UnknownProfileError) Error() string {
	return fmt.Sprintf("no profile %q in %s or %s", e.Name, e.Paths.Credentials, e.Paths.Config)
}

// Hint names the profile that was probably meant, or all of them.
func (e *UnknownProfileError) Hint() string {
	if near := Nearest(e.Name, e.Known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "the profiles are: " + strings.Join(e.Known, ", ")
}

// reader is d for those who change nothing.
func (d *Daemon) reader() *Daemon {
	only := *d
	only.readOnly = true
	return &only
}

// sweep removes the temporary files of a process that was killed.
func (d *Daemon) sweep(ctx context.Context) error {
	errs := []error{d.Store.Sweep(ctx), d.journal().Sweep()}
	for _, path := range []string{statusPath(d.State), memoryPath(d.State), lifePath(d.State), goodPath(d.State)} {
		errs = append(errs, atomicfile.Sweep(d.Sys, path))
	}
	return errors.Join(errs...)
}

func (d *Daemon) journal() Journal {
	return Journal{Dir: filepath.Join(d.State, "rotations"), Sys: d.Sys, ReadOnly: d.readOnly}
}

func (d *Daemon) history() History { return historyIn(d.State, d.Sys) }

// description is the text of the console's description column. Tag values take
// letters, digits, spaces and _.:/=+-@ only.
func (d *Daemon) description() string {
	host, err := os.Hostname()
	if err != nil {
		return "keyd"
	}
	return "keyd " + strings.Map(func(r rune) rune {
		if r > 127 || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/=+-@ ", r) {
			return '-'
		}
		return r
	}, host)
}
