package credfile

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"keyd/credfile/readers"
)

// unreadable are files with a long-term key that keyd cannot rotate: as people and programs
// write them, and as only some readers take them for a key.
var unreadable = []struct {
	name, text string
	profile    string // of which keyd says so
	line       int    // that is really wrong
	why        string
	remedy     string
}{
	// Lines that are doubled, glued together or halved.
	{"a header glued to the secret", "[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}[private]\n" + otherPair, "default", 3, "header [private] is glued", "new line before the '['"},
	{"a header glued to the secret, nothing below", "[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}[private]\nregion = x\n", "default", 3, "header [private] is glued", "'['"},
	{"a header glued to a setting between doubled pairs", plainFile + "region = x[private]\n" + otherPair, "default", 4, "header [private] is glued", "'['"},
	{"a secret glued to a header's name", "[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}[{SECRET}]\n", "default", 3, "the header is glued", "'['"},
	{"the id glued to the secret", "[default]\naws_secret_access_key = {SECRET}aws_access_key_id = {ID}\n", "default", 2, "two settings are glued", "new line before aws_access_key_id"},
	{"id and secret in one line", "[default]\naws_access_key_id = {ID} aws_secret_access_key = {SECRET}\n", "default", 2, "two settings are glued", "new line before aws_secret_access_key"},
	{"the id glued to the header", "[default]aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n", "default", 1, "names aws_access_key_id but does not set it", "line of its own"},
	{"the pair twice", plainFile + pairLines, "default", 4, "lines 2 and 4", "header of its own"},
	{"two pairs", plainFile + otherPair, "default", 4, "lines 2 and 4", "header of its own"},
	{"two sections", plainFile + plainFile, "default", 1, "[default] appears in lines 1 and 4", "under one header"},
	{"no secret", "[default]\naws_access_key_id = {ID}\n", "default", 2, "no aws_secret_access_key", "add the line with the secret"},
	{"no id", "[default]\naws_secret_access_key = {SECRET}\n", "default", 2, "a secret but no", "add the line with the id"},
	{"no value", "[default]\naws_access_key_id = {ID}\naws_secret_access_key =\n", "default", 3, "has no value", "after the '='"},
	{"the value in the next line", "[default]\naws_access_key_id = {ID}\naws_secret_access_key =\n{SECRET}\n", "default", 3, "has no value", "same line"},
	{"no equals sign", "[default]\naws_access_key_id = {ID}\naws_secret_access_key {SECRET}\n", "default", 3, "names aws_secret_access_key but does not set it", "= ..."},
	{"a misspelled secret", "[default]\naws_access_key_id = {ID}\naws_secret_acces_key = {SECRET}\n", "default", 2, "no aws_secret_access_key", "add the line"},
	{"the wrong way round", "[default]\naws_access_key_id = {SECRET}\naws_secret_access_key = {ID}\n", "default", 2, "wrong way round", "exchange"},
	{"an id cut short", "[default]\naws_access_key_id = AKIAOLDOLDO\naws_secret_access_key = {SECRET}\n", "default", 2, "not the id of a key", "AKIA and the characters"},
	{"a comma behind the id", "[default]\naws_access_key_id = {ID},\naws_secret_access_key = {SECRET}\n", "default", 2, "not the id of a key", "without anything else"},
	{"a comma behind the secret", "[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET},\n", "default", 3, "form of a secret", "nothing but the secret"},
	{"a doubled equals sign", "[default]\naws_access_key_id = = {ID}\naws_secret_access_key = {SECRET}\n", "default", 2, "a blank", "nothing but the value"},
	{"an angle bracket around the secret", "[default]\naws_access_key_id = {ID}\naws_secret_access_key = <{SECRET}>\n", "default", 3, "form of a secret", "nothing but the secret"},
	{"a stray carriage return", strings.ReplaceAll(plainFile, "\n", "\r\r\n"), "default", 2, "carriage return", "LF or CRLF"},
	{"a carriage return between the halves", "[default]\naws_access_key_id = {ID}\raws_secret_access_key = {SECRET}\n", "default", 2, "carriage return", "LF or CRLF"},
	{"another secret elsewhere", plainFile + "[work]\naws_access_key_id = {ID}\naws_secret_access_key = othersecretothersecret\n", "work", 5, "credentials:2 with another secret", "which secret is right"},
	{"an open backtick below", plainFile + "x = `v\n", "default", 4, "because of this one", "close the backtick"},
	{"a byte order mark in the middle", plainFile + "[b]\n\ufeffaws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n", "b", 5, "only some AWS readers", "aws_access_key_id"},

	{"three lines in one", "[default]aws_access_key_id = {ID}aws_secret_access_key = {SECRET}\n", "default", 1, "no AWS tool reads it", "aws_access_key_id = ..."},
	{"no separator", "[default]\naws_access_key_id{ID}\naws_secret_access_key{SECRET}\n", "default", 2, "no AWS tool reads it", "aws_access_key_id"},
	{"a key in a header", "[default]\n[aws_access_key_id = {ID}\naws_secret_access_key = x\n", "aws_access_key_id = {ID}", 2, "no AWS tool reads it", ""},
	{"a line that was meant to set the id, next to one that does", "[default]\naws_access_key_id ? {ID}\n" + pairLines, "default", 2, "no AWS tool reads it", "or remove the key"},
	{"another name next to a damaged secret", "[default]\naws_acces_key_id = {ID}\naws_secret_access_key = cut\n", "default", 2, "no AWS tool reads it", "aws_access_key_id"},

	// Keys that only some readers see.
	{"carriage returns alone", strings.ReplaceAll(plainFile, "\n", "\r"), "default", 1, "the AWS CLI and the Java SDK can use", "LF or CRLF"},
	{"carriage returns alone in a second file's manner", "# mine\r" + strings.ReplaceAll(plainFile, "\n", "\r"), "default", 1, "the AWS CLI and the Java SDK can use", "LF or CRLF"},
	{"a form feed before the header", "\f[default]\n" + pairLines, "default", 1, "can use the key AKIA..0001", "before the '['"},
	{"a vertical tab before the name", "[default]\n\vaws_access_key_id = {ID}\n\vaws_secret_access_key = {SECRET}\n", "default", 2, "only some AWS readers", "without quotes or blanks"},
	{"a next-line character before the name", "[default]\n\u0085aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n", "default", 2, "only some AWS readers", ""},
	{"a no-break space around the value", "[default]\naws_access_key_id =\u00a0{ID}\naws_secret_access_key = {SECRET}\n", "default", 2, "other than letters", "paste it again"},
	{"a file separator around the value", "[default]\naws_access_key_id = {ID}\x1c\naws_secret_access_key = {SECRET}\n", "default", 2, "control character", "again"},
	{"colons", "[default]\naws_access_key_id: {ID}\naws_secret_access_key: {SECRET}\n", "default", 2, "only some AWS readers", "aws_access_key_id = ..."},
	{"a name with a colon", "[default]\naws_access_key_id: = {ID}\naws_secret_access_key = {SECRET}\n", "default", 2, "only some AWS readers", "aws_access_key_id = ..."},
	{"a header that is not closed, with a pair of its own", plainFile + "[work\n" + otherPair, "work", 4, "begins a profile", "[name]"},
	{"a header in the lines of another value", "[a]\nx = 1\n  [default]\n" + pairLines, "a", 3, "the AWS CLI, the Java SDK and the Rust SDK can use", "blanks before the header"},
	{"a header without a name", "[]\n" + pairLines, "[]", 1, "names no profile", "a name between the brackets"},
	{"a token that only the AWS CLI reads", plainFile + "aws_security_token = x\n", "default", 2, "the Go SDK, the JavaScript SDK, the Java SDK and the Rust SDK can use", "session token"},
	{"a token in capitals", plainFile + "AWS_SESSION_TOKEN = x\n", "default", 2, "the JavaScript SDK and the Java SDK can use", ""},
	{"a header that is not closed, above half a pair", plainFile + "[prod\naws_secret_access_key = {SECRET}\n", "default", 4, "the Go SDK and the JavaScript SDK read only one half", "end the header"},
	{"a header that is closed twice", "[default]]\n" + pairLines, "default]", 1, "where the name of the profile ends", "one name"},
	{"two headers in one line", "[default][x]\n" + pairLines, "default][x", 1, "where the name of the profile ends", "line of its own"},
	{"a key that two profiles mean", "[default]\nregion = x\n  aws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n[x\naws_secret_access_key = {SECRET}\n", "default", 5, "must end with ']'", "end the header"},

	// Keys that no reader sees.
	{"exported variables", "[default]\nexport AWS_ACCESS_KEY_ID={ID}\nexport AWS_SECRET_ACCESS_KEY={SECRET}\n", "default", 2, "no AWS tool reads it", "write `aws_access_key_id = ...`"},
	{"JSON", "[default]\n{\"aws_access_key_id\": \"{ID}\",\n\"aws_secret_access_key\": \"{SECRET}\"}\n", "default", 2, "only some AWS readers", "aws_access_key_id = ..."},
	{"the downloaded table", "User name,Access key ID,Secret access key\nme,{ID},{SECRET}\n", "(no header)", 2, "no AWS tool reads it", ""},
	{"another name", "[default]\naccess_key = {ID}\nsecret_key = {SECRET}\n", "default", 2, "no AWS tool reads it", "aws_access_key_id"},
	{"a misspelled name", "[default]\naws_acces_key_id = {ID}\naws_secret_acces_key = {SECRET}\n", "default", 2, "no AWS tool reads it", "aws_access_key_id"},
	{"above the first header", pairLines + "[default]\nregion = x\n", "(no header)", 1, "no AWS tool reads it", "below the header of a profile"},
	{"in a profile with a role", "[default]\nrole_arn = arn\nsource_profile = x\naccess_key_id = {ID}\n", "default", 4, "no AWS tool reads it", ""},
}

const otherPair = "aws_access_key_id = AKIAOTHEROTHEROTHER1\naws_secret_access_key = othersecretothersecretothersecretothersec\n"

func TestUnreadableKeysAreToldWithTheirLine(t *testing.T) {
	for _, test := range unreadable {
		t.Run(test.name, func(t *testing.T) {
			f := Lex("credentials", Credentials, withKey(oldKey, test.text))
			p := findProfile(t, Profiles(f, nil), strings.ReplaceAll(test.profile, "{ID}", oldKey.ID))
			if !p.Skip.IsUnreadable() || p.Line != test.line || !strings.Contains(p.Why, test.why) || p.Remedy == "" || !strings.Contains(p.Remedy, test.remedy) {
				t.Errorf("got %q, line %d: %s; %s", p.Skip, p.Line, p.Why, p.Remedy)
			}
			if ids := strings.Join(p.IDs, " "); strings.Contains(test.text, "{ID}") && test.line > 0 && ids == "" && test.name != "no id" {
				t.Error("the id of the key is not told")
			}
			requireNoSecret(t, p.Why+p.Remedy)
			for _, w := range f.Problems {
				requireNoSecret(t, w.Text+w.Remedy)
			}
			if data, _, err := f.Replace(oldKey, newKey); err == nil && test.profile == "default" {
				t.Errorf("and yet the pair can be replaced: %q", data)
			}
		})
	}
}

// What has nothing to rotate stays skipped, however it is written.
func TestWhatIsNoLongTermKeyStaysSkipped(t *testing.T) {
	for _, test := range []struct {
		name, text string
		skip       Skip
	}{
		{"temporary, twice", "[default]\naws_access_key_id = ASIAOLDOLDOLDOLD0001\naws_access_key_id = ASIAOLDOLDOLDOLD0002\naws_secret_access_key = {SECRET}\n", Temporary},
		{"temporary, half", "[default]\naws_access_key_id = ASIAOLDOLDOLDOLD0001\n", Temporary},
		{"temporary, quoted oddly", "[default]\naws_access_key_id = `ASIAOLDOLDOLDOLD0001`\naws_secret_access_key = {SECRET}\n", Temporary},
		{"another store's, twice", "[default]\naws_access_key_id = minioadmin\naws_access_key_id = minioadmin\naws_secret_access_key = minioadmin\n", NotLongTerm},
		{"another store's, half", "[default]\naws_access_key_id = minioadmin\n", NotLongTerm},
		{"another store's secret", "[default]\naws_secret_access_key = minioadmin\n", NotLongTerm},
		{"another store's, with an odd character", "[default]\naws_access_key_id = minio\"admin\naws_secret_access_key = x\n", NotLongTerm},
		{"a key of AWS's documents, half", "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n", Example},
		{"a key of AWS's documents, another name", "[default]\naccess_key = AKIAIOSFODNN7EXAMPLE\n", NoKeys},
		{"another store's, though its id looks like one of AWS", "[default]\naws_access_key_id = {ID}\nendpoint_url = https://minio.example.org\n", OtherStore},
		{"a session token", plainFile + "aws_session_token = x\n", Temporary},
		{"comments", "[default]\nregion = x\n# aws_access_key_id = {ID}\n  ; aws_access_key_id = {ID}\noutput = json # {ID}\n", NoKeys},
		{"a nested block", "[default]\ns3 =\n  aws_access_key_id = {ID}\n  aws_secret_access_key = {SECRET}\n", NoKeys},
		{"an id that is a part of a value", "[default]\ncredential_process = fetch --access-key-id {ID}\n", CredentialProcess},
		{"empty values", "[default]\naws_access_key_id =\naws_secret_access_key =\n", NoKeys},
		{"brackets in other settings", plainFile + "credential_process = sh -c '[ -f x ] && aws_access_key_id'\nquery = a[b]\n", Rotatable},
		{"a role next to nothing", "[default]\nrole_arn = arn\nsource_profile = x\n", Role},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := findProfile(t, Profiles(Lex("credentials", Credentials, withKey(oldKey, test.text)), nil), "default")
			if p.Skip != test.skip || p.Remedy != "" {
				t.Errorf("got %q: %s; %s", p.Skip, p.Why, p.Remedy)
			}
		})
	}
}

// Some shells on Windows write UTF-16, which no AWS tool reads.
func TestKeyInUTF16IsTold(t *testing.T) {
	data := []byte("\xff\xfe")
	for _, c := range withKey(oldKey, plainFile) {
		data = append(data, c, 0)
	}
	p := findProfile(t, Profiles(Lex("credentials", Credentials, data), nil), "(whole file)")
	if p.Skip != Unreadable || p.Line != 1 || !strings.Contains(p.Why, "UTF-16") || !strings.Contains(p.Remedy, "UTF-8") {
		t.Errorf("got %q, line %d: %s; %s", p.Skip, p.Line, p.Why, p.Remedy)
	}
}

// In the config file, a header without "profile" stands for no profile.
func TestKeysOfBothFilesAreTold(t *testing.T) {
	for _, test := range []struct {
		name, credentials, config string
		want                      []string
	}{
		{"a key below a header that is no profile", "", "[dev]\n" + pairLines, []string{"dev config:1 unreadable"}},
		{"one half in each file", "[dev]\naws_access_key_id = {ID}\n", "[profile dev]\naws_secret_access_key = {SECRET}\n",
			[]string{"dev credentials:2 half a pair", "dev config:2 half a pair"}},
		{"another secret in the other file", "[dev]\n" + pairLines, "[profile dev]\naws_access_key_id = {ID}\naws_secret_access_key = othersecretothersecret\n",
			[]string{"dev credentials:2", "dev config:2 unreadable"}},
		{"carriage returns alone in the config file", "[dev]\nregion = x\n", "[profile dev]\raws_access_key_id = {ID}\raws_secret_access_key = {SECRET}\r",
			[]string{"dev config:1 unreadable"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, p := range Profiles(Lex("credentials", Credentials, withKey(oldKey, test.credentials)), Lex("config", Config, withKey(oldKey, test.config))) {
				got = append(got, summary(p))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzNoKeyIsPassedOver checks that every long-term pair that some reader can use belongs to a
// profile that keyd rotates, or that it calls unreadable; and that an edit is refused only if a
// person is told so before it is due.
func FuzzNoKeyIsPassedOver(f *testing.F) {
	for _, test := range unreadable {
		f.Add(withKey(oldKey, test.text), []byte(nil))
	}
	addPlainSeeds(f)
	f.Fuzz(func(t *testing.T, credentials, config []byte) {
		files := []*File{Lex("credentials", Credentials, bytes.Clone(credentials)), Lex("config", Config, bytes.Clone(config))}
		profiles := Profiles(files[0], files[1])
		for _, p := range profiles {
			if (p.Remedy != "") != p.Skip.IsUnreadable() || (p.Why == "") != (p.Skip == Rotatable) {
				t.Errorf("%s is %q with the reason %q and the remedy %q", p.Name, p.Skip, p.Why, p.Remedy)
			}
			if n := bytes.Count(credentials, []byte("\n")) + bytes.Count(config, []byte("\n")) + 2; p.Line < 1 || p.Line > n {
				t.Errorf("%s is in line %d", p.Name, p.Line)
			}
		}
		for _, r := range readers.All() {
			for name, settings := range r.ReadFiles(credentials, config) {
				if pair := r.Pair(settings); isLongTermPair(pair) && !isAccountedFor(profiles, name, pair) {
					t.Errorf("%s can use %s in profile %q, and keyd says %+v", r.Name, Short(pair.ID.Value), name, profiles)
				}
			}
		}
		for _, file := range files {
			requireNoSecretIn(t, file, profiles)
			requireEditable(t, file, profiles)
		}
	})
}

// requireEditable requires that each key of the file that keyd rotates can be replaced, or that
// some profile is unreadable.
func requireEditable(t *testing.T, file *File, profiles []Profile) {
	t.Helper()
	if slices.ContainsFunc(profiles, func(p Profile) bool { return p.Skip.IsUnreadable() }) {
		return
	}
	for _, p := range profiles {
		if p.Skip != Rotatable || p.Path != file.Path || bytes.Contains(file.Data, []byte(newKey.ID)) {
			continue
		}
		if _, _, err := file.Replace(p.Key, newKey); err != nil {
			t.Errorf("%s is to be rotated, and nobody is told that it cannot be: %v", p.Name, err)
		}
	}
}

// isAccountedFor reports whether keyd rotates the pair, or calls its profile unreadable.
func isAccountedFor(profiles []Profile, name string, pair readers.Pair) bool {
	return slices.ContainsFunc(profiles, func(p Profile) bool {
		if p.Skip == Rotatable {
			return p.Key.ID == pair.ID.Value && p.Key.Secret.Reveal() == pair.Secret.Value && p.Line == pair.ID.Line
		}
		return p.Skip.IsUnreadable() && (p.Name == name || p.Name == strings.TrimSpace(name) || name == "" || p.Key.ID == pair.ID.Value || slices.Contains(p.IDs, pair.ID.Value))
	})
}

// addPlainSeeds adds both files as people write them.
func addPlainSeeds(f *testing.F) {
	f.Add(withKey(oldKey, plainFile+"[b]\nregion = x\ns3 =\n  max = 1\n"), withKey(oldKey, "[default]\nregion = x\n[profile b]\n"+pairLines))
	f.Add(withKey(oldKey, "[a]\naws_access_key_id = {ID}\n"), withKey(oldKey, "[profile a]\naws_secret_access_key = {SECRET}\n"))
	f.Add(withKey(oldKey, "[DEFAULT]\n"+pairLines+"[a]\nregion = x\n"), withKey(oldKey, "[profile default]\n"+pairLines+"[default]\n"+otherPair))
}
