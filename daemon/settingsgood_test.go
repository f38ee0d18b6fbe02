package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
	"keyd/daemon/watch"
)

// writeSettings writes keyd.ini, and returns the file.
func writeSettings(l *lab.Lab, text string) settings.File {
	l.T.Helper()
	l.WriteFile("keyd.ini", text)
	return settings.File{Path: filepath.Join(l.Home, "keyd.ini"), Copy: state.SettingsCopyPath(l.Rotator.StateDir), Sys: atomicfile.OS{}}
}

// inForce returns the settings in force, with fewer passes in which nothing is due.
func inForce(f settings.File) settings.Settings {
	s := f.Effective()
	s.CheckEvery = 12 * time.Hour
	return s
}

const mistake = "[profile default]\nrotat = never\n"

func TestDaemonStartsWithLastGoodSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 55*settings.Day)
		r := run(l, writeSettings(l, "notify = none\ncheck_every = 12h\n[profile default]\nrotate = never\n").Load)
		r.wait(time.Minute)
		r.stop()
		file := writeSettings(l, mistake)
		for range 3 { // the daemon may be started repeatedly
			r = runWith(l, inForce(file), file.Load)
			r.wait(10 * settings.Day)
			r.stop()
		}
		if l.RecordShown(); l.ShownID() != l.OldKey.ID || l.CountCalls("GetCallerIdentity") > 0 {
			t.Error("an excluded key was used or replaced")
		}
		if s, err := state.LoadStatus(l.Rotator.StateDir); err != nil || !strings.Contains(s.SettingsErr, "keyd.ini:2: unknown setting") {
			t.Errorf("the status says %q, %v", s.SettingsErr, err)
		}
		r = runWith(l, inForce(file), writeSettings(l, "notify = none\ncheck_every = 12h\n").Load)
		r.wait(10 * time.Minute)
		r.stop()
		if l.RecordShown(); l.ShownID() == l.OldKey.ID {
			t.Error("the mistake was corrected, and the due key was not replaced")
		}
		l.CheckPromises()
	})
}

// TestUnknownSettingsStartNothing: without settings keyd does not even look at a key,
// because its account may be one of never_accounts.
func TestUnknownSettingsStartNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		file := writeSettings(l, mistake)
		r := runWith(l, inForce(file), file.Load)
		r.wait(30 * settings.Day)
		if n := len(l.Cloud.Calls()); n > 0 {
			t.Errorf("%d calls", n)
		}
		s, err := state.LoadStatus(l.Rotator.StateDir)
		if err != nil || len(s.Keys) != 1 || s.Keys[0].State != decide.StateBlocked || !s.Keys[0].NeedsPerson || !strings.Contains(s.Keys[0].Why, "keyd.ini has a mistake") {
			t.Errorf("%+v, %v", s.Keys, err)
		}
		writeSettings(l, "notify = none\ncheck_every = 12h\n")
		r.change <- watch.Change{Path: file.Path}
		r.wait(10 * time.Minute)
		r.stop()
		if l.RecordShown(); l.ShownID() == l.OldKey.ID {
			t.Error("the mistake was corrected, and the key was not replaced")
		}
		l.CheckPromises()
	})
}

// TestUnknownSettingsStillMendFile: without settings keyd mends a file that shows the
// old key again, and deactivates no key, however long the mistake is there.
func TestUnknownSettingsStillMendFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		before := l.ReadCredentials()
		l.RunUntil(settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		swapped := l.ShownID()
		file := writeSettings(l, mistake)
		r := runWith(l, inForce(file), file.Load)
		l.WriteFile("credentials", before)
		l.RecordShown()
		r.change <- watch.Change{Path: l.Rotator.Store.Paths.Credentials}
		r.wait(90 * settings.Day)
		r.stop()
		if l.RecordShown(); l.ShownID() != swapped {
			t.Error("the file was not mended")
		}
		for _, k := range l.Cloud.Keys(l.User) {
			if k.Status != "Active" {
				t.Errorf("%s is %s", k.ID, k.Status)
			}
		}
		if n := l.CountCalls("DeleteAccessKey") + l.CountCalls("CreateAccessKey"); n != 1 {
			t.Errorf("%d keys were created or deleted", n)
		}
	})
}

func TestCutSettingsCopyIsRejected(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keyd.ini")
	file := settings.File{Path: path, Copy: state.SettingsCopyPath(dir), Sys: atomicfile.OS{}}
	if !file.Effective().Unknown {
		t.Error("without a copy the settings are known")
	}
	if _, err := file.Load(); err != nil || file.Effective().Unknown {
		t.Errorf("without keyd.ini the defaults are in force: %v", err)
	}
	lab.Must(t, os.WriteFile(path, []byte("overlap = 3h\r\n[profile legacy]\nrotate = never"), 0o600))
	if _, err := file.Load(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file.Copy)
	lab.Must(t, err)
	if s := file.Effective(); s.Unknown || s.Overlap != 3*time.Hour || s.ProfileRotateAfter["legacy"] != settings.Never {
		t.Errorf("%+v", s)
	}
	lab.Must(t, os.WriteFile(path, []byte("overlap = 3"), 0o600))
	if _, err := file.Load(); err == nil {
		t.Fatal("a mistake was accepted")
	}
	if now, err := os.ReadFile(file.Copy); err != nil || string(now) != string(whole) {
		t.Errorf("a mistake changed the copy: %q, %v", now, err)
	}
	for n := range whole {
		lab.Must(t, os.WriteFile(file.Copy, whole[:n], 0o600))
		if s := file.Effective(); !s.Unknown {
			t.Fatalf("a copy cut to %d bytes is accepted: %+v", n, s)
		}
	}
}
