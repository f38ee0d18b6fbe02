package rotate_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestRestoredFileIsExplained restores the file of two rotations ago. keyd's history says
// what happened to the key in it, and the way out is true: another profile shows the
// newest key, or a newer copy of the file does, or only a key from the console helps.
func TestRestoredFileIsExplained(t *testing.T) {
	for _, keepsWork := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
			old := l.ReadCredentials()
			for range 2 {
				l.Pass(rotate.Request{Options: decide.Options{Manual: true, Force: true, RetireNow: true, DeleteNow: true}})
				time.Sleep(30 * settings.Day)
			}
			now := l.ReadCredentials()
			l.RecordShown()
			newest := l.ShownID()
			want := "restore a copy of the file that shows " + newest + ", written on 31 Jan 2000 or later; if there is none: make a key in the console of AWS for user alice"
			restored := old
			if keepsWork {
				restored = old[:strings.Index(old, "[work]")] + now[strings.Index(now, "[work]"):]
				want = "profile work shows " + newest[:4] + ".." + newest[len(newest)-4:]
			}
			l.WriteFile("credentials", restored)
			r := l.Pass(rotate.Request{})
			if !r.NeedsPerson || !strings.HasPrefix(r.Why, "keyd replaced "+l.OldKey.String()+" by AKIA") || !strings.Contains(r.Why, "on 1 Jan 2000 (keyd test, pid ") || !strings.HasPrefix(r.Hint, want) {
				t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
			}
			if l.ReadCredentials() != restored {
				t.Error("the file was changed")
			}
		})
	}
}

// TestDeletedByOthersIsNotClaimed: keyd does not claim a key that someone else deleted.
func TestDeletedByOthersIsNotClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true, DeleteNow: true}})
		l.RecordShown()
		lab.Must(t, l.User.DeleteKey(l.ShownID()))
		time.Sleep(time.Minute)
		if r := l.Pass(rotate.Request{Options: decide.Options{Manual: true}}); !r.NeedsPerson || strings.Contains(r.Why, "keyd ") || !strings.Contains(r.Hint, "whether the key was deleted or made inactive") {
			t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
		}
	})
}
