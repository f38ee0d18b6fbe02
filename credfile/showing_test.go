package credfile

import (
	"strings"
	"testing"
)

// TestOneProfileIsEnoughForPlainFiles says for which files a program that asks for a pair
// need not wait until keyd has looked at every profile.
func TestOneProfileIsEnoughForPlainFiles(t *testing.T) {
	for _, test := range []struct {
		name, credentials, config string
		enough                    bool
	}{
		{"a pair", plainFile, "", true},
		{"settings of its own and of others", "# mine\n" + plainFile + "region = x\n\n[b]\n" + otherPair, "[default]\nregion = x\ns3 =\n  max = 1\n[profile b]\nrole_arn = x\n", true},
		{"an id of AWS's documentation elsewhere", plainFile + "[b]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n", "", true},

		{"the same pair in two profiles", plainFile + "[b]\n" + pairLines, "", false},
		{"the same id with another secret", plainFile + "[b]\naws_access_key_id = {ID}\naws_secret_access_key = othersecretothersecret\n", "", false},
		{"the same id with another secret in front", "[b]\naws_access_key_id = {ID}\naws_secret_access_key = othersecretothersecret\n" + plainFile, "", false},
		{"a pair in the config file too", plainFile, plainFile, false},
		{"a stray id in the config file", plainFile, "[default]\naccess_key = AKIAOTHEROTHEROTHER1\n", false},
		{"a stray id in the section", plainFile + "x_aws_access_key_id = AKIAOTHEROTHEROTHER1\n", "", false},
		{"another store", plainFile + "endpoint_url = https://minio.example\n", "", false},
		{"another store, in the config file, in capitals", plainFile, "[default]\nENDPOINT_URL = https://minio.example\n", false},
		{"a token", plainFile + "aws_session_token = x\n", "", false},
		{"no pair", "[default]\nregion = x\n", "", false},
		{"no profile", "[b]\n" + pairLines, "", false},
		{"nothing", "", "", false},
	} {
		credentials, config := Lex("credentials", Credentials, withKey(oldKey, test.credentials)), Lex("config", Config, withKey(oldKey, test.config))
		p, ok := findShowing(credentials, config, "default")
		if ok != test.enough || ok && (p.Key.ID != oldKey.ID || !p.HandsOut()) {
			t.Errorf("%s: %v %+v", test.name, ok, p)
		}
		requireSameShowing(t, credentials, config)
	}
	if p, ok := findShowing(Lex("credentials", Credentials, withKey(oldKey, plainFile)), nil, "default"); !ok || p.Key.ID != oldKey.ID {
		t.Errorf("without a config file: %v %+v", ok, p)
	}
	if _, ok := findShowing(nil, Lex("config", Config, withKey(oldKey, plainFile)), "default"); ok {
		t.Error("a pair without a credentials file")
	}
}

// FuzzShowing checks that one profile by itself is what it is among all of them, and that
// keyd finds in plain files what it finds there with all readers.
func FuzzShowing(f *testing.F) {
	for _, test := range unreadable {
		f.Add(withKey(oldKey, test.text), []byte(nil))
		f.Add(withKey(oldKey, plainFile+"[c]\n"+otherPair), withKey(oldKey, strings.ReplaceAll(test.text, "[default]", "[profile c]")))
		f.Add(withKey(oldKey, test.text+"[c]\n"+otherPair), withKey(oldKey, "[profile c]\nregion = x\n"))
	}
	for _, test := range halfSeen {
		f.Add(withKey(oldKey, test.text), withKey(oldKey, "[profile c]\nregion = x\n"))
	}
	f.Add(withKey(oldKey, plainFile), []byte("[services x]\ns3 =\n  endpoint_url = https://minio.example\n[default]\nservices = x\n"))
	f.Add([]byte("[a]\naws_session_token =\n"), withKey(oldKey, "[profile a]\n"+pairLines+"aws_session_token = x\n"))
	f.Add([]byte("[a]\naws_session_token = x\n"), withKey(oldKey, "[profile a]\n"+pairLines))
	f.Fuzz(func(t *testing.T, credentials, config []byte) {
		requireSameSlowly(t, Lex("credentials", Credentials, credentials), Lex("config", Config, config))
		requireSameShowing(t, Lex("credentials", Credentials, credentials), Lex("config", Config, config))
	})
}

func requireSameShowing(t *testing.T, credentials, config *File) {
	t.Helper()
	snap := &Snapshot{Profiles: Profiles(credentials, config)}
	names := map[string]bool{}
	for i := range credentials.Sections {
		names[credentials.Sections[i].Name] = true
	}
	for _, p := range snap.Profiles {
		names[p.Name] = true
	}
	for name := range names {
		got, ok := findShowing(credentials, config, name)
		if !ok {
			continue
		}
		want, found := snap.FindProfile(name)
		if !found || !want.HandsOut() || got.Name != want.Name || got.Path != want.Path || got.Section != want.Section || got.Line != want.Line ||
			got.Skip != want.Skip || got.Key.ID != want.Key.ID || !got.Key.Secret.Equal(want.Key.Secret) {
			t.Errorf("%q: %+v by itself; %v %+v among all", name, got, found, want)
		}
	}
}
