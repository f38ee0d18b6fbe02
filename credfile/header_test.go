package credfile

import (
	"slices"
	"strings"
	"testing"
)

// TestHeadersNameProfilesAsForBotocore compares with the profiles that botocore 1.43.11 finds
// in a config file with each header; "" stands for none.
func TestHeadersNameProfilesAsForBotocore(t *testing.T) {
	for _, test := range []struct{ header, profile string }{
		{"[profile a b]", ""},
		{`[profile "a b"]`, "a b"},
		{"[profile 'a b']", "a b"},
		{`[profile a\ b]`, "a b"},
		{"[profile\t\"a b\"]", "a b"},
		{`[profile   "a b"]`, "a b"},
		{`[profile "a b" ]`, "a b"},
		{`[ profile "a b"]`, ""},
		{`[profile "a b"] # c`, "a b"},
		{`[profile "a b"]# c`, "a b"},
		{`[profile "a b"] ; see [x]`, ""},
		{`[profile "a b]`, ""},
		{`[profile "a"' b']`, "a b"},
		{`[profile a" "b]`, "a b"},
		{`["profile" "a b"]`, ""},
		{`[profile""  "a b"]`, "a b"},
		{`[profile "a b" x]`, ""},
		{`[profiles "a b"]`, "a b"},
		{`[Profile "a b"]`, ""},
		{`[profile "a b"] x`, "a b"},
		{"[a b]", ""},
		{"[profile]", ""},
		{"[profile ]", ""},
		{`[profile ""]`, ""},
		{`[profile "a\ b"]`, `a\ b`},
		{`[profile "a b"\]`, ""},
		{`  [profile "a b"]`, "a b"},
		{`[profile "a]b"]`, "a]b"},
		{`[profile "a#b"]`, "a#b"},
		{"[profile a#b]", "a#b"},
		{"[profile a;b]", "a;b"},
		{`[profile \"a\"]`, `"a"`},
		{`[profile "\"a"]`, `"a`},
		{`[profile 'a\b']`, `a\b`},
		{"[profile a\u00a0b]", "a\u00a0b"},
		{"[profile default]", "default"},
		{"[default]", "default"},
		{"[ default ]", ""},
		{"[default] # c", "default"},
		{`["default"]`, ""},
		{`[profile "default"]`, "default"},
	} {
		// The pair is in the credentials file, in a profile of each name that the header may mean.
		names := []string{"a b", "a#b", "a;b", "a]b", `a\b`, `a\ b`, `"a"`, `"a`, "a\u00a0b", "a", "b", "default"}
		var credentials strings.Builder
		for _, name := range names {
			credentials.WriteString("[" + name + "]\n" + pairLines)
		}
		profiles := Profiles(Lex("credentials", Credentials, withKey(oldKey, credentials.String())), Lex("config", Config, []byte(test.header+"\nregion = x\n")))
		var found strings.Builder
		for _, p := range profiles {
			if p.Endpoints.Region == "x" {
				found.WriteString(p.Name)
			}
		}
		if found.String() != test.profile {
			t.Errorf("%s: the region is that of %q, want %q", test.header, found.String(), test.profile)
		}
	}
}

// TestOtherSpellingsAreWarnedOf: what botocore does not read, or reads otherwise than others, is
// in the warnings of the profile.
func TestOtherSpellingsAreWarnedOf(t *testing.T) {
	for config, words := range map[string]string{
		"[ profile default]\nregion = x\n":                                                         "config:1: the AWS CLI does not read the settings below this header",
		"[profile default] ; see [x]\nregion = x\n":                                                "config:1: the AWS CLI does not read the settings below this header",
		"[profile \"default\"]\nca_bundle = y\n[default]\nregion = x\n":                            "config:1: the AWS CLI does not read the settings below this header",
		"[default]\nregion = \"x\"\n":                                                              "config:2: the AWS CLI reads region with the quotes",
		"[default]\nendpoint_url = https://iam.amazonaws.com # why\n":                              "config:2: the AWS CLI reads endpoint_url with",
		"[default]\nservices = s\n[services s]\nsts =\n  Endpoint_URL = https://x\n":               "config:4: the AWS CLI reads endpoint_url in lower case only",
		"[default]\nservices = s\n[services s]\nsts =\n  endpoint_url = y\n  Endpoint_URL = z\n":   "config:4: the AWS CLI and keyd read endpoint_url in lower case; other readers take the last one",
		"[default]\nservices = s\n[services s]\nsts =\n  endpoint_url = https://x # why\n":         "config:4: the AWS CLI reads endpoint_url with",
		"[default]\nsts =\n  endpoint_url = https://x\n":                                           "config:2: only awscli-plugin-endpoint reads endpoint_url below sts",
		"[default]\nlogin_session = x\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}": "config:1: the profile also has login_session",
	} {
		credentials := plainFile
		if strings.Contains(config, "{ID}") {
			credentials = ""
		}
		p := findProfile(t, Profiles(Lex("credentials", Credentials, withKey(oldKey, credentials)), Lex("config", Config, withKey(oldKey, config))), "default")
		var all strings.Builder
		for _, w := range p.Warnings {
			all.WriteString((&Refusal{Path: w.Path, Line: w.Line, Text: w.Text}).Error() + "\n")
		}
		if !strings.Contains(all.String(), words) {
			t.Errorf("%q: the warnings are %q, want %q", config, all.String(), words)
		}
	}
	if p := findProfile(t, Profiles(Lex("credentials", Credentials, withKey(oldKey, plainFile)), Lex("config", Config, []byte("[default]\nregion = x\n"))), "default"); len(p.Warnings) != 0 {
		t.Errorf("plain files: %v", p.Warnings)
	}
}

// TestWarningsStandInTheOrderOfTheirLines: a person sees the same list each time.
func TestWarningsStandInTheOrderOfTheirLines(t *testing.T) {
	config := Lex("config", Config, []byte("[default]\nservices = s\n[services s]\nsts =\n  Endpoint_URL = x\ns3 =\n  endpoint_url = y # why\n  ENDPOINT_URL = z\niam =\n  Endpoint_URL = x\n"))
	for range 20 { // a map has another order each time
		var lines []int
		for _, w := range findProfile(t, Profiles(Lex("credentials", Credentials, withKey(oldKey, plainFile)), config), "default").Warnings {
			lines = append(lines, w.Line)
		}
		if !slices.Equal(lines, []int{4, 6, 6, 9}) {
			t.Fatalf("the warnings are about the lines %v", lines)
		}
	}
}
