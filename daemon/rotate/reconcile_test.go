package rotate_test

import (
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

// TestLostCreateAnswerConverges loses the answer in every way, with and without the
// effect of the call. keyd sends the call once, reports an error and does not touch the
// file; later passes end with one key, without a person's help.
func TestLostCreateAnswerConverges(t *testing.T) {
	t.Parallel()
	kinds := []awssim.Kind{awssim.Close, awssim.Reset, awssim.Hang, awssim.Timeout, awssim.Status500, awssim.Status503,
		awssim.Truncated, awssim.ShortLength, awssim.Empty, awssim.HTML, awssim.NoSecret}
	for _, kind := range kinds {
		for name, when := range map[string]awssim.When{"before the effect": awssim.Before, "after the effect": awssim.After} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
					start := l.ReadCredentials()
					l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: kind, When: when, Times: 1})
					r := l.Pass(rotate.Request{})
					if r.Err == nil || l.ReadCredentials() != start || l.CountCalls("CreateAccessKey") != 1 {
						t.Fatalf("err %v, sent %d times, file touched: %v", r.Err, l.CountCalls("CreateAccessKey"), l.ReadCredentials() != start)
					}
					l.RunUntil(30*settings.Day, lab.Settled)
					l.CheckPromises()
					l.CheckOneKey()
					l.CheckOtherBytes(start)
				})
			})
		}
	}
}

// TestForeignKeyDuringLostAnswerIsKept lets a person, or another laptop, create a key
// in the very seconds in which an answer is lost.
func TestForeignKeyDuringLostAnswerIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
		l.Pass(rotate.Request{})
		foreign, _ := l.User.CreateKey()
		time.Sleep(2 * time.Minute)
		r := l.Pass(rotate.Request{})
		if r.State != decide.StateBlocked || !strings.Contains(r.Why, credfile.Short(foreign)) {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		for _, k := range l.Cloud.Keys(l.User) {
			if k.Status != "Active" {
				t.Errorf("%s is %s, although keyd cannot know whose it is", k.ID, k.Status)
			}
		}
	})
}

// orphanLab returns a lab in which a key, probably from a lost answer, is in its
// quarantine.
func orphanLab(t *testing.T) *lab.Lab {
	l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
	l.User.DenyAction("GetAccessKeyLastUsed", awssim.NotAllowed) // so that keyd cannot be certain
	l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
	l.RunUntil(time.Hour, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
	return l
}
