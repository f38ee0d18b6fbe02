package credfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

// lateWriter is a program that has the file open when the new file takes its name,
// and that writes its text into the open file right afterwards.
type lateWriter struct {
	path, text string
	truncates  bool // it truncates the file on opening, like aws configure, on a disk that cannot exchange names: a disk that can would show it earlier
	staysOpen  bool // it keeps the file open because it has more to write
	exchange   int  // which exchange of names it meets, counted from 1

	file *os.File
	done bool
}

// beforeCall returns the question to ask before each call of the swap.
func (l *lateWriter) beforeCall(t *testing.T) func(atomicfiletest.Call) error {
	return func(c atomicfiletest.Call) error {
		takes := c.Name == l.path && (c.Op == "Exchange" || c.Op == "Rename")
		switch {
		case l.truncates && c.Op == "Exchange":
			return atomicfile.ErrNoExchange
		case takes && l.file == nil:
			if l.exchange--; l.exchange <= 0 {
				l.openFile(t)
			}
		case l.file != nil && c.Op == "SyncDir":
			l.writeText(t)
		}
		return nil
	}
}

func (l *lateWriter) openFile(t *testing.T) {
	flag := os.O_WRONLY
	if l.truncates {
		flag |= os.O_TRUNC
	}
	var err error
	if l.file, err = os.OpenFile(l.path, flag, 0); err != nil {
		t.Fatal(err)
	}
}

func (l *lateWriter) writeText(t *testing.T) {
	if l.done {
		return
	}
	l.done = true
	_, err := l.file.WriteAt([]byte(l.text), 0)
	err = errors.Join(err, l.file.Truncate(int64(len(l.text))))
	if !l.staysOpen {
		err = errors.Join(err, l.file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// failConfig refuses each new file that would take the name of the config file.
func failConfig(s *credfile.Store, ask func(atomicfiletest.Call) error) func(atomicfiletest.Call) error {
	return func(c atomicfiletest.Call) error {
		if c.Name == s.Paths.Config && (c.Op == "Exchange" || c.Op == "Rename") {
			return syscall.EIO
		}
		return ask(c)
	}
}

// takeDisplaced removes the files that the store has left next to its two files, and
// returns their texts.
func takeDisplaced(t *testing.T, s *credfile.Store) (texts []string) {
	t.Helper()
	names, err := s.DisplacedFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		texts = append(texts, readText(t, name))
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v, want 0600", name, info.Mode(), err)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

// Another program writes into the file that has just lost its name. Its text is
// afterwards in the file or next to it, both when the swap succeeds and when it has to
// be undone because the second file cannot be written. A third key is never
// overwritten.
func TestLateWritersAreKept(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows no new file can take the name of an open one")
	}
	was, third := pairText("default", oldKey), pairText("default", thirdKey)
	more := pairText("work", thirdKey)
	for _, test := range []struct {
		name, text string
		stays      bool
		is, undone string // what the file shows
		kept       string
	}{
		{name: "a third key", text: third, is: third, undone: third},
		{name: "another profile", text: was + more, is: pairText("default", newKey) + more, undone: was + more},
		{name: "the same again", text: was, is: pairText("default", newKey), undone: was},
		{name: "another profile, after a moment only", text: was, stays: true, is: pairText("default", newKey), undone: was},
		{name: "no credentials file", text: "no credentials\n", is: pairText("default", newKey), undone: was, kept: "no credentials\n"},
		{name: "nothing", stays: true, is: pairText("default", newKey), undone: was},
		{name: "a part of a file", text: more, stays: true, is: pairText("default", newKey), undone: was, kept: more},
	} {
		for _, fails := range []bool{false, true} {
			for _, l := range []lateWriter{{exchange: 1}, {exchange: 1, truncates: true}} {
				t.Run(test.name, func(t *testing.T) {
					if test.stays && runtime.GOOS != "linux" {
						t.Skip("this system does not report that a program still has the file open for writing")
					}
					s := newStore(t, was, was)
					l.path, l.text, l.staysOpen = s.Paths.Credentials, test.text, test.stays
					synctest.Test(t, func(t *testing.T) {
						askBeforeCalls(s, l.beforeCall(t))
						if fails {
							askBeforeCalls(s, failConfig(s, l.beforeCall(t)))
						}
						swapped, err := s.Swap(t.Context(), oldKey, newKey)
						credentials, config := test.is, pairText("default", newKey)
						if fails {
							credentials, config = test.undone, was
						}
						if (err != nil) != fails {
							t.Errorf("the swap returned %v; the second file fails: %t", err, fails)
						}
						if kept := strings.Join(takeDisplaced(t, s), "|"); kept != test.kept || (kept != "" || test.text == "") != (len(swapped.Notes) > 0) {
							t.Errorf("left %q next to the file, notes %q", kept, swapped.Notes)
						}
						requireFiles(t, s, credentials, config)
					})
					if l.staysOpen {
						l.file.Close()
					}
				})
			}
		}
	}
}

// A late writer meets the undo of a swap, which exchanges the names as well.
func TestLateWritersDuringUndoAreKept(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows no new file can take the name of an open one")
	}
	was, more := pairText("default", oldKey), pairText("work", thirdKey)
	s := newStore(t, was, was)
	l := lateWriter{path: s.Paths.Credentials, text: pairText("default", newKey) + more, exchange: 2}
	synctest.Test(t, func(t *testing.T) {
		askBeforeCalls(s, failConfig(s, l.beforeCall(t)))
		if _, err := s.Swap(t.Context(), oldKey, newKey); err == nil || !l.done {
			t.Error("the swap succeeded, or the late writer did not write")
		}
		requireFiles(t, s, was+more, was)
	})
}

// With a single file, nothing else can fail after a third key has arrived.
func TestLateThirdKeyStays(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows no new file can take the name of an open one")
	}
	for _, truncates := range []bool{false, true} {
		s := newStore(t, pairText("default", oldKey), "")
		l := lateWriter{path: s.Paths.Credentials, text: pairText("default", thirdKey), exchange: 1, truncates: truncates}
		synctest.Test(t, func(t *testing.T) {
			askBeforeCalls(s, l.beforeCall(t))
			_, err := s.Swap(t.Context(), oldKey, newKey)
			if _, ok := errors.AsType[*credfile.GoneError](err); !ok {
				t.Error(err)
			}
			requireFiles(t, s, pairText("default", thirdKey), "")
		})
	}
}

// A program appends to a file that keyd writes in place, before keyd has read back
// what it wrote. The undo puts the old pair back and keeps the appended text.
func TestUndoKeepsConcurrentAppend(t *testing.T) {
	was, more := pairText("default", oldKey), pairText("work", thirdKey)
	s := newStore(t, was, was)
	forceInPlace(t, s.Paths.Credentials)
	synctest.Test(t, func(t *testing.T) {
		appended := false
		askBeforeCalls(s, func(c atomicfiletest.Call) error {
			if c.Op == "Sync" && c.Name == s.Paths.Credentials && !appended {
				appended = true
				writeOldFile(t, c.Name, readText(t, c.Name)+more)
			}
			if c.Name == s.Paths.Config && (c.Op == "Exchange" || c.Op == "Rename") {
				return syscall.EIO
			}
			return nil
		})
		if _, err := s.Swap(t.Context(), oldKey, newKey); err == nil || !appended {
			t.Error("the swap succeeded, or the other program did not write")
		}
		requireFiles(t, s, was+more, was)
	})
}

// When only the sync of the folder fails, the file shows the old pair again. When the
// file cannot be read, no one knows what it shows, and the error says so.
func TestUndoReportsUnknownFile(t *testing.T) {
	for op, unknown := range map[string]bool{"SyncDir": false, "OpenFile": true} {
		s := newStore(t, pairText("default", oldKey), "")
		synctest.Test(t, func(t *testing.T) {
			written, failed := false, false
			askBeforeCalls(s, func(c atomicfiletest.Call) error {
				folder := c.Op == "SyncDir" && c.Name == filepath.Dir(s.Paths.Credentials)
				if written && (folder || failed && c.Op == op) {
					failed = true
					return syscall.EIO
				}
				written = written || c.Name == s.Paths.Credentials && (c.Op == "Exchange" || c.Op == "Rename")
				return nil
			})
			_, err := s.Swap(t.Context(), oldKey, newKey)
			_, told := errors.AsType[*credfile.NotUndoneError](err)
			if err == nil || told != unknown {
				t.Errorf("%s fails: the swap returned %v; want NotUndone: %t", op, err, unknown)
			}
			requireFiles(t, s, map[bool]string{false: pairText("default", oldKey), true: pairText("default", newKey)}[unknown], "")
		})
	}
}

// A resumed swap does not sync the other file, which may be in a place where no one
// can write, for example in a Nix store.
func TestResumedSwapSyncsOnlyFilesWithTheKey(t *testing.T) {
	s := newStore(t, pairText("default", newKey), "[default]\nregion = eu-west-1\n")
	s.Sys = readOnly{atomicfile.OS{}, s.Paths.Config}
	if _, err := s.Swap(t.Context(), oldKey, newKey); err != nil {
		t.Error(err)
	}
}

// A swap completes a torn pair, a program that had the file open adds to the torn
// text, and the second file fails.
func TestUndoRestoresNoTornPair(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows no new file can take the name of an open one")
	}
	half := pairText("default", makeKey(newKey.ID, "o")) // the new id and the old secret
	s := newStore(t, half, pairText("default", oldKey))
	l := lateWriter{path: s.Paths.Credentials, text: half + pairText("work", thirdKey), exchange: 1}
	synctest.Test(t, func(t *testing.T) {
		askBeforeCalls(s, failConfig(s, l.beforeCall(t)))
		if _, err := s.Swap(t.Context(), oldKey, newKey); err == nil || !l.done {
			t.Error("the swap succeeded, or the late writer did not write")
		}
		requireFiles(t, s, pairText("default", newKey)+pairText("work", thirdKey), pairText("default", oldKey))
	})
}

// A text is not lost when only the sync of its folder fails.
func TestDisplacedTextIsNotReportedLost(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("on Windows no new file can take the name of an open one")
	}
	s := newStore(t, pairText("default", oldKey), "")
	l := lateWriter{path: s.Paths.Credentials, text: "no credentials\n", exchange: 1}
	synctest.Test(t, func(t *testing.T) {
		latecomer, kept := l.beforeCall(t), false
		askBeforeCalls(s, func(c atomicfiletest.Call) error {
			if kept && c.Op == "SyncDir" && c.Name == filepath.Dir(s.Paths.Credentials) {
				return syscall.EIO
			}
			kept = kept || c.Op == "Rename" && l.done
			return latecomer(c)
		})
		swapped, _ := s.Swap(t.Context(), oldKey, newKey)
		if texts := takeDisplaced(t, s); len(texts) != 1 || strings.Contains(strings.Join(swapped.Notes, ""), "lost") {
			t.Errorf("left %q next to the file, notes %q", texts, swapped.Notes)
		}
	})
}
