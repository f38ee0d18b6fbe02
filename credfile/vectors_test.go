package credfile

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keyd/credfile/readers"
)

// loadVector reads a file of the shared test vectors. It skips the test when they are
// absent, because they are not part of the repository.
func loadVector(t testing.TB, name string, into any) {
	dir := os.Getenv("KEYD_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "vectors")
	}
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("test vectors are absent: set KEYD_VECTORS (%v)", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// mergeFiles merges both files by the cross-SDK rules, into a map from the profile, or
// "sso-session " and the session, to its properties with their continuation lines.
func mergeFiles(files ...*File) map[string]map[string]string {
	merged := map[string]map[string]string{}
	for _, f := range files { // later files win
		shadowed := f.Kind == Config && findProfileDefault(f) != nil
		for i := range f.Sections {
			s := &f.Sections[i]
			name, ok := profileName(f.Kind, s.Name)
			if prefix, session := splitHeader(s.Name); f.Kind == Config && prefix == "sso-session" {
				name, ok = "sso-session "+session, true
			}
			if !ok || s.Form != Plain || shadowed && s.Name == "default" {
				continue
			}
			if merged[name] == nil {
				merged[name] = map[string]string{}
			}
			for _, p := range s.Properties {
				if p.Form != Plain {
					continue
				}
				lines := []string{f.Text(p.Raw)}
				for _, more := range p.More {
					lines = append(lines, f.Text(more))
				}
				merged[name][p.Name] = strings.Join(lines, "\n")
			}
		}
	}
	return merged
}

func TestProfileParserVectors(t *testing.T) {
	var suite struct {
		Tests []struct {
			Name   string
			Input  struct{ ConfigFile, CredentialsFile string }
			Output struct {
				ErrorContaining string
				Config          struct {
					Profiles    map[string]map[string]string
					SSOSessions map[string]map[string]string `json:"sso_sessions"`
				}
			}
		}
	}
	loadVector(t, "smithy-rs/profile-parser-tests.json", &suite)
	if len(suite.Tests) != 65 {
		t.Errorf("got %d vectors, want 65", len(suite.Tests))
	}
	for _, test := range suite.Tests {
		t.Run(test.Name, func(t *testing.T) {
			config := Lex("config", Config, []byte(test.Input.ConfigFile))
			credentials := Lex("credentials", Credentials, []byte(test.Input.CredentialsFile))
			err := errors.Join(config.Err(), credentials.Err())
			requireModels(t, test.Input.ConfigFile, test.Input.CredentialsFile, test.Output.ErrorContaining != "", test.Output.Config.Profiles)
			if want := test.Output.ErrorContaining; want != "" {
				requireRefusal(t, config.Err(), strings.ToLower(want[:1])+want[1:])
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]map[string]string{}
			maps.Copy(want, test.Output.Config.Profiles)
			for name, session := range test.Output.Config.SSOSessions {
				want["sso-session "+name] = session
			}
			got := mergeFiles(config, credentials)
			if test.Output.Config.SSOSessions == nil {
				maps.DeleteFunc(got, func(name string, _ map[string]string) bool { return strings.HasPrefix(name, "sso-session ") })
			}
			if !maps.EqualFunc(got, want, maps.Equal) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

// requireModels requires that the models of the readers that follow these rules find the
// profiles, or refuse the files.
func requireModels(t *testing.T, config, credentials string, refused bool, want map[string]map[string]string) {
	t.Helper()
	for _, r := range readers.All() {
		if !slices.Contains([]string{"the Java SDK", "the Rust SDK"}, r.Name) {
			continue
		}
		found := r.ReadFiles([]byte(credentials), []byte(config))
		if refused && found != nil || !refused && found == nil {
			t.Errorf("%s refuses the files: %t, want %t", r.Name, found == nil, refused)
		}
		if refused {
			continue
		}
		got := map[string]map[string]string{}
		for name, profile := range found {
			got[name] = map[string]string{}
			for key, setting := range profile { // the Java SDK keeps capitals, the vectors do not
				if low := strings.ToLower(key); low == key || profile[low] == (readers.Setting{}) {
					got[name][low] = setting.Value
				}
			}
		}
		if !maps.EqualFunc(got, want, maps.Equal) {
			t.Errorf("%s finds %v, want %v", r.Name, got, want)
		}
	}
}

// requireRefusal requires that err is a Refusal with a file, a line, a remedy and the
// text, and returns it.
func requireRefusal(t *testing.T, err error, text string) *Refusal {
	t.Helper()
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Fatalf("got %v, want a refusal: %s", err, text)
	}
	if !strings.Contains(r.Text, text) || r.Line == 0 || r.Path == "" || r.Remedy == "" {
		t.Errorf("got %v, remedy %q, want a line, a remedy and %q", r, r.Remedy, text)
	}
	return r
}

func TestFileLocationVectors(t *testing.T) {
	var suite struct {
		Tests []struct {
			Name                                string
			Platform                            string
			Environment                         map[string]string
			ConfigLocation, CredentialsLocation string
		}
	}
	loadVector(t, "smithy-rs/file-location-tests.json", &suite)
	if len(suite.Tests) != 9 {
		t.Errorf("got %d vectors, want 9", len(suite.Tests))
	}
	for _, test := range suite.Tests {
		t.Run(test.Name, func(t *testing.T) {
			got, err := Locate(func(name string) string { return test.Environment[name] }, test.Platform)
			if want := (Paths{test.CredentialsLocation, test.ConfigLocation}); err != nil || got != want {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
}

func TestLocateFindsHomeDirectory(t *testing.T) {
	for _, test := range []struct {
		name, goos string
		env        map[string]string
		want       Paths
		refused    bool
	}{
		{name: "tilde is the home directory", goos: "linux",
			env:  map[string]string{"HOME": "/h", "AWS_SHARED_CREDENTIALS_FILE": "~/x/creds", "AWS_CONFIG_FILE": "~"},
			want: Paths{"/h/x/creds", "/h"}},
		{name: "tilde with a backslash on Windows", goos: "windows",
			env:  map[string]string{"USERPROFILE": `C:\h\`, "AWS_SHARED_CREDENTIALS_FILE": `~\creds`},
			want: Paths{`C:\h\creds`, `C:\h\.aws\config`}},
		{name: "no home is needed when both variables are set", goos: "darwin",
			env:  map[string]string{"AWS_SHARED_CREDENTIALS_FILE": "/a", "AWS_CONFIG_FILE": "b"},
			want: Paths{"/a", "b"}},
		{name: "no home is an error", goos: "linux", env: map[string]string{"USERPROFILE": "/h"}, refused: true},
		{name: "a tilde without home is an error", goos: "linux", refused: true,
			env: map[string]string{"AWS_SHARED_CREDENTIALS_FILE": "~/a", "AWS_CONFIG_FILE": "/b"}},
		{name: "the home of a user that this machine does not have is an error", goos: "linux", refused: true,
			env: map[string]string{"HOME": "/h", "AWS_CONFIG_FILE": "~no-such-user/config"}},
		{name: "variables", goos: "linux",
			env:  map[string]string{"HOME": "/h", "D": "/d/$HOME", "AWS_SHARED_CREDENTIALS_FILE": "$HOME/creds", "AWS_CONFIG_FILE": "${D}/config"},
			want: Paths{"/h/creds", "/d/$HOME/config"}},
		{name: "variables on Windows", goos: "windows",
			env:  map[string]string{"USERPROFILE": `C:\h`, "AWS_SHARED_CREDENTIALS_FILE": `%USERPROFILE%\creds`, "AWS_CONFIG_FILE": `~\%NO%\config`},
			want: Paths{`C:\h\creds`, `C:\h\%NO%\config`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Locate(func(name string) string { return test.env[name] }, test.goos)
			if (err != nil) != test.refused || got != test.want {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}
