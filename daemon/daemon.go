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

// Rotator runs passes over one user's files. One goroutine calls it; a lock in
// the state folder keeps other processes out.
type Rotator struct {
	Store    *credfile.Store
	StateDir string // path of the state folder
	Sys      atomicfile.Sys
	Settings Settings
	HTTP     iam.Doer // nil means the network
	Now      func() time.Time
	Getenv   func(string) string // read for endpoints, proxies and CA bundles only
	OnEvent  func(Event)         // may be nil; called during a pass, in order
	Log      *slog.Logger
	Process  string // for the history: "run", "rotate", ...

	// OtherFiles are files outside the Store that may show a key as well: the
	// default files when the environment names others. keyd only reads them.
	OtherFiles []string

	// SettingsProblem is shown in the status while older settings are in force.
	SettingsProblem string

	AwakeSince time.Time // when Run began or the machine last woke; zero outside Run
	Heartbeat  func()    // reports to the watchdog that the pass is still working; may be nil

	readOnly bool // for a dry run: nothing in the state folder changes but the lock

	flaw        flaw // set by tests only
	proofStreak int  // required successes of a proof; set by tests only, 0 means proofStreak
}

// UnknownProfileError reports a profile name that appears in no file.
type UnknownProfileError struct {
	Name  string
	Known []string
	Paths credfile.Paths
}

// Error names the profile and the two files that were searched.
func (e *UnknownProfileError) Error() string {
	return fmt.Sprintf("no profile %q in %s or %s", e.Name, e.Paths.Credentials, e.Paths.Config)
}

// Hint names the profile that was probably meant, or lists all of them.
func (e *UnknownProfileError) Hint() string {
	if near := Nearest(e.Name, e.Known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "the profiles are: " + strings.Join(e.Known, ", ")
}

// readOnlyCopy returns a copy of d that changes nothing.
func (d *Rotator) readOnlyCopy() *Rotator {
	only := *d
	only.readOnly = true
	return &only
}

// sweepTemp removes the temporary files that a killed process left behind.
func (d *Rotator) sweepTemp(ctx context.Context) error {
	errs := []error{d.Store.Sweep(), d.journalDir().Sweep()}
	for _, path := range []string{StatusPath(d.StateDir), MemoryPath(d.StateDir), DaemonInfoPath(d.StateDir), CopyPath(d.StateDir)} {
		errs = append(errs, atomicfile.Sweep(d.Sys, path))
	}
	return errors.Join(errs...)
}

// journalDir returns the folder with the journals of all rotations.
func (d *Rotator) journalDir() Dir {
	return Dir{Path: filepath.Join(d.StateDir, "rotations"), Sys: d.Sys, ReadOnly: d.readOnly}
}

// historyLog returns the history in the state folder.
func (d *Rotator) historyLog() History { return OpenHistory(d.StateDir, d.Sys) }

// keyDescription returns the text for the console's description column. Tag
// values may contain only letters, digits, spaces and _.:/=+-@.
func (d *Rotator) keyDescription() string {
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
