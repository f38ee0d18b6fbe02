package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"keyd/credfile/atomicfile"
)

// placeDefinition writes a definition, atomically, and makes the folders above it. undo
// restores what was there: the older definition (before is true), or nothing,
// down to the folders.
func placeDefinition(path string, definition []byte) (undo func() (before bool, err error), err error) {
	older, err := os.ReadFile(path)
	before := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	made := missingFolders(filepath.Dir(path))
	clear := func() {
		for _, dir := range made {
			_ = os.Remove(dir) // not when something else has come into it
		}
	}
	err = atomicfile.MkdirAll(atomicfile.OS{}, filepath.Dir(path), 0o755)
	if err == nil {
		err = atomicfile.Write(atomicfile.OS{}, path, definition, 0o600)
	}
	if err != nil {
		clear()
		return nil, err
	}
	return func() (bool, error) {
		if before {
			return true, atomicfile.Write(atomicfile.OS{}, path, older, 0o600)
		}
		err := removeFile(path)
		clear()
		return false, err
	}, nil
}

// missingFolders are those that have to be made for dir to exist, the deepest
// first.
func missingFolders(dir string) []string {
	var missing []string
	for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		missing = append(missing, dir)
	}
	return missing
}

// removeUnitFile removes a definition, which may be gone already, and the folder it
// stood in if it is a plain one and empty now.
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

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
