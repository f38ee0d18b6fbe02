package atomicfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tempPrefix returns the start of the paths of the temporary files of target. They are in
// the directory of the target, because a rename does not cross file systems and a secret
// does not belong in a shared directory.
func tempPrefix(target string) string {
	return filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".keyd-")
}

// isTempName reports whether createTemp could have made name with this prefix.
func isTempName(name, prefix string) bool {
	suffix, ok := strings.CutPrefix(name, prefix)
	return ok && len(suffix) == 16 && strings.Trim(suffix, "0123456789abcdef") == ""
}

// createTemp creates an empty file of mode 0600 in the directory of target. After an error,
// name is the last one that it tried.
func createTemp(sys Sys, target string) (f File, name string, err error) {
	for range 100 {
		var random [8]byte
		rand.Read(random[:])
		name = tempPrefix(target) + hex.EncodeToString(random[:])
		f, err = sys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return f, name, err
}

// writeTemp writes data to a new file of mode perm in the directory of target, syncs and
// closes it, and returns its name. After an error it leaves no file, unless the removal
// fails as well; Sweep removes such a file later.
func writeTemp(sys Sys, target string, data []byte, perm fs.FileMode) (string, error) {
	f, name, err := createTemp(sys, target)
	if err != nil {
		return "", nameFolder(err, name)
	}
	if err := fillFile(f, data, perm); err != nil {
		return "", errors.Join(nameFolder(err, name), sys.Remove(name))
	}
	return name, nil
}

// nameFolder changes an error about the temporary file name into one about its folder,
// because a person cannot do anything with the name of a file that no longer exists.
func nameFolder(err error, name string) error {
	at, ok := errors.AsType[*fs.PathError](err)
	if !ok || at.Path != name {
		return err
	}
	return &fs.PathError{Op: at.Op + " a new file in", Path: filepath.Dir(name), Err: at.Err}
}

// fillFile writes, syncs and closes a new file. It closes the file after an error as well.
func fillFile(f File, data []byte, perm fs.FileMode) error {
	var err error
	if perm != 0o600 {
		err = f.Chmod(perm)
	}
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// Sweep removes the temporary files that a crash left next to path. The caller must hold
// the lock that guards path, so that no other keyd writes it at the same time. Sweep
// removes only files with exactly the names that keyd gives its temporary files.
func Sweep(sys Sys, path string) error {
	temps, err := findTemps(sys, path, "")
	errs := []error{err}
	for _, name := range temps {
		errs = append(errs, sys.Remove(name))
	}
	return errors.Join(errs...)
}

// Leftovers returns the temporary files next to path. A write that is under way has one,
// too.
func Leftovers(sys Sys, path string) ([]string, error) { return findTemps(sys, path, "") }

// findTemps returns the temporary files of the file to which path leads, each with suffix
// appended to its name.
func findTemps(sys Sys, path, suffix string) ([]string, error) {
	real, err := Resolve(sys, path)
	if errors.Is(err, fs.ErrNotExist) {
		real, err = path, nil
	}
	if err != nil {
		return nil, err
	}
	dir, prefix := filepath.Split(tempPrefix(real))
	names, err := sys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var found []string
	for _, name := range names {
		if temp, ok := strings.CutSuffix(name, suffix); ok && isTempName(temp, prefix) {
			found = append(found, filepath.Join(dir, name))
		}
	}
	return found, err
}
