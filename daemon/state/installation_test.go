package state

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

// TestInstallationIDStays: one folder on one machine has one id, and another folder
// another one. Nothing is written by a look.
func TestInstallationIDStays(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	if id, err := FindInstallationID(atomicfile.OS{}, dir); id != "" || err != nil {
		t.Fatalf("a new folder has the id %q, %v", id, err)
	}
	id, err := InstallationID(atomicfile.OS{}, dir)
	must(t, err)
	again, err := InstallationID(atomicfile.OS{}, dir)
	must(t, err)
	third, err := InstallationID(atomicfile.OS{}, other)
	must(t, err)
	if len(id) != 12 || again != id || third == id {
		t.Errorf("the ids are %q, again %q, in another folder %q", id, again, third)
	}
	info, err := os.Stat(InstallationPath(dir))
	must(t, err)
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %s", info.Mode())
	}
	must(t, os.WriteFile(InstallationPath(dir), []byte("half a"), 0o600))
	if mended, err := InstallationID(atomicfile.OS{}, dir); err != nil || len(mended) != 12 || mended == id {
		t.Errorf("after damage: %q, %v", mended, err)
	}
}

// TestCopiedFolderGetsAnotherID: a state folder that two machines share, or that was
// copied to a second one, has an id for each machine.
func TestCopiedFolderGetsAnotherID(t *testing.T) {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		t.Skip("the machine's id is not in a file there")
	}
	home, err := filepath.Abs("/home/alice")
	must(t, err)
	ids := map[string]bool{}
	for _, machine := range []string{"", "aaaa", "bbbb"} {
		disk := atomicfiletest.NewDisk(time.Now, home)
		if machine != "" {
			must(t, disk.Mkdir("/etc", 0o755))
			disk.Put("/etc/machine-id", []byte(machine+"\n"), false)
		}
		disk.Put(InstallationPath(home), []byte("000102030405060708090a0b0c0d0e0f\n"), false)
		id, err := InstallationID(disk, home)
		must(t, err)
		ids[id] = true
	}
	if len(ids) != 3 {
		t.Errorf("three machines have the ids %v", ids)
	}
}
