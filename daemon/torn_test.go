package daemon

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
	"keyd/daemon/awssim"
)

// tearing is a disk on which the power fails in the middle of a write in place:
// a part of it is written, from its beginning or its end, and the process dies.
type tearing struct {
	unsynced
	path     string
	writes   int // until the one that is torn
	part     float64
	endFirst bool
	between  func() // after each write that is not torn
}

func (d *tearing) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	f, err := d.unsynced.OpenFile(name, flag, perm)
	if err != nil || filepath.Base(name) != filepath.Base(d.path) {
		return f, err
	}
	return tearingFile{f, d}, nil
}

type tearingFile struct {
	atomicfile.File
	disk *tearing
}

func (f tearingFile) WriteAt(p []byte, off int64) (int, error) {
	if was, err := os.ReadFile(f.disk.path); err == nil && bytes.Equal(was[off:off+int64(len(p))], p) {
		return len(p), nil // the same bytes once more
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
	panic(blown{})
}

// dies does a pass that the power ends, and returns what the file shows then.
func dies(l *lab, disk *tearing) string {
	l.t.Helper()
	l.sys, disk.path = disk, filepath.Join(l.home, "credentials")
	l.restart()
	func() {
		defer func() {
			if r := recover(); r != any(blown{}) {
				l.t.Errorf("the pass did not come to the write that is torn: %v", r)
			}
		}()
		_, _ = l.d.Pass(l.t.Context(), Request{})
	}()
	l.sys = unsynced{}
	l.restart()
	return l.text()
}

// TestATornFileIsMendedByTheNextPass: the file is a hard link, so that it is
// written in place, and the power fails in the middle of a write. Before keyd
// asks AWS anything in the next pass the pair is whole; nothing is ever signed
// with a mixture, and the rotation goes on to its end.
func TestATornFileIsMendedByTheNextPass(t *testing.T) {
	t.Parallel()
	for _, part := range []float64{0.04, 0.2, 0.75} {
		for _, endFirst := range []bool{false, true} {
			cut := tearing{part: part, endFirst: endFirst, writes: 1}
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
func tornSwap(t *testing.T, cut tearing) {
	l := newLinkedLab(t)
	start := l.text()
	l.isTorn(dies(l, &cut))
	if r := l.pass(Request{}); r.State != StateOverlap {
		t.Errorf("%s: %s", r.State, r.Why)
	}
	l.mended()
	l.live(20*day, settled)
	l.oneKey()
	l.onlyValues(start)
	if n := l.count("CreateAccessKey"); n != 1 {
		t.Errorf("CreateAccessKey was sent %d times", n)
	}
}

// tornMend tears the write that takes a file back from a program that has put the
// old text there, days after the swap, when the old key is Inactive.
func tornMend(t *testing.T, cut tearing) {
	l := newLinkedLab(t)
	start := l.text()
	l.live(3*day, func(r Result) bool { return r.State == StateQuarantine })
	quarantine := l.held
	l.write("credentials", start)
	l.isTorn(dies(l, &cut))
	if r := l.pass(Request{}); r.State != StateQuarantine {
		t.Errorf("%s: %s", r.State, r.Why)
	}
	l.held = quarantine // what the other program has put there meanwhile is not keyd's doing
	l.mended()
	for _, path := range l.journals() {
		if data, err := os.ReadFile(path); err != nil || strings.Contains(string(data), l.old.Secret.Reveal()) {
			t.Errorf("%s still has the old secret (%v)", filepath.Base(path), err)
		}
	}
	l.live(20*day, settled)
	l.oneKey()
	l.onlyValues(start)
}

// tornPutBack lets a person make the new key Inactive as soon as it is written,
// and tears the write that puts the old pair back.
func tornPutBack(t *testing.T, cut tearing) {
	l := newLinkedLab(t)
	start := l.text()
	cut.writes, cut.between = 2, func() {
		for _, k := range l.cloud.Keys(l.user) {
			if k.ID != l.old.ID {
				_ = l.user.SetStatus(k.ID, "Inactive")
			}
		}
	}
	l.isTorn(dies(l, &cut))
	l.pass(Request{})
	if l.text() != start {
		t.Errorf("the old pair is not back: %q", l.text())
	}
	for _, c := range l.cloud.ForeignCalls() {
		t.Errorf("a foreign key was touched: %s %s", c.Action, c.Target)
	}
}

// newLinkedLab is a lab whose credentials file no rename may replace.
func newLinkedLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t, awssim.Lag{}, 70*day)
	if err := os.Link(filepath.Join(l.home, "credentials"), filepath.Join(l.home, "another name")); err != nil {
		t.Fatal(err)
	}
	return l
}

// isTorn requires that the test has torn a pair at all.
func (l *lab) isTorn(text string) {
	l.t.Helper()
	for _, k := range l.cloud.Keys(l.user) {
		secret := l.cloud.Secrets()[k.ID]
		if strings.Count(text, k.ID) == 2 && strings.Count(text, secret) == 2 {
			l.t.Fatalf("nothing is torn: %q", text)
		}
	}
}

// mended checks what must hold from then on, and that no request was ever signed
// with anything but a pair of the user's.
func (l *lab) mended() {
	l.t.Helper()
	l.safe()
	for _, c := range l.cloud.Calls() {
		if l.cloud.Secrets()[c.KeyID] == "" || c.Code == "SignatureDoesNotMatch" {
			l.t.Errorf("%s was signed with %s: %s", c.Action, c.KeyID, c.Code)
		}
	}
}

func (l *lab) journals() []string {
	paths, err := filepath.Glob(filepath.Join(l.home, "state", "rotations", "AKIA*.json"))
	if err != nil || len(paths) == 0 {
		l.t.Errorf("no journal: %v", err)
	}
	return paths
}
