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

var liveFiles = flag.Int("botocore.files", 3000, "for how many generated files deep tests ask botocore; 10000 take four minutes")

// TestSettingsAreReadAsBotocoreReadsThemNow asks botocore itself, about many more files.
func TestSettingsAreReadAsBotocoreReadsThemNow(t *testing.T) {
	if !deeptest.On() {
		t.Skip("the recorded answers are enough but for deep tests")
	}
	count := *liveFiles
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
