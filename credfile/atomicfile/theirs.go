package atomicfile

import (
	"errors"
	"path/filepath"
)

// theirs ends the name of a file beside the target with what another program has
// written and what has no place in the target. Nobody but its owner removes it.
const theirs = ".theirs"

// Keep writes text, which another program wrote into a file that has lost its
// name, into a new file of mode 0600 beside the original, one that Sweep spares,
// and returns its name.
func (o *Original) Keep(text []byte) (string, error) {
	temp, err := writeTemp(o.sys, o.Real, text, 0o600)
	if err != nil {
		return "", o.about("keep a text beside", err)
	}
	kept := temp + theirs
	if err := o.sys.Rename(temp, kept); err != nil {
		return "", o.about("keep a text beside", errors.Join(err, o.sys.Remove(temp)))
	}
	return kept, o.sys.SyncDir(filepath.Dir(o.Real))
}

// Kept returns the files beside path in which texts of other programs were kept,
// by this process or an earlier one.
func Kept(sys Sys, path string) ([]string, error) { return beside(sys, path, theirs) }
