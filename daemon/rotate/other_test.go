package rotate_test

import (
	"net/http"
	"strings"
	"sync"
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

// otherLab returns a lab with an IAM that is not AWS's.
func otherLab(t *testing.T, o awssim.Options) *lab.Lab {
	l := lab.NewInMemory(t, time.Now)
	o.Now, o.Seed = time.Now, 7
	l.UseDialect(o, 70*settings.Day)
	return l
}

// TestRotationAtOtherIAMs runs a rotation at each IAM that the simulator speaks, from the
// first look to the deletion. What an IAM does not offer is said to be unknown, and fails
// nothing.
func TestRotationAtOtherIAMs(t *testing.T) {
	for _, dialect := range []awssim.Dialect{awssim.Ceph, awssim.Wasabi, awssim.Backblaze} {
		t.Run(string(dialect), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := otherLab(t, awssim.Options{Dialect: dialect, Lag: eightSeconds()})
				start := l.ReadCredentials()
				first := l.Pass(rotate.Request{})
				if first.State != decide.StateOverlap || first.KeyID == l.OldKey.ID || first.NeedsPerson {
					t.Fatalf("after the first pass: %s, %s (%v)", first.State, first.Why, first.Err)
				}
				time.Sleep(12 * time.Hour)
				second := l.Pass(rotate.Request{Options: decide.Options{Manual: true}})
				if told := !strings.Contains(second.Why, "does not offer GetAccessKeyLastUsed"); told != (dialect == awssim.Wasabi) || second.NeedsPerson {
					t.Errorf("of the use of the old key it says: %s", second.Why)
				}
				if n := l.CountCalls("GetCallerIdentity"); dialect == awssim.Ceph && n > 2 {
					t.Errorf("Ceph was asked %d times for what it does not know", n)
				}
				l.RunUntil(20*settings.Day, lab.Settled)
				l.CheckPromises()
				l.CheckOneKey()
				l.CheckOtherBytes(start)
				if n := l.CountCalls("CreateAccessKey"); n != 1 {
					t.Errorf("CreateAccessKey was sent %d times", n)
				}
			})
		})
	}
}

// TestListWithoutDates: an IAM may list keys without their dates. A key that keyd did not make
// is then too old, and one that it made is as old as the history says, so that it is not
// replaced over and over.
func TestListWithoutDates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := otherLab(t, awssim.Options{Dialect: awssim.Wasabi, ListWithoutDates: true})
		l.Rotator.Settings.RotateAfter = 40 * settings.Day
		if first := l.Pass(rotate.Request{}); first.State != decide.StateOverlap {
			t.Fatalf("%s, %s (%v)", first.State, first.Why, first.Err)
		}
		rest := l.RunUntil(20*settings.Day, lab.Settled)
		if rest.State != decide.StateOK || rest.Created.Year() < 1999 || !strings.Contains(rest.Why, "d old") {
			t.Errorf("%s, %s", rest.State, rest.Why)
		}
		for range 10 {
			time.Sleep(2 * settings.Day)
			l.Pass(rotate.Request{Options: decide.Options{Manual: true}})
		}
		if n := l.CountCalls("CreateAccessKey"); n != 1 {
			t.Errorf("%d keys were made within %s", n, 40*settings.Day)
		}
		l.CheckPromises()
	})
}

// hosts is a client of HTTP that notes where requests go, also those of calls side by side.
type hosts struct {
	lab.Watcher
	mu    *sync.Mutex
	asked map[string]bool
}

func (h hosts) Do(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.asked[r.URL.Host] = true
	h.mu.Unlock()
	return h.Watcher.Do(r)
}

// TestOtherKeysNeverGoToAWS: whatever the environment says, no key of another IAM signs a
// request to AWS.
func TestOtherKeysNeverGoToAWS(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"endpoints are ignored":  {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
		"the environment is AWS": {"AWS_ENDPOINT_URL_IAM": "https://iam.amazonaws.com", "AWS_ENDPOINT_URL_STS": "https://sts.amazonaws.com"},
		"STS is AWS":             {"AWS_ENDPOINT_URL_STS": "https://sts.amazonaws.com"},
		"nothing":                nil,
	} {
		synctest.Test(t, func(t *testing.T) {
			l := otherLab(t, awssim.Options{Dialect: awssim.Ceph})
			h := hosts{lab.Watcher{Lab: l}, new(sync.Mutex), map[string]bool{}}
			l.Rotator.HTTP, l.Rotator.Getenv = h, func(variable string) string { return env[variable] }
			r := l.Pass(rotate.Request{})
			for host := range h.asked {
				if credfile.ForeignHost("https://"+host) == "" {
					t.Errorf("%s: a request went to %s", name, host)
				}
			}
			sent := len(h.asked) > 0
			if works := name == "nothing" || name == "STS is AWS"; sent != works || works != (r.State == decide.StateOverlap) || !works && r.Hint == "" {
				t.Errorf("%s: %s, %s; hint %q; asked %v", name, r.State, r.Why, r.Hint, h.asked)
			}
		})
	}
}

// TestIAMIsNoLongerNamed: a person takes the endpoint of the IAM out of the config file in the
// middle of a rotation. The key in the files is known all the same, nothing is sent, and the
// rotation continues when the endpoint is named again.
func TestIAMIsNoLongerNamed(t *testing.T) {
	for _, dialect := range []awssim.Dialect{awssim.Ceph, awssim.Backblaze} {
		for name, config := range map[string]string{
			"nothing":    "[default]\nregion = us-east-1\n",
			"everything": "[default]\nendpoint_url = https://rgw.example.org\n[profile work]\nendpoint_url = https://rgw.example.org\n",
		} {
			synctest.Test(t, func(t *testing.T) {
				l := otherLab(t, awssim.Options{Dialect: dialect})
				begun := l.Pass(rotate.Request{})
				if begun.State != decide.StateOverlap {
					t.Fatalf("%s: %s", begun.State, begun.Why)
				}
				shown := l.ReadCredentials()
				l.WriteFile("config", config)
				h := hosts{lab.Watcher{Lab: l}, new(sync.Mutex), map[string]bool{}}
				l.Rotator.HTTP = h
				for range 40 {
					time.Sleep(12 * time.Hour)
					r := l.Pass(rotate.Request{})
					if name == "nothing" && (len(h.asked) > 0 || !r.NeedsPerson || r.Hint == "" || !strings.Contains(r.Why, "would be sent to AWS")) {
						t.Fatalf("%s, %s: %s, %s; asked %v", dialect, name, r.State, r.Why, h.asked)
					}
				}
				for host := range h.asked {
					if credfile.ForeignHost("https://"+host) == "" {
						t.Errorf("%s, %s: a request went to %s", dialect, name, host)
					}
				}
				if name == "nothing" && (l.ReadCredentials() != shown || l.KeyStatuses()[l.OldKey.ID] != "Active") {
					t.Errorf("%s, %s: something was changed: %v", dialect, name, l.KeyStatuses())
				}
				l.WriteFile("config", lab.OtherConfig)
				l.RunUntil(20*settings.Day, lab.Settled)
				l.CheckPromises()
				l.CheckOneKey()
			})
		}
	}
}
