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
	fifo := home(t) + "/credentials"
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"55 a FIFO": fifo, "55 a device": os.DevNull} {
		t.Run(name, func(t *testing.T) {
			_, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path)
			if _, ok := errors.AsType[*atomicfile.Refused](err); !ok {
				t.Error(err)
			}
		})
	}
	t.Run("55 a FIFO that took the place of the file just now", func(t *testing.T) {
		if f, err := (atomicfile.OS{}).OpenFile(fifo, os.O_RDONLY, 0); err == nil { // must not hang
			f.Close()
		}
	})
}

func TestReplaceKeepsModeAndGroup(t *testing.T) {
	for _, mode := range []os.FileMode{0o600, 0o640, 0o644, 0o660, 0o400} {
		t.Run("45 "+mode.String(), func(t *testing.T) {
			path := home(t) + "/credentials"
			put(t, path, text)
			gid := os.Getegid()
			if os.Geteuid() == 0 {
				gid = 12345 // another group than a new file would have
			}
			if err := errors.Join(os.Chown(path, -1, gid), os.Chmod(path, mode)); err != nil {
				t.Fatal(err)
			}
			replaced(t, atomicfile.OS{}, path, "new\n", atomicfile.Renamed)
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
	path := home(t) + "/credentials"
	put(t, path, text)
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	o, err := atomicfile.Read(t.Context(), atomicfile.OS{}, path)
	if err != nil {
		t.Fatal(err)
	}
	_, writable := o.Writable()
	_, replace := o.Replace(t.Context(), []byte("new\n"))
	for _, err := range []error{writable, replace} {
		if _, ok := errors.AsType[*atomicfile.Refused](err); !ok {
			t.Error(err)
		}
	}
	if get(t, path) != text {
		t.Error("written")
	}
}

func TestUnwritableDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write to every directory; TestImmutable has the same case for root")
	}
	dir := home(t)
	path := dir + "/credentials"
	put(t, path, text)
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	replaced(t, atomicfile.OS{}, path, "48 new\n", atomicfile.InPlace)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	refusesToWrite(t, path)
}

// refusesToWrite fails the test unless the preflight refuses with a remedy and
// the replacement fails, both without a trace.
func refusesToWrite(t *testing.T, path string) {
	t.Helper()
	o, before := read(t, atomicfile.OS{}, path), names(t, path)
	_, err := o.Writable()
	if refused, ok := errors.AsType[*atomicfile.Refused](err); !ok || refused.Remedy == "" {
		t.Errorf("preflight: %v", err)
	}
	if w, err := o.Replace(t.Context(), []byte("new\n")); err == nil || w.Way != atomicfile.Nowhere {
		t.Errorf("replaced: %v, %v", w, err)
	}
	if get(t, path) != string(o.Data) {
		t.Error("the file changed")
	}
	if after := names(t, path); !slices.Equal(before, after) {
		t.Errorf("directory had %q, has %q", before, after)
	}
}
