package rotate_test

import (
	"errors"
	"fmt"
	"io"
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
	"keyd/daemon/iam"
	"keyd/daemon/internal/lab"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// gate answers for one host in place of AWS, a limited number of times.
type gate struct {
	iam.Doer
	host  string
	key   string // answers only requests that this key signs; "": all requests
	times int    // 0: always
	code  string // the error code of the answer; "": the connection is refused
	shut  *int   // counts the answers
}

func (g gate) Do(q *http.Request) (*http.Response, error) {
	if q.URL.Hostname() != g.host || !strings.Contains(q.Header.Get("Authorization"), g.key) || g.times > 0 && *g.shut >= g.times {
		return g.Doer.Do(q)
	}
	*g.shut++
	if g.code == "" {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	const text = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>no</Message></Error><RequestId>x</RequestId></ErrorResponse>`
	return &http.Response{StatusCode: http.StatusForbidden, Status: "403 Forbidden", Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(fmt.Sprintf(text, g.code))), Request: q}, nil
}

// TestUnprovableKeyIsNotCreated: if an endpoint neither accepts nor refuses the
// old key, the proof of a new key would never end.
func TestUnprovableKeyIsNotCreated(t *testing.T) {
	for name, c := range map[string]gate{
		"a firewall before the default region": {host: "sts.us-east-1.amazonaws.com"},
		"STS is not activated there":           {host: "sts.ap-east-1.amazonaws.com", code: "RegionDisabledException"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				l.WriteFile("config", "[default]\nregion = eu-west-1\n[profile work]\nregion = ap-east-1\n")
				c.Doer, c.shut = l.HTTP, new(int)
				l.Rotator.HTTP = c
				r := l.RunUntil(2*settings.Day, func(r rotate.Result) bool { return r.NeedsPerson })
				if n := l.CountCalls("CreateAccessKey"); n > 0 || !strings.Contains(r.Why, c.host) || r.Hint == "" {
					t.Errorf("%d keys were created; %s: %s; %s", n, r.State, r.Why, r.Hint)
				}
				l.Rotator.HTTP = l.HTTP
				l.Pass(rotate.Request{Options: decide.Options{Manual: true}})
				if l.RecordShown(); l.ShownID() == l.OldKey.ID {
					t.Error("the obstacle is gone, and the key is not replaced")
				}
			})
		})
	}
}

// TestOneRefusalDoesNotCloseRegion: one faulty AWS server that refuses the old key
// must not exempt the new key from a proof in that region.
func TestOneRefusalDoesNotCloseRegion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.Rotator.HTTP = gate{Doer: l.HTTP, host: "sts.us-east-1.amazonaws.com", key: l.OldKey.ID, times: 2, code: "InvalidClientTokenId", shut: new(int)}
		r := l.Pass(rotate.Request{Options: decide.Options{Manual: true}})
		if r.State != decide.StateOverlap || !slices.Contains(r.Rotation.OpenRegions, "us-east-1") || !strings.Contains(strings.Join(l.Events, "\n"), "sts us-east-1 5/5") {
			t.Errorf("%s: %s; %v\n%s", r.State, r.Why, r.Rotation, strings.Join(l.Events, "\n"))
		}
		l.CheckPromises()
	})
}

// TestDisabledRegionIsIgnored checks that a region that is turned off, and so refuses
// every key, affects no step, not even if it is the profile's only region or while
// a file is mended.
func TestDisabledRegionIsIgnored(t *testing.T) {
	for name, config := range map[string]string{
		"of the second profile": "[default]\nregion = eu-west-1\n[profile work]\nregion = me-central-1\n",
		"of the only profile":   "[default]\nregion = me-central-1\n",
	} {
		for when, before := range map[string]bool{"off before the first look": true, "off since the first look": false} {
			t.Run(name+", "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := lab.NewLab(t, awssim.RealLag(), 50*settings.Day)
					start := l.ReadCredentials()
					if !before {
						l.Pass(rotate.Request{})
					}
					l.WriteFile("config", config)
					l.Cloud.CloseRegion("me-central-1")
					l.RunUntil(30*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
					l.WriteFile("credentials", start)
					l.RecordShown()
					l.RunUntil(time.Minute, func(r rotate.Result) bool { return l.ShownID() != l.OldKey.ID })
					l.RunUntil(20*settings.Day, lab.Settled)
					if n := l.CountCalls("CreateAccessKey"); n != 1 {
						t.Errorf("%d keys were created", n)
					}
					l.CheckOneKey()
				})
			})
		}
	}
}

// TestOldJournalLearnsOpenRegions continues a rotation whose journal, written by an
// earlier keyd, does not say where the old key works: keyd then asks each region.
func TestOldJournalLearnsOpenRegions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVictim(t, killedInProof, false)
		v.EditJournal(func(r *journal.Rotation) { r.OpenRegions, r.ClosedRegions, r.UserID = nil, nil, "" })
		v.Cloud.CloseRegion("us-east-1")
		v.Restart()
		r := v.Pass(rotate.Request{})
		if r.State != decide.StateOverlap || !slices.Equal(r.Rotation.OpenRegions, []string{"eu-west-1"}) || !slices.Equal(r.Rotation.ClosedRegions, []string{"us-east-1"}) {
			t.Errorf("%s: %s; %+v", r.State, r.Why, r.Rotation)
		}
	})
}

// TestMendingNeedsOnlyOneEndpoint: mending a file that shows a dead key must not
// wait for a region that has been turned off since, or that cannot be reached.
func TestMendingNeedsOnlyOneEndpoint(t *testing.T) {
	for name, code := range map[string]string{"turned off since": "InvalidClientTokenId", "not reached from here": "", "STS turned off since": "RegionDisabledException"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
				start := l.ReadCredentials()
				l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
				l.Rotator.HTTP = gate{Doer: l.HTTP, host: "sts.us-east-1.amazonaws.com", code: code, shut: new(int)}
				l.WriteFile("credentials", start)
				l.RecordShown()
				if r := l.Pass(rotate.Request{}); l.ShownID() == l.OldKey.ID {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
			})
		})
	}
}

// TestMendingNeverRestoresInactiveKey: while a deactivation spreads through AWS, one
// endpoint already refuses the key, and another one still accepts it.
func TestMendingNeverRestoresInactiveKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		start := l.ReadCredentials()
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateOverlap })
		time.Sleep(time.Hour)
		l.Rotator.HTTP = gate{Doer: l.HTTP, host: "sts.us-east-1.amazonaws.com", code: "InvalidClientTokenId", shut: new(int)}
		fresh := l.ShownID()
		time.AfterFunc(20*time.Second, func() {
			if err := l.User.SetStatus(fresh, "Inactive"); err != nil {
				t.Error(err)
			}
		})
		l.WriteFile("credentials", start)
		l.RecordShown()
		if r := l.Pass(rotate.Request{}); l.ShownID() != l.OldKey.ID {
			t.Errorf("a key that a person has made inactive is in the file again: %s: %s", r.State, r.Why)
		}
	})
}

// TestOldJournalSurvivesUnknownRegions: the journal does not say where the old key
// works, and keyd cannot find out now: there is no network, or the old key is Inactive.
func TestOldJournalSurvivesUnknownRegions(t *testing.T) {
	older := func(r *journal.Rotation) { r.OpenRegions, r.ClosedRegions, r.UserID = nil, nil, "" }
	t.Run("offline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			v := newVictim(t, killedInProof, false)
			v.EditJournal(older)
			v.Restart()
			v.Rotator.HTTP = airplane{}
			for range 200 {
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
			v := newVictim(t, killedInProof, false)
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

// killedInProof is the stage at which a victim's new key is in the journal and not yet
// in the file.
const killedInProof = 14

// TestMendingDespiteRefusalAndSilence: of the endpoints of a pair that was proven
// earlier, one accepts it, one has been turned off since, and one does not answer.
func TestMendingDespiteRefusalAndSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		start := l.ReadCredentials()
		l.RunUntil(3*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateQuarantine })
		l.Rotator.HTTP = gate{Doer: l.HTTP, host: "sts.us-east-1.amazonaws.com", code: "InvalidClientTokenId", shut: new(int)}
		l.Rotator.HTTP = gate{Doer: l.Rotator.HTTP, host: "iam.amazonaws.com", shut: new(int)}
		l.WriteFile("credentials", start)
		r := l.Pass(rotate.Request{})
		if l.RecordShown(); l.ShownID() == l.OldKey.ID {
			t.Errorf("the dead key is still in the file: %s: %s", r.State, r.Why)
		}
	})
}

// TestGivingUpDeletesAtOriginalEndpoint: the profile that named the endpoint is gone.
// The new key is deleted at the AWS that created it, not at one that does not know it.
func TestGivingUpDeletesAtOriginalEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		own := "region = eu-west-1\nendpoint_url = https://aws.example.com\n"
		l.WriteFile("config", "[default]\n"+own+"[profile work]\n"+own)
		l.Pass(rotate.Request{})
		l.Rotator.HTTP, l.Rotator.OnEvent = gate{Doer: l.Cloud, host: "iam.amazonaws.com", code: "InvalidClientTokenId", shut: new(int)}, nil
		l.WriteFile("credentials", "[other]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n")
		if r, err := l.Rotator.Resume(t.Context(), "default"); err != nil || len(l.Cloud.Keys(l.User)) != 1 {
			t.Errorf("%s: %s, %v; AWS has %v", r.State, r.Why, err, l.Cloud.Keys(l.User))
		}
	})
}
