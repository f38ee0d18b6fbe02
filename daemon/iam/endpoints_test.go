package iam_test

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keyd/credfile"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

type env map[string]string

func (e env) get(name string) string { return e[name] }

// Calls go where the profile and the environment would send any AWS tool.
func TestResolveFollowsProfileAndEnvironment(t *testing.T) {
	const (
		a, b = "https://a.example", "https://b.example"
		c, d = "https://c.example", "https://d.example"
	)
	profile := func(s credfile.EndpointConfig) []credfile.EndpointConfig { return []credfile.EndpointConfig{s} }
	full := credfile.EndpointConfig{Region: "eu-west-1", EndpointURL: d, EndpointIAM: c}
	for _, test := range []struct {
		name  string
		sites []credfile.EndpointConfig
		env   env
		want  remote.Endpoints
	}{
		{"no settings", nil, nil, remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, GlobalSTS: true}},
		{"region of the profile, then the partition's", profile(credfile.EndpointConfig{Region: "eu-west-1"}), nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}}},
		{"the partition's region alone", profile(credfile.EndpointConfig{Region: "us-east-1"}), nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}}},
		{"several profiles, no duplicates", []credfile.EndpointConfig{{Region: "eu-west-1"}, {}, {Region: "us-east-1"}, {Region: "eu-west-1"}, {Region: "ap-south-1"}}, nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1", "ap-south-1"}}},
		{"profile beats AWS_REGION", profile(credfile.EndpointConfig{Region: "eu-west-1"}), env{"AWS_REGION": "cn-north-1"},
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}}},
		{"AWS_REGION when no profile names one", profile(credfile.EndpointConfig{}), env{"AWS_REGION": "cn-northwest-1"},
			remote.Endpoints{Partition: "aws-cn", Regions: []string{"cn-northwest-1", "cn-north-1"}}},
		{"AWS_DEFAULT_REGION before AWS_REGION", profile(credfile.EndpointConfig{}), env{"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-south-1"},
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-south-1", "eu-west-1", "us-east-1"}}},
		{"AWS_REGION of another partition than AWS_DEFAULT_REGION", profile(credfile.EndpointConfig{}), env{"AWS_REGION": "cn-northwest-1", "AWS_DEFAULT_REGION": "us-east-1"},
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}}},
		{"AWS_DEFAULT_REGION alone", profile(credfile.EndpointConfig{}), env{"AWS_DEFAULT_REGION": "us-gov-east-1"},
			remote.Endpoints{Partition: "aws-us-gov", Regions: []string{"us-gov-east-1", "us-gov-west-1"}}},
		{"partition from the MFA device", profile(credfile.EndpointConfig{MFASerial: "arn:aws-cn:iam::123456789012:mfa/bob"}), nil,
			remote.Endpoints{Partition: "aws-cn", Regions: []string{"cn-north-1"}}},
		{"partition from an endpoint of AWS", profile(credfile.EndpointConfig{EndpointSTS: "https://sts.us-gov-east-1.amazonaws.com"}), nil,
			remote.Endpoints{Partition: "aws-us-gov", Regions: []string{"us-gov-west-1"}, STSURL: "https://sts.us-gov-east-1.amazonaws.com"}},
		{"partition from the endpoint of GovCloud's IAM", profile(credfile.EndpointConfig{EndpointIAM: "https://iam.us-gov.amazonaws.com"}), nil,
			remote.Endpoints{Partition: "aws-us-gov", Regions: []string{"us-gov-west-1"}, IAMURL: "https://iam.us-gov.amazonaws.com"}},
		{"a stranger's host name hints at nothing", profile(credfile.EndpointConfig{EndpointURL: "https://cn-north-1.example/"}), nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, IAMURL: "https://cn-north-1.example", STSURL: "https://cn-north-1.example"}},
		{"pseudo region with fips", profile(credfile.EndpointConfig{Region: "fips-us-gov-west-1"}), nil,
			remote.Endpoints{Partition: "aws-us-gov", Regions: []string{"us-gov-west-1"}, FIPS: true}},
		{"pseudo region of the partition", profile(credfile.EndpointConfig{Region: "aws-global"}), nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, GlobalSTS: true}},
		{"pseudo region by the environment", nil, env{"AWS_DEFAULT_REGION": "aws-global"},
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, GlobalSTS: true}},
		{"region of a private cloud", profile(credfile.EndpointConfig{Region: "garage", EndpointURL: a}), nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"garage", "us-east-1"}, IAMURL: a, STSURL: a}},
		{"an endpoint of a service beats the endpoint of the profile", profile(full), nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}, IAMURL: c, STSURL: d}},
		{"AWS_ENDPOINT_URL beats the profile", profile(full), env{"AWS_ENDPOINT_URL": b},
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}, IAMURL: b, STSURL: b}},
		{"AWS_ENDPOINT_URL_STS beats AWS_ENDPOINT_URL", profile(full), env{"AWS_ENDPOINT_URL": b, "AWS_ENDPOINT_URL_STS": a},
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}, IAMURL: b, STSURL: a}},
		{"AWS_ENDPOINT_URL_IAM alone", profile(full), env{"AWS_ENDPOINT_URL_IAM": a},
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}, IAMURL: a, STSURL: d}},
		{"the environment says to ignore endpoints", profile(full), env{"AWS_ENDPOINT_URL": b, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"},
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}}},
		{"the profile says to ignore endpoints", profile(credfile.EndpointConfig{Region: "eu-west-1", EndpointURL: d, IgnoreEndpoints: true}), env{"AWS_ENDPOINT_URL": b},
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}}},
		{"the environment overrides that the profile ignores endpoints", profile(credfile.EndpointConfig{Region: "eu-west-1", EndpointURL: d, IgnoreEndpoints: true}), env{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"},
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}, IAMURL: d, STSURL: d}},
		{"bundle of the environment", profile(credfile.EndpointConfig{CABundle: "/p.pem"}), env{"AWS_CA_BUNDLE": "/e.pem"},
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, CABundle: "/e.pem", GlobalSTS: true}},
		{"bundle of one profile", []credfile.EndpointConfig{{}, {CABundle: "/p.pem"}, {CABundle: "/p.pem"}}, nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, CABundle: "/p.pem", GlobalSTS: true}},
		{"FIPS by one of the profiles", []credfile.EndpointConfig{{}, {FIPS: true}}, nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, FIPS: true}},
		{"FIPS by the environment", nil, env{"AWS_USE_FIPS_ENDPOINT": "true"},
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, FIPS: true}},
		{"FIPS switched off by the environment", profile(credfile.EndpointConfig{FIPS: true}), env{"AWS_USE_FIPS_ENDPOINT": "false"},
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, GlobalSTS: true}},
		{"bundle of Python's tools comes last", nil, env{"REQUESTS_CA_BUNDLE": "/r.pem"},
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, CABundle: "/r.pem", GlobalSTS: true}},
		{"bundle of the profile beats that of Python's tools", profile(credfile.EndpointConfig{CABundle: "/p.pem"}), env{"REQUESTS_CA_BUNDLE": "/r.pem"},
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, CABundle: "/p.pem", GlobalSTS: true}},
		{"dual-stack by one of the profiles", []credfile.EndpointConfig{{}, {DualStack: true}}, nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, DualStack: true}},
		{"dual-stack by the environment", nil, env{"AWS_USE_DUALSTACK_ENDPOINT": "True"},
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, DualStack: true}},
		{"dual-stack switched off by the environment", profile(credfile.EndpointConfig{DualStack: true}), env{"AWS_USE_DUALSTACK_ENDPOINT": "false"},
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, GlobalSTS: true}},
		{"the global STS, which is one for all old regions", profile(credfile.EndpointConfig{Region: "eu-west-1", RegionalSTS: "legacy"}), nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, GlobalSTS: true}},
		{"a region younger than the global STS", profile(credfile.EndpointConfig{Region: "eu-south-1"}), env{"AWS_STS_REGIONAL_ENDPOINTS": "legacy"},
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-south-1", "us-east-1"}, GlobalSTS: true}},
		{"the environment asks for regional STS", profile(credfile.EndpointConfig{Region: "eu-west-1", RegionalSTS: "legacy"}), env{"AWS_STS_REGIONAL_ENDPOINTS": "regional"},
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}}},
		{"one of two profiles asks for regional STS", []credfile.EndpointConfig{{RegionalSTS: "legacy"}, {Region: "eu-west-1"}}, nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"eu-west-1", "us-east-1"}}},
		{"FIPS has no global STS", profile(credfile.EndpointConfig{Region: "us-east-2", RegionalSTS: "legacy", FIPS: true}), nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-2", "us-east-1"}, FIPS: true}},
		{"a services section is not looked at when the environment names both endpoints", profile(credfile.EndpointConfig{ServicesProblem: "x"}), env{"AWS_ENDPOINT_URL": a},
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, IAMURL: a, STSURL: a}},
		{"a services section is not looked at when endpoints are ignored", profile(credfile.EndpointConfig{ServicesProblem: "x", IgnoreEndpoints: true}), nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, GlobalSTS: true}},
		{"plain http to this machine", profile(credfile.EndpointConfig{EndpointSTS: "http://localhost:4566/", EndpointIAM: "http://[::1]:4566"}), nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, IAMURL: "http://[::1]:4566", STSURL: "http://localhost:4566"}},
		{"plain http to 127.0.0.0/8", profile(credfile.EndpointConfig{EndpointURL: "http://127.8.9.1:1"}), nil,
			remote.Endpoints{Partition: "aws", Regions: []string{"us-east-1"}, IAMURL: "http://127.8.9.1:1", STSURL: "http://127.8.9.1:1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := iam.ResolveEndpoints(test.sites, test.env.get)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Regions, test.want.Regions) {
				t.Errorf("regions %v, want %v", got.Regions, test.want.Regions)
			}
			got.Regions, test.want.Regions = nil, nil
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// What would send a secret astray, or to nowhere, is refused with the reason.
func TestResolveRefuses(t *testing.T) {
	for _, test := range []struct {
		name  string
		site  credfile.EndpointConfig
		env   env
		words string
	}{
		{"plain http over a network", credfile.EndpointConfig{EndpointURL: "http://iam.example"}, nil, "without TLS"},
		{"plain http to a name like localhost", credfile.EndpointConfig{EndpointURL: "http://localhost.example"}, nil, "without TLS anyone on the way can read a new secret; use https, or, if it is this machine, http://127.0.0.1"},
		{"plain http to every address", credfile.EndpointConfig{EndpointURL: "http://0.0.0.0:4566"}, nil, "without TLS"},
		{"plain http by the environment", credfile.EndpointConfig{}, env{"AWS_ENDPOINT_URL_STS": "http://10.0.0.1"}, "AWS_ENDPOINT_URL_STS"},
		{"another scheme", credfile.EndpointConfig{EndpointURL: "ftp://localhost"}, nil, "https"},
		{"no host", credfile.EndpointConfig{EndpointURL: "localhost:4566"}, nil, "not a URL with a host"},
		{"no URL", credfile.EndpointConfig{EndpointURL: "https://[::1"}, nil, "not a URL with a host"},
		{"query", credfile.EndpointConfig{EndpointURL: "https://a.example/?x=1"}, nil, "scheme, host, port and path"},
		{"FIPS and a custom endpoint", credfile.EndpointConfig{EndpointURL: "https://a.example", FIPS: true}, nil, "FIPS"},
		{"FIPS by the region and a custom endpoint", credfile.EndpointConfig{EndpointURL: "https://a.example", Region: "us-east-1-fips"}, nil, "FIPS"},
		{"region of no partition", credfile.EndpointConfig{Region: "xx-foo-1"}, nil, `"xx-foo-1"`},
		{"the name of a place", credfile.EndpointConfig{Region: "Ireland"}, nil, "a region looks like eu-west-1"},
		{"a region in capitals", credfile.EndpointConfig{Region: "EU-WEST-1"}, nil, "did you mean eu-west-1?"},
		{"an availability zone", credfile.EndpointConfig{Region: "cn-north-1a"}, nil, "did you mean cn-north-1? that is one of its availability zones"},
		{"region with a host in it", credfile.EndpointConfig{Region: "us-east-1.evil.example", EndpointURL: "https://a.example"}, nil, "partition"},
		{"AWS_REGION of no partition", credfile.EndpointConfig{}, env{"AWS_REGION": "nowhere"}, `"nowhere"`},
		{"a services section that is missing", credfile.EndpointConfig{ServicesProblem: "names nothing"}, env{"AWS_ENDPOINT_URL_STS": "https://a.example"}, "services names nothing"},
		{"an unknown kind of STS", credfile.EndpointConfig{RegionalSTS: "global"}, nil, `sts_regional_endpoints is "global"`},
		{"an unknown kind of STS by the environment", credfile.EndpointConfig{}, env{"AWS_STS_REGIONAL_ENDPOINTS": "x"}, `AWS_STS_REGIONAL_ENDPOINTS is "x"`},
		{"odd dual-stack", credfile.EndpointConfig{}, env{"AWS_USE_DUALSTACK_ENDPOINT": "1"}, "AWS_USE_DUALSTACK_ENDPOINT"},
		{"odd boolean", credfile.EndpointConfig{}, env{"AWS_USE_FIPS_ENDPOINT": "yes"}, "AWS_USE_FIPS_ENDPOINT"},
		{"odd ignoring", credfile.EndpointConfig{}, env{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "1"}, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"},
	} {
		_, err := iam.ResolveEndpoints([]credfile.EndpointConfig{test.site}, test.env.get)
		if err == nil || !strings.HasPrefix(err.Error(), "iam: ") || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
	_, err := iam.ResolveEndpoints(nil, env{"AWS_ENDPOINT_URL": "https://bob:hunter2@a.example"}.get)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("URL with a password: got %v", err)
	}
	_, err = iam.ResolveEndpoints(nil, env{"AWS_ENDPOINT_URL": "http://bob:hunter2@a.example"}.get)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("URL with a password: got %v", err)
	}
}

// The error names two profiles that disagree by index, so that a caller can show
// their names.
func TestResolveReportsConflicts(t *testing.T) {
	for _, test := range []struct {
		name  string
		sites []credfile.EndpointConfig
		i, j  int
		words []string
	}{
		{"endpoint and no endpoint", []credfile.EndpointConfig{{EndpointURL: "https://a.example"}, {EndpointURL: "https://a.example"}, {}}, 0, 2, []string{"https://a.example", "AWS itself"}},
		{"two endpoints of sts", []credfile.EndpointConfig{{EndpointSTS: "https://a.example"}, {EndpointSTS: "https://b.example"}}, 0, 1, []string{"a.example", "b.example", "sts"}},
		{"two partitions", []credfile.EndpointConfig{{}, {Region: "eu-west-1"}, {Region: "us-east-1"}, {Region: "cn-north-1"}}, 1, 3, []string{"aws-cn (cn-north-1)", "aws (eu-west-1)"}},
		{"two bundles", []credfile.EndpointConfig{{}, {CABundle: "/a"}, {CABundle: "/b"}}, 1, 2, []string{"/a", "/b"}},
	} {
		_, err := iam.ResolveEndpoints(test.sites, env{}.get)
		e, ok := errors.AsType[*iam.ConflictError](err)
		if !ok || e.First != test.i || e.Second != test.j {
			t.Errorf("%s: got %v", test.name, err)
			continue
		}
		for _, word := range test.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q lacks %q", test.name, err, word)
			}
		}
	}
}

// CustomEndpoints names every endpoint that is not AWS's own, even one under AWS's
// domain.
func TestCustomEndpointsAreNotAWS(t *testing.T) {
	for endpoint, aws := range map[string]bool{
		"https://sts.eu-west-1.amazonaws.com":             true,
		"https://sts.amazonaws.com":                       true,
		"https://iam.amazonaws.com":                       true,
		"https://iam-fips.amazonaws.com":                  true,
		"https://iam.us-gov.amazonaws.com":                true,
		"https://iam.global.api.aws":                      true,
		"https://sts.cn-north-1.amazonaws.com.cn":         true,
		"https://iam.eusc-de-east-1.amazonaws.eu":         true,
		"https://STS.EU-WEST-1.AMAZONAWS.COM":             true,
		"https://sts.evil.amazonaws.com":                  false,
		"https://bucket.s3.amazonaws.com":                 false,
		"https://x.execute-api.eu-west-1.amazonaws.com":   false,
		"https://vpce-1.sts.us-east-1.vpce.amazonaws.com": false,
		"https://amazonaws.com.evil.example":              false,
		"https://stsamazonaws.com":                        false,
		"http://127.0.0.1:4566":                           false,
	} {
		want := endpoint
		if aws {
			want = ""
		}
		if got := iam.CustomEndpoints(remote.Endpoints{IAMURL: endpoint, STSURL: endpoint}); got != want {
			t.Errorf("%s: got %q", endpoint, got)
		}
	}
	if got := iam.CustomEndpoints(remote.Endpoints{IAMURL: "https://a.example", STSURL: "https://b.example"}); got != "https://a.example and https://b.example" {
		t.Errorf("got %q", got)
	}
}

// Each partition has its own hosts and its own region for signatures. The table
// lists them as they appear on the wire.
func TestHostsAndRegionsOfPartitions(t *testing.T) {
	for _, p := range []struct{ partition, region, iam, signed, sts string }{
		{"aws", "eu-west-1", "iam.amazonaws.com", "us-east-1", "sts.eu-west-1.amazonaws.com"},
		{"aws", "us-east-1", "iam.amazonaws.com", "us-east-1", "sts.us-east-1.amazonaws.com"},
		{"aws", "mx-central-1", "iam.amazonaws.com", "us-east-1", "sts.mx-central-1.amazonaws.com"},
		{"aws-cn", "cn-northwest-1", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1", "sts.cn-northwest-1.amazonaws.com.cn"},
		{"aws-us-gov", "us-gov-east-1", "iam.us-gov.amazonaws.com", "us-gov-west-1", "sts.us-gov-east-1.amazonaws.com"},
		{"aws-iso", "us-iso-west-1", "iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "sts.us-iso-west-1.c2s.ic.gov"},
		{"aws-iso-b", "us-isob-east-1", "iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov"},
		{"aws-iso-e", "eu-isoe-west-1", "iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", "sts.eu-isoe-west-1.cloud.adc-e.uk"},
		{"aws-iso-f", "us-isof-east-1", "iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", "sts.us-isof-east-1.csp.hci.ic.gov"},
		{"aws-eusc", "eusc-de-east-1", "iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"},
	} {
		if got := iam.PartitionOf(p.region); got != p.partition {
			t.Errorf("%s: partition %q, want %q", p.region, got, p.partition)
		}
		checkCalled(t, credfile.EndpointConfig{Region: p.region}, p.iam, p.signed, p.sts, p.region)
	}
	checkCalled(t, credfile.EndpointConfig{Region: "eu-west-1", FIPS: true}, "iam-fips.amazonaws.com", "us-east-1", "sts-fips.eu-west-1.amazonaws.com", "eu-west-1")
	checkCalled(t, credfile.EndpointConfig{Region: "us-gov-east-1", FIPS: true}, "iam.us-gov.amazonaws.com", "us-gov-west-1", "sts.us-gov-east-1.amazonaws.com", "us-gov-east-1")
	checkCalled(t, credfile.EndpointConfig{Region: "eu-west-1", DualStack: true}, "iam.global.api.aws", "us-east-1", "sts.eu-west-1.api.aws", "eu-west-1")
	checkCalled(t, credfile.EndpointConfig{Region: "eu-west-1", DualStack: true, FIPS: true}, "iam-fips.global.api.aws", "us-east-1", "sts-fips.eu-west-1.api.aws", "eu-west-1")
	checkCalled(t, credfile.EndpointConfig{Region: "us-gov-east-1", DualStack: true}, "iam.us-gov.api.aws", "us-gov-west-1", "sts.us-gov-east-1.api.aws", "us-gov-east-1")
	checkCalled(t, credfile.EndpointConfig{Region: "cn-north-1", DualStack: true}, "iam.global.api.amazonwebservices.com.cn", "cn-north-1", "sts.cn-north-1.api.amazonwebservices.com.cn", "cn-north-1")
	checkCalled(t, credfile.EndpointConfig{Region: "eu-west-1", DualStack: true, EndpointSTS: "https://a.example"}, "iam.global.api.aws", "us-east-1", "a.example", "eu-west-1")
	checkCalled(t, credfile.EndpointConfig{Region: "eu-west-1", RegionalSTS: "legacy"}, "iam.amazonaws.com", "us-east-1", "sts.amazonaws.com", "us-east-1")
	checkCalled(t, credfile.EndpointConfig{Region: "eu-south-1", RegionalSTS: "legacy"}, "iam.amazonaws.com", "us-east-1", "sts.eu-south-1.amazonaws.com", "eu-south-1")
	checkCalled(t, credfile.EndpointConfig{Region: "cn-north-1", RegionalSTS: "legacy"}, "iam.cn-north-1.amazonaws.com.cn", "cn-north-1", "sts.cn-north-1.amazonaws.com.cn", "cn-north-1")
	checkCalled(t, credfile.EndpointConfig{Region: "eu-west-1", EndpointURL: "https://a.example:8443/x"}, "a.example:8443", "us-east-1", "a.example:8443", "eu-west-1")
}

func checkCalled(t *testing.T, site credfile.EndpointConfig, iamHost, iamRegion, stsHost, stsRegion string) {
	t.Helper()
	resolved, err := iam.ResolveEndpoints([]credfile.EndpointConfig{site}, env{}.get)
	if err != nil {
		t.Fatal(err)
	}
	w := answers(refusal(403, "InvalidClientTokenId", "no"))
	c := client(t, w, resolved)
	c.ListKeys(t.Context(), user)
	c.CallerIdentity(t.Context(), "")
	if len(w.got) != 2 {
		t.Fatalf("%d requests for %+v", len(w.got), site)
	}
	for i, want := range [][3]string{{iamHost, iamRegion, "iam"}, {stsHost, stsRegion, "sts"}} {
		scope := w.got[i].scope()
		if got := [3]string{w.got[i].URL.Host, scope[2], scope[3]}; got != want {
			t.Errorf("%+v: got %v, want %v", site, got, want)
		}
	}
}

// A region name that fits no pattern has no partition.
func TestPartitionOfUnknownRegions(t *testing.T) {
	for _, region := range []string{"", "us", "us-east", "us-east-1a", "us-east-1.example", "xx-foo-1", "US-EAST-1", "us--1", "us-gov", "-east-1", "us-east-1-", "foo-global", "eusc-fr-west-1"} {
		if got := iam.PartitionOf(region); got != "" {
			t.Errorf("%q is in %q", region, got)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(map[string]bool{"aws": true, "aws-cn": true, "aws-us-gov": true, "aws-iso": true})) {
		if got := iam.PartitionOf(p + "-global"); got != p {
			t.Errorf("%s-global is in %q", p, got)
		}
	}
}

// What decides where other tools go, and does not count for keyd, is named.
func TestIgnoredSettingsAreNamed(t *testing.T) {
	for _, test := range []struct {
		site  credfile.EndpointConfig
		env   env
		words []string
	}{
		{credfile.EndpointConfig{Region: "eu-west-1"}, env{"AWS_REGION": "eu-south-1"}, nil},
		{credfile.EndpointConfig{Region: "us-gov-west-1"}, env{"AWS_REGION": "eu-south-1", "AWS_DEFAULT_REGION": "us-gov-east-1"}, []string{"AWS_REGION", "eu-south-1", "aws-us-gov"}},
		{credfile.EndpointConfig{}, env{"AWS_ENDPOINT_URL_S3": "https://bob:hunter2@store.example/x"}, []string{"AWS_ENDPOINT_URL_S3", "store.example"}},
		{credfile.EndpointConfig{}, env{"AWS_ENDPOINT_URL_S3": "https://s3.eu-west-1.amazonaws.com"}, nil},
		{credfile.EndpointConfig{}, env{"AWS_ENDPOINT_URL_S3": "https://store.example", "AWS_ENDPOINT_URL": "https://all.example"}, nil},
		{credfile.EndpointConfig{Region: "nowhere"}, env{"AWS_REGION": "cn-north-1"}, nil},
	} {
		got := strings.Join(iam.IgnoredSettings(test.site, test.env.get), "; ")
		if (got == "") != (test.words == nil) || strings.Contains(got, "hunter2") {
			t.Errorf("%+v %v: got %q", test.site, test.env, got)
		}
		for _, word := range test.words {
			if !strings.Contains(got, word) {
				t.Errorf("%q lacks %q", got, word)
			}
		}
	}
}
