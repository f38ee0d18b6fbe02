package iam

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"keyd/daemon/iam/remote"
)

// TestReachSignsNothing asks each endpoint once, learns the clock, and tells a host that
// refuses connections.
func TestReachSignsNothing(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("Authorization") != "" || r.Method != http.MethodGet {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	e := remote.Endpoints{Regions: []string{"eu-west-1", "us-east-1"}, Partition: "aws", IAMURL: closed.URL, STSURL: server.URL + "/sts"}
	all, err := Reach(t.Context(), e, Options{})
	if err != nil || len(all) != 2 || asked != 1 {
		t.Fatalf("%+v, %v, asked %d times", all, err, asked)
	}
	failed, ok := all[0].Err.(*Error)
	if !ok || failed.Class != Unsent || !strings.Contains(failed.Hint(), "start the program that stands in for AWS") {
		t.Errorf("%+v", all[0].Err)
	}
	if all[1].Err != nil || (all[1].Clock.Offset-time.Hour).Abs() > 5*time.Second || all[1].Clock.Within == 0 {
		t.Errorf("%+v", all[1])
	}
}

// TestReachKnowsTheNames asks the hosts that the calls go to.
func TestReachKnowsTheNames(t *testing.T) {
	for want, e := range map[string]remote.Endpoints{
		"iam.amazonaws.com sts.eu-west-1.amazonaws.com sts.us-east-1.amazonaws.com": {Regions: []string{"eu-west-1", "us-east-1"}, Partition: "aws"},
		"iam-fips.amazonaws.com sts-fips.us-east-1.amazonaws.com":                   {Regions: []string{"us-east-1"}, Partition: "aws", FIPS: true},
		"iam.global.api.aws sts.eu-west-1.api.aws":                                  {Regions: []string{"eu-west-1"}, Partition: "aws", DualStack: true},
		"iam.amazonaws.com sts.amazonaws.com":                                       {Regions: []string{"us-east-1"}, Partition: "aws", GlobalSTS: true},
	} {
		var hosts []string
		_, err := Reach(t.Context(), e, Options{HTTP: doer(func(r *http.Request) (*http.Response, error) {
			hosts = append(hosts, r.URL.Host)
			return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: http.ErrServerClosed}
		})})
		if got := strings.Join(hosts, " "); got != want || err != nil {
			t.Errorf("%s, want %s, %v", got, want, err)
		}
	}
}

type doer func(*http.Request) (*http.Response, error)

func (f doer) Do(r *http.Request) (*http.Response, error) { return f(r) }
