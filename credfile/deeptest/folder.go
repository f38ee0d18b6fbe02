package deeptest

import (
	"os"
	"sync"
	"testing"
)

var findMemoryDisk = sync.OnceValue(memoryDisk)

// Folder returns a new folder, which is removed at the end of the test. It is in memory
// where that is possible: some disks take longer to make a file, the more files were
// removed in the last seconds. Deep tests use the disk.
func Folder(t testing.TB) string {
	t.Helper()
	disk := findMemoryDisk()
	if disk == "" || On() {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(disk, "keyd-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
