package state

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestNamesOnDiskStay fails when a name changes: files that an older keyd wrote would
// no longer be found.
func TestNamesOnDiskStay(t *testing.T) {
	for want, path := range map[string]string{
		"status.json": StatusPath("d"), "memory.json": MemoryPath("d"), "fleet.json": FleetPath("d"), "history.jsonl": HistoryPath("d"), "daemon.json": DaemonInfoPath("d"),
		"settings.good": SettingsCopyPath("d"), "keyd.log": LogPath("d"), "rotations": JournalsPath("d"),
		"pass.lock": PassLockPath("d"), "command.json": WorkPath("d"), "command.lock": WorkLockPath("d"), "daemon.lock": DaemonLockPath("d"), "installation": InstallationPath("d"),
	} {
		if path != filepath.Join("d", want) || !isOwnFile(want) {
			t.Errorf("%s: the path is %s, own file: %t", want, path, isOwnFile(want))
		}
	}
}

func TestRemoveLeavesForeignFilesAndDamagedJournals(t *testing.T) {
	dir := t.TempDir()
	f := Folders{SettingsFile: filepath.Join(dir, "config", folderName, "keyd.ini"), StateDir: filepath.Join(dir, "state")}
	damaged, foreign := filepath.Join(JournalsPath(f.StateDir), "AKIAX.damaged"), filepath.Join(f.StateDir, "notes.txt")
	for _, path := range []string{
		f.SettingsFile, StatusPath(f.StateDir), HistoryPath(f.StateDir), LogPath(f.StateDir) + ".1", PassLockPath(f.StateDir), InstallationPath(f.StateDir),
		filepath.Join(f.StateDir, ".status.json.keyd-0123"), filepath.Join(f.StateDir, "locks", "x"), filepath.Join(JournalsPath(f.StateDir), "AKIAX.json"),
		damaged, foreign,
	} {
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, nil, 0o600))
	}
	left, err := f.Remove()
	if err != nil || !slices.Equal(left.Damaged, []string{damaged}) || !slices.Equal(left.Foreign, []string{foreign}) {
		t.Errorf("%+v, %v", left, err)
	}
	var found []string
	must(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if !entry.IsDir() {
			found = append(found, path)
		}
		return err
	}))
	if want := []string{foreign, damaged}; !slices.Equal(found, want) {
		t.Errorf("%q, want %q", found, want)
	}
	must(t, os.Remove(damaged))
	must(t, os.Remove(foreign))
	for range 2 { // the second time there is nothing to remove
		if left, err := f.Remove(); err != nil || left.Damaged != nil || left.Foreign != nil {
			t.Errorf("%+v, %v", left, err)
		}
		if _, err := os.Stat(f.StateDir); err == nil {
			t.Error("the empty state folder is left")
		}
	}
}
