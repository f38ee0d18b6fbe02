package daemon

import (
	"io/fs"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/awssim"
)

// fate is what happens at the nth effect, a call to AWS or a change of a file.
type fate struct {
	seen int // effects so far
	at   int // the one that is hit, from 1; 0: none
	how  string
	what string // the effect that was hit
	open []atomicfile.File
}

// bury closes what a killed process had open, as its kernel would: Windows
// replaces and removes no file that is open.
func (f *fate) bury() {
	for _, file := range f.open {
		_ = file.Close() // most are closed already
	}
	f.open = nil
}

// The fates of an effect.
const (
	dieAfter   = "killed after" // and so before the next one
	refuseFile = "disk full at"
)

// died is the panic of a process that was killed.
type died struct{}

// effect counts one effect and lets its fate happen.
func (f *fate) effect(what string, onDisk bool, do func() error) error {
	if f.how == refuseFile && !onDisk {
		return do()
	}
	f.seen++
	if f.seen != f.at {
		return do()
	}
	f.what = what
	switch {
	case f.how == dieAfter:
		_ = do()
		panic(died{})
	case f.how == refuseFile:
		return &fs.PathError{Op: what, Path: "disk", Err: syscall.ENOSPC}
	}
	return do()
}

// fatedCloud is the network.
type fatedCloud struct {
	*fate
	watcher
}

func (c fatedCloud) Do(r *http.Request) (resp *http.Response, err error) {
	c.l.watch()
	err = c.effect("a call to AWS", false, func() error {
		resp, err = c.l.cloud.Do(r)
		return err
	})
	return resp, err
}

// fatedDisk is the file system. Reading has no fate here. Nothing is really
// synced: a process that is killed loses no write, and the time goes into runs.
type fatedDisk struct {
	atomicfile.OS
	*fate
}

func (d fatedDisk) OpenFile(name string, flag int, perm fs.FileMode) (f atomicfile.File, err error) {
	defer func() {
		if f != nil {
			d.open = append(d.open, f)
		}
	}()
	if flag&(os.O_CREATE|os.O_WRONLY|os.O_RDWR) == 0 {
		return d.OS.OpenFile(name, flag, perm)
	}
	err = d.effect("open", true, func() error {
		f, err = d.OS.OpenFile(name, flag, perm)
		return err
	})
	if err != nil {
		return nil, err
	}
	return fatedFile{f, d.fate}, nil
}

func (d fatedDisk) Rename(from, to string) error {
	return d.effect("rename", true, func() error { return d.OS.Rename(from, to) })
}

func (d fatedDisk) Remove(name string) error {
	return d.effect("remove", true, func() error { return d.OS.Remove(name) })
}

func (d fatedDisk) SyncDir(name string) error {
	return d.effect("sync of a folder", true, func() error { return nil })
}

func (d fatedDisk) CopyMeta(from, to atomicfile.File) error {
	return d.OS.CopyMeta(plain(from), plain(to))
}

func plain(f atomicfile.File) atomicfile.File {
	if fated, ok := f.(fatedFile); ok {
		return fated.File
	}
	return f
}

type fatedFile struct {
	atomicfile.File
	*fate
}

func (f fatedFile) Write(b []byte) (n int, err error) {
	err = f.effect("write", true, func() error { n, err = f.File.Write(b); return err })
	return n, err
}

func (f fatedFile) Sync() error { return f.effect("sync", true, func() error { return nil }) }

// meet runs a rotation with one fate and then goes on without, as a new
// process on the same disk. It reports whether the fate was met.
func meet(t *testing.T, f *fate) bool {
	n := f.at
	l := newLab(t, awssim.RealLag(), 70*day)
	l.http, l.sys = fatedCloud{f, watcher{l}}, fatedDisk{fate: f}
	start := l.text()
	l.restart()
	l.d.Settings.CheckEvery = 30 * day // what is due wakes it
	l.untilDead()
	met := f.seen >= n
	f.at = 0
	l.restart()
	l.d.Settings.CheckEvery = 30 * day
	l.live(60*day, settled)
	l.safe()
	l.oneKey()
	l.onlyValues(start)
	if rest, _ := os.ReadDir(l.d.journal().Dir); len(rest) != 0 {
		t.Errorf("the journal was not erased: %s", rest[0].Name())
	}
	return met
}

// untilDead lives through a rotation until it is killed, or through all of it.
func (l *lab) untilDead() {
	defer func() {
		if r := recover(); r != nil && r != any(died{}) {
			panic(r)
		}
		if disk, ok := l.sys.(fatedDisk); ok {
			disk.bury()
		}
	}()
	for end := time.Now().Add(30 * day); time.Now().Before(end); {
		results, err := l.d.Pass(l.t.Context(), Request{}) // an error is this fate's
		l.watch()
		if err == nil && settled(results[0]) {
			return
		}
		time.Sleep(l.d.untilNext(results))
	}
}

// TestEverySingleFault kills the process between any two effects of a whole
// rotation, and fills the disk at every one that is on disk.
func TestEverySingleFault(t *testing.T) {
	for _, how := range []string{dieAfter, refuseFile} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			runs, step := 0, 1
			if runtime.GOOS == "windows" {
				step = 9 // under wine a run takes a second, and the effects are the same
			}
			for n := 1; ; n += step {
				met := false
				t.Run(strconv.Itoa(n), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						f := &fate{at: n, how: how}
						met = meet(t, f)
						if t.Failed() {
							t.Logf("%s effect %d (%s)", how, n, f.what)
						}
					})
				})
				if t.Failed() {
					return
				}
				runs++
				if !met {
					break
				}
			}
			if runs*step < 100 {
				t.Errorf("only %d runs: the effects are not counted", runs)
			}
			t.Logf("%d runs", runs)
		})
	}
}
