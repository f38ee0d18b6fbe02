//go:build linux || darwin

package atomicfile_test

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"

	"keyd/credfile/atomicfile"
)

func TestReadRefusesSpecialFiles(t *testing.T) {
	fifo := tempDir(t) + "/credentials"
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"a FIFO": fifo, "a device": os.DevNull} {
		t.Run(name, func(t *testing.T) {
			_, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path)
			if _, ok := errors.AsType[*atomicfile.Refused](err); !ok {
				t.Error(err)
			}
		})
	}
	t.Run("opening a FIFO does not hang", func(t *testing.T) {
		if f, err := (atomicfile.OS{}).OpenFile(fifo, os.O_RDONLY, 0); err == nil {
			f.Close()
		}
	})
}

func TestReplaceKeepsModeAndGroup(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o640, 0o644, 0o660, 0o400} {
		t.Run(mode.String(), func(t *testing.T) {
			path := tempDir(t) + "/credentials"
			writeFile(t, path, text)
			gid := os.Getegid()
			if os.Geteuid() == 0 {
				gid = 12345 // not the group that a new file would have
			}
			if err := errors.Join(os.Chown(path, -1, gid), os.Chmod(path, mode)); err != nil {
				t.Fatal(err)
			}
			checkReplace(t, atomicfile.OS{}, path, "new\n", atomicfile.Renamed)
			fi, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if st := fi.Sys().(*syscall.Stat_t); fi.Mode() != mode || int(st.Gid) != gid || int(st.Uid) != os.Geteuid() {
				t.Errorf("mode %v, group %d, owner %d", fi.Mode(), st.Gid, st.Uid)
			}
		})
	}
}

func TestReplaceRefusesForeignOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path := tempDir(t) + "/credentials"
	writeFile(t, path, text)
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	o, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path)
	if err != nil {
		t.Fatal(err)
	}
	_, writable := o.CheckWritable()
	_, replace := o.Replace(t.Context(), []byte("new\n"))
	for _, err := range []error{writable, replace} {
		if _, ok := errors.AsType[*atomicfile.Refused](err); !ok {
			t.Error(err)
		}
	}
	if readFile(t, path) != text {
		t.Error("the file was written")
	}
}

func TestReplaceInUnwritableDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write to every directory; TestReplaceImmutable has the same case for root")
	}
	dir := tempDir(t)
	path := dir + "/credentials"
	writeFile(t, path, text)
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	checkReplace(t, atomicfile.OS{}, path, "new\n", atomicfile.InPlace)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	checkRefusesWrite(t, path)
}

// checkRefusesWrite fails the test unless Writable refuses with a remedy and Replace fails,
// and both leave the directory as it was.
func checkRefusesWrite(t *testing.T, path string) {
	t.Helper()
	o, before := mustRead(t, atomicfile.OS{}, path), listDir(t, path)
	_, err := o.CheckWritable()
	if refused, ok := errors.AsType[*atomicfile.Refused](err); !ok || refused.Remedy == "" {
		t.Errorf("Writable: %v, want a *Refused with a remedy", err)
	}
	if w, err := o.Replace(t.Context(), []byte("new\n")); err == nil || w.Way != atomicfile.NotWritten {
		t.Errorf("Replace wrote: %v, %v", w, err)
	}
	if readFile(t, path) != string(o.Data) {
		t.Error("the file changed")
	}
	if after := listDir(t, path); !slices.Equal(before, after) {
		t.Errorf("the directory had %q and now has %q", before, after)
	}
}
