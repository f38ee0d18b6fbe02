package rotate_test

import (
	"fmt"
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

// TestSpoiledSecretIsMended: somebody edits the secret of the new pair in the file, in one
// place or in both. keyd has the only other copy of it until the rotation ends, and the old
// key would be gone then.
func TestSpoiledSecretIsMended(t *testing.T) {
	for _, at := range []decide.State{decide.StateOverlap, decide.StateQuarantine} {
		for _, places := range []int{1, 2} {
			t.Run(fmt.Sprint(at, " ", places), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
					l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == at })
					want, secret := l.ReadCredentials(), l.Shown[len(l.Shown)-1].Secret
					l.WriteFile("credentials", strings.Replace(want, secret, secret[1:]+"x", places))
					r := l.Pass(rotate.Request{})
					if l.ReadCredentials() != want || r.State != at || !strings.Contains(strings.Join(l.Events, "\n"), "with a secret that is not its own") {
						t.Errorf("%s: %s; %s\n%s", r.State, r.Why, r.Hint, l.ReadCredentials())
					}
					l.RunUntil(20*settings.Day, lab.Settled)
					if l.ReadCredentials() != want {
						t.Errorf("in the end the file is\n%s", l.ReadCredentials())
					}
					time.Sleep(time.Hour)
					l.CheckPromises()
					l.CheckOneKey()
				})
			})
		}
	}
}
