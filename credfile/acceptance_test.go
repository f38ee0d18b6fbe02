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

// withKey fills in a pair for ID and SECRET.
func withKey(key Key, text string) []byte {
	return []byte(strings.NewReplacer("{ID}", key.ID, "{SECRET}", key.Secret.Reveal(), "{OLD}", oldKey.ID).Replace(text))
}

const (
	pairLines = "aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n"
	plainFile = "[default]\n" + pairLines
)

// The numbers are those of the acceptance list: what must hold of a file that
// its owner wrote by hand, in every way that some AWS reader takes.
func TestEdited(t *testing.T) {
	for _, test := range []struct {
		name    string
		text    string // every {ID} and {SECRET} changes, nothing else does
		profile string // one that is rotatable, default when empty
		warning string // a part of one of its warnings; none is expected when empty
	}{
		{name: "00 plain", text: plainFile},
		{name: "03 capitals in the name, no second key", text: "[default]\nAWS_ACCESS_KEY_ID = {ID}\nAws_Secret_Access_Key = {SECRET}\n", warning: "in capitals"},
		{name: "04 CRLF kept", text: strings.ReplaceAll(plainFile, "\n", "\r\n")},
		{name: "05 mixed line ends kept", text: "[default]\r\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\r\n\n\r\n"},
		{name: "06 no final newline kept", text: strings.TrimSuffix(plainFile, "\n")},
		{name: "07 byte order mark kept", text: "\ufeff" + plainFile, warning: "byte order mark"},
		{name: "08 latin-1 comment kept", text: "# caf\xe9\n" + plainFile, warning: "not UTF-8"},
		{name: "09 NUL byte in a comment kept", text: "# a\x00b\n" + plainFile},
		{name: "10 no blanks around =", text: "[default]\naws_access_key_id={ID}\naws_secret_access_key={SECRET}\n"},
		{name: "10 tabs and trailing blanks kept", text: "[default]\naws_access_key_id\t=\t{ID}\t \naws_secret_access_key   =   {SECRET}   \n"},
		{name: "11 inline # comment kept", text: "[default]\naws_access_key_id = {ID} # prod\naws_secret_access_key = {SECRET}\n", warning: "reads AKIA..0001 with the comment"},
		{name: "11 inline ; comment behind a tab kept", text: "[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\t; c\n", warning: "reads the secret with the comment"},
		{name: "12 comment in a comment kept", text: "[default]\naws_access_key_id = {ID} ; c # d\naws_secret_access_key = {SECRET} # c ; d\n", warning: "with the comment"},
		{name: "13 quotes kept", text: "[default]\naws_access_key_id = \"{ID}\"\naws_secret_access_key = '{SECRET}'\n", warning: "with the quotes"},
		{name: "13 quotes and a comment kept", text: "[default]\naws_access_key_id = \"{ID}\" # c\naws_secret_access_key = {SECRET}\n", warning: "with the quotes"},
		{name: "14 commented-out old id untouched", text: "[default]\n# aws_access_key_id = {OLD}\n;aws_access_key_id={OLD}\n#aws_access_key_id = {OLD}\n" + pairLines + "  # aws_access_key_id = {OLD}\n", warning: "indented lines below"},
		{name: "14 old id in an inline comment untouched", text: plainFile + "region = eu-west-1 # aws_access_key_id {OLD}\n"},
		{name: "15 secret before id", text: "[default]\naws_secret_access_key = {SECRET}\nregion = x\naws_access_key_id = {ID}\n"},
		{name: "16 all keys indented", text: "[default]\n  aws_access_key_id = {ID}\n  aws_secret_access_key = {SECRET}\n", warning: "found continuation"},
		{name: "17 second key deeper", text: "[default]\naws_access_key_id = {ID}\n  aws_secret_access_key = {SECRET}\n", warning: "read AKIA..0001 with the indented lines"},
		{name: "18 nested block untouched", text: "[default]\ns3 =\n  aws_access_key_id = {OLD}\n  aws_secret_access_key = NESTED\n" + pairLines},
		{name: "18 nested block behind the pair untouched", text: plainFile + "s3 =\n  aws_access_key_id = {OLD}\n  max = 20\n[other]\nx = y\n"},
		{name: "19 blank and comment lines in a nested block", text: "[default]\ns3 =\n  max = 20\n\n# c\n  mode = x\n  # d\n" + pairLines, warning: "sub-property"},
		{name: "20 blanks in the header", text: "[ default ]\n" + pairLines, warning: "blanks inside the brackets"},
		{name: "20 comment right behind the header", text: "[default]#c\n" + pairLines, warning: "JavaScript"},
		{name: "20 brackets in the header's comment", text: "[default] # see [x]\n" + pairLines, warning: "last ']'"},
		{name: "21 [profile foo] in credentials is a name of its own", text: "[profile foo]\n" + pairLines, profile: "profile foo", warning: "rules ignore"},
		{name: "22 [DEFAULT] is the profile DEFAULT", text: "[DEFAULT]\n" + pairLines + "[default]\nregion = x\n", profile: "DEFAULT", warning: "merges [DEFAULT]"},
		{name: "26 duplicate key in another profile", text: plainFile + "[b]\nx = 1\nx = 2\n", warning: "x also appears in line 5"},
		{name: "26 duplicate section elsewhere", text: plainFile + "[b]\nx = 1\n[b]\ny = 2\n", warning: "[b] also appears in line 4"},
		{name: "27 open backtick in another section", text: "[a]\nk = `v\n" + plainFile},
		{name: "27 open triple quote in another section", text: plainFile + "[a]\nk = \"\"\"v\n"},
		{name: "27 junk in another section", text: "[a]\n<<<<<<< HEAD\n" + plainFile, warning: "expected an '=' sign"},
		{name: "28 values that refer to each other", text: plainFile + "x = %(y)s\ny = %(x)s\n"},
		{name: "29 lone quote", text: plainFile + "x = \"\n[b]\ny = \"\n"},
		{name: "34 same id in several profiles", text: plainFile + "[work]\nregion = x\n" + pairLines + "# end\n"},
		{name: "comment on top, other profiles around", text: "# mine\n\n[a]\naws_access_key_id = AKIAOTHEROTHEROTHER1\naws_secret_access_key = othersecretothersecret\n\n" + plainFile + "\n[b]\nregion = x\n"},
		{name: "an id that only begins like the old one", text: plainFile + "[b]\naws_access_key_id = {OLD}X\naws_secret_access_key = x\n"},
		{name: "empty session token", text: plainFile + "aws_session_token =\n"},
		{name: "text behind the header", text: "[default] prod\n" + pairLines, warning: "must end with ']'"},
		{name: "indented header", text: "  [default]\n" + pairLines, warning: "expected a profile definition"},
		{name: "name with a blank", text: "[my profile]\n" + pairLines, profile: "my profile", warning: "rules ignore"},
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
				t.Errorf("%d changes, want %d", len(changes), want)
			}
			if !bytes.Equal(data, withKey(oldKey, test.text)) {
				t.Error("the old bytes were changed")
			}
			p := findProfile(t, Profiles(f, nil), test.profile)
			if p.Skip != Rotatable || p.Key.ID != oldKey.ID || !p.Key.Secret.Equal(oldKey.Secret) {
				t.Errorf("profile is %q (%s) with key %s", p.Skip, p.Why, p.Key)
			}
			if key, err := Pair(got, Credentials, p.Section); err != nil || key.ID != newKey.ID || !key.Secret.Equal(newKey.Secret) {
				t.Errorf("the second reader sees %s, %v", key, err)
			}
			requireWarning(t, p, test.warning)
		})
	}
}

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

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		text   string
		line   int
		reason string
		skip   Skip // of the first profile
	}{
		{"24 duplicate section", plainFile + "[b]\nx = 1\n[default]\nregion = x\n", 1, "[default] appears in lines 1 and 6", Unreadable},
		{"24 pair over two sections of one name", "[default]\naws_access_key_id = {ID}\n[ default ]\naws_secret_access_key = {SECRET}\n", 1, "lines 1 and 3", Unreadable},
		{"25 duplicate id", plainFile + "aws_access_key_id = AKIAOTHEROTHEROTHER1\n", 4, "appears in lines 2 and 4", Unreadable},
		{"25 duplicate by case", plainFile + "AWS_SECRET_ACCESS_KEY = x\n", 4, "appears in lines 3 and 4", Unreadable},
		{"25 duplicate by indentation", plainFile + " aws_access_key_id = AKIAOTHEROTHEROTHER1\n", 4, "lines 2 and 4", Unreadable},
		{"25 duplicate by quotes", plainFile + "\"aws_access_key_id\" = AKIAOTHEROTHEROTHER1\n", 4, "only some AWS readers", Unreadable},
		{"27 open backtick in the same section", plainFile + "x = `v\n", 1, "cannot read the lines of [default]", Rotatable},
		{"30 id adjacent to #", "[default]\naws_access_key_id = {ID}#c\naws_secret_access_key = {SECRET}\n", 2, "", Unreadable},
		{"30 secret adjacent to ;", "[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET};c\n", 3, "", Unreadable},
		{"30 id in backticks", "[default]\naws_access_key_id = `{ID}`\naws_secret_access_key = {SECRET}\n", 2, "", Unreadable},
		{"30 id behind a lone quote", "[default]\naws_access_key_id = \"{ID}\naws_secret_access_key = {SECRET}\n", 2, "", Unreadable},
		{"30 backslash behind the secret", "[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\\\n", 3, "", Unreadable},
		{"30 no-break space around the id", "[default]\naws_access_key_id =\u00a0{ID}\naws_secret_access_key = {SECRET}\n", 2, "", Unreadable},
		{"30 form feed before the name", "[default]\n\faws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n", 2, "", Unreadable},
		{"30 colon for =", "[default]\naws_access_key_id : {ID}\naws_secret_access_key : {SECRET}\n", 2, "", Unreadable},
		{"30 three-quoted secret", "[default]\naws_access_key_id = {ID}\naws_secret_access_key = \"\"\"{SECRET}\"\"\"\n", 3, "", Unreadable},
		{"31 id without secret", "[default]\naws_access_key_id = {ID}\nregion = x\n", 2, "without its secret", HalfPair},
		{"31 secret is empty", "[default]\naws_access_key_id = {ID}\naws_secret_access_key =\n", 2, "without its secret", HalfPair},
		{"32 session token", plainFile + "aws_session_token = x\n", 4, "session token", Temporary},
		{"32 boto's session token", plainFile + "aws_security_token = x\n", 4, "session token", Temporary},
		{"34 same id, one of them unclear", plainFile + "[work]\naws_access_key_id = {ID}\n", 5, "without its secret", Rotatable},
		{"34 same id, one set with a colon", plainFile + "[work]\naws_access_key_id : {ID}\naws_secret_access_key : x\n", 5, "only some AWS readers", Rotatable},
		{"34 same id, one above all headers", "aws_access_key_id = {ID}\n" + plainFile, 1, "only some AWS readers", Rotatable},
		{"34 same id with another secret", plainFile + "[work]\naws_access_key_id = {ID}\naws_secret_access_key = othersecretothersecret\n", 6, "lines 3 and 6", Rotatable},
		{"header in a continuation", "[a]\nx = 1\n  [default]\n" + pairLines, 3, "begins a profile", NoKeys},
		{"header without its bracket", "[default\n" + pairLines, 1, "begins a profile", Unreadable},
		{"carriage returns for line ends", strings.ReplaceAll(plainFile, "\n", "\r"), 1, "", NoKeys},
		{"carriage return behind the value", strings.ReplaceAll(plainFile, "\n", "\r\r\n"), 2, "", Unreadable},
		{"key no deeper than an empty value", "[default]\n  s3 =\n  aws_access_key_id = {ID}\n  aws_secret_access_key = {SECRET}\n", 3, "", Unreadable},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := withKey(oldKey, test.text)
			f := Lex("credentials", Credentials, data)
			got, changes, err := f.Replace(oldKey, newKey)
			if got != nil || changes != nil {
				t.Fatalf("edited: %q", got)
			}
			if r := requireRefusal(t, err, test.reason); r.Line != test.line {
				t.Errorf("line %d, want %d: %v", r.Line, test.line, r)
			}
			requireNoSecret(t, err.Error())
			p := Profiles(f, nil)[0]
			if p.Skip != test.skip || (p.Why == "") != (p.Skip == Rotatable) {
				t.Errorf("profile is %q (%s), want %q", p.Skip, p.Why, test.skip)
			}
			requireNoSecret(t, p.Why)
			if !bytes.Equal(data, withKey(oldKey, test.text)) {
				t.Error("the old bytes were changed")
			}
		})
	}
}

// requireNoSecret looks for the beginning of each secret, in any case.
func requireNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, key := range []Key{oldKey, newKey} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(key.Secret.Reveal()[:12])) {
			t.Errorf("a secret stands in %q", text)
		}
	}
}

func TestRefusedKeys(t *testing.T) {
	secret := newKey.Secret.Reveal()
	for _, test := range []struct {
		name      string
		old, next Key
	}{
		{"32 ASIA id", Key{"ASIAOLDOLDOLDOLD0001", oldKey.Secret}, newKey},
		{"33 another id than expected", Key{"AKIAOTHEROTHEROTHER1", oldKey.Secret}, newKey},
		{"33 another secret than expected", Key{oldKey.ID, newKey.Secret}, newKey},
		{"35 new secret with a newline", oldKey, Key{newKey.ID, NewSecret(secret + "\n")}},
		{"35 new secret with a space", oldKey, Key{newKey.ID, NewSecret("a " + secret)}},
		{"35 new secret with #", oldKey, Key{newKey.ID, NewSecret(secret + "#")}},
		{"35 new secret with a quote", oldKey, Key{newKey.ID, NewSecret(`"` + secret)}},
		{"35 new secret too short", oldKey, Key{newKey.ID, NewSecret("short")}},
		{"35 no new secret", oldKey, Key{ID: newKey.ID}},
		{"35 new id with a newline", oldKey, Key{newKey.ID + "\n", newKey.Secret}},
		{"35 new id that is temporary", oldKey, Key{"ASIANEWNEWNEWNEW0002", newKey.Secret}},
		{"34 new id stands there with another secret", oldKey, Key{thirdKey.ID, newKey.Secret}},
	} {
		t.Run(test.name, func(t *testing.T) {
			data, changes, err := Lex("credentials", Credentials, slices.Concat(withKey(oldKey, plainFile), withKey(thirdKey, "[b]\n"+pairLines))).Replace(test.old, test.next)
			if err == nil || data != nil || changes != nil {
				t.Fatalf("edited: %q", data)
			}
			requireNoSecret(t, err.Error())
			if strings.Count(err.Error(), "credfile: ") != 1 {
				t.Errorf("want the package's name once: %v", err)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	data := withKey(oldKey, "[default]\nregion = x\n[profile work]\naws_secret_access_key = {SECRET}\naws_access_key_id = \"{ID}\"\n")
	f := Lex("/h/config", Config, data)
	_, changes, err := f.Replace(oldKey, newKey)
	if err != nil || len(changes) != 2 {
		t.Fatalf("%v, %v", changes, err)
	}
	for i, want := range []struct {
		what, text string
		line       int
	}{{secretName, oldKey.Secret.Reveal(), 4}, {idName, oldKey.ID, 5}} {
		c := changes[i]
		if c.What != want.what || f.Text(c.At) != want.text || c.Line != want.line || c.Profile != "work" || c.Path != "/h/config" {
			t.Errorf("change %d is %+v", i, c)
		}
	}
	if !f.Holds(oldKey.ID) || f.Holds(newKey.ID) || f.Holds("") {
		t.Error("Holds is wrong")
	}
}
