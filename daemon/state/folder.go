package state

import (
	"fmt"

	"keyd/credfile/atomicfile"
)

// CheckFolder returns an error unless only this user and root can write the state folder
// and the folder of the journals, as far as they exist; see atomicfile.CheckTrust. keyd
// acts on what is in them, up to writing a pair into the credentials file, and nothing in
// them proves who wrote it. home is the home folder of the user, or "".
func CheckFolder(sys atomicfile.Sys, stateDir, home string) error {
	if info, err := sys.Lstat(stateDir); err == nil && info.Mode.IsRegular() {
		return fmt.Errorf("daemon: the state folder: %w", &atomicfile.Refused{Path: stateDir, Why: "is not a directory", Remedy: "move it away"})
	}
	for _, dir := range []string{stateDir, JournalsPath(stateDir)} {
		if err := atomicfile.CheckOwn(sys, dir, home); err != nil {
			return fmt.Errorf("daemon: the state folder: %w", err)
		}
	}
	return nil
}

// OpenFolder creates the state folder if it does not exist. Before and afterwards it
// checks it as CheckFolder does: in a folder such as /tmp, another user may create it in
// between.
func OpenFolder(sys atomicfile.Sys, stateDir, home string) error {
	if err := CheckFolder(sys, stateDir, home); err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(sys, stateDir, 0o700); err != nil {
		return fmt.Errorf("daemon: the state folder: %w", err)
	}
	return CheckFolder(sys, stateDir, home)
}
