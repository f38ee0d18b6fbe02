package daemon

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
	"keyd/daemon/iam"
)

// gate answers for one host in AWS's place, as often as it says.
type gate struct {
	iam.Doer
	host  string
	key   string // only for requests that it signs; "": for all
	times int    // 0: always
	code  string // AWS's; "": no connection comes about
	shut  *int   // how often it has answered
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

// TestNoKeyIsMadeThatCannotBeProven: where an endpoint answers neither yes nor no
// to the old key, a new one would wait for ever.
func TestNoKeyIsMadeThatCannotBeProven(t *testing.T) {
	for name, c := range map[string]gate{
		"a firewall before the default region": {host: "sts.us-east-1.amazonaws.com"},
		"STS is not activated there":           {host: "sts.ap-east-1.amazonaws.com", code: "RegionDisabledException"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.RealLag(), 70*day)
				l.write("config", "[default]\nregion = eu-west-1\n[profile work]\nregion = ap-east-1\n")
				c.Doer, c.shut = l.http, new(int)
				l.d.HTTP = c
				r := l.live(2*day, func(r Result) bool { return r.NeedsPerson })
				if n := l.count("CreateAccessKey"); n > 0 || !strings.Contains(r.Why, c.host) || r.Hint == "" {
					t.Errorf("%d keys were made; %s: %s; %s", n, r.State, r.Why, r.Hint)
				}
				l.d.HTTP = l.http
				l.pass(Request{Options: Options{Manual: true}})
				if l.watch(); l.shows() == l.old.ID {
					t.Error("nothing is in the way any more, and the key is not replaced")
				}
			})
		})
	}
}

// TestOneRefusalIsNoClosedRegion: a machine of AWS's that has lost its way must
// not spare a new key its proof.
func TestOneRefusalIsNoClosedRegion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		l.d.HTTP = gate{Doer: l.http, host: "sts.us-east-1.amazonaws.com", key: l.old.ID, times: 2, code: "InvalidClientTokenId", shut: new(int)}
		r := l.pass(Request{Options: Options{Manual: true}})
		if r.State != StateOverlap || !slices.Contains(r.Rotation.OpenRegions, "us-east-1") || !strings.Contains(strings.Join(l.said, "\n"), "sts us-east-1 5/5") {
			t.Errorf("%s: %s; %v\n%s", r.State, r.Why, r.Rotation, strings.Join(l.said, "\n"))
		}
		l.safe()
	})
}

// TestARegionThatIsOff refuses every key, and has no say in any step: neither
// when it is the profile's only one, nor when a file is mended.
func TestARegionThatIsOff(t *testing.T) {
	for name, config := range map[string]string{
		"of the second profile": "[default]\nregion = eu-west-1\n[profile work]\nregion = me-central-1\n",
		"of the only profile":   "[default]\nregion = me-central-1\n",
	} {
		for when, before := range map[string]bool{"before the first look": true, "since the first look": false} {
			t.Run(name+", "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLab(t, awssim.RealLag(), 50*day)
					start := l.text()
					if !before {
						l.pass(Request{})
					}
					l.write("config", config)
					l.cloud.CloseRegion("me-central-1")
					l.live(30*day, func(r Result) bool { return r.State == StateQuarantine })
					l.write("credentials", start)
					l.watch()
					l.live(time.Minute, func(r Result) bool { return l.shows() != l.old.ID })
					l.live(20*day, settled)
					if n := l.count("CreateAccessKey"); n != 1 {
						t.Errorf("%d keys were made", n)
					}
					l.oneKey()
				})
			})
		}
	}
}

// TestAnOlderKeydsJournal does not say where the old key works: it is asked then.
func TestAnOlderKeydsJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVictim(t, 14, false) // killed in the proof
		v.rewrite(func(r *Rotation) { r.OpenRegions, r.ClosedRegions, r.UserID = nil, nil, "" })
		v.cloud.CloseRegion("us-east-1")
		v.restart()
		r := v.pass(Request{})
		if r.State != StateOverlap || !slices.Equal(r.Rotation.OpenRegions, []string{"eu-west-1"}) || !slices.Equal(r.Rotation.ClosedRegions, []string{"us-east-1"}) {
			t.Errorf("%s: %s; %+v", r.State, r.Why, r.Rotation)
		}
	})
}

// TestMendingAsksOneEndpointThatAnswers: a file that shows a dead key must not
// wait for a region that was turned off since, or cannot be reached from here.
func TestMendingAsksOneEndpointThatAnswers(t *testing.T) {
	for name, code := range map[string]string{"turned off since": "InvalidClientTokenId", "not reached from here": "", "STS turned off since": "RegionDisabledException"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, awssim.RealLag(), 70*day)
				start := l.text()
				l.live(3*day, func(r Result) bool { return r.State == StateQuarantine })
				l.d.HTTP = gate{Doer: l.http, host: "sts.us-east-1.amazonaws.com", code: code, shut: new(int)}
				l.write("credentials", start)
				l.watch()
				if r := l.pass(Request{}); l.shows() == l.old.ID {
					t.Errorf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
			})
		})
	}
}

// TestMendingDoesNotBringBackAKeyThatIsTurnedOff: while that spreads, one endpoint
// refuses the key already, and another one still accepts it.
func TestMendingDoesNotBringBackAKeyThatIsTurnedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.Lag{}, 70*day)
		start := l.text()
		l.live(3*day, func(r Result) bool { return r.State == StateOverlap })
		time.Sleep(time.Hour)
		l.d.HTTP = gate{Doer: l.http, host: "sts.us-east-1.amazonaws.com", code: "InvalidClientTokenId", shut: new(int)}
		fresh := l.shows()
		time.AfterFunc(20*time.Second, func() {
			if err := l.user.SetStatus(fresh, "Inactive"); err != nil {
				t.Error(err)
			}
		})
		l.write("credentials", start)
		l.watch()
		if r := l.pass(Request{}); l.shows() != l.old.ID {
			t.Errorf("a key that a person has turned off is back: %s: %s", r.State, r.Why)
		}
	})
}

// TestAnOlderJournalInTheProof: it does not say where the old key works, and that
// cannot be found out now: there is no network, or the old key was turned off.
func TestAnOlderJournalInTheProof(t *testing.T) {
	older := func(r *Rotation) { r.OpenRegions, r.ClosedRegions, r.UserID = nil, nil, "" }
	t.Run("offline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			v := newVictim(t, killedInProof, false)
			v.rewrite(older)
			v.restart()
			v.d.HTTP = airplane{}
			for range 200 {
				r := v.pass(Request{})
				if r.NeedsPerson {
					t.Fatalf("%s: %s; %s", r.State, r.Why, r.Hint)
				}
				time.Sleep(15 * time.Minute)
			}
		})
	})
	t.Run("the old key is off", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			v := newVictim(t, killedInProof, false)
			v.rewrite(older)
			if err := v.user.SetStatus(v.old.ID, "Inactive"); err != nil {
				t.Fatal(err)
			}
			v.restart()
			time.Sleep(time.Minute)
			r := v.pass(Request{})
			if v.watch(); v.shows() == v.old.ID {
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

// killedInProof is the stage of a victim whose new key is in the journal and not
// in the file.
const killedInProof = 14

// TestMendingBesideARefusalAndSilence: of the endpoints of a pair that was proven
// before one accepts it, one has been turned off since, and one says nothing.
func TestMendingBesideARefusalAndSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		start := l.text()
		l.live(3*day, func(r Result) bool { return r.State == StateQuarantine })
		l.d.HTTP = gate{Doer: l.http, host: "sts.us-east-1.amazonaws.com", code: "InvalidClientTokenId", shut: new(int)}
		l.d.HTTP = gate{Doer: l.d.HTTP, host: "iam.amazonaws.com", shut: new(int)}
		l.write("credentials", start)
		r := l.pass(Request{})
		if l.watch(); l.shows() == l.old.ID {
			t.Errorf("a dead key stays: %s: %s", r.State, r.Why)
		}
	})
}

// TestGivenUpWhereItWasMade: the profile that named the endpoint is gone, and the
// new key is deleted where it is, not at another AWS that does not know it.
func TestGivenUpWhereItWasMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, awssim.RealLag(), 70*day)
		own := "region = eu-west-1\nendpoint_url = https://aws.example.com\n"
		l.write("config", "[default]\n"+own+"[profile work]\n"+own)
		l.pass(Request{})
		l.d.HTTP, l.d.OnEvent = gate{Doer: l.cloud, host: "iam.amazonaws.com", code: "InvalidClientTokenId", shut: new(int)}, nil
		l.write("credentials", "[other]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n")
		if r, err := l.d.Resume(t.Context(), "default"); err != nil || len(l.cloud.Keys(l.user)) != 1 {
			t.Errorf("%s: %s, %v; AWS has %v", r.State, r.Why, err, l.cloud.Keys(l.user))
		}
	})
}
