package rotate_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/internal/lab"
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

func TestDisabledRegionDoesNotDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 70*settings.Day)
		l.WriteFile("config", "[default]\nregion = eu-west-1\n[profile work]\nregion = af-south-1\n")
		l.Cloud.CloseRegion("af-south-1")
		l.Restart()
		l.RunUntil(20*settings.Day, lab.Settled)
		l.CheckPromises()
		l.CheckOneKey()
	})
}
