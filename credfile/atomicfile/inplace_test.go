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

// TestReplaceInPlace covers a mounted file and a directory without write permission by the
// errors that they cause. The tests that need privileges use real ones.
func TestReplaceInPlace(t *testing.T) {
	const longer = text + "region = eu-west-1\n"
	for _, tt := range []struct {
		name string
		op   string
		err  error
	}{
		{"the exchange fails with EBUSY", "Exchange", syscall.EBUSY},
		{"the rename fails with EBUSY", "Rename", syscall.EBUSY},
		{"a new file fails with EACCES", "OpenFile", syscall.EACCES},
		{"a new file fails with EPERM", "OpenFile", syscall.EPERM},
		{"the directory around a mounted file is read-only", "OpenFile", syscall.EROFS},
	} {
		for name, data := range map[string]string{"same length": strings.Replace(text, "AKIA", "ABIA", 1), "longer": longer, "shorter": "[default]\n"} {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				path := filepath.Join(tempDir(t), "credentials")
				writeFile(t, path, text)
				var writes []atomicfiletest.Call
				truncated := false
				sys := askBefore(func(c atomicfiletest.Call) error {
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
				w, err := mustRead(t, sys, path).Replace(t.Context(), []byte(data))
				if err != nil || w.Way != atomicfile.InPlace || readFile(t, path) != data {
					t.Fatalf("%v, %v: %q", w, err, readFile(t, path))
				}
				if name == "same length" && (truncated || len(writes) != 1 || string(writes[0].Data) != "B" || writes[0].Off != int64(strings.Index(text, "KIA"))) {
					t.Errorf("want a single write of the bytes that differ, got %v, truncated: %v", writes, truncated)
				}
				if len(listDir(t, path)) != 1 {
					t.Error("a temporary file is left:", listDir(t, path))
				}
			})
		}
	}
}

// TestSyncAfterFailedSync: a write in place reaches the page cache, its sync fails, and the
// disk then refuses the write that would put the old bytes back. Later, when the disk works
// again, the file shows the new bytes. Sync must make them durable, although the system
// treats them as written.
func TestSyncAfterFailedSync(t *testing.T) {
	for _, test := range []struct {
		name    string
		inPlace bool
	}{{"written in place", true}, {"replaced by a rename", false}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := atomicfiletest.NewDisk(time.Now, syncedIn)
				was, is := []byte("key = old\n"), []byte("key = new\n")
				disk.Put(synced, was, false)
				time.Sleep(time.Hour) // so that Read accepts the file at once
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
				if _, err := mustRead(t, disk, synced).Replace(t.Context(), is); (err != nil) != test.inPlace {
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
					t.Fatalf("processes see %q, and the disk has %q", disk.Data(synced), disk.Kept(synced))
				}
				if err := mustRead(t, disk, synced).Sync(); err != nil {
					t.Fatal(err)
				}
				if kept := disk.Kept(synced); !bytes.Equal(kept, is) {
					t.Errorf("a power failure leaves %q", kept)
				}
				if names, err := disk.ReadDir(syncedIn); err != nil || !slices.Equal(names, []string{"file"}) {
					t.Errorf("the directory has %v, %v", names, err)
				}
			})
		})
	}
}

// TestSyncKeepsAForeignChange: Sync does not write over what another program has written.
func TestSyncKeepsAForeignChange(t *testing.T) {
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
		o := mustRead(t, disk, synced)
		disk.Put(synced, []byte("yours\n"), false)
		if err := o.Sync(); err == nil || string(disk.Data(synced)) != "yours\n" {
			t.Errorf("error %v, and the file holds %q", err, disk.Data(synced))
		}
	})
}

// FuzzInPlace: after a replacement in place the file shows the new bytes, whatever the old
// and the new ones are.
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
		writeFile(t, path, string(old))
		sys := askBefore(refuseRename)
		w, err := mustRead(t, sys, path).Replace(t.Context(), data)
		if err != nil || w.Way != atomicfile.InPlace || readFile(t, path) != string(data) {
			t.Errorf("%v, %v", w, err)
		}
	})
}
