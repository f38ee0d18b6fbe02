package state

import (
	"path/filepath"
	"runtime"
	"testing"
)

func TestFindFoldersFollowsEachSystem(t *testing.T) {
	cases := []struct {
		goos            string
		env             map[string]string
		settings, state string
	}{
		{"linux", map[string]string{"HOME": "/h"}, "/h/.config/keyd-aws/keyd.ini", "/h/.local/state/keyd-aws"},
		{"linux", map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}, "/c/keyd-aws/keyd.ini", "/s/keyd-aws"},
		{"linux", map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "relative"}, "/h/.config/keyd-aws/keyd.ini", "/h/.local/state/keyd-aws"},
		{"darwin", map[string]string{"HOME": "/h"}, "/h/Library/Application Support/keyd-aws/keyd.ini", "/h/Library/Application Support/keyd-aws"},
		{"windows", map[string]string{"APPDATA": "/a", "LOCALAPPDATA": "/l"}, "/a/keyd-aws/keyd.ini", "/l/keyd-aws"},
		{"linux", map[string]string{"KEYD_SETTINGS": "/k.ini", "KEYD_STATE_DIR": "/k"}, "/k.ini", "/k"},
	}
	for _, c := range cases {
		if runtime.GOOS == "windows" && c.env["XDG_CONFIG_HOME"] == "/c" {
			continue // /c is not an absolute path on Windows
		}
		f, err := FindFolders(func(v string) string { return c.env[v] }, c.goos)
		if err != nil || filepath.ToSlash(f.SettingsFile) != c.settings || filepath.ToSlash(f.StateDir) != c.state {
			t.Errorf("%s %v: %+v, %v", c.goos, c.env, f, err)
		}
	}
	if _, err := FindFolders(func(string) string { return "" }, "linux"); err == nil {
		t.Error("FindFolders found folders without HOME")
	}
}
