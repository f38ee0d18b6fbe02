package credfile

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

var (
	oldKey = Key{"AKIAOLDOLDOLDOLD0001", NewSecret("agedagedaged/agedagedaged+agedagedaged==")}
	newKey = Key{"AKIANEWNEWNEWNEW0002", NewSecret("freshfreshfreshfreshfreshfreshfresh5/+=X")}
)

// withKey returns text with key in the places of {ID} and {SECRET}, and the old id in
// the places of {OLD}.
func withKey(key Key, text string) []byte {
	return []byte(strings.NewReplacer("{ID}", key.ID, "{SECRET}", key.Secret.Reveal(), "{OLD}", oldKey.ID).Replace(text))
}

const (
	pairLines = "aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
	plainFile = "[default]\n" + pairLines
)

// Replace changes only the pair in files written by hand, in all the ways that some
// AWS reader accepts.
func TestReplaceChangesOnlyThePair(t *testing.T) {
	for _, test := range []struct {
		name    string
		text    string // every {ID} and {SECRET} must change, and nothing else
		profile string // a rotatable profile; default if empty
		warning string // part of one of its warnings; if empty, there must be no warning
	}{
		{name: "plain", text: plainFile},
		{name: "capitals in the name, no second key", text: "[default]\nAWS_ACCESS_KEY_ID = {ID}\nAws_Secret_Access_Key = {SECRET}\n", warning: "in capitals"},
		{name: "CRLF kept", text: strings.ReplaceAll(plainFile, "\n", "\r\n")},
		{name: "mixed line ends kept", text: "[default]\r\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\r\n\n\r\n"},
		{name: "no final newline kept", text: strings.TrimSuffix(plainFile, "\n")},
		{name: "byte order mark kept", text: "\ufeff" + plainFile, warning: "byte order mark"},
		{name: "latin-1 comment kept", text: "# caf\xe9\n" + plainFile, warning: "not UTF-8"},
		{name: "NUL byte in a comment kept", text: "# a\x00b\n" + plainFile},
		{name: "no blanks around =", text: "[default]\naws_access_key_id={ID}\naws_secret_access_key={SECRET}\n"},
		{name: "tabs and trailing blanks kept", text: "[default]\naws_access_key_id\t=\t{ID}\t \naws_secret_access_key   =   {SECRET}   \n"},
		{name: "inline # comment kept", text: "[default]\naws_access_key_id = {ID} # prod\naws_secret_access_key = {SECRET}\n", warning: "reads AKIA..0001 with the comment"},
		{name: "inline ; comment after a tab kept", text: "[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\t; c\n", warning: "reads the secret with the comment"},
		{name: "comment in a comment kept", text: "[default]\naws_access_key_id = {ID} ; c # d\naws_secret_access_key = {SECRET} # c ; d\n", warning: "with the comment"},
		{name: "quotes kept", text: "[default]\naws_access_key_id = \"{ID}\"\naws_secret_access_key = '{SECRET}'\n", warning: "with the quotes"},
		{name: "quotes and a comment kept", text: "[default]\naws_access_key_id = \"{ID}\" # c\naws_secret_access_key = {SECRET}\n", warning: "with the quotes"},
		{name: "commented-out old id untouched", text: "[default]\n# aws_access_key_id = {OLD}\n;aws_access_key_id={OLD}\n#aws_access_key_id = {OLD}\n" + pairLines + "  # aws_access_key_id = {OLD}\n", warning: "indented lines below"},
		{name: "old id in an inline comment untouched", text: plainFile + "region = eu-west-1 # aws_access_key_id {OLD}\n", warning: "the AWS CLI reads region with"},
		{name: "secret before id", text: "[default]\naws_secret_access_key = {SECRET}\nregion = x\naws_access_key_id = {ID}\n"},
		{name: "all keys indented", text: "[default]\n  aws_access_key_id = {ID}\n  aws_secret_access_key = {SECRET}\n", warning: "found continuation"},
		{name: "second key deeper", text: "[default]\naws_access_key_id = {ID}\n  aws_secret_access_key = {SECRET}\n", warning: "read AKIA..0001 with the indented lines"},
		{name: "nested block untouched", text: "[default]\ns3 =\n  aws_access_key_id = {OLD}\n  aws_secret_access_key = NESTED\n" + pairLines},
		{name: "nested block after the pair untouched", text: plainFile + "s3 =\n  aws_access_key_id = {OLD}\n  max = 20\n[other]\nx = y\n"},
		{name: "blank and comment lines in a nested block", text: "[default]\ns3 =\n  max = 20\n\n# c\n  mode = x\n  # d\n" + pairLines, warning: "sub-property"},
		{name: "blanks in the header", text: "[ default ]\n" + pairLines, warning: "blanks inside the brackets"},
		{name: "comment right after the header", text: "[default]#c\n" + pairLines, warning: "JavaScript"},
		{name: "brackets in the header's comment", text: "[default] # see [x]\n" + pairLines, warning: "last ']'"},
		{name: "[profile foo] in credentials is a name of its own", text: "[profile foo]\n" + pairLines, profile: "profile foo", warning: "SDKs ignore it"},
		{name: "[DEFAULT] is the profile DEFAULT", text: "[DEFAULT]\n" + pairLines + "[default]\nregion = x\n", profile: "DEFAULT", warning: "merges [DEFAULT]"},
		{name: "duplicate key in another profile", text: plainFile + "[b]\nx = 1\nx = 2\n", warning: "x also appears in line 5"},
		{name: "duplicate section elsewhere", text: plainFile + "[b]\nx = 1\n[b]\ny = 2\n", warning: "[b] also appears in line 4"},
		{name: "open backtick in another section", text: "[a]\nk = `v\n" + plainFile},
		{name: "open triple quote in another section", text: plainFile + "[a]\nk = \"\"\"v\n"},
		{name: "junk in another section", text: "[a]\n<<<<<<< HEAD\n" + plainFile, warning: "expected an '=' sign"},
		{name: "values that refer to each other", text: plainFile + "x = %(y)s\ny = %(x)s\n"},
		{name: "lone quote", text: plainFile + "x = \"\n[b]\ny = \"\n"},
		{name: "same id in several profiles", text: plainFile + "[work]\nregion = x\n" + pairLines + "# end\n"},
		{name: "comment on top, other profiles around", text: "# mine\n\n[a]\naws_access_key_id = AKIAOTHEROTHEROTHER1\naws_secret_access_key = othersecretothersecret\n\n" + plainFile + "\n[b]\nregion = x\n"},
		{name: "an id that only begins like the old one", text: plainFile + "[b]\naws_access_key_id = {OLD}X\naws_secret_access_key = x\n"},
		{name: "empty session token", text: plainFile + "aws_session_token =\n"},
		{name: "text after the header", text: "[default] prod\n" + pairLines, warning: "must end with ']'"},
		{name: "indented header", text: "  [default]\n" + pairLines, warning: "expected a profile definition"},
		{name: "name with a blank", text: "[my profile]\n" + pairLines, profile: "my profile", warning: "some AWS SDKs ignore"},
		{name: "header without a name elsewhere", text: "[]\nx = 1\n" + plainFile, warning: "names no profile"},
		{name: "very long line", text: plainFile + "x = " + strings.Repeat("x", 70_000) + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := withKey(oldKey, test.text)
			f := Lex("credentials", Credentials, data)
			got, changes, err := f.Replace(oldKey, newKey)
			if err != nil {
				t.Fatal(err)
			}
			if want := withKey(newKey, test.text); !bytes.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if want := strings.Count(test.text, "{ID}") + strings.Count(test.text, "{SECRET}"); len(changes) != want {
				t.Errorf("got %d changes, want %d", len(changes), want)
			}
			if !bytes.Equal(data, withKey(oldKey, test.text)) {
				t.Error("the old bytes were changed")
			}
			p := findProfile(t, Profiles(f, nil), test.profile)
			if p.Skip != Rotatable || p.Key.ID != oldKey.ID || !p.Key.Secret.Equal(oldKey.Secret) {
				t.Errorf("the profile is %q (%s) with key %s, want rotatable with the old key", p.Skip, p.Why, p.Key)
			}
			if key, err := ReadPair(got, Credentials, p.Section); err != nil || key.ID != newKey.ID || !key.Secret.Equal(newKey.Secret) {
				t.Errorf("the second reader sees %s, %v, want the new key", key, err)
			}
			requireWarning(t, p, test.warning)
		})
	}
}

// findProfile returns the profile with this name, default for "".
func findProfile(t *testing.T, profiles []Profile, name string) Profile {
	t.Helper()
	if name == "" {
		name = "default"
	}
	for _, p := range profiles {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no profile %q", name)
	return Profile{}
}

// requireWarning requires a warning that contains text, or no warning for "", and that
// every warning has a line, a file and a remedy.
func requireWarning(t *testing.T, p Profile, text string) {
	t.Helper()
	found := text == "" && len(p.Warnings) == 0
	for _, w := range p.Warnings {
		found = found || text != "" && strings.Contains(w.Text, text)
		if w.Line == 0 || w.Remedy == "" || w.Path == "" {
			t.Errorf("warning without line, file or remedy: %+v", w)
		}
	}
	if !found {
		t.Errorf("want a warning %q, got %+v", text, p.Warnings)
	}
}

func TestReplaceRefusesDisputedFiles(t *testing.T) {
	for _, test := range []struct {
		name   string
		text   string
		line   int
		reason string
		skip   Skip // of the first profile
	}{
		{"duplicate section", plainFile + "[b]\nx = 1\n[default]\nregion = x\n", 1, "[default] appears in lines 1 and 6", Unreadable},
		{"pair over two sections of one name", "[default]\naws_access_key_id = {ID}\n[ default ]\naws_secret_access_key = {SECRET}\n", 1, "lines 1 and 3", Unreadable},
		{"duplicate id", plainFile + "aws_access_key_id = AKIAOTHEROTHEROTHER1\n", 4, "appears in lines 2 and 4", Unreadable},
		{"duplicate by case", plainFile + "AWS_SECRET_ACCESS_KEY = x\n", 4, "appears in lines 3 and 4", Unreadable},
		{"duplicate by indentation", plainFile + " aws_access_key_id = AKIAOTHEROTHEROTHER1\n", 4, "lines 2 and 4", Unreadable},
		{"duplicate by quotes", plainFile + "\"aws_access_key_id\" = AKIAOTHEROTHEROTHER1\n", 4, "only some AWS readers", Unreadable},
		{"open backtick in the same section", plainFile + "x = `v\n", 4, "cannot read the lines of [default]", Unreadable},
		{"id adjacent to #", "[default]\naws_access_key_id = {ID}#c\naws_secret_access_key = {SECRET}\n", 2, "", Unreadable},
		{"secret adjacent to ;", "[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET};c\n", 3, "", Unreadable},
		{"id in backticks", "[default]\naws_access_key_id = `{ID}`\naws_secret_access_key = {SECRET}\n", 2, "", Unreadable},
		{"id after a lone quote", "[default]\naws_access_key_id = \"{ID}\naws_secret_access_key = {SECRET}\n", 2, "", Unreadable},
		{"backslash after the secret", "[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\\\n", 3, "", Unreadable},
		{"no-break space around the id", "[default]\naws_access_key_id =\u00a0{ID}\naws_secret_access_key = {SECRET}\n", 2, "", Unreadable},
		{"form feed before the name", "[default]\n\faws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n", 2, "", Unreadable},
		{"colon for =", "[default]\naws_access_key_id : {ID}\naws_secret_access_key : {SECRET}\n", 2, "", Unreadable},
		{"three-quoted secret", "[default]\naws_access_key_id = {ID}\naws_secret_access_key = \"\"\"{SECRET}\"\"\"\n", 3, "", Unreadable},
		{"id without secret", "[default]\naws_access_key_id = {ID}\nregion = x\n", 2, "without its secret", HalfPair},
		{"secret is empty", "[default]\naws_access_key_id = {ID}\naws_secret_access_key =\n", 2, "without its secret", HalfPair},
		{"session token", plainFile + "aws_session_token = x\n", 4, "session token", Temporary},
		{"boto's session token", plainFile + "aws_security_token = x\n", 4, "session token", Unreadable},
		{"same id, one of them unclear", plainFile + "[work]\naws_access_key_id = {ID}\n", 5, "without its secret", Rotatable},
		{"same id, one set with a colon", plainFile + "[work]\naws_access_key_id : {ID}\naws_secret_access_key : x\n", 5, "only some AWS readers", Rotatable},
		{"same id, one above all headers", "aws_access_key_id = {ID}\n" + plainFile, 1, "only some AWS readers", Rotatable},
		{"same id with another secret", plainFile + "[work]\naws_access_key_id = {ID}\naws_secret_access_key = othersecretothersecret\n", 6, "lines 3 and 6", Rotatable},
		{"header in a continuation", "[a]\nx = 1\n  [default]\n" + pairLines, 3, "begins a profile", Unreadable},
		{"header without its bracket", "[default\n" + pairLines, 1, "begins a profile", Unreadable},
		{"carriage returns for line ends", strings.ReplaceAll(plainFile, "\n", "\r"), 1, "", Unreadable},
		{"carriage return after the value", strings.ReplaceAll(plainFile, "\n", "\r\r\n"), 2, "", Unreadable},
		{"key no deeper than an empty value", "[default]\n  s3 =\n  aws_access_key_id = {ID}\n  aws_secret_access_key = {SECRET}\n", 3, "", Unreadable},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := withKey(oldKey, test.text)
			f := Lex("credentials", Credentials, data)
			got, changes, err := f.Replace(oldKey, newKey)
			if got != nil || changes != nil {
				t.Fatalf("Replace accepted the file: %q", got)
			}
			if r := requireRefusal(t, err, test.reason); r.Line != test.line {
				t.Errorf("refused for line %d, want line %d: %v", r.Line, test.line, r)
			}
			requireNoSecret(t, err.Error())
			p := Profiles(f, nil)[0]
			if p.Skip != test.skip || (p.Why == "") != (p.Skip == Rotatable) {
				t.Errorf("the profile is %q (%s), want %q", p.Skip, p.Why, test.skip)
			}
			requireNoSecret(t, p.Why)
			if !bytes.Equal(data, withKey(oldKey, test.text)) {
				t.Error("the old bytes were changed")
			}
		})
	}
}

// requireNoSecret requires that text does not contain the beginning of a secret, in
// upper or lower case.
func requireNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, key := range []Key{oldKey, newKey} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(key.Secret.Reveal()[:12])) {
			t.Errorf("%q contains a secret", text)
		}
	}
}

func TestReplaceRefusesUnsafeKeys(t *testing.T) {
	secret := newKey.Secret.Reveal()
	for _, test := range []struct {
		name      string
		old, next Key
	}{
		{"ASIA id", Key{"ASIAOLDOLDOLDOLD0001", oldKey.Secret}, newKey},
		{"another id than expected", Key{"AKIAOTHEROTHEROTHER1", oldKey.Secret}, newKey},
		{"another secret than expected", Key{oldKey.ID, newKey.Secret}, newKey},
		{"new secret with a newline", oldKey, Key{newKey.ID, NewSecret(secret + "\n")}},
		{"new secret with a space", oldKey, Key{newKey.ID, NewSecret("a " + secret)}},
		{"new secret with #", oldKey, Key{newKey.ID, NewSecret(secret + "#")}},
		{"new secret with a quote", oldKey, Key{newKey.ID, NewSecret(`"` + secret)}},
		{"new secret too short", oldKey, Key{newKey.ID, NewSecret("short")}},
		{"no new secret", oldKey, Key{ID: newKey.ID}},
		{"new id with a newline", oldKey, Key{newKey.ID + "\n", newKey.Secret}},
		{"new id that is temporary", oldKey, Key{"ASIANEWNEWNEWNEW0002", newKey.Secret}},
		{"the file holds the new id with another secret", oldKey, Key{thirdKey.ID, newKey.Secret}},
	} {
		t.Run(test.name, func(t *testing.T) {
			data, changes, err := Lex("credentials", Credentials, slices.Concat(withKey(oldKey, plainFile), withKey(thirdKey, "[b]\n"+pairLines))).Replace(test.old, test.next)
			if err == nil || data != nil || changes != nil {
				t.Fatalf("Replace accepted the keys: %q", data)
			}
			requireNoSecret(t, err.Error())
			if strings.Count(err.Error(), "credfile: ") != 1 {
				t.Errorf("got %v, want the package name once", err)
			}
		})
	}
}

func TestReplaceReportsItsChanges(t *testing.T) {
	data := withKey(oldKey, "[default]\nregion = x\n[profile work]\naws_secret_access_key = {SECRET}\naws_access_key_id = \"{ID}\"\n")
	f := Lex("/h/config", Config, data)
	_, changes, err := f.Replace(oldKey, newKey)
	if err != nil || len(changes) != 2 {
		t.Fatalf("got %v, %v, want two changes", changes, err)
	}
	for i, want := range []struct {
		what, text string
		line       int
	}{{secretName, oldKey.Secret.Reveal(), 4}, {idName, oldKey.ID, 5}} {
		c := changes[i]
		if c.Property != want.what || f.Text(c.At) != want.text || c.Line != want.line || c.Profile != "work" || c.Path != "/h/config" {
			t.Errorf("change %d is %+v", i, c)
		}
	}
	if !f.Holds(oldKey.ID) || f.Holds(newKey.ID) || f.Holds("") {
		t.Error("Holds does not report exactly the old id")
	}
}
