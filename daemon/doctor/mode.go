package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"keyd/credfile/atomicfile"
	"keyd/daemon/hint"
	"keyd/daemon/state"
)

// checkReaders returns a finding when others can read the file to which path leads. shown
// is the path that a person knows.
func (p *Patient) checkReaders(path, shown string) (Finding, bool) {
	real, err := atomicfile.Resolve(p.sys(), path)
	if err != nil {
		return Finding{}, false
	}
	info, err := p.sys().Lstat(real)
	if err != nil || !info.Mode.IsRegular() && !info.Mode.IsDir() || info.Mode.Perm()&0o077 == 0 {
		return Finding{}, false
	}
	who := p.readersOf(real, info)
	if who == "" {
		return Finding{}, false
	}
	f := wrong(fmt.Sprintf("%s has mode %s: %s can read it", shown, atomicfile.FormatMode(info.Mode), who), hint.Command("chmod go-rwx", real), "")
	if info.UID == p.sys().Euid() {
		f.mend = p.mendMode(real, 0o077)
	}
	return f, true
}

// readersOf returns who besides the owner the mode lets in; "" for no one. A folder on the
// way that is closed to others does not count: it may be opened at any time.
func (p *Patient) readersOf(real string, info atomicfile.Info) string {
	asked := info
	if info.Mode.Perm()&0o007 != 0 {
		asked.Mode = info.Mode.Type() | 0o002
	} else {
		asked.Mode = info.Mode.Type() | 0o020
	}
	switch p.sys().Writers(real, asked) { // it knows private groups, and disks that keep no modes
	case atomicfile.WritersAll:
		return "every user of this machine"
	case atomicfile.WritersGroup:
		return "the group of the file"
	default:
		return ""
	}
}

// checkCaches looks at the folders in which AWS tools keep sessions.
func (p *Patient) checkCaches() (all []Finding) {
	for _, folder := range []string{"sso", "cli", "login"} {
		dir := filepath.Join(filepath.Dir(p.awsFiles()[0]), folder, "cache")
		names, err := p.sys().ReadDir(dir)
		if err != nil {
			continue
		}
		for _, name := range names {
			path := filepath.Join(dir, name)
			if f, ok := p.checkReaders(path, path); ok && filepath.Ext(name) == ".json" {
				f.Why = "it holds a session, with which others could work as you"
				all = append(all, f)
			}
		}
	}
	return all
}

// checkStateFiles looks at the journals, which hold secrets, and at their folders.
func (p *Patient) checkStateFiles() (all []Finding) {
	journals := state.JournalsPath(p.Rotator.StateDir)
	names, err := p.sys().ReadDir(journals)
	if err != nil {
		return nil
	}
	for _, name := range names {
		path := filepath.Join(journals, name)
		if f, ok := p.checkReaders(path, path); ok {
			f.Why = "the journal of a rotation holds both secrets"
			all = append(all, f)
		}
	}
	return all
}

// mendMode returns what takes these bits from the mode of a file of this user. It changes
// the file that it has opened, so that no link can lead it elsewhere.
func (p *Patient) mendMode(path string, bits fs.FileMode) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		f, err := p.sys().OpenFile(path, os.O_RDONLY, 0)
		if err != nil {
			return "", err
		}
		defer f.Close()
		info, err := f.Stat()
		switch {
		case err != nil:
			return "", err
		case info.UID != p.sys().Euid():
			return "", errNotMine
		case info.Links > 1 && info.Mode.IsRegular():
			return "", fmt.Errorf("it has %d names (hard links), and all of them would change", info.Links)
		}
		next := info.Mode.Perm() &^ bits
		if err := f.Chmod(next | info.Mode&(fs.ModeSticky|fs.ModeSetgid|fs.ModeSetuid)); err != nil {
			return "", err
		}
		return fmt.Sprintf("changed the mode of %s from %s to %s", path, atomicfile.FormatMode(info.Mode), atomicfile.FormatMode(next)), nil
	}
}
