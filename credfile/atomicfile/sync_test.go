package atomicfile_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile/atomicfiletest"
)

var (
	syncedIn, _ = filepath.Abs("/home")
	synced      = filepath.Join(syncedIn, "file")
)

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
