package credfile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keyd/credfile/readers"
)

// halfSeen are files in which some reader takes a line for a part of the pair that others
// take for something else. An edit of the pair would leave that reader half of each
// key, or the old one. line is the one to blame.
var halfSeen = []struct {
	name, text string
	line       int
	reason     string
}{
	{"a header that is not closed", plainFile + "[prod\naws_secret_access_key = {SECRET}\n", 4, "must end with ']'"},
	{"a header that is not closed, above an id", plainFile + "[prod\naws_access_key_id = {ID}\n", 4, "begins a profile"},
	{"a header that is not closed, with a comment", plainFile + "[prod # [x\naws_secret_access_key = {SECRET}\n", 4, "must end with ']'"},
	{"a header closed by another bracket", plainFile + "[prod)\naws_secret_access_key = {SECRET}\n", 4, "must end with ']'"},
	{"a header that is not opened", plainFile + "prod]\naws_secret_access_key = {SECRET}\n", 5, "lines 3 and 5"},
	{"text behind a header", plainFile + "[prod] mine\naws_secret_access_key = {SECRET}\n", 4, "must end with ']'"},
	{"a setting behind a header", plainFile + "[prod] region = x\naws_secret_access_key = {SECRET}\n", 4, "must end with ']'"},
	{"a comment right behind a header", plainFile + "[prod]#c\naws_secret_access_key = {SECRET}\n", 4, "JavaScript SDK"},
	{"a comment in a header", plainFile + "[pro#d]\naws_secret_access_key = {SECRET}\n", 4, "must end with ']'"},
	{"a comment in a header after a blank", plainFile + "[pro ;d]\naws_secret_access_key = {SECRET}\n", 4, "must end with ']'"},
	{"an indented header", plainFile + "  [prod]\naws_secret_access_key = {SECRET}\n", 4, "indented header"},
	{"a form feed before a header", plainFile + "\f[prod]\naws_secret_access_key = {SECRET}\n", 5, "lines 3 and 5"},
	{"a control character behind a header", plainFile + "[prod]\x1c\naws_secret_access_key = {SECRET}\n", 4, "must end with ']'"},
	{"a carriage return in a comment above the other half", plainFile + "# x\raws_secret_access_key = other\n", 4, "carriage return"},
	{"a carriage return in a comment above the pair", "# x\r" + plainFile, 1, "carriage return"},
	{"a carriage return in a value", plainFile + "region = x\raws_secret_access_key = other\n", 4, "carriage return"},
	{"half a pair in DEFAULT", plainFile + "[DEFAULT]\nregion = x\n[dev]\naws_secret_access_key = {SECRET}\n[DEFAULT ]\n[DEFAULT\naws_access_key_id: {ID}\n", 10, ""},
	{"DEFAULT lends its id to half a pair", "[DEFAULT]\n" + pairLines + "[dev]\naws_secret_access_key = {SECRET}\n", 5, "next to another secret in profile dev"},
	{"the whole pair again, for some readers", plainFile + "[prod\n" + pairLines, 4, ""},
}

func TestReplaceNeverLeavesAReaderHalfAPair(t *testing.T) {
	for _, test := range halfSeen {
		t.Run(test.name, func(t *testing.T) {
			data, _, err := Lex("credentials", Credentials, withKey(oldKey, test.text)).Replace(oldKey, newKey)
			if data != nil {
				t.Fatalf("Replace accepted the file: %q", data)
			}
			if r := requireRefusal(t, err, test.reason); r.Line != test.line {
				t.Errorf("refused for line %d, want line %d: %v", r.Line, test.line, r)
			}
			requireNoSecret(t, err.Error())
		})
	}
}

// The JavaScript, Java and Rust SDKs merge both files setting by setting. A half in one
// file that belongs to a pair in the other one must not be left behind.
func TestSwapNeverLeavesAReaderHalfAPairOfTwoFiles(t *testing.T) {
	for _, test := range []struct{ name, credentials, config, refused string }{
		{"a secret in config next to a pair whose secret is in capitals", "[dev]\naws_access_key_id = {ID}\nAWS_SECRET_ACCESS_KEY = {SECRET}\n",
			"[profile dev]\naws_secret_access_key = {SECRET}\n", "config:2"},
		{"an id in config next to a pair whose id is in capitals", "[dev]\nAWS_ACCESS_KEY_ID = {ID}\naws_secret_access_key = {SECRET}\n",
			"[profile dev]\naws_access_key_id = AKIAOTHEROTHEROTHER1\n", "config:2"},
		{"a pair in each file", "[dev]\n" + pairLines, "[profile dev]\n" + pairLines, ""},
		{"half of another key in config", "[dev]\n" + pairLines, "[profile dev]\naws_secret_access_key = other\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s := Store{Paths: Paths{filepath.Join(dir, "credentials"), filepath.Join(dir, "config")}}
			for path, text := range map[string]string{s.Paths.Credentials: test.credentials, s.Paths.Config: test.config} {
				if err := os.WriteFile(path, withKey(oldKey, text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := s.Swap(t.Context(), oldKey, newKey)
			if (err == nil) != (test.refused == "") || err != nil && !strings.Contains(err.Error(), test.refused) {
				t.Fatalf("Swap returned %v, want an error about %q", err, test.refused)
			}
			if test.refused == "" {
				return
			}
			if _, err := s.Preview(t.Context(), oldKey.ID); err == nil || !strings.Contains(err.Error(), test.refused) {
				t.Errorf("Preview returned %v, want an error about %q", err, test.refused)
			}
			if now, err := os.ReadFile(s.Paths.Credentials); string(now) != string(withKey(oldKey, test.credentials)) {
				t.Errorf("the credentials file holds %q, %v", now, err)
			}
		})
	}
}

// requireOldOrNew requires of every reader that it finds in each profile what it found
// before, or the new key, and that no other value changed.
func requireOldOrNew(t *testing.T, kind Kind, before, after []byte) {
	t.Helper()
	for _, r := range readers.All() {
		old, errOld := r.ReadFile(kind == Config, before)
		now, errNow := r.ReadFile(kind == Config, after)
		if (errOld == nil) != (errNow == nil) || len(old) != len(now) {
			t.Fatalf("%s found %d profiles before and finds %d now", r.Name, len(old), len(now))
		}
		for name, settings := range old {
			if len(settings) != len(now[name]) {
				t.Fatalf("%s finds other settings in profile %s", r.Name, name)
			}
			for key, value := range settings {
				if newToOld.Replace(value.Value) != newToOld.Replace(now[name][key].Value) {
					t.Errorf("%s found %s = %q in profile %s before and finds %q now", r.Name, key, value.Value, name, now[name][key].Value)
				}
			}
			requireNoMixture(t, r.Name, name, r.Pair(settings), r.Pair(now[name]))
		}
	}
}

// requireNoMixture requires that a reader that could sign with the old pair, or with half
// of it, is left with no half of the new pair, and never with the old id.
func requireNoMixture(t *testing.T, reader, profile string, before, after readers.Pair) {
	t.Helper()
	halves := []bool{before.ID.Value != after.ID.Value, before.Secret.Value != after.Secret.Value}
	if before.ID.Value != "" && before.Secret.Value != "" && halves[0] != halves[1] {
		t.Errorf("%s finds half of a new pair in profile %s: %q, %q", reader, profile, after.ID.Value, after.Secret.Value)
	}
	if before.ID.Value == oldKey.ID && before.Secret.Value == oldKey.Secret.Reveal() && !slices.Equal(halves, []bool{true, true}) {
		t.Errorf("%s still finds the old pair in profile %s", reader, profile)
	}
}

// FuzzReadersAgree checks of files made of lines that readers take differently that an
// accepted edit leaves every reader with the old pair or with the new one.
func FuzzReadersAgree(f *testing.F) {
	for _, test := range halfSeen {
		f.Add(withKey(oldKey, test.text), false)
	}
	f.Add(withKey(oldKey, "[profile \"a\"]\n"+pairLines+"[profile a]\nAWS_SECRET_ACCESS_KEY = {SECRET}\n"), true)
	f.Add(withKey(oldKey, "[DEFAULT]\nregion = x\n[a]\n"+pairLines+"  region = y\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, config bool) {
		edited, _, err := Lex("file", kindOf(config), data).Replace(oldKey, newKey)
		if err == nil {
			requireOldOrNew(t, kindOf(config), data, edited)
		}
	})
}

// TestSecondReaderIsAskedWhereItMayDiffer: where the second reader is not asked, it sees the
// pair that the lexer sees.
func TestSecondReaderIsAskedWhereItMayDiffer(t *testing.T) {
	lines := []string{"# \"quoted\n", "; `tick` \\\n", "#[x]\n", "\n", "#\n", "region = eu-west-1\n", "s3 =\n  max = 1\n", "#%(x)s\r\n", "; \"\"\"\n", "output=json # or text\n",
		"name = \"\"\"\n", " # indented\n", "aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"}
	skipped := 0
	for seed := range len(lines) * len(lines) * len(lines) {
		a, b, c := lines[seed%len(lines)], lines[seed/len(lines)%len(lines)], lines[seed/len(lines)/len(lines)]
		f := Lex("credentials", Credentials, withKey(oldKey, "[a]\n"+a+b+pairLines+c))
		s := &f.Sections[0]
		p := f.findPair(s)
		if body := f.Data[s.Body.Start:s.Body.End]; p.isWhole() && p.flaw == nil && readAlike(body) {
			skipped++
			values, err := iniSection(body)
			if err != nil || values[idName] != oldKey.ID || values[secretName] != oldKey.Secret.Reveal() {
				t.Errorf("the second reader sees another pair in %q: %v", body, err)
			}
		}
	}
	if skipped < 500 {
		t.Errorf("%d bodies were not shown to the second reader", skipped)
	}
}

// TestFirstChangeIsBlamed: of several changes that a reader would find, the refusal names the
// first one, each time.
func TestFirstChangeIsBlamed(t *testing.T) {
	check := &readerCheck{file: Lex("credentials", Credentials, []byte("[a]\n")), exchanged: strings.NewReplacer("old", "new")}
	before, after := readers.Profile{}, readers.Profile{"id": {Value: "new", Line: 1}}
	before["id"] = readers.Setting{Value: "old", Line: 1}
	for i := range 9 {
		name := strings.Repeat("x", i+1)
		before[name], after[name] = readers.Setting{Value: "a", Line: i + 3}, readers.Setting{Value: "b", Line: i + 3}
	}
	for range 20 { // a map has another order each time
		if r := check.compareSettings(&readers.Reader{Name: "a reader"}, before, after); r == nil || r.Line != 3 {
			t.Fatalf("got %+v, want a refusal for line 3", r)
		}
	}
}
