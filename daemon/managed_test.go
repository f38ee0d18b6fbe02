package daemon

import (
	"errors"
	"log/slog"
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
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
	"keyd/daemon/watch"
)

// managedMachine returns the files of a machine with a folder for managed settings, and a
// function that writes one of them.
func managedMachine(t *testing.T) (settings.File, func(path, text string)) {
	t.Helper()
	root := t.TempDir()
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	home, etc := filepath.Join(root, "home"), filepath.Join(root, "etc")
	own, managed := filepath.Join(home, "keyd.ini"), filepath.Join(etc, "keyd.ini")
	lab.Must(t, errors.Join(os.Mkdir(home, 0o700), os.Mkdir(etc, 0o755)))
	sys := &atomicfiletest.Owned{Sys: atomicfile.OS{}, Me: 1000, Owners: map[string]atomicfiletest.Owner{root: {Mode: 0o755}, etc: {Mode: 0o755}, managed: {Mode: 0o644}}}
	file := settings.File{Path: own, Copy: filepath.Join(home, "settings.good"), Sys: sys, Home: home,
		Managed: settings.ManagedFile{Path: managed, Copy: filepath.Join(home, "managed.good"), Root: root}}
	return file, func(path, text string) { lab.Must(t, os.WriteFile(path, []byte(text), 0o600)) }
}

// TestMistakeInKeydIniStopsNoManagedRotation: a key that is too old for an administrator is
// replaced although keyd.ini was never good. The file that keyd.ini links keeps the old key
// until then, so that key works until the mistake is corrected, and the file has the new one.
func TestMistakeInKeydIniStopsNoManagedRotation(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no numeric owners")
	}
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 45*settings.Day)
		file, write := managedMachine(t)
		linked := filepath.Join(l.Home, "linked.env")
		write(linked, "AWS_ACCESS_KEY_ID="+l.OldKey.ID+"\nAWS_SECRET_ACCESS_KEY="+l.OldKey.Secret.Reveal()+"\n")
		good := "notify = none\ncheck_every = 12h\n[link " + linked + "]\n"
		write(file.Managed.Path, "rotate_after = 40d\n")
		write(file.Path, "notfy = none\n"+good)
		r := runWith(l, inForce(file), file.Load)
		r.wait(12 * settings.Day)
		l.RecordShown()
		if l.ShownID() == l.OldKey.ID {
			t.Error("the key was not replaced")
		}
		if k := l.Cloud.Keys(l.User); len(k) != 2 || k[0].Status != "Active" || k[1].Status != "Active" {
			t.Errorf("the linked file still needs the old key: %+v", k)
		}
		status, err := state.LoadStatus(l.Rotator.StateDir)
		if err != nil || !strings.Contains(status.SettingsErr, "keyd.ini:1: unknown setting") || !status.Keys[0].NeedsPerson || !strings.Contains(status.Keys[0].Why, "keyd.ini has a mistake") {
			t.Errorf("%+v, %v", status, err)
		}
		write(file.Path, good)
		r.change <- watch.Change{Path: file.Path}
		r.wait(20 * settings.Day)
		r.stop()
		if text, err := os.ReadFile(linked); err != nil || !strings.Contains(string(text), l.ShownID()) {
			t.Errorf("the linked file has not the new key: %v", err)
		}
		if k := l.Cloud.Keys(l.User); len(k) != 1 {
			t.Errorf("the mistake was corrected, and there are %d keys", len(k))
		}
		l.CheckPromises()
	})
}

// TestDaemonFollowsManagedSettings: a key that its user has excluded is rotated once an
// administrator limits its age; what no longer can be used stays in force, and is shown.
func TestDaemonFollowsManagedSettings(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no numeric owners")
	}
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 45*settings.Day)
		file, write := managedMachine(t)
		own, managed := file.Path, file.Managed.Path
		write(own, "notify = none\n[profile default]\nrotate = never\n")
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

// TestGoodSettingsInUseStay: while keyd.ini has a mistake and its copy is lost, what the
// daemon has read of it stays in use, unless the managed settings are others by now.
func TestGoodSettingsInUseStay(t *testing.T) {
	about := func(sum string) *settings.Managed { return &settings.Managed{Path: "/etc/keyd.ini", SHA256: sum} }
	alone := settings.Settings{OwnUnknown: true, Managed: about("b")}
	for name, c := range map[string]struct {
		use  settings.Settings
		want bool // the managed settings alone are taken
	}{
		"the same":    {settings.Settings{Managed: about("b")}, false},
		"others":      {settings.Settings{Managed: about("a")}, true},
		"none before": {settings.Settings{}, true},
		"unknown":     {settings.Settings{Unknown: true, Managed: about("b")}, true},
	} {
		l := &loop{Rotator: &rotate.Rotator{Settings: c.use, Log: slog.New(slog.DiscardHandler)}}
		l.options.Reload = func() (settings.Settings, error) { return alone, errors.New("keyd.ini: a mistake") }
		if l.reloadSettings(); l.Settings.OwnUnknown != c.want || l.SettingsProblem == "" {
			t.Errorf("%s: %+v, %q", name, l.Settings, l.SettingsProblem)
		}
	}
}
