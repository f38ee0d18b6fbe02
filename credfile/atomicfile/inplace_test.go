package atomicfile_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

var (
	syncedIn, _ = filepath.Abs("/home")
	synced      = filepath.Join(syncedIn, "file")
)

// A mounted file and a directory without write permission, as the logic sees
// them; the real ones are in the tests that need privileges.
func TestReplaceInPlace(t *testing.T) {
	const longer = text + "region = eu-west-1\n"
	for _, tt := range []struct {
		name string
		op   string
		err  error
	}{
		{"47 the exchange says EBUSY", "Exchange", syscall.EBUSY},
		{"47 rename says EBUSY", "Rename", syscall.EBUSY},
		{"48 the directory says EACCES", "OpenFile", syscall.EACCES},
		{"48 the directory says EPERM", "OpenFile", syscall.EPERM},
		{"47 the directory around a mounted file is read-only", "OpenFile", syscall.EROFS},
	} {
		for name, data := range map[string]string{"same length": strings.Replace(text, "AKIA", "ABIA", 1), "longer": longer, "shorter": "[default]\n"} {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				path := filepath.Join(home(t), "credentials")
				put(t, path, text)
				var writes []atomicfiletest.Call
				truncated := false
				sys := asking(func(c atomicfiletest.Call) error {
					switch {
					case c.Op == tt.op && (c.Op != "OpenFile" || c.Name != path):
						return tt.err
					case c.Op == "Exchange":
						return atomicfile.ErrNoExchange
					case c.Op == "WriteAt":
						writes = append(writes, atomicfiletest.Call{Off: c.Off, Data: bytes.Clone(c.Data)})
					case c.Op == "Truncate":
						truncated = true
					}
					return nil
				})
				w, err := read(t, sys, path).Replace(t.Context(), []byte(data))
				if err != nil || w.Way != atomicfile.InPlace || get(t, path) != data {
					t.Fatalf("%v, %v: %q", w, err, get(t, path))
				}
				if name == "same length" && (truncated || len(writes) != 1 || string(writes[0].Data) != "B" || writes[0].Off != int64(strings.Index(text, "KIA"))) {
					t.Errorf("not one write of what differs: %v, truncated: %v", writes, truncated)
				}
				if len(names(t, path)) != 1 {
					t.Error("left", names(t, path))
				}
			})
		}
	}
}

// TestSyncAfterASyncThatFailed: a write in place reaches the page cache, its sync
// fails, and the disk then takes no write that would put the old bytes back.
// Later, when the disk works again, the file shows the new bytes: Sync must make
// them durable, although the system takes them for written.
func TestSyncAfterASyncThatFailed(t *testing.T) {
	for _, test := range []struct {
		name    string
		inPlace bool
	}{{"written in place", true}, {"replaced by a rename", false}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := atomicfiletest.NewDisk(time.Now, syncedIn)
				was, is := []byte("key = old\n"), []byte("key = new\n")
				disk.Put(synced, was, false)
				time.Sleep(time.Hour) // it is believed at once
				broken := false
				disk.Around = func(op atomicfiletest.DiskOp, do func() error) error {
					broken = broken || op.Name == "sync" && op.Path == synced
					switch {
					case test.inPlace && op.Name == "create":
						return syscall.EACCES
					case broken && !op.Read:
						return syscall.EROFS
					}
					return do()
				}
				if _, err := read(t, disk, synced).Replace(t.Context(), is); (err != nil) != test.inPlace {
					t.Fatal(err)
				}
				broken = false
				disk.Around = func(op atomicfiletest.DiskOp, do func() error) error {
					if test.inPlace && op.Name == "create" {
						return syscall.EACCES
					}
					return do()
				}
				time.Sleep(time.Hour)
				if !bytes.Equal(disk.Data(synced), is) || test.inPlace && !bytes.Equal(disk.Kept(synced), was) {
					t.Fatalf("processes see %q, the disk has %q", disk.Data(synced), disk.Kept(synced))
				}
				if err := read(t, disk, synced).Sync(); err != nil {
					t.Fatal(err)
				}
				if kept := disk.Kept(synced); !bytes.Equal(kept, is) {
					t.Errorf("a power failure leaves %q", kept)
				}
				if names, err := disk.ReadDir(syncedIn); err != nil || !slices.Equal(names, []string{"file"}) {
					t.Errorf("beside it stand %v, %v", names, err)
				}
			})
		})
	}
}

// TestSyncOfAFileThatChanged writes nothing over what somebody else has written.
func TestSyncOfAFileThatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := atomicfiletest.NewDisk(time.Now, syncedIn)
		disk.Around = func(op atomicfiletest.DiskOp, do func() error) error {
			if op.Name == "create" {
				return syscall.EACCES
			}
			return do()
		}
		disk.Put(synced, []byte("mine\n"), false)
		time.Sleep(time.Hour)
		o := read(t, disk, synced)
		disk.Put(synced, []byte("yours\n"), false)
		if err := o.Sync(); err == nil || string(disk.Data(synced)) != "yours\n" {
			t.Errorf("%v, and it holds %q", err, disk.Data(synced))
		}
	})
}

// FuzzInPlace: whatever the bytes, a replacement in place shows the new ones.
func FuzzInPlace(f *testing.F) {
	f.Add([]byte("aXb"), []byte("aYb"))
	f.Add([]byte("same"), []byte("same"))
	f.Add([]byte("prefix"), []byte("prefix and more"))
	f.Add([]byte("aaaa"), []byte("aa"))
	f.Add([]byte("x"), []byte(""))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, old, data []byte) {
		if len(old) == 0 || len(old) > 1<<16 || len(data) > 1<<16 {
			return
		}
		path := filepath.Join(dir, "credentials")
		put(t, path, string(old))
		sys := asking(mounted)
		w, err := read(t, sys, path).Replace(t.Context(), data)
		if err != nil || w.Way != atomicfile.InPlace || get(t, path) != string(data) {
			t.Errorf("%v, %v", w, err)
		}
	})
}
