package rotate_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"keyd/credfile/atomicfile"
	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// tearingDisk is a disk on which the power fails in the middle of a write in place: only
// the first or the last part of the bytes is written, and the process dies.
type tearingDisk struct {
	lab.Unsynced
	path     string
	writes   int // up to the one that is torn
	part     float64
	endFirst bool
	between  func() // after each write that is not torn
}

func (d *tearingDisk) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	f, err := d.Unsynced.OpenFile(name, flag, perm)
	if err != nil || filepath.Base(name) != filepath.Base(d.path) {
		return f, err
	}
	return tearingFile{f, d}, nil
}

type tearingFile struct {
	atomicfile.File
	disk *tearingDisk
}

func (f tearingFile) WriteAt(p []byte, off int64) (int, error) {
	if was, err := os.ReadFile(f.disk.path); err == nil && bytes.Equal(was[off:off+int64(len(p))], p) {
		return len(p), nil // the same bytes again
	}
	if f.disk.writes--; f.disk.writes > 0 {
		defer f.disk.between()
		return f.File.WriteAt(p, off)
	}
	cut := int(f.disk.part * float64(len(p)))
	if f.disk.endFirst {
		_, _ = f.File.WriteAt(p[cut:], off+int64(cut))
	} else {
		_, _ = f.File.WriteAt(p[:cut], off)
	}
	panic(blownFuse{})
}

// losePower runs a pass during which the power fails, and returns what the file shows
// then.
func losePower(l *lab.Lab, disk *tearingDisk) string {
	l.T.Helper()
	l.Sys, disk.path = disk, filepath.Join(l.Home, "credentials")
	l.Restart()
	func() {
		defer func() {
			if r := recover(); r != any(blownFuse{}) {
				l.T.Errorf("the pass did not reach the write that is torn: %v", r)
			}
		}()
		_, _ = l.Rotator.Pass(l.T.Context(), rotate.Request{Options: decide.Options{Manual: true}})
	}()
	l.Sys = lab.Unsynced{}
	l.Restart()
	return l.ReadCredentials()
}

// TestTornFileIsMendedByNextPass: the file has a second hard link, so keyd writes
// it in place, and the power fails in the middle of a write. The next pass makes the pair
// whole before it asks AWS anything. No request is ever signed with a mixture, and the
// rotation completes.
func TestTornFileIsMendedByNextPass(t *testing.T) {
	t.Parallel()
	for i, part := range []float64{0.04, 0.2, 0.75} {
		for _, endFirst := range []bool{false, true} {
			if !deeptest.On() && (i != 1 || !endFirst) {
				continue
			}
			cut := tearingDisk{part: part, endFirst: endFirst, writes: 1}
			t.Run(fmt.Sprintf("swap %v %v", part, endFirst), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { tornSwap(t, cut) })
			})
			t.Run(fmt.Sprintf("mend %v %v", part, endFirst), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { tornMend(t, cut) })
			})
			t.Run(fmt.Sprintf("put back %v %v", part, endFirst), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { tornPutBack(t, cut) })
			})
		}
	}
}

// tornSwap tears the swap of a rotation.
func tornSwap(t *testing.T, cut tearingDisk) {
	l := newLinkedLab(t)
	start := l.ReadCredentials()
	l.RequireTorn(losePower(l, &cut))
	if r := l.Pass(rotate.Request{}); r.State != decide.StateOverlap {
		t.Errorf("%s: %s", r.State, r.Why)
	}
	l.CheckMended()
	l.RunUntil(20*settings.Day, lab.Settled)
	l.CheckOneKey()
	l.CheckOtherBytes(start)
	if n := l.CountCalls("CreateAccessKey"); n != 1 {
		t.Errorf("CreateAccessKey was sent %d times", n)
	}
}

// tornMend tears the write that mends a file: another program has put the old text back
// days after the swap, when the old key is Inactive.
func tornMend(t *testing.T, cut tearingDisk) {
	l := newLinkedLab(t)
	start := l.ReadCredentials()
	l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
	quarantine := l.Shown
	l.WriteFile("credentials", start)
	l.RequireTorn(losePower(l, &cut))
	if r := l.Pass(rotate.Request{}); r.State != decide.StateQuarantine {
		t.Errorf("%s: %s", r.State, r.Why)
	}
	l.Shown = quarantine // the other program, not keyd, wrote what was shown since
	l.CheckMended()
	for _, path := range l.JournalPaths() {
		if data, err := os.ReadFile(path); err != nil || !strings.Contains(string(data), l.OldKey.Secret.Reveal()) {
			t.Errorf("%s no longer has the old secret, the way back (%v)", filepath.Base(path), err)
		}
	}
	l.RunUntil(20*settings.Day, lab.Settled)
	l.CheckOneKey()
	l.CheckOtherBytes(start)
}

// tornPutBack lets a person make the new key Inactive as soon as it is written,
// and tears the write that puts the old pair back.
func tornPutBack(t *testing.T, cut tearingDisk) {
	l := newLinkedLab(t)
	start := l.ReadCredentials()
	cut.writes, cut.between = 2, func() {
		for _, k := range l.Cloud.Keys(l.User) {
			if k.ID != l.OldKey.ID {
				_ = l.User.SetStatus(k.ID, "Inactive")
			}
		}
	}
	l.RequireTorn(losePower(l, &cut))
	l.Pass(rotate.Request{})
	if l.ReadCredentials() != start {
		t.Errorf("the old pair is not back: %q", l.ReadCredentials())
	}
	for _, c := range l.Cloud.ForeignCalls() {
		t.Errorf("a foreign key was touched: %s %s", c.Action, c.Target)
	}
}

// newLinkedLab returns a lab whose credentials file has a second hard link, so that no
// rename may replace it.
func newLinkedLab(t *testing.T) *lab.Lab {
	t.Helper()
	l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
	if err := os.Link(filepath.Join(l.Home, "credentials"), filepath.Join(l.Home, "another name")); err != nil {
		t.Fatal(err)
	}
	return l
}
