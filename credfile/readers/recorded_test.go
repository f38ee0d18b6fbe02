package readers

import (
	"encoding/json"
	"os"
	"strconv"
	"testing"
)

// recording is what programs found in a file. A program that refuses the file found
// nil; a setting of a nested block is named "block.name".
//
// The files are a sample of those of generateFile. They were read with botocore 1.43.11
// on Python 3.11 (load_config for a config file and raw_config_parse for a credentials
// file), with aws-sdk-go-v2/config v1.33.15 and with @smithy/shared-ini-file-loader 4.7.2
// (without its sections of sso-session and services, which are no profiles).
type recording struct {
	File       string // quoted as in Go
	Config     bool
	Botocore   map[string]map[string]string
	Go         map[string]map[string]string
	JavaScript map[string]map[string]string
}

func TestModelsFindWhatTheProgramsFound(t *testing.T) {
	data, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var recordings []recording
	if err := json.Unmarshal(data, &recordings); err != nil {
		t.Fatal(err)
	}
	if len(recordings) < 200 {
		t.Errorf("got %d recordings, want at least 200", len(recordings))
	}
	for _, r := range recordings {
		text, err := strconv.Unquote(r.File)
		if err != nil {
			t.Fatal(err)
		}
		requireFound(t, "the AWS CLI", r.Config, text, r.Botocore)
		requireFound(t, "the Go SDK", r.Config, text, r.Go)
		requireFound(t, "the JavaScript SDK", r.Config, text, r.JavaScript)
	}
}

// requireFound requires that a model finds what its program found; nil for a file that
// the program refuses.
func requireFound(t *testing.T, name string, config bool, text string, want map[string]map[string]string) {
	t.Helper()
	if got := find(t, name, config, text); !sameJSON(got, want) {
		t.Errorf("%s reads %q (config: %t) as\n%v, want\n%v", name, text, config, got, want)
	}
}

// find returns what the model of this name finds in a file, nil if it refuses the file.
func find(t *testing.T, name string, config bool, text string) map[string]map[string]string {
	t.Helper()
	for _, r := range All() {
		if r.Name != name {
			continue
		}
		profiles, err := r.ReadFile(config, []byte(text))
		if err != nil {
			return nil
		}
		found := map[string]map[string]string{}
		for profile, settings := range profiles {
			found[profile] = map[string]string{}
			for key, setting := range settings {
				found[profile][key] = setting.Value
			}
		}
		return found
	}
	t.Fatalf("there is no model of %s", name)
	return nil
}

// sameJSON compares as the recordings are stored, where a byte that is not UTF-8 has no
// form of its own.
func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// The Java and the Rust SDK follow the same rules but for the points here. The vectors of
// package credfile cover the rules.
func TestWhereJavaAndRustDiffer(t *testing.T) {
	pair := map[string]map[string]string{"a": {"aws_access_key_id": "i", "aws_secret_access_key": "s"}}
	for _, test := range []struct {
		name, text string
		java, rust map[string]map[string]string
	}{
		{"carriage returns alone end a line in Java", "[a]\raws_access_key_id = i\raws_secret_access_key = s\r", pair, nil},
		{"Java ends a line at a carriage return in a value", "[a]\naws_access_key_id = i\raws_secret_access_key = s\n", pair,
			map[string]map[string]string{"a": {"aws_access_key_id": "i\raws_secret_access_key = s"}}},
		{"Java keeps capitals", "[a]\nAWS_Access_Key_ID = i\n",
			map[string]map[string]string{"a": {"AWS_Access_Key_ID": "i"}}, map[string]map[string]string{"a": {"aws_access_key_id": "i"}}},
		{"Java trims control characters", "[\fa]\n\faws_access_key_id\v=\fi\n", map[string]map[string]string{"a": {"aws_access_key_id": "i"}}, map[string]map[string]string{}},
		{"Java reads a file that is not UTF-8", "# \xe9\n[a]\nk = v\n", map[string]map[string]string{"a": {"k": "v"}}, nil},
		{"Rust begins a comment after any blank", "[a]\nk = v\u00a0# c\n", map[string]map[string]string{"a": {"k": "v\u00a0# c"}}, map[string]map[string]string{"a": {"k": "v\u00a0"}}},
	} {
		if got := find(t, "the Java SDK", false, test.text); !sameJSON(got, test.java) {
			t.Errorf("%s: Java finds %v, want %v", test.name, got, test.java)
		}
		if got := find(t, "the Rust SDK", false, test.text); !sameJSON(got, test.rust) {
			t.Errorf("%s: Rust finds %v, want %v", test.name, got, test.rust)
		}
	}
}

// Both files together: each program joins them in its own way.
func TestReadFilesJoinsBothFiles(t *testing.T) {
	const whole = "[a]\naws_access_key_id = i\naws_secret_access_key = s\n"
	const wholeConfig = "[profile a]\naws_access_key_id = j\naws_secret_access_key = t\n"
	for _, test := range []struct {
		name, credentials, config string
		want                      [5]string // id and secret, in the order of All
	}{
		{"the credentials file wins", whole, wholeConfig, [5]string{"i s", "i s", "i s", "i s", "i s"}},
		{"settings only in credentials", "[a]\nk = v\n", wholeConfig, [5]string{"j t", "j t", "j t", "j t", "j t"}},
		{"an id in credentials, a secret in config", "[a]\naws_access_key_id = i\n", "[profile a]\naws_secret_access_key = t\n", [5]string{"i ", " ", "i t", "i t", "i t"}},
		{"half a pair in credentials, a pair in config", "[a]\naws_access_key_id = i\n", wholeConfig, [5]string{"i ", " ", "i t", "i t", "i t"}},
		{"a secret in credentials, a pair in config", "[a]\naws_secret_access_key = s\n", wholeConfig, [5]string{"j t", " ", "j s", "j s", "j s"}},
		{"a config file that is refused", whole, "junk\n", [5]string{" ", "i s", "i s", " ", " "}},
	} {
		for i, r := range All() {
			p := r.Pair(r.ReadFiles([]byte(test.credentials), []byte(test.config))["a"])
			if got := p.ID.Value + " " + p.Secret.Value; got != test.want[i] {
				t.Errorf("%s: %s finds %q, want %q", test.name, r.Name, got, test.want[i])
			}
			if p.ID.Value == "j" && !p.ID.Config || p.ID.Value == "i" && p.ID.Config {
				t.Errorf("%s: %s names the wrong file", test.name, r.Name)
			}
		}
	}
}

// TestBlockAndSettingOfOneName: the model of botocore finds the same for the same bytes, also
// where a setting has the name that it gives to one of a block.
func TestBlockAndSettingOfOneName(t *testing.T) {
	for range 20 { // a map has another order each time
		found, err := readBotocore(false, "[a]\ns3.x = 2\ns3 =\n  x = 1\n")
		if want := (Setting{Value: "2", Line: 2}); err != nil || found["a"]["s3.x"] != want {
			t.Fatalf("got %+v, %v", found, err)
		}
	}
}
