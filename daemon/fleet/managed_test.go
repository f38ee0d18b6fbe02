package fleet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// TestManagedSettingsAreUsable reads the managed settings that are shipped, as keyd does, and
// runs the script that puts them into their place. The scripts have the same text. What
// PowerShell makes of its script is not tested here.
func TestManagedSettingsAreUsable(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(recipes, "managed", "keyd.ini"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	s, err := settings.ParseManaged("keyd.ini", data)
	if err != nil || !s.FleetFile || s.RotateAfterFor([]string{"appliance"}) == settings.Never {
		t.Errorf("%+v, %v", s, err)
	}
	text = strings.NewReplacer(";[profile", "[profile", ";rotate", "rotate").Replace(text)
	if s, err := settings.ParseManaged("keyd.ini", []byte(text)); err != nil || s.RotateAfterFor([]string{"appliance"}) != settings.Never {
		t.Errorf("with the lines that are comments: %+v, %v", s, err)
	}
	for name, ends := range map[string][2]string{"place.sh": {"<<'END_OF_SETTINGS'\n", "END_OF_SETTINGS\n"}, "place.ps1": {"@'\n", "'@\n"}} {
		script, err := os.ReadFile(filepath.Join(recipes, "managed", name))
		_, inside, _ := strings.Cut(string(script), ends[0])
		if inside, _, _ = strings.Cut(inside, "\n"+ends[1]); err != nil || inside+"\n" != string(data) {
			t.Errorf("%s has other settings: %s, %v", name, inside, err)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	root := t.TempDir()
	for range 2 { // the second time over the first
		place := exec.Command("sh", filepath.Join(recipes, "managed", "place.sh"))
		place.Env = append(os.Environ(), "KEYD_ROOT="+root)
		if out, err := place.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	path := state.ManagedPath(root, runtime.GOOS)
	placed, err := os.ReadFile(path)
	if err != nil || string(placed) != string(data) {
		t.Errorf("%s, %v", placed, err)
	}
	for name, mode := range map[string]os.FileMode{path: 0o644, filepath.Dir(path): 0o755} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}
