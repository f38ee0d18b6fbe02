package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"keyd/credfile/atomicfile"
)

// placeDefinition writes a definition atomically and makes the folders above it.
// undo restores what was there: the older definition, when before is true, or
// nothing; then it also removes the folders that placeDefinition made.
func placeDefinition(path string, definition []byte) (undo func() (before bool, err error), err error) {
	older, err := os.ReadFile(path)
	before := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	made := missingFolders(filepath.Dir(path))
	removeMade := func() {
		for _, dir := range made {
			_ = os.Remove(dir) // fails for a folder that is no longer empty, which stays
		}
	}
	err = atomicfile.MkdirAll(atomicfile.OS{}, filepath.Dir(path), 0o755)
	if err == nil {
		err = atomicfile.Write(atomicfile.OS{}, path, definition, 0o600)
	}
	if err != nil {
		removeMade()
		return nil, err
	}
	return func() (bool, error) {
		if before {
			return true, atomicfile.Write(atomicfile.OS{}, path, older, 0o600)
		}
		err := removeFile(path)
		removeMade()
		return false, err
	}, nil
}

// missingFolders returns the folders that have to be made for dir to exist, the
// deepest first.
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

// removeFile removes a file, which may be gone already.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// describeLeftover says what a failed installation left behind, once it was
// rolled back. before says whether there was an older installation.
func describeLeftover(before bool) error {
	if before {
		return errors.New("the older installation is as it was")
	}
	return errors.New("nothing is left of the installation")
}
