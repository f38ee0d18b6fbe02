package rotate_test

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

func TestUnacceptedNewKeyIsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{Create: awssim.Range{Min: time.Hour, Max: time.Hour}, Replicas: 2}, 70*settings.Day)
		l.ProveFully()
		start := l.ReadCredentials()
		r := l.Pass(rotate.Request{})
		if r.Err == nil || l.ReadCredentials() != start || r.Rotation != nil {
			t.Errorf("%s: %s (%v)", r.State, r.Why, r.Err)
		}
		if keys := l.Cloud.Keys(l.User); len(keys) != 1 || keys[0].ID != l.OldKey.ID {
			t.Errorf("keys left: %+v", keys)
		}
		if left := time.Until(r.Until); left < 5*time.Hour {
			t.Errorf("tries again in %s, although each attempt creates a key", left)
		}
		l.CheckPromises()
	})
}

// TestUnusableNewKeysNeedPerson: AWS accepts no key that keyd creates, and each
// attempt creates and deletes one.
func TestUnusableNewKeysNeedPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{Create: awssim.Range{Min: time.Hour, Max: time.Hour}, Replicas: 2}, 100*settings.Day)
		l.ProveFully()
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.NeedsPerson })
		if r := l.RunUntil(0, func(r rotate.Result) bool { return r.NeedsPerson }); !strings.Contains(r.Why, "did not accept the new key") {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		l.CheckPromises()
	})
}

// TestOneRefusalDoesNotCloseRegion: one faulty AWS server that refuses the old key
// must not exempt the new key from a proof in that region.
func TestOneRefusalDoesNotCloseRegion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.ProveFully()
		l.Rotator.HTTP = gate{Doer: l.HTTP, host: "sts.us-east-1.amazonaws.com", key: l.OldKey.ID, times: 2, code: "InvalidClientTokenId", shut: new(int)}
		r := l.Pass(rotate.Request{Options: decide.Options{Manual: true}})
		if r.State != decide.StateOverlap || !slices.Contains(r.Rotation.OpenRegions, "us-east-1") || !strings.Contains(strings.Join(l.Events, "\n"), "sts us-east-1 5/5") {
			t.Errorf("%s: %s; %v\n%s", r.State, r.Why, r.Rotation, strings.Join(l.Events, "\n"))
		}
		l.CheckPromises()
	})
}

// TestOldJournalLearnsOpenRegions continues a rotation whose journal, written by an
// earlier keyd, does not say where the old key works: keyd then asks each region.
func TestOldJournalLearnsOpenRegions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVictimWhen(t, false, keyUnproven)
		v.EditJournal(func(r *journal.Rotation) { r.OpenRegions, r.ClosedRegions, r.UserID = nil, nil, "" })
		v.Cloud.CloseRegion("us-east-1")
		v.Restart()
		r := v.Pass(rotate.Request{})
		if r.State != decide.StateOverlap || !slices.Equal(r.Rotation.OpenRegions, []string{"eu-west-1"}) || !slices.Equal(r.Rotation.ClosedRegions, []string{"us-east-1"}) {
			t.Errorf("%s: %s; %+v", r.State, r.Why, r.Rotation)
		}
	})
}

// TestOldJournalSurvivesUnknownRegions: the journal does not say where the old key
// works, and keyd cannot find out now: there is no network, or the old key is Inactive.
func TestOldJournalSurvivesUnknownRegions(t *testing.T) {
	older := func(r *journal.Rotation) { r.OpenRegions, r.ClosedRegions, r.UserID = nil, nil, "" }
	t.Run("offline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			v := newVictimWhen(t, false, keyUnproven)
			v.EditJournal(older)
			v.Restart()
			v.Rotator.HTTP = airplane{}
			for range 50 {
				r := v.Pass(rotate.Request{})
				if r.NeedsPerson {
					t.Fatalf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				time.Sleep(15 * time.Minute)
			}
		})
	})
	t.Run("the old key is inactive", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			v := newVictimWhen(t, false, keyUnproven)
			v.EditJournal(older)
			if err := v.User.SetStatus(v.OldKey.ID, "Inactive"); err != nil {
				t.Fatal(err)
			}
			v.Restart()
			time.Sleep(time.Minute)
			r := v.Pass(rotate.Request{})
			if v.RecordShown(); v.ShownID() == v.OldKey.ID {
				t.Errorf("%s: %s", r.State, r.Why)
			}
		})
	})
}

// airplane is a machine without a network.
type airplane struct{}

func (airplane) Do(q *http.Request) (*http.Response, error) {
	return nil, &url.Error{Op: "Post", URL: q.URL.String(), Err: &net.DNSError{Err: "no such host", Name: q.URL.Hostname(), IsNotFound: true}}
}
