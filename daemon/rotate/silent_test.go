package rotate_test

import (
	"fmt"
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

// noHost is a network without one name.
type noHost struct {
	iam.Doer
	host string
}

func (n noHost) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Hostname() == n.host {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: n.host, IsNotFound: true}}
	}
	return n.Doer.Do(r)
}

// TestFirstRegionThatIsSilentIsTold: the region of a profile has no STS, while the rest of
// AWS answers. That is no lost network: it is told, with the name, within days.
func TestFirstRegionThatIsSilentIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		l.WriteFile("config", "[default]\nregion = eu-west-9\n")
		l.Rotator.HTTP = noHost{l.HTTP, "sts.eu-west-9.amazonaws.com"}
		for day := range 9 {
			r := l.Pass(rotate.Request{})
			if !strings.Contains(r.Why, "other endpoints of AWS answer") || !strings.Contains(r.Hint, "sts.eu-west-9.amazonaws.com") || strings.Contains(r.Hint, "online") {
				t.Fatalf("%s: %s; run %q", r.State, r.Why, r.Hint)
			}
			if r.NeedsPerson {
				t.Logf("told on day %d", day)
				return
			}
			time.Sleep(settings.Day)
		}
		t.Error("nobody was told in nine days")
	})
}

// TestSilentEndpointOfAnotherKey: the endpoint of one key is silent. The other key in the
// file needs other endpoints, and is replaced as if nothing were, also with a clock as
// coarse as that of Windows, by which both keys fail at the same reading.
func TestSilentEndpointOfAnotherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		id, secret := l.Cloud.AddUser(lab.Account, "/", "bob").AddKey(30 * settings.Day)
		l.WriteFile("config", "[default]\nregion = eu-west-1\n[profile bob]\nregion = eu-west-9\n")
		l.WriteFile("credentials", fmt.Sprintf("[bob]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret)+l.ReadCredentials())
		l.Rotator.HTTP = noHost{l.HTTP, "sts.eu-west-9.amazonaws.com"}
		l.Rotator.Now = func() time.Time { return time.Now().Truncate(time.Millisecond) }
		r := l.Pass(rotate.Request{})
		if l.CountCalls("CreateAccessKey") != 1 || r.State != decide.StateOverlap {
			t.Errorf("%s: %s", r.State, r.Why)
		}
	})
}

// TestLostNetworkIsSharedByTheKeys: when nothing answers the keys of the first round, the
// others do not wait for a timeout each.
func TestLostNetworkIsSharedByTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		var text strings.Builder
		text.WriteString(l.ReadCredentials())
		for i := range 40 {
			id, secret := l.Cloud.AddUser(lab.Account, "/", fmt.Sprintf("u%d", i)).AddKey(30 * settings.Day)
			text.WriteString(fmt.Sprintf("[p%d]\naws_access_key_id = %s\naws_secret_access_key = %s\n", i, id, secret))
		}
		l.WriteFile("credentials", text.String())
		l.Cloud.Inject(awssim.Fault{Kind: awssim.DNS})
		results := l.PassAll(rotate.Request{})
		if n := len(l.Cloud.Calls()); n > 8*9 { // three attempts for each of the three endpoints of the keys of one round, and no more
			t.Errorf("%d calls", n)
		}
		for _, r := range results {
			if r.State != decide.StateWaiting || !strings.Contains(r.Why, "no such host") {
				t.Errorf("%v: %s: %s", r.Profiles, r.State, r.Why)
			}
		}
	})
}
