package iam_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"keyd/credfile"
	"keyd/credfile/deeptest"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

var record = flag.Bool("record", false, "ask botocore for the vectors in testdata anew")

// vectors has one case and its answer on each line. To write it anew:
//
//	go test ./daemon/iam -run Botocore -record
const vectors = "testdata/botocore.jsonl"

// botoVector is a case with the answer of botocore.
type botoVector struct {
	Case   botoCase   `json:"case"`
	Answer botoAnswer `json:"answer"`
}

// botoAnswer is how botocore reads a case.
type botoAnswer struct {
	Error    string       `json:"error,omitzero"` // that botocore reads no settings of the profile
	STS, IAM botoEndpoint `json:",omitzero"`
	S3       string       `json:"s3,omitzero"` // the endpoint that the settings name
	Bundle   string       `json:"bundle,omitzero"`
	Who      struct {
		Method string `json:"method,omitzero"`
		Key    string `json:"key,omitzero"`
		Error  string `json:"error,omitzero"`
	} `json:"who,omitzero"`
}

type botoEndpoint struct {
	URL    string `json:"url,omitzero"`
	Region string `json:"region,omitzero"`
	Error  string `json:"error,omitzero"`
}

// keydAnswer is how keyd reads a case.
type keydAnswer struct {
	profile  credfile.Profile // of which keyd would use the endpoints
	found    bool
	err      error // there is no endpoint
	resolved remote.Endpoints
	sts, iam botoEndpoint // of the requests that are sent
}

// TestSettingsAreReadAsBotocoreReadsThem compares what decides where and as whom AWS is asked
// with the answers that botocore gave when the vectors were recorded.
func TestSettingsAreReadAsBotocoreReadsThem(t *testing.T) {
	if *record {
		recordVectors(t)
	}
	data, err := os.ReadFile(vectors)
	if err != nil {
		t.Fatal(err)
	}
	c := comparison{used: map[string]int{}}
	for line := range bytes.Lines(data) {
		var v botoVector
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		c.compare(t, v)
	}
	if c.cases != recordedVectors {
		t.Errorf("%d vectors", c.cases)
	}
	c.report(t)
}

// TestSettingsAreReadAsBotocoreReadsThemNow asks botocore itself, about many more files.
func TestSettingsAreReadAsBotocoreReadsThemNow(t *testing.T) {
	if !deeptest.On() {
		t.Skip("the recorded answers are enough but for deep tests")
	}
	const count = 10_000
	c := comparison{used: map[string]int{}}
	for _, v := range askBotocore(t, firstVector+recordedVectors, count) {
		c.compare(t, v)
	}
	if c.cases != count {
		t.Errorf("%d answers", c.cases)
	}
	for _, d := range differences {
		if c.used[d.name] == 0 {
			t.Errorf("no case shows the difference %q any more", d.name)
		}
	}
	c.report(t)
}

const (
	firstVector     = 1
	recordedVectors = 300
)

func recordVectors(t *testing.T) {
	t.Helper()
	var b bytes.Buffer
	for _, v := range askBotocore(t, firstVector, recordedVectors) {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	if err := os.WriteFile(vectors, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// askBotocore asks botocore about count cases. It skips the test where there is none.
func askBotocore(t *testing.T, first uint64, count int) []botoVector {
	t.Helper()
	version, err := exec.Command("python3", "testdata/ask_botocore.py", "version").Output()
	if err != nil {
		t.Skipf("python3 with botocore is missing: %v", err)
	}
	t.Logf("botocore %s", bytes.TrimSpace(version))
	var in bytes.Buffer
	all := make([]botoVector, count)
	for i := range all {
		all[i].Case = makeCase(first + uint64(i))
		line, err := json.Marshal(all[i].Case)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	cmd := exec.Command("python3", "testdata/ask_botocore.py")
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for i := range all {
		if !lines.Scan() {
			t.Fatalf("botocore gave %d answers of %d", i, count)
		}
		if err := json.Unmarshal(lines.Bytes(), &all[i].Answer); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// readCase reads the files as keyd reads them, and signs a request for each service.
func readCase(t *testing.T, c botoCase) keydAnswer {
	t.Helper()
	lex := func(path string, kind credfile.Kind, text *string) *credfile.File {
		if text == nil {
			return nil
		}
		return credfile.Lex(path, kind, []byte(*text))
	}
	profiles := credfile.Profiles(lex("credentials", credfile.Credentials, c.Credentials), lex("config", credfile.Config, c.Config))
	i := slices.IndexFunc(profiles, func(p credfile.Profile) bool { return p.Name == c.Profile })
	if i < 0 {
		return keydAnswer{}
	}
	a := keydAnswer{profile: profiles[i], found: true}
	a.resolved, a.err = iam.ResolveEndpoints([]credfile.EndpointConfig{a.profile.Endpoints}, c.Env.get)
	if a.err != nil {
		return a
	}
	w := answers(refusal(403, "InvalidClientTokenId", "no"))
	cl := client(t, w, a.resolved)
	cl.CallerIdentity(t.Context(), "")
	cl.ListKeys(t.Context(), user)
	if len(w.got) != 2 {
		t.Fatalf("%d requests", len(w.got))
	}
	for i, e := range []*botoEndpoint{&a.sts, &a.iam} {
		u := w.got[i].URL
		*e = botoEndpoint{URL: u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/"), Region: w.got[i].scope()[2]}
	}
	return a
}

// comparison counts what the cases showed.
type comparison struct {
	cases, equal, unread int
	used                 map[string]int // by the name of a difference
}

func (c *comparison) report(t *testing.T) {
	t.Helper()
	t.Logf("%d cases: %d equal, of %d botocore reads nothing", c.cases, c.equal, c.unread)
	for _, d := range differences {
		t.Logf("%5d  %s: %s", c.used[d.name], d.name, d.why)
	}
}

// compare fails the test if keyd reads a case otherwise than botocore for no reason that
// differences names.
func (c *comparison) compare(t *testing.T, v botoVector) {
	t.Helper()
	c.cases++
	if v.Answer.Error != "" {
		c.unread++
		return
	}
	a := readCase(t, v.Case)
	problems := unequal(v, a)
	if len(problems) == 0 {
		c.equal++
	}
	var unnamed []string
	for _, p := range problems {
		i := slices.IndexFunc(differences[:], func(d difference) bool { return slices.Contains(d.about, p.about) && d.applies(v, a) })
		if i < 0 {
			unnamed = append(unnamed, p.about+": "+p.text)
		} else {
			c.used[differences[i].name]++
		}
	}
	if unnamed != nil {
		t.Errorf("%s\n%s", strings.Join(unnamed, "\n"), describeCase(v, a))
	}
}

func describeCase(v botoVector, a keydAnswer) string {
	text := func(file *string) string {
		if file == nil {
			return "(none)"
		}
		return *file
	}
	return fmt.Sprintf("profile %q, environment %v\n--- config\n%s\n--- credentials\n%s\n--- botocore\n%+v\n--- keyd\n%+v\n%v %+v",
		v.Case.Profile, v.Case.Env, text(v.Case.Config), text(v.Case.Credentials), v.Answer, a.profile, a.err, a.resolved)
}

// problem is one thing in which keyd and botocore differ.
type problem struct{ about, text string }

// unequal returns in what the two differ.
func unequal(v botoVector, a keydAnswer) (problems []problem) {
	add := func(about, format string, args ...any) {
		problems = append(problems, problem{about, fmt.Sprintf(format, args...)})
	}
	if !a.found {
		return []problem{{"profile", "keyd does not find it"}}
	}
	for _, s := range []struct {
		name       string
		boto, keyd botoEndpoint
	}{{"sts", v.Answer.STS, a.sts}, {"iam", v.Answer.IAM, a.iam}} {
		boto := botoEndpoint{URL: strings.TrimSuffix(s.boto.URL, "/"), Region: s.boto.Region, Error: s.boto.Error}
		configured := a.resolved.STSURL
		if s.name == "iam" {
			configured = a.resolved.IAMURL
		}
		switch {
		case boto.Error != "" && a.err == nil:
			add(s.name, "botocore says %s, keyd asks %s", boto.Error, s.keyd.URL)
		case boto.Error == "" && a.err != nil:
			add(s.name, "botocore asks %s, keyd says %v", boto.URL, a.err)
		case boto.Error == "" && (boto.URL != s.keyd.URL || configured == "" && boto.Region != s.keyd.Region):
			add(s.name, "botocore asks %s for %s, keyd %s for %s", boto.URL, boto.Region, s.keyd.URL, s.keyd.Region)
		}
	}
	if a.err == nil && v.Answer.Bundle != a.resolved.CABundle {
		add("bundle", "botocore has %q, keyd %q", v.Answer.Bundle, a.resolved.CABundle)
	}
	switch s3 := v.Answer.S3; {
	case strings.HasPrefix(s3, "error: "):
	case a.profile.Skip == credfile.OtherStore && !isForeign(s3) && a.profile.Endpoints.PluginS3 == "" && a.profile.Endpoints.PluginIAM == "":
		add("s3", "botocore sends it to %q, keyd takes the key for that of another store", s3)
	case a.profile.Skip == credfile.Rotatable && isForeign(s3) && a.profile.Endpoints.EndpointIAM == "":
		add("s3", "botocore sends it to %s, keyd takes the key for that of AWS", s3)
	}
	if who, boto := whoSigns(a.profile), signer(v.Answer.Who.Method); who != boto && v.Answer.Who.Error == "" {
		add("who", "to botocore it is %s, to keyd %s", boto, who)
	}
	if key := a.profile.Key.ID; v.Answer.Who.Key != "" && key != v.Answer.Who.Key {
		add("key", "botocore signs with %s, keyd with %s", v.Answer.Who.Key, key)
	}
	return problems
}

func isCustom(u string) bool {
	return iam.CustomEndpoints(remote.Endpoints{IAMURL: u}) != ""
}

// isForeign reports whether a URL leads away from AWS.
func isForeign(u string) bool {
	return strings.Contains(u, "://") && !strings.Contains(u, ".amazonaws.com")
}

// whoSigns returns who signs for the profile, as far as keyd tells: static, role, sso, login,
// process, or nobody.
func whoSigns(p credfile.Profile) string {
	for _, w := range p.Warnings {
		switch {
		case strings.Contains(w.Text, "also assumes a role"):
			return "role"
		case strings.Contains(w.Text, "also signs in through IAM Identity Center"):
			return "sso"
		case strings.Contains(w.Text, "also has login_session"):
			return "login"
		}
	}
	switch p.Skip {
	case credfile.Role:
		return "role"
	case credfile.SSO:
		return "sso"
	case credfile.Login:
		return "login"
	case credfile.NoKeys:
		return "nobody"
	}
	return "static"
}

// signer translates botocore's name for a provider.
func signer(method string) string {
	switch {
	case method == "shared-credentials-file" || method == "config-file":
		return "static"
	case strings.HasPrefix(method, "assume-role"):
		return "role"
	case method == "":
		return "nobody"
	}
	return method
}

// difference is a reason for which keyd reads a case otherwise than botocore.
type difference struct {
	name, why string
	about     []string // the problems that it explains
	applies   func(v botoVector, a keydAnswer) bool
}

var (
	endpoints  = []string{"sts", "iam"}
	everything = []string{"sts", "iam", "bundle", "s3", "who", "key", "profile"}
)

// differences lists all of them. Each must be needed.
var differences = [...]difference{
	{"a value that readers disagree on", "keyd warns of quotes, comments and indented lines around a value, and reads it as the other SDKs do: to botocore it makes no sense", everything,
		func(_ botoVector, a keydAnswer) bool { return warns(a, "the AWS CLI reads ") }},
	{"a clear connection", "a new secret must not travel without TLS: keyd refuses the endpoint", endpoints, refuses("without TLS")},
	{"a region that does not exist", "a mistyped region sends the key to a host that AWS does not have: keyd refuses it", endpoints, refuses("no AWS partition")},
	{"an odd boolean of the environment", "the Go SDK refuses it too, and what its owner meant is not known", endpoints, refuses("must be true or false")},
	{"FIPS and a custom endpoint", "the Go SDK refuses it too: nobody knows whether the endpoint is validated", endpoints, refuses("exclude each other")},
	{"one of two endpoints", "keyd needs both services, and refuses a key whose settings make one of them unusable", endpoints, func(v botoVector, a keydAnswer) bool {
		return a.err != nil && (v.Answer.STS.Error != "" || v.Answer.IAM.Error != "")
	}},
	{"a region of the environment", "the environment of keyd says nothing about the tools that use the profile, which names its region itself", endpoints, func(v botoVector, a keydAnswer) bool {
		own, set := a.profile.Endpoints.Region, v.Case.Env["AWS_DEFAULT_REGION"]
		return a.err == nil && own != "" && set != "" && own != set
	}},
	{"AWS_REGION", "botocore alone does not read it", endpoints, func(v botoVector, a keydAnswer) bool {
		return a.err == nil && a.profile.Endpoints.Region == "" && v.Case.Env["AWS_DEFAULT_REGION"] == "" && v.Case.Env["AWS_REGION"] != ""
	}},
	{"more than host and path in a URL", "keyd refuses what may be a password or a comment", endpoints, refuses("must hold scheme, host, port and path only")},
	{"a profile without a key", "keyd asks nothing, whatever else the profile signs in with", everything, func(v botoVector, a keydAnswer) bool {
		return a.profile.Key.IsZero() && a.profile.Skip != credfile.Unreadable && (v.Answer.Who.Method == "" || signer(v.Answer.Who.Method) == whoSigns(a.profile))
	}},
	{"a pair that not all readers find", "keyd warns, or refuses the pair", []string{"who", "key"}, func(v botoVector, a keydAnswer) bool {
		return a.profile.Skip == credfile.Unreadable || warns(a, "inside the brackets") || warns(a, "must end with ']'") || warns(a, "does not read the settings below this header") ||
			v.Case.holds("[ "+v.Case.Profile)
	}},
	{"another store for other readers", "a key of another store must not be sent to AWS, whoever may find the store", []string{"s3"}, func(_ botoVector, a keydAnswer) bool {
		e := a.profile.Endpoints
		return a.profile.Skip == credfile.OtherStore && (e.IgnoreEndpoints || e.EndpointIAM != "" || !isForeign(e.EndpointS3) && !isForeign(e.EndpointURL))
	}},
	{"another store, but not in this environment", "a variable of keyd's environment makes no store's key one of AWS", []string{"s3"}, func(v botoVector, a keydAnswer) bool {
		return a.profile.Skip == credfile.OtherStore && (v.Case.Env["AWS_ENDPOINT_URL"] != "" || v.Case.Env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] != "")
	}},
	{"everything elsewhere by the environment", "keyd asks there, too, or where the environment has IAM", []string{"s3"}, func(v botoVector, a keydAnswer) bool {
		return a.profile.Skip == credfile.Rotatable && (v.Case.Env["AWS_ENDPOINT_URL"] != "" || v.Case.Env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] != "")
	}},
	{"rules of another version", "outside of partition aws, the rules for IAM with FIPS or dual-stack names change with the versions of the SDKs", []string{"iam"}, func(v botoVector, a keydAnswer) bool {
		return a.err == nil && (a.resolved.DualStack || a.resolved.FIPS) && a.resolved.Partition != "aws" && v.Answer.IAM.Error == ""
	}},
	{"a role with the pair of its own profile", "keyd rotates the pair with which the role is assumed", []string{"who"}, func(v botoVector, _ keydAnswer) bool {
		return signer(v.Answer.Who.Method) == "role" && v.Case.holds("source_profile = "+v.Case.Profile)
	}},
	{"a global region with variants", "botocore makes up sts-fips.aws-global.amazonaws.com, which does not exist; keyd asks the partition's region", []string{"sts"}, func(v botoVector, a keydAnswer) bool {
		return a.err == nil && strings.Contains(v.Answer.STS.URL, ".aws-global.")
	}},
}

// refuses returns the condition that keyd refuses the settings with these words.
func refuses(words string) func(botoVector, keydAnswer) bool {
	return func(_ botoVector, a keydAnswer) bool { return a.err != nil && strings.Contains(a.err.Error(), words) }
}

// warns reports whether keyd warns with these words about the profile.
func warns(a keydAnswer, words string) bool {
	return slices.ContainsFunc(a.profile.Warnings, func(w credfile.Problem) bool { return strings.Contains(w.Text, words) })
}
