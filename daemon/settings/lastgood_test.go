package settings

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

// TestSettingsOfOthersAreRefused: on_event would start a stranger's program. The last good
// settings stay in force, if the copy of them is this user's.
func TestSettingsOfOthersAreRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no numeric owners")
	}
	home := t.TempDir()
	dir := filepath.Join(home, "config")
	ini, good := filepath.Join(dir, "keyd.ini"), filepath.Join(home, "settings.good")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(ini, []byte("rotate_after = 30d\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	load := func(owners map[string]atomicfiletest.Owner) (File, error) {
		sys := &atomicfiletest.Owned{Sys: atomicfile.OS{}, Me: 1000, Owners: owners}
		f := File{Path: ini, Copy: good, Sys: sys, Home: home}
		_, err := f.Load()
		return f, err
	}
	if _, err := load(nil); err != nil {
		t.Fatal(err)
	}
	stranger, open := atomicfiletest.Owner{UID: 1234}, atomicfiletest.Owner{UID: 1000, GID: 100, Mode: 0o777}
	for name, owners := range map[string]map[string]atomicfiletest.Owner{
		"another user's file":   {ini: stranger},
		"another user's folder": {dir: stranger},
		"a folder for everyone": {dir: open},
		"a file for everyone":   {ini: open},
	} {
		f, err := load(owners)
		if _, ok := errors.AsType[*atomicfile.Untrusted](err); !ok || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
		if s := f.Effective(); s.RotateAfter != 30*Day {
			t.Errorf("%s: %+v", name, s)
		}
		owners[good] = stranger
		if f, _ := load(owners); !f.Effective().Unknown {
			t.Errorf("%s: a stranger's copy is in force", name)
		}
	}
	if err := os.Remove(ini); err != nil {
		t.Fatal(err)
	}
	if _, err := load(map[string]atomicfiletest.Owner{dir: open}); err == nil {
		t.Error("whoever removed the file may have removed the line that excludes a key")
	}
}
