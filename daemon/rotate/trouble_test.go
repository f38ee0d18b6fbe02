package rotate_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestNightlyCopyLocksNobodyOut: a sync or a dotfile manager writes an old copy of the file
// each night. keyd has the new pair only until the rotation ends, so the copy of the night
// after that would lock the owner out. A person is told, and once the copies end, the
// rotation ends as well.
func TestNightlyCopyLocksNobodyOut(t *testing.T) {
	for name, from := range map[string]decide.State{"from the overlap on": decide.StateOverlap, "from the quarantine on": decide.StateQuarantine} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
				copied := l.ReadCredentials()
				l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == from })
				var r rotate.Result
				for night := 0; night < 40 && !r.NeedsPerson; night++ {
					time.Sleep(23 * time.Hour)
					l.Pass(rotate.Request{})
					time.Sleep(time.Hour)
					l.WriteFile("credentials", copied)
					if r = l.Pass(rotate.Request{}); l.ShownID() == l.OldKey.ID {
						t.Fatalf("night %d: %s: %s; %s", night, r.State, r.Why, r.Hint)
					}
				}
				if !r.NeedsPerson || !strings.Contains(r.Why, "an old or a wrong pair") || !strings.Contains(r.Why, "the last of 4 times") || !strings.Contains(r.Hint, "what writes it") {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				l.RunUntil(12*settings.Day, lab.Settled)
				if out := l.Cloud.Outage(l.Shown, time.Now()); out > time.Minute {
					t.Errorf("the file showed a dead key for %s", out)
				}
				l.CheckOneKey()
			})
		})
	}
}

// TestFileOnMissingDiskKeepsOldKey: the config file shows the key as well, and its disk is
// not mounted while the rotation proceeds in the other file. A person who moves the profile
// to the other file, and one who says that the file is gone, let the rotation end.
func TestFileOnMissingDiskKeepsOldKey(t *testing.T) {
	for name, c := range map[string]struct {
		at   decide.State
		back func(*lab.Lab, string)
	}{
		"before the swap":   {decide.StateRotating, nil},
		"in the overlap":    {decide.StateOverlap, nil},
		"in the quarantine": {decide.StateQuarantine, nil},
		"gone for good":     {decide.StateOverlap, func(l *lab.Lab, _ string) { _, err := l.Rotator.Resume(l.T.Context(), "default"); lab.Must(l.T, err) }},
		"moved": {decide.StateOverlap, func(l *lab.Lab, config string) {
			l.WriteFile("credentials", l.ReadCredentials()+strings.Replace(config, "profile ", "", 1))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
				config := "[profile far]\naws_access_key_id = " + l.OldKey.ID + "\naws_secret_access_key = " + l.OldKey.Secret.Reveal() + "\n"
				l.WriteFile("config", config)
				r := l.PassOnce(rotate.Request{})
				for ; r.State != c.at; r = l.Pass(rotate.Request{}) {
					time.Sleep(time.Hour)
				}
				path := filepath.Join(l.Home, "config")
				lab.Must(t, os.Rename(path, path+".away"))
				for range 12 {
					r = l.Pass(rotate.Request{})
					time.Sleep(settings.Day)
				}
				if !r.NeedsPerson || !strings.Contains(r.Why, path+" is not there") || !strings.Contains(r.Hint, "mount its disk") {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				if c.back != nil {
					c.back(l, config)
				} else { // as it was when the rotation began, which may be how a backup brings it back
					lab.Must(t, os.WriteFile(path, []byte(config), 0o600))
				}
				l.RunUntil(30*settings.Day, lab.Settled)
				if data, err := os.ReadFile(path); err == nil {
					pair, err := credfile.ReadPair(data, credfile.Config, "profile far")
					if err != nil || !l.Cloud.IsUsable(pair.ID, pair.Secret.Reveal()) {
						t.Errorf("the config file shows a dead pair: %v, %v", pair, err)
					}
				}
				l.CheckOneKey()
			})
		})
	}
}

// TestMissingDiskKeepsKeyAtRest: the disk of one of two files that show a key is not mounted
// when the key becomes due. The other file is not enough to replace it, unless a person says
// so.
func TestMissingDiskKeepsKeyAtRest(t *testing.T) {
	for name, force := range map[string]bool{"mounted again": false, "gone for good": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewOnDisk(t, awssim.Lag{}, 50*settings.Day)
				config := "[profile far]\naws_access_key_id = " + l.OldKey.ID + "\naws_secret_access_key = " + l.OldKey.Secret.Reveal() + "\n"
				l.WriteFile("config", config)
				l.Pass(rotate.Request{})
				path := filepath.Join(l.Home, "config")
				lab.Must(t, os.Remove(path))
				r := l.RunUntil(20*settings.Day, func(r rotate.Result) bool { return r.State != decide.StateOK })
				if !r.NeedsPerson || l.CountCalls("CreateAccessKey") > 0 || !strings.Contains(r.Why, path+" is not there") || !strings.Contains(r.Hint, "keyd rotate --force default") {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				if force {
					l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true}})
				} else {
					l.WriteFile("config", config)
				}
				l.RunUntil(30*settings.Day, func(r rotate.Result) bool { return lab.Settled(r) && l.ShownID() != l.OldKey.ID })
				if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), l.OldKey.ID) {
					t.Error("the config file shows a dead key")
				}
				l.CheckOneKey()
			})
		})
	}
}

// TestLinkToAnotherFile: the credentials file is a link, which a person points to the file
// of another customer in the middle of a rotation, and later back. Neither the daemon nor
// keyd resume takes a key away from the first file meanwhile.
func TestLinkToAnotherFile(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Skip("this system does not let the test create symbolic links:", err)
	}
	if _, err := os.Lstat(link); err != nil {
		t.Skip("this system hides the symbolic links that it makes:", err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		path, first, second := filepath.Join(l.Home, "credentials"), filepath.Join(l.Home, "first"), filepath.Join(l.Home, "second")
		pointTo := func(file string) {
			_ = os.Remove(path)
			lab.Must(t, os.Symlink(file, path))
		}
		lab.Must(t, os.Rename(path, first))
		pointTo(first)
		id, secret := l.Cloud.AddUser(lab.Account, "/", "bob").AddKey(settings.Day)
		lab.Must(t, os.WriteFile(second, []byte("[default]\naws_access_key_id = "+id+"\naws_secret_access_key = "+secret+"\n"), 0o600))
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		pointTo(second)
		told := false
		for _, r := range l.PassAll(rotate.Request{}) {
			told = told || r.NeedsPerson && strings.Contains(r.Why, first) && strings.Contains(r.Hint, "lead there again")
		}
		if !told {
			t.Error("nobody was told which file it is")
		}
		_, err := l.Rotator.Resume(t.Context(), "default")
		lab.Must(t, err)
		for range 20 {
			time.Sleep(settings.Day)
			l.PassAll(rotate.Request{})
		}
		pointTo(first)
		data, err := os.ReadFile(path)
		lab.Must(t, err)
		pair, err := credfile.ReadPair(data, credfile.Credentials, "default")
		if err != nil || !l.Cloud.IsUsable(pair.ID, pair.Secret.Reveal()) {
			t.Errorf("the first file shows a dead pair: %v, %v", pair, err)
		}
	})
}

// TestUseThatIsNoLongerTold: someone uses the old key every day, and then AWS no longer lets
// the user read that. The key that was in use when AWS last told stays.
func TestUseThatIsNoLongerTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		var r rotate.Result
		for day := range 8 {
			if err := l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1"); err != nil {
				t.Fatalf("day %d: %v; %s: %s", day, err, r.State, r.Why)
			}
			if day == 2 {
				l.User.DenyAction("GetAccessKeyLastUsed", awssim.NotAllowed)
			}
			for range 8 {
				time.Sleep(3 * time.Hour)
				r = l.Pass(rotate.Request{})
			}
		}
		if !r.NeedsPerson || !strings.Contains(r.Why, "by s3 in eu-west-1") || !strings.Contains(r.Hint, "keyd policy") {
			t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
		}
		if r = l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}}); r.State != decide.StateQuarantine {
			t.Errorf("the hint leads to %s: %s", r.State, r.Why)
		}
		l.CheckPromises()
	})
}

// lagging is an AWS whose servers for the last use lag behind for a while: they repeat what
// they said at first.
type lagging struct {
	*lab.Lab
	lags  *bool
	first *[]byte
}

func (g lagging) Do(r *http.Request) (*http.Response, error) {
	form, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(form))
	answer, err := g.Cloud.Do(r)
	if err != nil || !strings.Contains(string(form), "Action=GetAccessKeyLastUsed") {
		return answer, err
	}
	told, err := io.ReadAll(answer.Body)
	if *g.first == nil {
		*g.first = told
	}
	if *g.lags {
		told = *g.first
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(told)), int64(len(told))
	return answer, err
}

// TestLaggingUseIsNoQuiet: AWS has told that someone uses the old key, and when the overlap
// would be over without that, a server answers that does not know it yet.
func TestLaggingUseIsNoQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		lags := false
		l.Rotator.HTTP = lagging{l, &lags, new([]byte)}
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		time.Sleep(20 * time.Hour)
		lab.Must(t, l.User.UseKey(l.OldKey.ID, "s3", "eu-west-1"))
		time.Sleep(time.Hour)
		l.Pass(rotate.Request{})
		lags = true
		time.Sleep(8 * time.Hour)
		if r := l.Pass(rotate.Request{}); l.KeyStatuses()[l.OldKey.ID] != "Active" || !strings.Contains(r.Why, "by s3") {
			t.Errorf("used 9 hours ago; %s: %s", r.State, r.Why)
		}
	})
}

// TestOldSecretIsKept: an old text comes back with the old id and a secret that is not its
// own, as where secrets are masked. The way back still has the right one.
func TestOldSecretIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		start := l.ReadCredentials()
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		swapped := l.ReadCredentials()
		l.WriteFile("credentials", strings.ReplaceAll(start, l.OldKey.Secret.Reveal(), strings.Repeat("masked0/", 5)))
		if r := l.Pass(rotate.Request{}); l.ReadCredentials() != swapped {
			t.Fatalf("not mended: %s: %s", r.State, r.Why)
		}
		killNew(l, "Deleted")
		time.Sleep(time.Minute)
		_, err := l.Rotator.Hold(t.Context(), "default")
		if lab.Must(t, err); l.ReadCredentials() != start {
			t.Errorf("the file is not as it was:\n%s", l.ReadCredentials())
		}
	})
}
