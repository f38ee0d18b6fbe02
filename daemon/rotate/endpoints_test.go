package rotate_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// TestWrongEndpointNeedsPerson checks that a mistake in a setting that says where AWS is
// needs a person at once, with a hint that names the setting. As soon as it is corrected,
// keyd continues.
func TestWrongEndpointNeedsPerson(t *testing.T) {
	const region = "[default]\nregion = eu-west-1\n"
	for name, c := range map[string]struct{ config, variable, value, run, end string }{
		"region":           {config: "[default]\nregion = eu-wset-1x\n", run: "correct region of profile default, in "},
		"region of one":    {config: region + "[profile work]\nregion = eu-wset-1x\n", run: "correct region of profile work, in "},
		"two partitions":   {config: region + "[profile work]\nregion = cn-north-1\n", run: "make profiles default and work agree, in "},
		"endpoint":         {config: region + "services = x\n[services x]\niam =\n  endpoint_url = http://aws.example.com\n", run: "correct endpoint_url of iam of profile default, in ", end: "or leave its key alone: rotate = never below [profile default] in keyd.ini"},
		"services":         {config: region + "services = x\n", run: "correct services of profile default, in "},
		"global or not":    {config: region + "sts_regional_endpoints = global\n", run: "correct sts_regional_endpoints of profile default, in "},
		"bundle of Python": {config: region, variable: "REQUESTS_CA_BUNDLE", value: "/nowhere.pem", run: "correct REQUESTS_CA_BUNDLE in the environment"},
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
				if !r.NeedsPerson || !strings.HasPrefix(r.Hint, c.run) || !strings.HasSuffix(r.Hint, c.end) || len(l.Cloud.Calls()) > 0 {
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

// TestWrongPartitionNamesARegion: a stand-in says that the key is of another partition than
// the region of its profiles. The hint names a region and all of the profiles: setting one
// would make them disagree.
func TestWrongPartitionNamesARegion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
		inShellAt(l, standInURL, localStack{"arn:aws-us-gov:iam::000000000000:user/alice"}, func() {
			r := l.PassOnce(rotate.Request{})
			if want := "set region = us-gov-west-1, or another region of partition aws-us-gov, in profile default and work, in "; !r.NeedsPerson || !strings.HasPrefix(r.Hint, want) {
				t.Errorf("%s: %s; run %q", r.State, r.Why, r.Hint)
			}
		})
	})
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

// TestAnotherStoresKeyIsNeverSent: the profile points elsewhere. Nothing is signed, and once
// it points to AWS again, the key is looked at.
func TestAnotherStoresKeyIsNeverSent(t *testing.T) {
	const s3 = "s3 =\n  endpoint_url = https://store.example\n"
	for name, c := range map[string]struct {
		config, in string
		skipped    bool
	}{
		"everything":              {"endpoint_url = https://store.example\n", "", true},
		"everything, at home":     {"endpoint_url = http://localhost:9000\n", "", true},
		"S3":                      {"services = x\n", "[services x]\n" + s3, true},
		"S3, name in quotes":      {"services = my store\n", "[services 'my store']\n" + s3, true},
		"S3, by the plugin":       {s3, "", true},
		"S3 API, by the plugin":   {"s3api =\n  endpoint_url = https://store.example\n", "", true},
		"IAM, by the plugin":      {"iam =\n  endpoint_url = https://store.example\n", "", true},
		"a customer's machine":    {"endpoint_url = https://ec2-1-2-3-4.compute-1.amazonaws.com\n", "", true},
		"a customer's balancer":   {"services = x\n", "[services x]\ns3 =\n  endpoint_url = https://minio-1.eu-west-1.elb.amazonaws.com\n", true},
		"S3 of AWS":               {"services = x\n", "[services x]\ns3 =\n  endpoint_url = https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com\n", false},
		"S3, and IAM of AWS":      {"services = x\n", "[services x]\niam =\n  endpoint_url = https://iam.amazonaws.com\n" + s3, false},
		"everything, but ignored": {"endpoint_url = https://store.example\nignore_configured_endpoint_urls = true\n", "", false},
		"another service":         {"services = x\n", "[services x]\ndynamodb =\n  endpoint_url = http://localhost:8000\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 70*settings.Day)
				l.WriteFile("config", "[default]\nregion = eu-west-1\n"+c.config+"[profile work]\nregion = eu-west-1\n"+c.config+c.in)
				r := l.Pass(rotate.Request{DryRun: true})
				if skipped := r.State == decide.StateSkipped; skipped != c.skipped || r.NeedsPerson || skipped != (len(l.Cloud.Calls()) == 0) {
					t.Errorf("%s: %s; %d calls", r.State, r.Why, len(l.Cloud.Calls()))
				}
			})
		})
	}
}

// TestIgnoredVariablesAreNoted: a variable that sends other tools elsewhere, and not keyd, is
// in the notes of the status.
func TestIgnoredVariablesAreNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 10*settings.Day)
		l.Rotator.Getenv = func(name string) string {
			return map[string]string{"AWS_ENDPOINT_URL_S3": "https://store.example"}[name]
		}
		l.Pass(rotate.Request{})
		status, err := state.LoadStatusAndMemoryFrom(l.Rotator.Sys, l.Rotator.StateDir)
		if err != nil || !slices.ContainsFunc(status.Notes, func(note string) bool {
			return strings.HasPrefix(note, "AWS_ENDPOINT_URL_S3 ") && strings.HasSuffix(note, "(profile default, work)")
		}) {
			t.Errorf("the notes are %q, %v", status.Notes, err)
		}
	})
}
