package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
	"keyd/daemon/settings"
	"keyd/daemon/state"
	"keyd/daemon/watch"
)

// TestDaemonFollowsManagedSettings: a key that its user has excluded is rotated once an
// administrator limits its age; what no longer can be used stays in force, and is shown.
func TestDaemonFollowsManagedSettings(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no numeric owners")
	}
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 45*settings.Day)
		root := t.TempDir()
		if real, err := filepath.EvalSymlinks(root); err == nil {
			root = real
		}
		home, etc := filepath.Join(root, "home"), filepath.Join(root, "etc")
		own, managed := filepath.Join(home, "keyd.ini"), filepath.Join(etc, "keyd.ini")
		write := func(path, text string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(os.Mkdir(home, 0o700), os.Mkdir(etc, 0o755)); err != nil {
			t.Fatal(err)
		}
		write(own, "notify = none\n[profile default]\nrotate = never\n")
		sys := &atomicfiletest.Owned{Sys: atomicfile.OS{}, Me: 1000, Owners: map[string]atomicfiletest.Owner{root: {Mode: 0o755}, etc: {Mode: 0o755}, managed: {Mode: 0o644}}}
		file := settings.File{Path: own, Copy: filepath.Join(home, "settings.good"), Sys: sys, Home: home,
			Managed: settings.ManagedFile{Path: managed, Copy: filepath.Join(home, "managed.good"), Root: root}}
		r := run(l, file.Load)
		r.wait(time.Minute)
		problem := func() string {
			status, err := state.LoadStatus(l.Rotator.StateDir)
			if err != nil {
				t.Fatal(err)
			}
			return status.SettingsErr
		}
		if n := l.CountCalls("CreateAccessKey"); n != 0 {
			t.Fatalf("an excluded key was rotated %d times", n)
		}
		write(managed, "rotate_after = 40d\n")
		r.change <- watch.Change{Path: managed}
		r.wait(time.Hour)
		if n := l.CountCalls("CreateAccessKey"); n != 1 || problem() != "" {
			t.Errorf("%d keys were made; %s", n, problem())
		}
		write(managed, "rotate_after = 4\n")
		r.change <- watch.Change{Path: managed}
		r.wait(time.Minute)
		if text := problem(); !strings.HasPrefix(text, "the managed settings: ") {
			t.Errorf("the status says %q", text)
		}
		r.stop()
		if s := l.Rotator.Settings; s.RotateAfter != 40*settings.Day || s.Managed == nil {
			t.Errorf("in force is %+v", s)
		}
		log := r.log.String()
		for text, times := range map[string]int{"msg=settings managed=" + managed + " sha256=": 1, "rotate = never has no effect in [profile default]": 1, "level=ERROR msg=settings": 1} {
			if strings.Count(log, text) != times {
				t.Errorf("the log has %q %d times:\n%s", text, strings.Count(log, text), log)
			}
		}
	})
}
