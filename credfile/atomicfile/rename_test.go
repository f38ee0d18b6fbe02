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

// exchanges reports whether the file system of dir can exchange two names.
func exchanges(t *testing.T, dir string) bool {
	t.Helper()
	a, b := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	put(t, a, "1")
	put(t, b, "2")
	err := atomicfile.OS{}.Exchange(a, b)
	if err == nil && get(t, a)+get(t, b) != "21" || err != nil && (!errors.Is(err, atomicfile.ErrNoExchange) || get(t, a)+get(t, b) != "12") {
		t.Errorf("%v, %q, %q", err, get(t, a), get(t, b))
	}
	if err := errors.Join(os.Remove(a), os.Remove(b)); err != nil {
		t.Fatal(err)
	}
	return err == nil
}

func TestExchange(t *testing.T) {
	dir := home(t)
	if !exchanges(t, dir) {
		t.Skip("the file system exchanges no names")
	}
	put(t, dir+"/a", text)
	if err := (atomicfile.OS{}).Exchange(dir+"/a", dir+"/gone"); !errors.Is(err, os.ErrNotExist) || get(t, dir+"/a") != text {
		t.Error(err)
	}
}

// other is a program that writes the credentials file.
type other struct {
	t    *testing.T
	path string
}

// renames puts a new file there.
func (o other) renames(data string) {
	put(o.t, o.path+".new", data)
	if err := os.Rename(o.path+".new", o.path); err != nil {
		o.t.Fatal(err)
	}
}

// writes truncates and writes the file that is there.
func (o other) writes(data string) { put(o.t, o.path, data) }

func (o other) removes() { os.Remove(o.path) }

// What another program does to the file after the last look at it, and between
// each two steps from there, is the last word. Nothing of it is lost.
func TestReplaceLosesNothing(t *testing.T) {
	if !exchanges(t, home(t)) {
		t.Skip("the file system exchanges no names: what is written in the microseconds before a rename is lost")
	}
	type acts map[string]func(other) // before the nth call of that name
	for _, tt := range []struct {
		name  string
		do    acts
		fails map[string]error // calls
		file  string           // afterwards; "" for none
		kept  string           // beside it
		err   error
	}{
		{name: "nobody", file: "ours\n"},
		{name: "renamed before the exchange", do: acts{"Exchange 1": func(o other) { o.renames("theirs\n") }}, file: "theirs\n", err: atomicfile.ErrChanged},
		{name: "the same bytes in another file", do: acts{"Exchange 1": func(o other) { o.renames(text) }}, file: text, err: atomicfile.ErrChanged},
		{name: "written before the exchange", do: acts{"Exchange 1": func(o other) { o.writes("theirs\n") }}, file: "theirs\n", err: atomicfile.ErrChanged},
		{name: "emptied before the exchange", do: acts{"Exchange 1": func(o other) { os.Truncate(o.path, 0) }}, file: "", err: atomicfile.ErrChanged},
		{name: "removed before the exchange", do: acts{"Exchange 1": other.removes}, err: atomicfile.ErrChanged},
		{name: "became a link", do: acts{"Exchange 1": func(o other) {
			put(o.t, filepath.Dir(o.path)+"/dotfile", "theirs\n")
			link(o.t, "dotfile", o.path+".new")
			os.Rename(o.path+".new", o.path)
		}}, file: "theirs\n", err: atomicfile.ErrChanged},
		{name: "renamed after the exchange", do: acts{"Lstat 1": func(o other) { o.renames("theirs\n") }}, file: "theirs\n"},
		{name: "renamed, and again before it is given back",
			do:   acts{"Exchange 1": func(o other) { o.renames("first\n") }, "Exchange 2": func(o other) { o.renames("second\n") }},
			file: "second\n", kept: "first\n"},
		{name: "renamed, and what is ours written before it is given back",
			do:   acts{"Exchange 1": func(o other) { o.renames("first\n") }, "Exchange 2": func(o other) { o.writes("second\n") }},
			file: "second\n", kept: "first\n"},
		{name: "written, and again before it is given back",
			do:   acts{"Exchange 1": func(o other) { o.writes("first\n") }, "Exchange 2": func(o other) { o.writes("second\n") }},
			file: "second\n", kept: "first\n"},
		{name: "renamed three times",
			do: acts{"Exchange 1": func(o other) { o.renames("first\n") }, "Exchange 2": func(o other) { o.renames("second\n") },
				"Exchange 3": func(o other) { o.renames("third\n") }},
			file: "third\n", kept: "second\n"}, // over the first
		{name: "what is ours written, then renamed over",
			do: acts{"Exchange 1": func(o other) { o.renames("first\n") }, "Exchange 2": func(o other) { o.writes("second\n") },
				"Exchange 3": func(o other) { o.renames("third\n") }},
			file: "third\n", kept: "second\n"},
		{name: "renamed, and removed before it is given back",
			do: acts{"Exchange 1": func(o other) { o.renames("theirs\n") }, "Exchange 2": other.removes}, kept: "theirs\n", err: os.ErrNotExist},
		{name: "renamed, and it cannot be given back",
			do:    acts{"Exchange 1": func(o other) { o.renames("theirs\n") }},
			fails: map[string]error{"Exchange 2": syscall.EIO}, file: "ours\n", kept: "theirs\n", err: syscall.EIO},
		{name: "renamed, and nobody can look", do: acts{"Exchange 1": func(o other) { o.renames("theirs\n") }},
			fails: map[string]error{"Lstat 1": syscall.EIO}, file: "theirs\n", err: syscall.EIO},
		{name: "nobody, and nobody can look", fails: map[string]error{"Lstat 1": syscall.EIO}, file: text, err: syscall.EIO},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(home(t), "credentials")
			put(t, path, text)
			o := read(t, atomicfile.OS{}, path)
			synctest.Test(t, func(t *testing.T) { // for time to pass quickly
				done := map[string]int{}
				sys := asking(func(c atomicfiletest.Call) error {
					if c.Op == "Lstat" && !strings.Contains(c.Name, ".keyd-") {
						return nil
					}
					done[c.Op]++
					call := c.Op + " " + string(rune('0'+done[c.Op]))
					if act := tt.do[call]; act != nil {
						act(other{t, path})
					}
					return tt.fails[call]
				})
				w, err := atomicfile.On(sys, o).Replace(t.Context(), []byte("ours\n"))
				if err == nil != (tt.err == nil && tt.kept == "") || tt.err != nil && !errors.Is(err, tt.err) {
					t.Errorf("error %v", err)
				}
				if want := tt.file == "ours\n" || err == nil; (w.Way == atomicfile.Renamed) != want {
					t.Errorf("%v, %v", w, err)
				}
				if got, _ := os.ReadFile(path); string(got) != tt.file {
					t.Errorf("the file holds %q", got)
				}
				if err := atomicfile.Sweep(atomicfile.OS{}, path); err != nil {
					t.Error(err)
				}
				var kept strings.Builder
				for _, name := range temps(t, path) {
					kept.WriteString(get(t, filepath.Join(filepath.Dir(path), name)))
					if !strings.Contains(err.Error(), name) {
						t.Errorf("nobody is told of %s: %v", name, err)
					}
				}
				if kept.String() != tt.kept || tt.kept != "" && errors.Is(err, atomicfile.ErrChanged) {
					t.Errorf("beside it: %q, %v", kept.String(), err)
				}
			})
		})
	}
}

// A program that opened the new file in the moment in which it had the name, and
// writes it after the other one was given back, has the last word, too.
func TestReplaceLosesNoLateWrite(t *testing.T) {
	if !exchanges(t, home(t)) {
		t.Skip("the file system exchanges no names")
	}
	path := filepath.Join(home(t), "credentials")
	put(t, path, text)
	o := read(t, atomicfile.OS{}, path)
	synctest.Test(t, func(t *testing.T) {
		var writer *os.File
		exchanged, looked := 0, 0
		sys := asking(func(c atomicfiletest.Call) (err error) {
			switch {
			case c.Op == "Exchange" && exchanged == 0:
				other{t, path}.renames("first\n")
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
		w, err := atomicfile.On(sys, o).Replace(t.Context(), []byte("ours\n"))
		left := temps(t, path)
		if err == nil || w.Way != atomicfile.Nowhere || get(t, path) != "second\n" || len(left) != 1 || !strings.Contains(err.Error(), left[0]) {
			t.Errorf("%v, %v, %q, %q", w, err, get(t, path), left)
		}
	})
}

// Where no names are exchanged a rename does it.
func TestReplaceWithoutExchange(t *testing.T) {
	path := filepath.Join(home(t), "credentials")
	put(t, path, text)
	replaced(t, asking(unexchanged), path, "new\n", atomicfile.Renamed)
}

// TestOwnTextIsNotKept: the names were given back, and the new file cannot be
// opened to see whether somebody has written into it. Nobody has.
func TestOwnTextIsNotKept(t *testing.T) {
	path := filepath.Join(home(t), "credentials")
	if !exchanges(t, filepath.Dir(path)) {
		t.Skip("the file system exchanges no names")
	}
	put(t, path, text)
	o := read(t, atomicfile.OS{}, path)
	synctest.Test(t, func(t *testing.T) {
		n := 0
		sys := asking(func(c atomicfiletest.Call) error {
			if c.Op == "Exchange" {
				if n++; n == 1 {
					other{t, path}.renames("theirs\n")
				}
			}
			if n == 2 && c.Op == "OpenFile" && strings.Contains(c.Name, ".keyd-") {
				return syscall.EMFILE
			}
			return nil
		})
		_, err := atomicfile.On(sys, o).Replace(t.Context(), []byte("ours, secret\n"))
		if !errors.Is(err, atomicfile.ErrChanged) || n != 2 || get(t, path) != "theirs\n" || len(temps(t, path)) > 0 {
			t.Errorf("%v after %d exchanges, the file holds %q, beside it stand %v", err, n, get(t, path), temps(t, path))
		}
	})
}

var races = flag.Int("races", 200, "TestReplaceRaces lets another program write so often during a replacement")

// TestReplaceRaces lets another program rename a file into place at any instant of
// a replacement, and nobody tells them when: whatever the instant, its file is
// there when both are done. How often it came between the last look and the
// moment in which the new file took the name is counted.
func TestReplaceRaces(t *testing.T) {
	dir := home(t)
	if !exchanges(t, dir) {
		t.Skip("the file system exchanges no names: what is renamed in the microseconds before keyd's rename is lost")
	}
	lost, changed := raced(t, dir, fine)
	if lost > 0 {
		t.Errorf("lost %d of %d", lost, *races)
	}
	renames, _ := raced(t, dir, unexchanged)
	t.Logf("%d of %d were there first, none was lost; a rename would have lost %d", changed, *races, renames)
}

func raced(t *testing.T, dir string, ask func(atomicfiletest.Call) error) (lost, changed int) {
	path := filepath.Join(dir, "credentials")
	for range *races {
		put(t, path, text)
		put(t, path+".new", "theirs\n")
		o := read(t, atomicfile.OS{}, path)
		synctest.Test(t, func(t *testing.T) { // time passes quickly where keyd waits
			done := make(chan error)
			spins := rand.IntN(60000)
			go func() {
				for i := range spins {
					_ = i * i
				}
				done <- os.Rename(path+".new", path)
			}()
			sys := &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Ask: ask, Fast: true}
			_, err := atomicfile.On(sys, o).Replace(t.Context(), []byte("ours\n"))
			if errors.Is(err, atomicfile.ErrChanged) {
				changed++
			} else if err != nil {
				t.Error(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		if get(t, path) != "theirs\n" {
			lost++
		}
		if left := temps(t, path); len(left) > 0 {
			t.Fatalf("left %q", left)
		}
	}
	return lost, changed
}
