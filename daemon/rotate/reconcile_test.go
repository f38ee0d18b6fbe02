package rotate_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
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
	for i, kind := range kinds {
		for name, when := range map[string]awssim.When{"before the effect": awssim.Before, "after the effect": awssim.After} {
			if !deeptest.On() && (i%3 != 0 || (i%2 == 0) != (when == awssim.After)) {
				continue
			}
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
		r := l.RunUntil(6*time.Hour, func(r rotate.Result) bool { return r.State == decide.StateBlocked })
		if !strings.Contains(r.Why, credfile.Short(foreign)) {
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
	l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
	l.RunUntil(6*time.Hour, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
	return l
}

// TestOrphanWaitsForTheRecordOfUses: AWS tells of a use up to four hours later, so no key
// is made Inactive before that, and it is deleted after the quarantine.
func TestOrphanWaitsForTheRecordOfUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		began := time.Now()
		l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
		r := l.RunUntil(settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		if after := time.Since(began); after < decide.UseReportDelay || after > decide.UseReportDelay+10*time.Minute {
			t.Errorf("the orphan is inactive after %s", after)
		}
		off, run := time.Now(), "keyd prune default "+r.Rotation.OrphanID
		if !strings.Contains(r.Why, run) {
			t.Errorf("%s, want %s", r.Why, run)
		}
		l.RunUntil(10*settings.Day, func(rotate.Result) bool { return l.CountCalls("DeleteAccessKey") > 0 })
		if after := time.Since(off); after < 7*settings.Day {
			t.Errorf("the orphan is deleted after %s", after)
		}
		l.RunUntil(40*settings.Day, lab.Settled)
		l.CheckPromises()
		l.CheckOneKey()
	})
}

// TestPersonMayNameTheOrphan: the status names the command that deletes the orphan now,
// and the rotation continues.
func TestPersonMayNameTheOrphan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := orphanLab(t)
		l.PruneByID(loadRotation(t, l.Rotator).OrphanID, false)
		if r := l.Pass(rotate.Request{}); r.State != decide.StateOverlap {
			t.Errorf("%s: %s", r.State, r.Why)
		}
		l.RunUntil(40*settings.Day, lab.Settled)
		l.CheckOneKey()
	})
}

// TestUsedKeyIsNoOrphan: another machine makes a key and uses it while this machine's
// request is lost without an effect. AWS tells of the use after minutes; then the call is
// known to have had none, and nobody is asked. The key stays as it is.
func TestUsedKeyIsNoOrphan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Status503, Times: 1})
		l.Pass(rotate.Request{})
		others, _ := l.User.CreateKey()
		lab.Must(t, l.User.UseKey(others, "sts", "us-east-1"))
		asked := false
		r := l.RunUntil(6*time.Hour, func(r rotate.Result) bool {
			asked = asked || r.NeedsPerson
			return r.Rotation == nil
		})
		time.Sleep(time.Minute)
		if r = l.Pass(rotate.Request{}); asked || r.State != decide.StateWaiting || !strings.Contains(r.Why, "another machine") || !strings.HasPrefix(r.Hint, "copy profile default") {
			t.Errorf("asked %t; %s: %s; %s", asked, r.State, r.Why, r.Hint)
		}
		if l.KeyStatuses()[others] != "Active" || len(l.Cloud.ForeignCalls()) > 0 {
			t.Errorf("%v", l.KeyStatuses())
		}
	})
}

// TestUnreadableUseLeadsToNoRemoval: without the permission to read the last use, keyd
// cannot tell an orphan from another machine's key. The hint leads to the permission, and
// once it is there, the rotation goes on by itself.
func TestUnreadableUseLeadsToNoRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.User.DenyAction("GetAccessKeyLastUsed", awssim.NotAllowed)
		l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
		r := l.RunUntil(6*time.Hour, func(r rotate.Result) bool { return r.NeedsPerson })
		if !strings.Contains(r.Why, "iam:GetAccessKeyLastUsed") || strings.Contains(r.Hint, "prune") || l.CountCalls("UpdateAccessKey") != 1 {
			t.Errorf("%s; %s; %d updates", r.Why, r.Hint, l.CountCalls("UpdateAccessKey"))
		}
		l.User.LiftDeny("GetAccessKeyLastUsed")
		l.RunUntil(40*settings.Day, lab.Settled)
		l.CheckPromises()
		l.CheckOneKey()
	})
}

// TestOrphanIsFoundWithAClockKnownRoughly: the list before the call took five seconds,
// so the server's clock is known to half of that. keyd finds its orphan all the same.
func TestOrphanIsFoundWithAClockKnownRoughly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, slow := range []time.Duration{5 * time.Second, 20 * time.Second} {
			l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
			l.Cloud.Inject(awssim.Fault{Action: "ListAccessKeys", Late: slow, Times: 2})
			l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
			r := l.RunUntil(6*time.Hour, func(r rotate.Result) bool { return r.NeedsPerson || r.State == decide.StateQuarantine })
			if r.State != decide.StateQuarantine {
				t.Errorf("an answer of %s: %s: %s", slow, r.State, r.Why)
			}
		}
	})
}

// TestQuotaIsNoAnswer: something on the way sends the request twice, and the second one
// gets LimitExceeded. The key of the first one is found.
func TestQuotaIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{LastUsed: awssim.RealLag().LastUsed}, 70*settings.Day)
		l.Rotator.HTTP = sendsTwice{l.HTTP}
		r := l.Pass(rotate.Request{})
		if r.NeedsPerson || r.Err == nil || len(l.Cloud.Keys(l.User)) != 2 {
			t.Errorf("%s: %s (%v); %v", r.State, r.Why, r.Err, l.KeyStatuses())
		}
		l.Rotator.HTTP = l.HTTP
		l.RunUntil(40*settings.Day, lab.Settled)
		l.CheckPromises()
		l.CheckOneKey()
	})
}

// sendsTwice is a proxy that repeats CreateAccessKey, and passes the second answer on.
type sendsTwice struct{ iam.Doer }

func (s sendsTwice) Do(q *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(q.Body)
	if strings.Contains(string(body), "Action=CreateAccessKey") {
		q.Body = io.NopCloser(bytes.NewReader(body))
		if _, err := s.Doer.Do(q); err != nil {
			return nil, err
		}
	}
	q.Body = io.NopCloser(bytes.NewReader(body))
	return s.Doer.Do(q)
}

// TestDeletedOrphanCallsNobody: the lists lag by 8 s, and show the orphan again that keyd
// has deleted. Nobody is called because of it.
func TestDeletedOrphanCallsNobody(t *testing.T) {
	t.Parallel()
	trials := uint64(4)
	if deeptest.On() {
		trials = 200
	}
	for seed := range trials {
		synctest.Test(t, func(t *testing.T) {
			l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
			l.UseCloud(awssim.New(awssim.Options{Now: l.Now, Seed: seed, Regions: []string{"eu-west-1", "us-east-1"},
				Lag: awssim.Lag{List: awssim.Range{Max: 8 * time.Second}, Replicas: 3}}), 70*settings.Day)
			l.Cloud.Inject(awssim.Fault{Action: "CreateAccessKey", Kind: awssim.Close, When: awssim.After, Times: 1})
			l.RunUntil(40*settings.Day, func(r rotate.Result) bool {
				if r.NeedsPerson {
					t.Errorf("seed %d: %s; %s", seed, r.Why, r.Hint)
				}
				return lab.Settled(r) || r.NeedsPerson
			})
		})
	}
}
