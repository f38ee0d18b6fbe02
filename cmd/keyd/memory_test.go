package main

import (
	"os"
	"sync"
	"testing"

	"keyd/credfile/deeptest"
)

var findMemoryDisk = sync.OnceValue(memoryDisk)

// quickFolder returns a new folder, in memory where that is possible: some disks take
// longer to make a file, the more files were removed in the last seconds. Deep tests use
// the disk.
func quickFolder(t *testing.T) string {
	t.Helper()
	disk := findMemoryDisk()
	if disk == "" || deeptest.On() {
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
