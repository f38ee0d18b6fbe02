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

// tempPrefix is the start of the names of the temporary files of target. They
// stand in the directory of the target, since a rename does not cross file
// systems and a secret does not belong into a directory that others share.
func tempPrefix(target string) string {
	return filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".keyd-")
}

// ours reports whether name is one that createTemp made with this prefix.
func ours(name, prefix string) bool {
	suffix, ok := strings.CutPrefix(name, prefix)
	return ok && len(suffix) == 16 && strings.Trim(suffix, "0123456789abcdef") == ""
}

// createTemp creates an empty file of mode 0600 beside target.
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

// writeTemp leaves data in a new file of mode perm beside target, synced and
// closed, and returns its name. On an error nothing is left, unless the removal fails as well: see Sweep.
func writeTemp(sys Sys, target string, data []byte, perm fs.FileMode) (string, error) {
	f, name, err := createTemp(sys, target)
	if err != nil {
		return "", inFolder(err, name)
	}
	if err := fill(f, data, perm); err != nil {
		return "", errors.Join(inFolder(err, name), sys.Remove(name))
	}
	return name, nil
}

// inFolder names the folder of a temporary file that failed: of a name that is
// gone by now nobody learns anything.
func inFolder(err error, name string) error {
	at, ok := errors.AsType[*fs.PathError](err)
	if !ok || at.Path != name {
		return err
	}
	return &fs.PathError{Op: at.Op + " a new file in", Path: filepath.Dir(name), Err: at.Err}
}

func fill(f File, data []byte, perm fs.FileMode) error {
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

// Sweep removes the temporary files that a crash left beside path. Nobody may
// be writing path meanwhile: the caller holds whatever lock guards it. What is
// not named exactly as keyd names its files stays.
func Sweep(sys Sys, path string) error {
	temps, err := beside(sys, path, "")
	errs := []error{err}
	for _, name := range temps {
		errs = append(errs, sys.Remove(name))
	}
	return errors.Join(errs...)
}

// beside returns the files in the folder of what path leads to whose names are
// those of its temporary files, and end with suffix.
func beside(sys Sys, path, suffix string) ([]string, error) {
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
		if temp, ok := strings.CutSuffix(name, suffix); ok && ours(temp, prefix) {
			found = append(found, filepath.Join(dir, name))
		}
	}
	return found, err
}
