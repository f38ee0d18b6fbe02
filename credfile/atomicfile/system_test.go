package atomicfile_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

// TestCheckSystem believes a file of the machine only if nobody but root can have written it,
// and does not except the user of this process.
func TestCheckSystem(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no numeric owners")
	}
	root := t.TempDir()
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	dir := filepath.Join(root, "etc", "keyd-aws")
	file, link := filepath.Join(dir, "keyd.ini"), filepath.Join(dir, "link.ini")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(file, nil, 0o644), os.Symlink(file, link)); err != nil {
		t.Fatal(err)
	}
	own := func(mode os.FileMode) atomicfiletest.Owner { return atomicfiletest.Owner{Mode: mode} }
	for _, c := range []struct {
		name, path  string
		owners      map[string]atomicfiletest.Owner
		blame, says string // "" means that it is trusted
	}{
		{name: "root's", path: file},
		{name: "missing", path: filepath.Join(dir, "none", "keyd.ini")},
		{name: "of the user of this process", path: file, owners: map[string]atomicfiletest.Owner{file: {UID: 1000, GID: 1000, Mode: 0o600}}, blame: file, says: "belongs to user 1000"},
		{name: "of another user", path: file, owners: map[string]atomicfiletest.Owner{file: {UID: 1234, Mode: 0o644}}, blame: file, says: "belongs to user 1234"},
		{name: "a folder of another user", path: file, owners: map[string]atomicfiletest.Owner{dir: {UID: 1234, Mode: 0o755}}, blame: dir, says: "belongs to user 1234"},
		{name: "a missing file in a folder of another user", path: filepath.Join(dir, "x"), owners: map[string]atomicfiletest.Owner{dir: {UID: 1234, Mode: 0o755}}, blame: dir, says: "belongs to user 1234"},
		{name: "for everyone", path: file, owners: map[string]atomicfiletest.Owner{file: own(0o646)}, blame: file, says: "every user"},
		{name: "for a private group of this user", path: file, owners: map[string]atomicfiletest.Owner{file: {GID: 1000, Mode: 0o664}}, blame: file, says: "may be written by group 1000"},
		{name: "for the group of root", path: file, owners: map[string]atomicfiletest.Owner{dir: own(0o775)}},
		{name: "a folder for everyone", path: file, owners: map[string]atomicfiletest.Owner{dir: own(0o777)}, blame: dir, says: "every user"},
		{name: "a link of root", path: link},
		{name: "a link of a user", path: link, owners: map[string]atomicfiletest.Owner{link: {UID: 1000, Mode: 0o777}}, blame: link, says: "belongs to user 1000"},
	} {
		owners := map[string]atomicfiletest.Owner{root: own(0o755), filepath.Dir(dir): own(0o755), dir: own(0o755), file: own(0o644), link: own(0o777)}
		maps.Copy(owners, c.owners)
		sys := &atomicfiletest.Owned{Sys: atomicfile.OS{}, Me: 1000, Owners: owners, Private: []int{0, 1000}}
		err := atomicfile.CheckSystem(sys, c.path, root)
		wrong, _ := errors.AsType[*atomicfile.NotSystem](err)
		switch {
		case c.blame == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.blame != "" && (wrong == nil || wrong.Path != c.blame || !strings.Contains(err.Error(), c.says) || wrong.Repair == ""):
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
