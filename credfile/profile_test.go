package credfile

import (
	"fmt"
	"strings"
	"testing"
)

// summary returns the name, file, line and Skip of a profile.
func summary(p Profile) string {
	s := fmt.Sprintf("%s %s:%d", p.Name, p.Path, p.Line)
	if p.Skip != Rotatable {
		s += " " + string(p.Skip)
	}
	return s
}

func TestProfilesOfBothFiles(t *testing.T) {
	other := strings.ReplaceAll(pairLines, "{ID}", "AKIAOTHEROTHEROTHER1")
	for _, test := range []struct {
		name                string
		credentials, config string
		want                []string
	}{
		{"file order, credentials first",
			"[b]\n" + pairLines + "[a]\n" + other, "[profile c]\n" + other + "[default]\n" + other,
			[]string{"b credentials:2", "a credentials:5", "c config:2", "default config:5"}},
		{"[profile foo] is foo in config and another name in credentials",
			"[profile foo]\n" + pairLines, "[profile foo]\n" + pairLines,
			[]string{"profile foo credentials:2", "foo config:2"}},
		{"other sections of config are no profiles",
			"", "[foo]\nregion = x\n[services s]\niam =\n  endpoint_url = x\n[sso-session x]\nsso_region = y\n[profile]\nx = y\n", nil},
		{"[DEFAULT] is not inherited",
			"[DEFAULT]\n" + pairLines + "[dev]\nregion = x\n", "", []string{"DEFAULT credentials:2", "dev credentials:4 no keys"}},
		{"[acme.dev] does not take the keys of [acme]",
			"[acme]\n" + pairLines + "[acme.dev]\nregion = x\n", "", []string{"acme credentials:2", "acme.dev credentials:4 no keys"}},
		{"pair in credentials, settings in config: one profile",
			"[dev]\n" + pairLines, "[profile dev]\nregion = x\n", []string{"dev credentials:2"}},
		{"pair in config, settings in credentials: one profile",
			"[dev]\nregion = x\n", "[profile dev]\n" + pairLines, []string{"dev config:2"}},
		{"a pair in both files is two places",
			"[dev]\n" + pairLines, "[profile dev]\n" + pairLines, []string{"dev credentials:2", "dev config:2"}},
		{"settings in both files: one profile", "[dev]\nregion = x\n", "[profile dev]\nregion = x\n", []string{"dev credentials:1 no keys"}},
		{"one half in each file",
			"[dev]\naws_access_key_id = {ID}\n", "[profile dev]\naws_secret_access_key = {SECRET}\n",
			[]string{"dev credentials:2 half a pair", "dev config:2 half a pair"}},
		{"temporary", "[a]\naws_access_key_id = ASIAOLDOLDOLDOLD0001\naws_secret_access_key = {SECRET}\n[b]\n" + pairLines + "aws_session_token = x\n", "",
			[]string{"a credentials:2 temporary", "b credentials:5 temporary"}},
		{"another store's key", "[minio]\naws_access_key_id = minioadmin\naws_secret_access_key = minioadmin\n", "", []string{"minio credentials:2 not a long-term key"}},
		{"other ways to sign in", "",
			"[profile r]\nrole_arn = arn\nsource_profile = x\n[profile e]\nrole_arn = arn\ncredential_source = Ec2InstanceMetadata\n" +
				"[profile w]\nrole_arn = arn\nweb_identity_token_file = x\n[profile s]\nsso_session = x\n[profile t]\nsso_start_url = https://x/start#/\n" +
				"[profile l]\nlogin_session = x\n[profile p]\ncredential_process = x\n[profile n]\n",
			[]string{"r config:1 role", "e config:4 role", "w config:7 role", "s config:10 sso", "t config:12 sso",
				"l config:14 login_session", "p config:16 credential_process", "n config:18 no keys"}},
		{"a pair comes before a role, SSO and a process",
			"[r]\n" + pairLines + "role_arn = arn\nsource_profile = r\n[s]\n" + pairLines + "[p]\n" + pairLines,
			"[profile s]\nsso_session = x\n[profile p]\ncredential_process = x\n",
			[]string{"r credentials:2", "s credentials:7", "p credentials:10"}},
		{"[profile default] wins over [default]", "", "[default]\nregion = x\n[profile default]\n" + pairLines, []string{"default config:4"}},
		{"empty values are no pair", "[a]\naws_access_key_id =\naws_secret_access_key = \n", "", []string{"a credentials:1 no keys"}},
		{"two spellings of one profile: readers disagree on which one counts", "", "[profile dev]\n" + pairLines + "[profile 'dev']\n" + other,
			[]string{"dev config:1 unreadable", "dev config:4 unreadable"}},
		{"names as a shell reads them", "", "[profile \"a b\"]\n" + pairLines + "[profile c\\ d]\nregion = x\n", []string{"a b config:2", "c d config:4 no keys"}},
		{"a key of AWS's documents", "[a]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {SECRET}\n", "", []string{"a credentials:2 documentation key"}},
		{"no files", "", "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, p := range Profiles(Lex("credentials", Credentials, withKey(oldKey, test.credentials)), Lex("config", Config, withKey(oldKey, test.config))) {
				got = append(got, summary(p))
				if (p.Why == "") != (p.Skip == Rotatable) {
					t.Errorf("%s: Why is %q, want it empty only for a rotatable profile", p.Name, p.Why)
				}
				if p.Skip == Rotatable && (!p.Key.Secret.Equal(oldKey.Secret) || p.Key.Check() != nil) {
					t.Errorf("%s: the key %s is not a whole long-term pair", p.Name, p.Key)
				}
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestProfilesAcceptsNilFiles(t *testing.T) {
	f := Lex("credentials", Credentials, withKey(oldKey, plainFile))
	if got := Profiles(f, nil); len(got) != 1 {
		t.Errorf("got %v for the credentials file alone", got)
	}
	g := Lex("config", Config, withKey(oldKey, plainFile))
	if got := Profiles(nil, g); len(got) != 1 || got[0].Section != "default" {
		t.Errorf("got %v for the config file alone", got)
	}
	if got := Profiles(nil, nil); len(got) != 0 {
		t.Errorf("got %v without a file", got)
	}
}

func TestEndpointConfigMergesBothFiles(t *testing.T) {
	credentials := Lex("credentials", Credentials, withKey(oldKey, "[dev]\n"+pairLines+"region = eu-west-1\n[default]\nregion = nowhere\n"))
	config := Lex("config", Config, []byte(`[profile dev]
region = us-east-1 # overridden
endpoint_url = https://all.example
services = s1
use_fips_endpoint = TRUE
ca_bundle = ~/ca.pem
mfa_serial = arn:aws:iam::111122223333:mfa/alice
mfa_process = pass otp 'aws work' | head -1

[services s1]
sts =
  # comment
  endpoint_url = https://sts.example # mine

  other = x
iam =
  Endpoint_URL = https://iam.example
s3 =
  endpoint_url = https://s3.example
[profile off]
services = nowhere
ignore_configured_endpoint_urls = true
`))
	profiles := Profiles(credentials, config)
	want := EndpointConfig{Region: "eu-west-1", EndpointURL: "https://all.example", EndpointIAM: "https://iam.example", EndpointSTS: "https://sts.example",
		EndpointS3: "https://s3.example", FIPS: true, CABundle: "~/ca.pem", MFASerial: "arn:aws:iam::111122223333:mfa/alice", MFAProcess: "pass otp 'aws work' | head -1"}
	if got := findProfile(t, profiles, "dev").Endpoints; got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := findProfile(t, profiles, "off").Endpoints; got != (EndpointConfig{IgnoreEndpoints: true, ServicesProblem: "names a section that the config file does not have"}) {
		t.Errorf("off: got %+v, want only IgnoreEndpoints, and that there is no section", got)
	}
}

// TestEndpointOfABlockWrittenTwice: the same bytes name the same endpoint each time, and where
// botocore finds one, that one. Botocore 1.43.11 has answered for each case what is in boto.
func TestEndpointOfABlockWrittenTwice(t *testing.T) {
	for _, test := range []struct{ block, boto, want string }{
		{"endpoint_url = https://a\nendpoint_url = https://b\n", "https://b", "https://b"},
		{"endpoint_url = https://a\nendpoint_url =\n", "", ""},
		{"endpoint_url = https://a\nENDPOINT_URL = https://b\n", "https://a", "https://a"},
		{"ENDPOINT_URL = https://b\nendpoint_url = https://a\n", "https://a", "https://a"},
		{"endpoint_url =\nEndpoint_URL = https://b\n", "", ""},
		{"endpoint_url =\nEndpoint_URL = https://b\nENDPOINT_URL = https://c\n", "", ""},
		{"Endpoint_URL = https://b\n", "", "https://b"},
		{"Endpoint_URL = https://b\nENDPOINT_URL = https://c\n", "", "https://c"},
		{"ENDPOINT_URL = https://c\nEndpoint_URL = https://b\n", "", "https://b"},
		{"ENDPOINT_URL = https://c\nEndpoint_URL = https://b\nENDPOINT_URL = https://d\n", "", "https://d"},
	} {
		if test.boto != "" && test.boto != test.want {
			t.Errorf("%q: want %q, and botocore answers %q", test.block, test.want, test.boto)
		}
		block := "  " + strings.ReplaceAll(strings.TrimSuffix(test.block, "\n"), "\n", "\n  ") + "\n"
		for _, more := range []string{"", "[profile b]\nregion:x = 1\n"} { // a colon in the name: not plain
			config := Lex("config", Config, []byte("[default]\nservices = s\n[services s]\niam =\n"+block+more))
			for range 20 { // a map has another order each time
				if got := findProfile(t, Profiles(nil, config), "default").Endpoints.EndpointIAM; got != test.want {
					t.Fatalf("%q with %q: got %q, want %q", test.block, more, got, test.want)
				}
			}
		}
	}
}

func TestProfileDefaultHidesDefault(t *testing.T) {
	config := Lex("config", Config, []byte("[default]\nregion = hidden\nca_bundle = hidden\n[profile default]\nregion = eu-west-1\n"))
	if got := findProfile(t, Profiles(nil, config), "default").Endpoints; got != (EndpointConfig{Region: "eu-west-1"}) {
		t.Errorf("got %+v, want only the settings of [profile default]", got)
	}
}

func TestReplaceInConfig(t *testing.T) {
	const text = "[default]\nregion = x\n[profile\tdev]\r\naws_access_key_id = {ID}\r\naws_secret_access_key = {SECRET}\r\ns3 =\n  max = 1\n"
	f := Lex("config", Config, withKey(oldKey, text))
	data, _, err := f.Replace(oldKey, newKey)
	if err != nil || string(data) != string(withKey(newKey, text)) {
		t.Errorf("got %q, %v", data, err)
	}
	if key, err := ReadPair(data, Config, findProfile(t, Profiles(nil, f), "dev").Section); err != nil || key.ID != newKey.ID {
		t.Errorf("Pair returned %s, %v, want the new key", key, err)
	}
}

func TestReadPairRefusesIncompleteSections(t *testing.T) {
	for name, text := range map[string]string{
		"absent":    "[other]\n" + pairLines,
		"twice":     plainFile + plainFile,
		"half":      "[default]\naws_access_key_id = {ID}\n",
		"empty":     "",
		"unclosed":  "[default]\nx = `v\n" + pairLines,
		"elsewhere": "[default]\n[other]\n" + pairLines,
	} {
		t.Run(name, func(t *testing.T) {
			key, err := ReadPair(withKey(oldKey, text), Credentials, "default")
			if err == nil || !key.IsZero() {
				t.Fatalf("got %s", key)
			}
			requireNoSecret(t, err.Error())
		})
	}
}

// No problem, warning or reason quotes a value, whatever the file looks like.
func TestNothingQuotesASecret(t *testing.T) {
	for _, text := range []string{
		plainFile + "{SECRET}\n{SECRET}\n", plainFile + "x : {SECRET}\nx : {SECRET}\n", plainFile + "aws_secret_access_key: {SECRET}\n",
		"{SECRET}\n" + plainFile, plainFile + "{SECRET}\n  {SECRET}\n", plainFile + "s3 =\n {SECRET}\n",
		"[default]\naws_access_key_id = {ID}\naws_secret_access_key = \"{SECRET}\" # {SECRET}\n",
		"[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}#x\naws_secret_access_key = {SECRET}\n",
		"[default]\naws_access_key_id = {SECRET} # pasted the wrong way round\naws_secret_access_key = {ID}\n",
		"[default]\naws_access_key_id = \"{SECRET}\"\n  {SECRET}\naws_secret_access_key = {ID}\n",
	} {
		f := Lex("credentials", Credentials, withKey(oldKey, text))
		for _, p := range f.Problems {
			requireNoSecret(t, p.Text+p.Remedy)
		}
		requireNoSecret(t, fmt.Sprintf("%+v %v", Profiles(f, nil), f.Err()))
	}
}

// Like the AWS readers, the second reader takes a mark right after a value for part of
// the value. So it never reads a valid pair from a broken line.
func TestReadPairKeepsAdjacentMarks(t *testing.T) {
	key, err := ReadPair(withKey(oldKey, "[default]\naws_access_key_id = {ID}#c\naws_secret_access_key = {SECRET}\t# c\n"), Credentials, "default")
	if err != nil || key.ID != oldKey.ID+"#c" || !key.Secret.Equal(oldKey.Secret) {
		t.Errorf("got %s, %v", key.ID, err)
	}
}

// Some tools append a section with every login and so produce files like this one.
func TestManyDuplicatesBoundWarnings(t *testing.T) {
	f := Lex("credentials", Credentials, withKey(oldKey, strings.Repeat(plainFile, 2000)))
	profiles := Profiles(f, nil)
	if len(profiles) != 2000 || profiles[0].Skip != Unreadable {
		t.Fatalf("got %d profiles, want 2000 that are unreadable", len(profiles))
	}
	for _, p := range profiles {
		if len(p.Warnings) > 10 {
			t.Fatalf("one profile has %d warnings, want at most 10", len(p.Warnings))
		}
	}
}
