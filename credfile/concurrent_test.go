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

// latecomer is a program that has a file open when the new one takes its name,
// and writes its text into what it has open right afterwards.
type latecomer struct {
	path, text string
	truncates  bool // as aws configure does, on a disk that exchanges no names: elsewhere that is seen before
	stays      bool // it has more to write, and takes long
	from       int  // which time that a new file takes the name; from 1

	file *os.File
	done bool
}

func (l *latecomer) ask(t *testing.T) func(atomicfiletest.Call) error {
	return func(c atomicfiletest.Call) error {
		takes := c.Name == l.path && (c.Op == "Exchange" || c.Op == "Rename")
		switch {
		case l.truncates && c.Op == "Exchange":
			return atomicfile.ErrNoExchange
		case takes && l.file == nil:
			if l.from--; l.from <= 0 {
				l.open(t)
			}
		case l.file != nil && c.Op == "SyncDir":
			l.write(t)
		}
		return nil
	}
}

func (l *latecomer) open(t *testing.T) {
	flag := os.O_WRONLY
	if l.truncates {
		flag |= os.O_TRUNC
	}
	var err error
	if l.file, err = os.OpenFile(l.path, flag, 0); err != nil {
		t.Fatal(err)
	}
}

func (l *latecomer) write(t *testing.T) {
	if l.done {
		return
	}
	l.done = true
	_, err := l.file.WriteAt([]byte(l.text), 0)
	err = errors.Join(err, l.file.Truncate(int64(len(l.text))))
	if !l.stays {
		err = errors.Join(err, l.file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// failConfig lets no new file take the name of the config file.
func failConfig(s *credfile.Store, ask func(atomicfiletest.Call) error) func(atomicfiletest.Call) error {
	return func(c atomicfiletest.Call) error {
		if c.Name == s.Paths.Config && (c.Op == "Exchange" || c.Op == "Rename") {
			return syscall.EIO
		}
		return ask(c)
	}
}

// takeDisplaced takes away what the store has kept beside its files.
func takeDisplaced(t *testing.T, s *credfile.Store) (texts []string) {
	t.Helper()
	names, err := s.Kept()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		texts = append(texts, readText(t, name))
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

// TestLatecomers: whatever another program writes into the file that has just
// lost its name, it is in the file afterwards, or beside it; whether the swap
// succeeds or has to be undone, because the second file cannot be written. A
// third key is never overwritten.
func TestLatecomers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file takes the name of one that is open")
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
		{name: "no credentials", text: "no credentials\n", is: pairText("default", newKey), undone: was, kept: "no credentials\n"},
		{name: "nothing", stays: true, is: pairText("default", newKey), undone: was},
		{name: "a part", text: more, stays: true, is: pairText("default", newKey), undone: was, kept: more},
	} {
		for _, fails := range []bool{false, true} {
			for _, l := range []latecomer{{from: 1}, {from: 1, truncates: true}} {
				t.Run(test.name, func(t *testing.T) {
					if test.stays && runtime.GOOS != "linux" {
						t.Skip("the system does not tell that somebody is still writing")
					}
					s := newStore(t, was, was)
					l.path, l.text, l.stays = s.Paths.Credentials, test.text, test.stays
					synctest.Test(t, func(t *testing.T) {
						askBeforeCalls(s, l.ask(t))
						if fails {
							askBeforeCalls(s, failConfig(s, l.ask(t)))
						}
						swapped, err := s.Swap(t.Context(), oldKey, newKey)
						credentials, config := test.is, pairText("default", newKey)
						if fails {
							credentials, config = test.undone, was
						}
						if (err != nil) != fails {
							t.Errorf("%v, with a second file that fails: %t", err, fails)
						}
						if kept := strings.Join(takeDisplaced(t, s), "|"); kept != test.kept || (kept != "" || test.text == "") != (len(swapped.Notes) > 0) {
							t.Errorf("kept %q, told %q", kept, swapped.Notes)
						}
						requireFiles(t, s, credentials, config)
					})
					if l.stays {
						l.file.Close()
					}
				})
			}
		}
	}
}

// The same while an undo gives the name back.
func TestLatecomersOfAnUndo(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file takes the name of one that is open")
	}
	was, more := pairText("default", oldKey), pairText("work", thirdKey)
	s := newStore(t, was, was)
	l := latecomer{path: s.Paths.Credentials, text: pairText("default", newKey) + more, from: 2}
	synctest.Test(t, func(t *testing.T) {
		askBeforeCalls(s, failConfig(s, l.ask(t)))
		if _, err := s.Swap(t.Context(), oldKey, newKey); err == nil || !l.done {
			t.Error("it succeeded, or nobody came late")
		}
		requireFiles(t, s, was+more, was)
	})
}

// TestAThirdKeyThatCameLateStays: with one file there is nothing else to fail.
func TestAThirdKeyThatCameLateStays(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file takes the name of one that is open")
	}
	for _, truncates := range []bool{false, true} {
		s := newStore(t, pairText("default", oldKey), "")
		l := latecomer{path: s.Paths.Credentials, text: pairText("default", thirdKey), from: 1, truncates: truncates}
		synctest.Test(t, func(t *testing.T) {
			askBeforeCalls(s, l.ask(t))
			_, err := s.Swap(t.Context(), oldKey, newKey)
			if _, ok := errors.AsType[*credfile.Gone](err); !ok {
				t.Error(err)
			}
			requireFiles(t, s, pairText("default", thirdKey), "")
		})
	}
}

// TestUndoneBesideAWriter: a program appends to a file that is written in place
// before keyd has looked at what it wrote there. The undo takes the pair back.
func TestUndoneBesideAWriter(t *testing.T) {
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
			t.Error("it succeeded, or nobody wrote")
		}
		requireFiles(t, s, was+more, was)
	})
}

// TestUndoSaysWhatTheFileShows: when only the folder cannot be synced the old
// pair is back; when the file cannot be read nobody knows.
func TestUndoSaysWhatTheFileShows(t *testing.T) {
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
			_, told := errors.AsType[*credfile.NotUndone](err)
			if err == nil || told != unknown {
				t.Errorf("%s fails: %v", op, err)
			}
			requireFiles(t, s, map[bool]string{false: pairText("default", oldKey), true: pairText("default", newKey)}[unknown], "")
		})
	}
}

// TestAResumedSwapSyncsWhatShowsTheKey, and nothing else: the other file may
// stand where nobody can write, in a Nix store for one.
func TestAResumedSwapSyncsWhatShowsTheKey(t *testing.T) {
	s := newStore(t, pairText("default", newKey), "[default]\nregion = eu-west-1\n")
	s.Sys = readOnly{atomicfile.OS{}, s.Paths.Config}
	if _, err := s.Swap(t.Context(), oldKey, newKey); err != nil {
		t.Error(err)
	}
}

// TestUndoWritesNoHalvesBack: a torn pair was mended, a program that had the file
// open adds to the torn text, and the second file fails.
func TestUndoWritesNoHalvesBack(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file takes the name of one that is open")
	}
	half := pairText("default", makeKey(newKey.ID, "o")) // the new id and the old secret
	s := newStore(t, half, pairText("default", oldKey))
	l := latecomer{path: s.Paths.Credentials, text: half + pairText("work", thirdKey), from: 1}
	synctest.Test(t, func(t *testing.T) {
		askBeforeCalls(s, failConfig(s, l.ask(t)))
		if _, err := s.Swap(t.Context(), oldKey, newKey); err == nil || !l.done {
			t.Error("it succeeded, or nobody came late")
		}
		requireFiles(t, s, pairText("default", newKey)+pairText("work", thirdKey), pairText("default", oldKey))
	})
}

// TestWhatIsKeptIsNotLost: only the folder could not be synced afterwards.
func TestWhatIsKeptIsNotLost(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no file takes the name of one that is open")
	}
	s := newStore(t, pairText("default", oldKey), "")
	l := latecomer{path: s.Paths.Credentials, text: "no credentials\n", from: 1}
	synctest.Test(t, func(t *testing.T) {
		latecomer, kept := l.ask(t), false
		askBeforeCalls(s, func(c atomicfiletest.Call) error {
			if kept && c.Op == "SyncDir" && c.Name == filepath.Dir(s.Paths.Credentials) {
				return syscall.EIO
			}
			kept = kept || c.Op == "Rename" && l.done
			return latecomer(c)
		})
		swapped, _ := s.Swap(t.Context(), oldKey, newKey)
		if texts := takeDisplaced(t, s); len(texts) != 1 || strings.Contains(strings.Join(swapped.Notes, ""), "lost") {
			t.Errorf("kept %q, told %q", texts, swapped.Notes)
		}
	})
}
