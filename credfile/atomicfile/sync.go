package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
)

// Sync makes what the file shows durable, its name included, also when this
// process did not write it.
//
// A file that is written in place is written again first, with the bytes that it
// shows: when a sync has failed before, systems take those bytes for written,
// and the next sync says nothing of it. ErrChanged when they are no longer those
// that were read; a power failure meanwhile may leave a mixture, as in Replace.
func (o *Original) Sync() error {
	if err := o.sync(); err != nil {
		return o.about("sync", err)
	}
	return nil
}

func (o *Original) sync() error {
	inPlace, err := o.inPlace()
	if err != nil {
		return err
	}
	flag := os.O_RDONLY
	if inPlace {
		flag = os.O_RDWR
	}
	f, err := o.open(flag)
	if err != nil && inPlace {
		err = o.unwritable(err)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if inPlace {
		err = o.again(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = o.sys.SyncDir(filepath.Dir(o.Real))
	}
	return err
}

// again writes the bytes of the file over themselves, and looks whether another
// program has written at the same time.
func (o *Original) again(f File) error {
	if err := o.holds(f); err != nil {
		return err
	}
	if _, err := f.WriteAt(o.Data, 0); err != nil {
		return err
	}
	return o.holds(f)
}

// inPlace reports whether no rename can replace the file.
func (o *Original) inPlace() (bool, error) {
	if fixed(o.Info) {
		return true, nil
	}
	f, name, err := createTemp(o.sys, o.Real)
	if forbidden(err) {
		return true, nil
	}
	if err != nil {
		return false, inFolder(err, name)
	}
	return false, errors.Join(f.Close(), o.sys.Remove(name))
}
