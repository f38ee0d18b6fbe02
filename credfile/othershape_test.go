package credfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// otherPairs are pairs in the shapes of other IAMs; see othershape.go.
var otherPairs = map[string]Key{
	"Ceph":      {ID: "0555B35654AD1656D804", Secret: NewSecret("h7GhxuBLTrlhVUyxSPUKUV8r/2EI4ngqJxD7iBdBYLhwluN30JaT3Q==")},
	"Wasabi":    {ID: "RO8Q1T6MVLYL1K5DPIZN", Secret: NewSecret("AbcdEfghIjkl0123456789mnopQRSTuvWXyz/+ab")},
	"Backblaze": {ID: "0023c2f6b3fbe960000000001", Secret: NewSecret("K002abcDEFghi/JKLmnoPQRstu+VW0x")},
	"Garage":    {ID: "GK31c2f218a2e44f485b94239e", Secret: NewSecret(strings.Repeat("7d37d093435a41f2", 4))},
	"IBM":       {ID: "cb5a1b6c8c0f4e1e9a7f3d2b1c0e4f5a", Secret: NewSecret(strings.Repeat("e2c3b1a4d5f60718", 3))},
	"Master":    {ID: "3c2f6b3fbe96", Secret: NewSecret("00256ad6b3fbe9671f2e3d4c5b6a798")},
}

const otherConfig = "[profile store]\nservices = rgw\n[services rgw]\niam =\n  endpoint_url = https://rgw.example.org\ns3 =\n  endpoint_url = https://rgw.example.org\n"

func storeProfiles(t *testing.T, body, config string) []Profile {
	t.Helper()
	creds := Lex("credentials", Credentials, []byte(body))
	return Profiles(creds, Lex("config", Config, []byte(config)))
}

func newOtherStore(t *testing.T, credentials, config string) *Store {
	t.Helper()
	dir := t.TempDir()
	paths := Paths{Credentials: filepath.Join(dir, "credentials"), Config: filepath.Join(dir, "config")}
	if err := errors.Join(os.WriteFile(paths.Credentials, []byte(credentials), 0o600), os.WriteFile(paths.Config, []byte(config), 0o600)); err != nil {
		t.Fatal(err)
	}
	return &Store{Paths: paths}
}

func pairText(name string, k Key) string {
	return "[" + name + "]\naws_access_key_id = " + k.ID + "\naws_secret_access_key = " + k.Secret.Reveal() + "\n"
}

func TestOtherShapesCountWhereAProfileNamesItsIAM(t *testing.T) {
	awsIAM := strings.ReplaceAll(otherConfig, "iam =\n  endpoint_url = https://rgw.example.org", "iam =\n  endpoint_url = https://iam.eu-west-1.amazonaws.com")
	for provider, key := range otherPairs {
		for _, test := range []struct {
			name, config string
			want         Skip
		}{
			{"it names its IAM", otherConfig, Rotatable},
			{"it names AWS's IAM", awsIAM, NotLongTerm},
			{"it names no endpoint", "[profile store]\nregion = us-east-1\n", NotLongTerm},
			{"another profile names the IAM", strings.ReplaceAll(otherConfig, "profile store", "profile other"), NotLongTerm},
			{"it names an endpoint of everything", "[profile store]\nendpoint_url = https://rgw.example.org\n", OtherStore},
			{"it names an endpoint of S3", strings.ReplaceAll(otherConfig, "iam =\n  endpoint_url = https://rgw.example.org\n", ""), OtherStore},
			{"endpoints are ignored", strings.Replace(otherConfig, "services = rgw", "services = rgw\nignore_configured_endpoint_urls = true", 1), NotLongTerm},
		} {
			p := storeProfiles(t, pairText("store", key), test.config)[0]
			if p.Skip != test.want || (p.OwnIAM != "") != (test.want == Rotatable) {
				t.Errorf("%s, %s: %q (%s), IAM %q; want %q", provider, test.name, p.Skip, p.Why, p.OwnIAM, test.want)
			}
			if p.Skip == Rotatable && (p.Key.ID != key.ID || !p.Key.Secret.Equal(key.Secret)) {
				t.Errorf("%s: the pair is %s", provider, p.Key)
			}
		}
	}
}

// Even where a profile names an IAM of its own, not everything is a key of it, and what may
// be one is never passed over.
func TestOtherShapesThatAreNone(t *testing.T) {
	wasabi := otherPairs["Wasabi"]
	for _, test := range []struct {
		name, id, secret string
		want             Skip
		why              string
	}{
		{"a stand-in's", "test", "test", NotLongTerm, "the id does not have the form"},
		{"a name", "minioadministrator", "minioadministrator", NotLongTerm, "the id does not have the form"},
		{"a number", "000000000042", "AbcdEfghIjkl0123456789mnop", NotLongTerm, "the id does not have the form"},
		{"a placeholder", "YOUR_ACCESS_KEY_ID", "YOUR_SECRET_ACCESS_KEY", NotLongTerm, "the id does not have the form"},
		{"temporary", "ASIA0123456789ABCDEF", wasabi.Secret.Reveal(), Temporary, ""},
		{"of AWS's documents", "RO8Q1T6MVLYL1EXAMPLE", wasabi.Secret.Reveal(), Example, ""},
		{"the wrong way round", wasabi.Secret.Reveal(), wasabi.ID, Unreadable, "the wrong way round"},
		{"the wrong way round, without marks", strings.Repeat("Ab0d", 10), wasabi.ID, Unreadable, "the wrong way round"},
		{"a secret of AWS's in its place", strings.Repeat("Ab0d", 10), strings.Repeat("0f", 32), NotLongTerm, "the id does not have the form"},
		{"of one length", wasabi.ID, wasabi.ID[:19] + "x", Unreadable, "not shorter"},
		{"cut off", wasabi.ID, "AbcdE", Unreadable, "too short"},
		{"with a dash", wasabi.ID, "Abcd-fghIjkl0123456789mnopQRSTuvWXyz0+ab", Unreadable, "does not have the form of a secret"},
		{"without a secret", wasabi.ID, "", HalfPair, "has no value"},
		{"without an id", "", wasabi.Secret.Reveal(), HalfPair, "has no value"},
		{"with a comment", wasabi.ID + "#old", wasabi.Secret.Reveal(), Unreadable, "a comment without a blank"},
	} {
		p := storeProfiles(t, "[store]\naws_access_key_id = "+test.id+"\naws_secret_access_key = "+test.secret+"\n", otherConfig)[0]
		if p.Skip != test.want || !strings.Contains(p.Why, test.why) {
			t.Errorf("%s: %q (%s), want %q", test.name, p.Skip, p.Why, test.want)
		}
		if (p.Skip == Unreadable || len(test.id) == 40) && p.Key.ID != "" && p.Key.ID != wasabi.ID {
			t.Errorf("%s: the profile shows what may be the secret as an id", test.name)
		}
	}
	p := storeProfiles(t, pairText("store", wasabi)+"aws_session_token = x\n", otherConfig)[0]
	if p.Skip != Temporary {
		t.Errorf("a pair with a token is %q", p.Skip)
	}
}

func TestReplaceKeysOfOtherShapes(t *testing.T) {
	for provider, key := range otherPairs {
		next := otherPairs["Ceph"]
		if provider == "Ceph" {
			next = otherPairs["Garage"]
		}
		text := "# mine\n[aws]\naws_access_key_id = " + oldKey.ID + "\naws_secret_access_key = " + oldKey.Secret.Reveal() + "\n" + pairText("store", key)
		out, changes, err := Lex("credentials", Credentials, []byte(text)).Replace(key, next)
		if want := strings.NewReplacer(key.ID, next.ID, key.Secret.Reveal(), next.Secret.Reveal()).Replace(text); err != nil || string(out) != want || len(changes) != 2 {
			t.Errorf("%s: %v, %d changes:\n%s", provider, err, len(changes), out)
		}
	}
}

// A key of AWS's never turns into one of another shape in a profile that does not name its
// IAM: keyd would lose sight of it in the middle of a rotation.
func TestSwapKeepsTheKeyInSight(t *testing.T) {
	for _, test := range []struct {
		config string
		ok     bool
	}{
		{otherConfig, true},
		{"[profile store]\nregion = us-east-1\n", false},
	} {
		s := newOtherStore(t, pairText("store", oldKey), test.config)
		_, err := s.Swap(t.Context(), oldKey, otherPairs["Ceph"])
		if (err == nil) != test.ok {
			t.Errorf("the swap: %v, with the config file\n%s", err, test.config)
		}
		if err != nil && !strings.Contains(err.Error(), "names its IAM") {
			t.Errorf("the swap was refused for another reason: %v", err)
		}
	}
}

func TestKeyIDsOfOtherShapesCanBeTyped(t *testing.T) {
	var ids []string
	for _, k := range otherPairs {
		ids = append(ids, k.ID)
	}
	for provider, k := range otherPairs {
		for _, typed := range []string{k.ID, Short(k.ID)} {
			if found := MatchIDs(typed, ids); !LooksLikeID(typed) || len(found) != 1 || found[0] != k.ID {
				t.Errorf("%s: %s stands for %v", provider, typed, found)
			}
			if text := "the key " + typed + " is not there."; !NamesKey(text) && (len(k.ID) >= 20 || IsShort(typed)) { // a shorter one may be a name
				t.Errorf("%s: %q names no key", provider, text)
			}
		}
		if k.Check() == nil || k.CheckOther() != nil {
			t.Errorf("%s: Check %v, CheckOther %v", provider, k.Check(), k.CheckOther())
		}
	}
	for _, name := range []string{"default", "work-eu", "administrator", "a..b", "prod"} {
		if LooksLikeID(name) {
			t.Errorf("%q looks like the id of a key", name)
		}
	}
	for text, want := range map[string]bool{
		"ends with AKIAIOSFODNN7EXAMPLE.": true, "(ASIAIOSFODNN7EXAMPLE)": true,
		"an administrator of eu-west-1 denied it; AKIA": false, "account 111122223333, user/ci2": false, "wait... then": false,
	} {
		if NamesKey(text) != want {
			t.Errorf("NamesKey(%q) is %v", text, !want)
		}
	}
}
