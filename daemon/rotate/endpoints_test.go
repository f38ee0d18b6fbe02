package rotate_test

import (
	"os"
	"path/filepath"
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

// TestWrongEndpointNeedsPerson checks that a mistake in a setting that says where AWS is
// needs a person at once, with a hint that names the setting. As soon as it is corrected,
// keyd continues.
func TestWrongEndpointNeedsPerson(t *testing.T) {
	const region = "[default]\nregion = eu-west-1\n"
	for name, c := range map[string]struct{ config, variable, value, run string }{
		"region":           {config: "[default]\nregion = eu-wset-1x\n", run: "correct region of profile default, in "},
		"region of one":    {config: region + "[profile work]\nregion = eu-wset-1x\n", run: "correct region of profile work, in "},
		"two partitions":   {config: region + "[profile work]\nregion = cn-north-1\n", run: "make profiles default and work agree, in "},
		"endpoint":         {config: region + "endpoint_url = http://aws.example.com\n", run: "correct endpoint_url of profile default, in "},
		"bundle of a file": {config: region + "ca_bundle = /nowhere.pem\n", run: "correct ca_bundle of profile default, in "},
		"fips and another": {config: region + "use_fips_endpoint = true\n", variable: "AWS_ENDPOINT_URL", value: "https://aws.example.com", run: "remove one of the two: use_fips_endpoint or endpoint_url in "},
		"variable":         {config: region, variable: "AWS_USE_FIPS_ENDPOINT", value: "yes", run: "correct AWS_USE_FIPS_ENDPOINT in the environment; for the service, then run keyd install"},
		"AWS_REGION":       {config: "# none\n", variable: "AWS_REGION", value: "nowhere", run: "correct AWS_REGION in the environment"},
		"AWS_ENDPOINT_URL": {config: region, variable: "AWS_ENDPOINT_URL", value: "ftp://x", run: "correct AWS_ENDPOINT_URL in the environment"},
		"bundle":           {config: region, variable: "AWS_CA_BUNDLE", value: "/nowhere.pem", run: "correct AWS_CA_BUNDLE in the environment"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
				l.WriteFile("config", c.config)
				l.Rotator.Getenv = func(n string) string { return map[string]string{c.variable: c.value}[n] }
				l.Rotator.HTTP = nil // nothing is sent
				r := l.Pass(rotate.Request{})
				if !r.NeedsPerson || !strings.HasPrefix(r.Hint, c.run) || len(l.Cloud.Calls()) > 0 {
					t.Errorf("needs a person: %t; %s; run %q", r.NeedsPerson, r.Why, r.Hint)
				}
				l.Rotator.HTTP = l.HTTP
				l.Rotator.Getenv = func(string) string { return "" }
				l.WriteFile("config", region)
				time.Sleep(time.Minute)
				if r := l.Pass(rotate.Request{}); r.State != decide.StateOverlap {
					t.Errorf("after the correction: %s: %s", r.State, r.Why)
				}
			})
		})
	}
}

// TestEmptyBundleNeedsPerson names a CA bundle without a certificate.
func TestEmptyBundleNeedsPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day)
		path := filepath.Join(l.Home, "bundle.pem")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		l.WriteFile("config", "[default]\nca_bundle = "+path+"\n")
		l.Rotator.HTTP = nil
		if r := l.Pass(rotate.Request{}); !r.NeedsPerson || !strings.Contains(r.Why, "holds no certificate") {
			t.Errorf("%s: %s", r.State, r.Why)
		}
	})
}
