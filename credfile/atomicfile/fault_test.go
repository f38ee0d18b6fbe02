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
	"keyd/credfile/deeptest"
)

// crash is the value of the panic that ends the process in a system call.
type crash struct{}

// fault decides what happens at the Nth call.
type fault struct {
	name  string
	err   error // the error of the call; nil when the process dies in it
	lasts bool  // all later calls fail as well
}

var faults = []fault{
	{name: "ENOSPC", err: syscall.ENOSPC},
	{name: "ENOSPC after half the bytes", err: &atomicfiletest.ShortWrite{Err: syscall.ENOSPC}},
	{name: "EFBIG from then on", err: &atomicfiletest.ShortWrite{Err: syscall.EFBIG}, lasts: true},
	{name: "EIO", err: syscall.EIO},
	{name: "EROFS", err: syscall.EROFS},
	{name: "EIO from then on", err: syscall.EIO, lasts: true},
	{name: "crash"},
}

// at returns the real file system with a fault at the nth call, and that call, which is zero
// until the fault has happened.
func (f fault) at(n int, ask func(atomicfiletest.Call) error) (sys atomicfile.Sys, hit *atomicfiletest.Call) {
	hit = new(atomicfiletest.Call)
	return askBefore(func(c atomicfiletest.Call) error {
		if n--; n > 0 || n < 0 && !f.lasts {
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

// survive calls do and reports whether a crash in sys ended it.
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

// allowAll lets every call pass.
func allowAll(atomicfiletest.Call) error { return nil }

// refuseRename makes every file one that no rename can replace, like a mounted file.
func refuseRename(c atomicfiletest.Call) error {
	if c.Op == "Rename" || c.Op == "Exchange" {
		return syscall.EBUSY
	}
	return nil
}

// refuseExchange makes the file system one that cannot exchange two names.
func refuseExchange(c atomicfiletest.Call) error {
	if c.Op == "Exchange" {
		return atomicfile.ErrNoExchange
	}
	return nil
}

func listTemps(t *testing.T, path string) []string {
	return slices.DeleteFunc(listDir(t, path), func(name string) bool { return !strings.Contains(name, ".keyd-") })
}

// TestReplaceFaults: whichever system call of a replacement fails or is the last one, the
// file holds the old or the new bytes, and without an error it holds the new ones.
func TestReplaceFaults(t *testing.T) {
	long := strings.Repeat("#\n", 20)
	for _, mode := range []struct {
		name, old, data string
		ask             func(atomicfiletest.Call) error
	}{
		{"exchange", text + long, "[default]\n" + long, allowAll},
		{"rename", text + long, "[default]\n" + long, refuseExchange},
		{"in place, same length", text + long, strings.Replace(text, "IOSF", "MNOP", 1) + long, refuseRename},
		{"in place, shorter", text + long, "[default]\n" + long, refuseRename},
		{"in place, longer", text + long, "[default]\n# more\n" + text + long, refuseRename},
	} {
		for i, f := range faults {
			inPlace := strings.HasPrefix(mode.name, "in place")
			if inPlace && len(mode.old) != len(mode.data) && f.err == nil {
				continue // Replace may leave a mixture here, and says so: the caller keeps both texts
			}
			t.Run(mode.name+"/"+f.name, func(t *testing.T) {
				path := tempDir(t) + "/credentials"
				reached := true
				first, step := deeptest.Steps(i, 3)
				for n := first; reached; n += step {
					writeFile(t, path, mode.old)
					o := mustRead(t, atomicfile.OS{}, path)
					synctest.Test(t, func(t *testing.T) {
						reached = replaceWithFault(t, f, n, mode.ask, o, mode.data, inPlace)
					})
					if t.Failed() {
						t.Fatalf("failed with the fault at call %d", n)
					}
				}
			})
		}
	}
}

func replaceWithFault(t *testing.T, f fault, n int, ask func(atomicfiletest.Call) error, o *atomicfile.Original, data string, inPlace bool) bool {
	var lost []string // temporary files that could not be removed or renamed
	sys, hit := f.at(n, ask)
	watched := askBefore(func(c atomicfiletest.Call) error {
		err := sys.(*atomicfiletest.Faulty).Ask(c)
		if err != nil && (c.Op == "Remove" || strings.HasSuffix(c.Name, ".theirs")) {
			lost = append(lost, filepath.Base(strings.TrimSuffix(c.Name, ".theirs")))
		}
		return err
	})
	watched.(*atomicfiletest.Faulty).Fast = true
	o = atomicfile.WithSys(watched, o)
	var w atomicfile.Written
	var err error
	died := survive(watched, func() { w, err = o.Replace(t.Context(), []byte(data)) })
	got := readFile(t, o.Path)
	switch {
	case got == data && (died || err == nil || w.Way != atomicfile.NotWritten):
	case got == string(o.Data) && (died || err != nil && w.Way == atomicfile.NotWritten):
	case inPlace && f.lasts && err != nil && w.Way == atomicfile.InPlace: // the error says that the old bytes could not be put back
	default:
		t.Errorf("error %v, written %v, died %v, file %q", err, w.Way, died, got)
	}
	if left := listTemps(t, o.Path); !died && !slices.Equal(left, lost) {
		t.Errorf("temporary files are left: %q, want %q", left, lost)
	}
	if err := atomicfile.Sweep(atomicfile.OS{}, o.Path); err != nil || len(listTemps(t, o.Path)) > 0 {
		t.Errorf("Sweep left a temporary file: %v", err)
	}
	return hit.Op != ""
}

// TestWritableFaults: Writable reports every call that fails on the temporary file, and never
// changes the file itself.
func TestWritableFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			path := tempDir(t) + "/credentials"
			writeFile(t, path, text)
			o := mustRead(t, atomicfile.OS{}, path)
			for n, again := 1, true; again; n++ {
				sys, hit := f.at(n, allowAll)
				var way atomicfile.Way
				var err error
				died := survive(sys, func() { way, err = atomicfile.WithSys(sys, o).CheckWritable() })
				again = hit.Op != ""
				onTemp := strings.Contains(hit.Name, ".keyd-")
				if onTemp && !died && err == nil && !(way == atomicfile.InPlace && errors.Is(f.err, syscall.EROFS)) {
					t.Errorf("Writable did not report that %s failed with %v", hit.Op, f.err)
				}
				if readFile(t, path) != text {
					t.Fatalf("fault at call %d: the file changed", n)
				}
				if err := atomicfile.Sweep(atomicfile.OS{}, path); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestOwnFileFaults: after a fault, a file that Write replaces is old or new, and a torn line
// of a file to which Append adds does not damage the lines around it.
func TestOwnFileFaults(t *testing.T) {
	for _, f := range faults {
		t.Run("write/"+f.name, func(t *testing.T) {
			path := tempDir(t) + "/status.json"
			for n, again := 1, true; again; n++ {
				writeFile(t, path, "old\n")
				sys, hit := f.at(n, allowAll)
				var err error
				died := survive(sys, func() { err = atomicfile.Write(sys, path, []byte("new\n"), 0o600) })
				again = hit.Op != ""
				if got := readFile(t, path); got != "new\n" && (got != "old\n" || err == nil && !died) {
					t.Errorf("fault at call %d: error %v, the file holds %q", n, err, got)
				}
				if err := atomicfile.Sweep(atomicfile.OS{}, path); err != nil || len(listDir(t, path)) != 1 {
					t.Fatalf("fault at call %d: the directory has %q, %v", n, listDir(t, path), err)
				}
			}
		})
		t.Run("append/"+f.name, func(t *testing.T) {
			for n, again := 1, true; again; n++ {
				path := tempDir(t) + "/history.jsonl"
				writeFile(t, path, "one\n")
				sys, hit := f.at(n, allowAll)
				var err error
				died := survive(sys, func() { err = atomicfile.Append(sys, path, []byte("two"), 0o600) })
				again = hit.Op != ""
				if again && err == nil && !died {
					t.Errorf("fault at call %d: Append returned no error", n)
				}
				if err := atomicfile.Append(atomicfile.OS{}, path, []byte("three"), 0o600); err != nil {
					t.Fatal(err)
				}
				lines := strings.Split(readFile(t, path), "\n")
				if lines[0] != "one" || lines[len(lines)-2] != "three" || err == nil && !died && lines[1] != "two" {
					t.Errorf("fault at call %d: the lines are %q", n, lines)
				}
				os.Remove(path)
			}
		})
	}
}
