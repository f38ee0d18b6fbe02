package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"keyd/credfile/atomicfile"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// openLocations is findLocations for a command that believes the state folder. It refuses
// a home folder of another user, which is what sudo leaves when it keeps HOME, and a state
// folder that another user owns or may write. It creates nothing.
func (a *app) openLocations() (locations, error) {
	loc, err := a.findLocations()
	if err != nil {
		return loc, err
	}
	if err := a.checkHome(loc); err != nil {
		return loc, err
	}
	return loc, a.explainOwner(state.CheckFolder(a.fileSys(), loc.folders.StateDir, a.getenv("HOME")))
}

// openToAct is openLocations for a command that may change the AWS files. A folder of
// another user is refused before anything is written: root would remove temporary files
// of that user's keyd there, and leave its own. A file of another user in a folder of
// this one blocks only its keys; the pass reports that.
func (a *app) openToAct() (locations, error) {
	loc, err := a.openLocations()
	if err != nil {
		return loc, err
	}
	for _, path := range loc.awsFiles() {
		if real, err := atomicfile.Resolve(a.fileSys(), path); err == nil {
			path = real
		}
		if err := a.explainOwner(atomicfile.CheckOwner(a.fileSys(), filepath.Dir(path))); err != nil {
			return loc, err
		}
	}
	return loc, nil
}

func (loc locations) awsFiles() []string {
	return []string{loc.store.Paths.Credentials, loc.store.Paths.Config}
}

// readSettings reads keyd.ini.
func (a *app) readSettings(loc locations) (settings.Settings, error) {
	s, err := loc.settingsFile().Read()
	return s, a.explainOwner(err)
}

// checkHome refuses a HOME that is no home folder, or the home folder of another user, if
// any of keyd's files or the AWS files are below it.
func (a *app) checkHome(loc locations) error {
	home := a.getenv("HOME")
	if home == "" && a.goos == "windows" {
		home = a.getenv("USERPROFILE")
	}
	below := func(path string) bool {
		rest, err := filepath.Rel(home, path)
		return err == nil && filepath.IsLocal(rest)
	}
	if home == "" || !slices.ContainsFunc(append(loc.awsFiles(), loc.folders.StateDir, loc.folders.SettingsFile), below) {
		return nil
	}
	const own = "set HOME to your own home folder"
	if !filepath.IsAbs(home) || filepath.Dir(home) == filepath.Clean(home) {
		return hintedError(own, "HOME is %q, which is the home folder of no user: nothing was read or written", home)
	}
	real, err := atomicfile.Resolve(a.fileSys(), home)
	if errors.Is(err, fs.ErrNotExist) {
		return hintedError(own, "HOME is %s, which does not exist: nothing was written", home)
	}
	if err != nil {
		return a.explainOwner(fmt.Errorf("HOME: %w", err))
	}
	info, err := a.fileSys().Lstat(real)
	if err == nil && !info.Mode.IsDir() {
		return hintedError(own, "HOME is %s, which is not a folder: nothing was written", home)
	}
	if err := a.explainOwner(atomicfile.CheckOwner(a.fileSys(), home)); err != nil {
		return fmt.Errorf("HOME: %w", err)
	}
	return nil
}

// explainOwner adds a hint to an error about a file of another user if this process is
// root: it was most likely started by sudo, and the file is fine.
func (a *app) explainOwner(err error) error {
	untrusted, ok := errors.AsType[*atomicfile.Untrusted](err)
	if !ok || !untrusted.IsForeign() || untrusted.Euid != 0 || untrusted.Info.UID <= 0 {
		return err
	}
	owner := strconv.Itoa(untrusted.Info.UID)
	who := "the user " + owner
	if u, err := user.LookupId(owner); err == nil {
		who = u.Username
	}
	advice := "run it as " + who
	if a.getenv("SUDO_UID") == owner {
		advice = "run it without sudo, as " + who
	} else if words, operand := untrusted.Repair(); operand != "" {
		advice = hint.Command(words, operand)
	}
	return &ownerError{err, advice}
}

// ownerError is an error about a file of another user, with a better hint.
type ownerError struct {
	error
	hint string
}

// Unwrap returns the error about the file.
func (e *ownerError) Unwrap() error { return e.error }

// Hint says as whom to run keyd.
func (e *ownerError) Hint() string { return e.hint }

// warnWriters returns a warning for each AWS file that others may write, with the command
// that ends it. keyd rotates the keys all the same, because it makes nothing worse. Anyone
// who may write the file can replace the pair already, the new pair is as exposed as the
// old one, and a key that is left to age is exposed for longer. AWS tools do not ask who may write
// the file, and some systems show such modes where no one else has access.
func (a *app) warnWriters(loc locations) []string {
	var texts, blamed []string
	for _, path := range loc.awsFiles() {
		err := atomicfile.CheckTrust(a.fileSys(), path, a.getenv("HOME"))
		untrusted, ok := errors.AsType[*atomicfile.Untrusted](err)
		if !ok || slices.Contains(blamed, untrusted.Path) {
			continue // reading the file reports any other error
		}
		blamed = append(blamed, untrusted.Path)
		text := strings.TrimSuffix(err.Error(), "; it was left as it is")
		if advice := hint.Hint(a.explainOwner(err)); advice != "" {
			text += "; " + advice
		}
		texts = append(texts, text)
	}
	return texts
}
