package atomicfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

// crash is what a system call panics with when the process dies there.
type crash struct{}

// fault decides what happens at the Nth call.
type fault struct {
	name    string
	err     error // nil: the process dies
	forGood bool  // all later calls fail as well
}

var faults = []fault{
	{name: "46 ENOSPC", err: syscall.ENOSPC},
	{name: "46 ENOSPC after half the bytes", err: &atomicfiletest.ShortWrite{Err: syscall.ENOSPC}},
	{name: "46 EFBIG for good", err: &atomicfiletest.ShortWrite{Err: syscall.EFBIG}, forGood: true},
	{name: "EIO", err: syscall.EIO},
	{name: "50 EROFS", err: syscall.EROFS},
	{name: "EIO for good", err: syscall.EIO, forGood: true},
	{name: "42 crash"},
}

// at returns the real file system with a fault at the nth call, and the call
// that it hit, which is zero as long as it did not come to that.
func (f fault) at(n int, ask func(atomicfiletest.Call) error) (sys atomicfile.Sys, hit *atomicfiletest.Call) {
	hit = new(atomicfiletest.Call)
	return asking(func(c atomicfiletest.Call) error {
		if n--; n > 0 || n < 0 && !f.forGood {
			return ask(c)
		}
		if n == 0 {
			*hit = c
		}
		if f.err == nil {
			panic(crash{})
		}
		return f.err
	}), hit
}

// survive calls do and reports whether it died of a crash in sys.
func survive(sys atomicfile.Sys, do func()) (died bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, died = r.(crash); !died {
				panic(r)
			}
			sys.(*atomicfiletest.Faulty).Die()
		}
	}()
	do()
	return false
}

func fine(atomicfiletest.Call) error { return nil }

// mounted makes a file one that no rename replaces.
func mounted(c atomicfiletest.Call) error {
	if c.Op == "Rename" || c.Op == "Exchange" {
		return syscall.EBUSY
	}
	return nil
}

// unexchanged is a file system that cannot exchange two names.
func unexchanged(c atomicfiletest.Call) error {
	if c.Op == "Exchange" {
		return atomicfile.ErrNoExchange
	}
	return nil
}

func temps(t *testing.T, path string) []string {
	return slices.DeleteFunc(names(t, path), func(name string) bool { return !strings.Contains(name, ".keyd-") })
}

// 42, 46: whichever system call of a replacement fails or is the last one, the
// file holds the old or the new bytes, and an error is told unless new.
func TestReplaceFaults(t *testing.T) {
	long := strings.Repeat("#\n", 20)
	for _, mode := range []struct {
		name, old, data string
		ask             func(atomicfiletest.Call) error
	}{
		{"exchange", text + long, "[default]\n" + long, fine},
		{"rename", text + long, "[default]\n" + long, unexchanged},
		{"in place, same length", text + long, strings.Replace(text, "IOSF", "MNOP", 1) + long, mounted},
		{"in place, shorter", text + long, "[default]\n" + long, mounted},
		{"in place, longer", text + long, "[default]\n# more\n" + text + long, mounted},
	} {
		for _, f := range faults {
			inPlace := strings.HasPrefix(mode.name, "in place")
			if inPlace && len(mode.old) != len(mode.data) && f.err == nil {
				continue // documented: the caller keeps both until the call returns
			}
			t.Run(mode.name+"/"+f.name, func(t *testing.T) {
				path := home(t) + "/credentials"
				reached := true
				for n := 1; reached; n++ {
					put(t, path, mode.old)
					o := read(t, atomicfile.OS{}, path)
					synctest.Test(t, func(t *testing.T) {
						reached = replaceWithFault(t, f, n, mode.ask, o, mode.data, inPlace)
					})
					if t.Failed() {
						t.Fatalf("at call %d", n)
					}
				}
			})
		}
	}
}

func replaceWithFault(t *testing.T, f fault, n int, ask func(atomicfiletest.Call) error, o *atomicfile.Original, data string, inPlace bool) bool {
	var lost []string // temporary files whose removal, or another name for them, failed
	sys, hit := f.at(n, ask)
	watched := asking(func(c atomicfiletest.Call) error {
		err := sys.(*atomicfiletest.Faulty).Ask(c)
		if err != nil && (c.Op == "Remove" || strings.HasSuffix(c.Name, ".theirs")) {
			lost = append(lost, filepath.Base(strings.TrimSuffix(c.Name, ".theirs")))
		}
		return err
	})
	watched.(*atomicfiletest.Faulty).Fast = true
	o = atomicfile.On(watched, o)
	var w atomicfile.Written
	var err error
	died := survive(watched, func() { w, err = o.Replace(t.Context(), []byte(data)) })
	got := get(t, o.Path)
	switch {
	case got == data && (died || err == nil || w.Way != atomicfile.Nowhere):
	case got == string(o.Data) && (died || err != nil && w.Way == atomicfile.Nowhere):
	case inPlace && f.forGood && err != nil && w.Way == atomicfile.InPlace: // told: the old bytes could not be put back
	default:
		t.Errorf("error %v, written %v, died %v, file %q", err, w.Way, died, got)
	}
	if left := temps(t, o.Path); !died && !slices.Equal(left, lost) {
		t.Errorf("left %q", left)
	}
	if err := atomicfile.Sweep(atomicfile.OS{}, o.Path); err != nil || len(temps(t, o.Path)) > 0 {
		t.Errorf("not swept: %v", err)
	}
	return hit.Op != ""
}

// 50: what the preflight cannot do it says, and it never changes the file.
func TestWritableFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			path := home(t) + "/credentials"
			put(t, path, text)
			o := read(t, atomicfile.OS{}, path)
			for n, again := 1, true; again; n++ {
				sys, hit := f.at(n, fine)
				var way atomicfile.Way
				var err error
				died := survive(sys, func() { way, err = atomicfile.On(sys, o).Writable() })
				again = hit.Op != ""
				onTemp := strings.Contains(hit.Name, ".keyd-")
				if onTemp && !died && err == nil && !(way == atomicfile.InPlace && errors.Is(f.err, syscall.EROFS)) {
					t.Errorf("%s: %v passed", hit.Op, f.err)
				}
				if get(t, path) != text {
					t.Fatalf("call %d: the file changed", n)
				}
				if err := atomicfile.Sweep(atomicfile.OS{}, path); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// 42: a state file is old or new, and a line of the history is whole or alone.
func TestStateFaults(t *testing.T) {
	for _, f := range faults {
		t.Run("write/"+f.name, func(t *testing.T) {
			path := home(t) + "/status.json"
			for n, again := 1, true; again; n++ {
				put(t, path, "old\n")
				sys, hit := f.at(n, fine)
				var err error
				died := survive(sys, func() { err = atomicfile.Write(sys, path, []byte("new\n"), 0o600) })
				again = hit.Op != ""
				if got := get(t, path); got != "new\n" && (got != "old\n" || err == nil && !died) {
					t.Errorf("call %d: %v, %q", n, err, got)
				}
				if err := atomicfile.Sweep(atomicfile.OS{}, path); err != nil || len(names(t, path)) != 1 {
					t.Fatalf("call %d: left %q, %v", n, names(t, path), err)
				}
			}
		})
		t.Run("append/"+f.name, func(t *testing.T) {
			for n, again := 1, true; again; n++ {
				path := home(t) + "/history.jsonl"
				put(t, path, "one\n")
				sys, hit := f.at(n, fine)
				var err error
				died := survive(sys, func() { err = atomicfile.Append(sys, path, []byte("two"), 0o600) })
				again = hit.Op != ""
				if again && err == nil && !died {
					t.Errorf("call %d: no error", n)
				}
				if err := atomicfile.Append(atomicfile.OS{}, path, []byte("three"), 0o600); err != nil {
					t.Fatal(err)
				}
				lines := strings.Split(get(t, path), "\n")
				if lines[0] != "one" || lines[len(lines)-2] != "three" || err == nil && !died && lines[1] != "two" {
					t.Errorf("call %d: %q", n, lines)
				}
				os.Remove(path)
			}
		})
	}
}
