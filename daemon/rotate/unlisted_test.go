package rotate_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestKeyGivenUpBeforeItIsListed: a rotation is given up while no list shows its new key
// yet. Such a list does not say that the key is gone.
func TestKeyGivenUpBeforeItIsListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{List: awssim.Range{Min: 4 * time.Minute, Max: 5 * time.Minute}}, 70*settings.Day)
		s := l.Rotator.NewSchedule(rotate.Request{})
		for l.CountCalls("CreateAccessKey") == 0 {
			_, next, err := s.Round(t.Context())
			lab.Must(t, err)
			time.Sleep(time.Until(next))
		}
		text := l.ReadCredentials()
		id, secret := l.Cloud.AddUser(lab.Account, "/", "eve").AddKey(settings.Day)
		l.WriteFile("credentials", strings.NewReplacer(l.OldKey.ID, id, l.OldKey.Secret.Reveal(), secret).Replace(text))
		_, err := l.Rotator.Resume(t.Context(), "default")
		lab.Must(t, err)
		l.WriteFile("credentials", text)
		for range 3 {
			time.Sleep(time.Hour)
			l.Pass(rotate.Request{})
		}
		if keys := l.Cloud.Keys(l.User); len(keys) != 1 {
			t.Errorf("AWS has %+v", keys)
		}
	})
}
