package rotate_test

import (
	"io/fs"
	"net/http"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// fuse kills the process after so many effects: calls to AWS, and changes of
// the names on disk, which is when a write becomes true.
type fuse struct{ left int }

// blownFuse is the panic of a process that was killed.
type blownFuse struct{}

func (f *fuse) burnDown() {
	if f.left--; f.left == 0 {
		panic(blownFuse{})
	}
}

type fusedCloud struct {
	lab.Watcher
	*fuse
}

func (c fusedCloud) Do(r *http.Request) (*http.Response, error) {
	resp, err := c.Watcher.Do(r)
	c.burnDown()
	return resp, err
}

// fusedDisk is the file system without the waiting for the disk: a process that
// is killed loses no write.
type fusedDisk struct {
	atomicfile.OS
	*fuse
}

func (d fusedDisk) Rename(from, to string) error {
	err := d.OS.Rename(from, to)
	d.burnDown()
	return err
}

func (d fusedDisk) Exchange(a, b string) error {
	err := d.OS.Exchange(a, b)
	d.burnDown()
	return err
}

func (d fusedDisk) Remove(name string) error {
	err := d.OS.Remove(name)
	d.burnDown()
	return err
}

func (fusedDisk) SyncDir(string) error { return nil }

func (d fusedDisk) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	f, err := d.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return quickFile{f}, nil
}

func (d fusedDisk) CopyMeta(from, to atomicfile.File) error {
	return d.OS.CopyMeta(unwrapQuick(from), unwrapQuick(to))
}

func unwrapQuick(f atomicfile.File) atomicfile.File {
	if quick, ok := f.(quickFile); ok {
		return quick.File
	}
	return f
}

// quickFile is never synced.
type quickFile struct{ atomicfile.File }

func (quickFile) Sync() error { return nil }

// rotateUntilBlown lives through a rotation until the fuse blows, or through all of it.
func (v *victim) rotateUntilBlown() {
	defer func() {
		if r := recover(); r != nil && r != any(blownFuse{}) {
			panic(r)
		}
	}()
	for end := v.Now().Add(30 * settings.Day); v.Now().Before(end); {
		results, err := v.D.Pass(v.T.Context(), rotate.Request{})
		if err != nil {
			v.T.Fatal(err)
		}
		v.Watch()
		if lab.Settled(results[0]) {
			return
		}
		time.Sleep(v.D.TimeToNextPass(results))
	}
}
