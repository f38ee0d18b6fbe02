package atomicfile_test

import (
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

// canExchange reports whether the file system of dir can exchange two names.
func canExchange(t *testing.T, dir string) bool {
	t.Helper()
	a, b := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	writeFile(t, a, "1")
	writeFile(t, b, "2")
	err := atomicfile.OS{}.Exchange(a, b)
	if err == nil && readFile(t, a)+readFile(t, b) != "21" || err != nil && (!errors.Is(err, atomicfile.ErrNoExchange) || readFile(t, a)+readFile(t, b) != "12") {
		t.Errorf("Exchange: %v; the files hold %q and %q", err, readFile(t, a), readFile(t, b))
	}
	if err := errors.Join(os.Remove(a), os.Remove(b)); err != nil {
		t.Fatal(err)
	}
	return err == nil
}

func TestExchangeNeedsBothNames(t *testing.T) {
	dir := tempDir(t)
	if !canExchange(t, dir) {
		t.Skip("the file system cannot exchange names")
	}
	writeFile(t, dir+"/a", text)
	if err := (atomicfile.OS{}).Exchange(dir+"/a", dir+"/gone"); !errors.Is(err, os.ErrNotExist) || readFile(t, dir+"/a") != text {
		t.Error(err)
	}
}

// otherProgram writes the credentials file at the same time as keyd.
type otherProgram struct {
	t    *testing.T
	path string
}

// renames puts a new file in place of the credentials file.
func (o otherProgram) renames(data string) {
	writeFile(o.t, o.path+".new", data)
	if err := os.Rename(o.path+".new", o.path); err != nil {
		o.t.Fatal(err)
	}
}

// writes truncates the credentials file and writes it.
func (o otherProgram) writes(data string) { writeFile(o.t, o.path, data) }

func (o otherProgram) removes() { os.Remove(o.path) }

// TestReplaceLosesNothing lets another program act after keyd's last look at the file, and
// between any two steps that follow. The file then shows what that program wrote last, and
// no text is lost.
func TestReplaceLosesNothing(t *testing.T) {
	if !canExchange(t, tempDir(t)) {
		t.Skip("the file system cannot exchange names: what is written in the microseconds before a rename is lost")
	}
	type acts map[string]func(otherProgram) // the key "Exchange 2" means: before the second Exchange
	for _, tt := range []struct {
		name  string
		do    acts
		fails map[string]error // calls that fail, named like those in acts
		file  string           // the bytes of the file afterwards; "" for no file
		kept  string           // the text saved next to the file
		err   error
	}{
		{name: "no other program", file: "ours\n"},
		{name: "renamed before the exchange", do: acts{"Exchange 1": func(o otherProgram) { o.renames("theirs\n") }}, file: "theirs\n", err: atomicfile.ErrChanged},
		{name: "the same bytes in another file", do: acts{"Exchange 1": func(o otherProgram) { o.renames(text) }}, file: text, err: atomicfile.ErrChanged},
		{name: "written before the exchange", do: acts{"Exchange 1": func(o otherProgram) { o.writes("theirs\n") }}, file: "theirs\n", err: atomicfile.ErrChanged},
		{name: "emptied before the exchange", do: acts{"Exchange 1": func(o otherProgram) { os.Truncate(o.path, 0) }}, file: "", err: atomicfile.ErrChanged},
		{name: "removed before the exchange", do: acts{"Exchange 1": otherProgram.removes}, err: atomicfile.ErrChanged},
		{name: "replaced by a link before the exchange", do: acts{"Exchange 1": func(o otherProgram) {
			writeFile(o.t, filepath.Dir(o.path)+"/dotfile", "theirs\n")
			makeLink(o.t, "dotfile", o.path+".new")
			os.Rename(o.path+".new", o.path)
		}}, file: "theirs\n", err: atomicfile.ErrChanged},
		{name: "renamed after the exchange", do: acts{"Lstat 1": func(o otherProgram) { o.renames("theirs\n") }}, file: "theirs\n"},
		{name: "renamed, and again before it is given back",
			do:   acts{"Exchange 1": func(o otherProgram) { o.renames("first\n") }, "Exchange 2": func(o otherProgram) { o.renames("second\n") }},
			file: "second\n", kept: "first\n"},
		{name: "renamed, and our file written before it is given back",
			do:   acts{"Exchange 1": func(o otherProgram) { o.renames("first\n") }, "Exchange 2": func(o otherProgram) { o.writes("second\n") }},
			file: "second\n", kept: "first\n"},
		{name: "written, and again before it is given back",
			do:   acts{"Exchange 1": func(o otherProgram) { o.writes("first\n") }, "Exchange 2": func(o otherProgram) { o.writes("second\n") }},
			file: "second\n", kept: "first\n"},
		{name: "renamed three times",
			do: acts{"Exchange 1": func(o otherProgram) { o.renames("first\n") }, "Exchange 2": func(o otherProgram) { o.renames("second\n") },
				"Exchange 3": func(o otherProgram) { o.renames("third\n") }},
			file: "third\n", kept: "second\n"}, // the third program renamed over the first text
		{name: "renamed, our file written, and then renamed over",
			do: acts{"Exchange 1": func(o otherProgram) { o.renames("first\n") }, "Exchange 2": func(o otherProgram) { o.writes("second\n") },
				"Exchange 3": func(o otherProgram) { o.renames("third\n") }},
			file: "third\n", kept: "second\n"},
		{name: "renamed, and removed before it is given back",
			do: acts{"Exchange 1": func(o otherProgram) { o.renames("theirs\n") }, "Exchange 2": otherProgram.removes}, kept: "theirs\n", err: os.ErrNotExist},
		{name: "renamed, and it cannot be given back",
			do:    acts{"Exchange 1": func(o otherProgram) { o.renames("theirs\n") }},
			fails: map[string]error{"Exchange 2": syscall.EIO}, file: "ours\n", kept: "theirs\n", err: syscall.EIO},
		{name: "renamed, and the look afterwards fails", do: acts{"Exchange 1": func(o otherProgram) { o.renames("theirs\n") }},
			fails: map[string]error{"Lstat 1": syscall.EIO}, file: "theirs\n", err: syscall.EIO},
		{name: "no other program, and the look afterwards fails", fails: map[string]error{"Lstat 1": syscall.EIO}, file: text, err: syscall.EIO},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(tempDir(t), "credentials")
			writeFile(t, path, text)
			o := mustRead(t, atomicfile.OS{}, path)
			synctest.Test(t, func(t *testing.T) { // so that time passes quickly
				done := map[string]int{}
				sys := askBefore(func(c atomicfiletest.Call) error {
					if c.Op == "Lstat" && !strings.Contains(c.Name, ".keyd-") {
						return nil
					}
					done[c.Op]++
					call := c.Op + " " + string(rune('0'+done[c.Op]))
					if act := tt.do[call]; act != nil {
						act(otherProgram{t, path})
					}
					return tt.fails[call]
				})
				w, err := atomicfile.WithSys(sys, o).Replace(t.Context(), []byte("ours\n"))
				if err == nil != (tt.err == nil && tt.kept == "") || tt.err != nil && !errors.Is(err, tt.err) {
					t.Errorf("error %v, want %v", err, tt.err)
				}
				if want := tt.file == "ours\n" || err == nil; (w.Way == atomicfile.Renamed) != want {
					t.Errorf("written %v, error %v", w, err)
				}
				if got, _ := os.ReadFile(path); string(got) != tt.file {
					t.Errorf("the file holds %q", got)
				}
				if err := atomicfile.Sweep(atomicfile.OS{}, path); err != nil {
					t.Error(err)
				}
				var kept strings.Builder
				for _, name := range listTemps(t, path) {
					kept.WriteString(readFile(t, filepath.Join(filepath.Dir(path), name)))
					if !strings.Contains(err.Error(), name) {
						t.Errorf("the error does not name %s: %v", name, err)
					}
				}
				if kept.String() != tt.kept || tt.kept != "" && errors.Is(err, atomicfile.ErrChanged) {
					t.Errorf("saved next to the file: %q, error %v", kept.String(), err)
				}
			})
		})
	}
}

// TestReplaceLosesNoLateWrite: a program opens the new file in the moment in which it has
// the name, and writes it after the other file was given back. Its text wins as well.
func TestReplaceLosesNoLateWrite(t *testing.T) {
	if !canExchange(t, tempDir(t)) {
		t.Skip("the file system cannot exchange names")
	}
	path := filepath.Join(tempDir(t), "credentials")
	writeFile(t, path, text)
	o := mustRead(t, atomicfile.OS{}, path)
	synctest.Test(t, func(t *testing.T) {
		var writer *os.File
		exchanged, looked := 0, 0
		sys := askBefore(func(c atomicfiletest.Call) (err error) {
			switch {
			case c.Op == "Exchange" && exchanged == 0:
				otherProgram{t, path}.renames("first\n")
				exchanged++
			case c.Op == "Exchange" && exchanged == 1:
				writer, err = os.OpenFile(path, os.O_WRONLY, 0)
				exchanged++
			case c.Op == "Stat" && strings.Contains(c.Name, ".keyd-") && exchanged == 2:
				if looked++; looked == 3 {
					err = errors.Join(writer.Truncate(0), func() error { _, err := writer.WriteString("second\n"); return err }(), writer.Close())
				}
			}
			return err
		})
		w, err := atomicfile.WithSys(sys, o).Replace(t.Context(), []byte("ours\n"))
		left := listTemps(t, path)
		if err == nil || w.Way != atomicfile.NotWritten || readFile(t, path) != "second\n" || len(left) != 1 || !strings.Contains(err.Error(), left[0]) {
			t.Errorf("written %v, error %v, the file holds %q, next to it are %q", w, err, readFile(t, path), left)
		}
	})
}

// TestReplaceWithoutExchange: where names cannot be exchanged, the file is renamed.
func TestReplaceWithoutExchange(t *testing.T) {
	path := filepath.Join(tempDir(t), "credentials")
	writeFile(t, path, text)
	checkReplace(t, askBefore(refuseExchange), path, "new\n", atomicfile.Renamed)
}

// TestOwnTextIsNotKept: the name was given back, and the new file cannot be opened to see
// whether another program has written into it. No program has, so keyd's own text, which
// holds a secret, must not stay next to the file.
func TestOwnTextIsNotKept(t *testing.T) {
	path := filepath.Join(tempDir(t), "credentials")
	if !canExchange(t, filepath.Dir(path)) {
		t.Skip("the file system cannot exchange names")
	}
	writeFile(t, path, text)
	o := mustRead(t, atomicfile.OS{}, path)
	synctest.Test(t, func(t *testing.T) {
		n := 0
		sys := askBefore(func(c atomicfiletest.Call) error {
			if c.Op == "Exchange" {
				if n++; n == 1 {
					otherProgram{t, path}.renames("theirs\n")
				}
			}
			if n == 2 && c.Op == "OpenFile" && strings.Contains(c.Name, ".keyd-") {
				return syscall.EMFILE
			}
			return nil
		})
		_, err := atomicfile.WithSys(sys, o).Replace(t.Context(), []byte("ours, secret\n"))
		if !errors.Is(err, atomicfile.ErrChanged) || n != 2 || readFile(t, path) != "theirs\n" || len(listTemps(t, path)) > 0 {
			t.Errorf("%v after %d exchanges, the file holds %q, next to it are %v", err, n, readFile(t, path), listTemps(t, path))
		}
	})
}

var races = flag.Int("races", 200, "how often TestReplaceRaces lets another program write during a replacement")

// TestReplaceRaces lets another program rename a file into place at a random instant of a
// replacement. Whatever the instant, that file has the name when both are done. The test
// counts how often the file came between keyd's last look and the moment in which the new
// file took the name.
func TestReplaceRaces(t *testing.T) {
	dir := tempDir(t)
	if !canExchange(t, dir) {
		t.Skip("the file system cannot exchange names: what is renamed in the microseconds before keyd's rename is lost")
	}
	lost, changed := raceReplace(t, dir, allowAll)
	if lost > 0 {
		t.Errorf("lost %d of %d files", lost, *races)
	}
	renames, _ := raceReplace(t, dir, refuseExchange)
	t.Logf("%d of %d files came first, and none was lost; plain renames lost %d", changed, *races, renames)
}

func raceReplace(t *testing.T, dir string, ask func(atomicfiletest.Call) error) (lost, changed int) {
	path := filepath.Join(dir, "credentials")
	for range *races {
		writeFile(t, path, text)
		writeFile(t, path+".new", "theirs\n")
		o := mustRead(t, atomicfile.OS{}, path)
		synctest.Test(t, func(t *testing.T) { // so that time passes quickly while keyd waits
			done := make(chan error)
			spins := rand.IntN(60000)
			go func() {
				for i := range spins {
					_ = i * i
				}
				done <- os.Rename(path+".new", path)
			}()
			sys := &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Ask: ask, Fast: true}
			_, err := atomicfile.WithSys(sys, o).Replace(t.Context(), []byte("ours\n"))
			if errors.Is(err, atomicfile.ErrChanged) {
				changed++
			} else if err != nil {
				t.Error(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		if readFile(t, path) != "theirs\n" {
			lost++
		}
		if left := listTemps(t, path); len(left) > 0 {
			t.Fatalf("temporary files are left: %q", left)
		}
	}
	return lost, changed
}
