package credfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/credfile/deeptest"
	"keyd/credfile/readers"
)

const arrangeCommand = "/usr/local/bin/keyd credentials work-key"

// arrangeCase is a pair of files in which KEY stands for the lines of a pair.
type arrangeCase struct {
	name, credentials, config string
	want                      string // the credentials file after the change; "" when it is refused
	refused                   string
}

var keyLines = pairLines(oldKey)

var arrangeCases = []arrangeCase{
	{name: "the pair alone", credentials: "[work]\nKEY",
		want: "[work]\ncredential_process = COMMAND\n[work-key]\nKEY"},
	{name: "settings in the config file", credentials: "# mine\n[work]\n\nKEY\n[other]\nregion=x\n", config: "[profile work]\nregion = eu-west-1 # home\noutput = json\n",
		want: "# mine\n[work]\n\ncredential_process = COMMAND\n[work-key]\nregion = eu-west-1\nKEY\n[other]\nregion=x\n"},
	{name: "settings before the pair", credentials: "[work]\nregion = cn-north-1\noutput = json\n# the key\nKEY",
		want: "[work]\nregion = cn-north-1\noutput = json\n# the key\ncredential_process = COMMAND\n[work-key]\nregion = cn-north-1\nKEY"},
	{name: "settings behind the pair", credentials: "[a]\nregion = x\n\n[work] # mine\nKEY\n# where\nregion = cn-north-1\noutput = json",
		want: "[a]\nregion = x\n\n[work-key] # mine\nregion = cn-north-1\nKEY\n# where\n[work]\ncredential_process = COMMAND\nregion = cn-north-1\noutput = json"},
	{name: "settings around the pair", credentials: "[work]\nregion = x\nKEY\noutput = json\n", refused: "the pair stands between other settings"},
	{name: "a setting inside the pair", credentials: strings.Replace("[work]\nKEY", "KEY", strings.Replace(keyLines, "\naws_secret", "\nregion = x\naws_secret", 1), 1), refused: "the pair stands between other settings"},
	{name: "no line feed at the end", credentials: strings.TrimSuffix("[work]\n"+keyLines, "\n"),
		want: strings.TrimSuffix("[work]\ncredential_process = COMMAND\n[work-key]\n"+keyLines, "\n")},
	{name: "carriage returns", credentials: strings.ReplaceAll("[work]\n"+keyLines+"[b]\nregion = x\n", "\n", "\r\n"),
		want: strings.ReplaceAll("[work]\ncredential_process = COMMAND\n[work-key]\n"+keyLines+"[b]\nregion = x\n", "\n", "\r\n")},
	{name: "the key in other profiles too", credentials: "[work]\nKEY[copy]\nKEY", config: "[profile r]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = work\n",
		want: "[work]\ncredential_process = COMMAND\n[work-key]\nKEY[copy]\nKEY"},
	{name: "where AWS is asked", credentials: "[work]\nKEY", config: "[profile work]\nendpoint_url = http://127.0.0.1:1\nservices = s\nuse_fips_endpoint = true\nca_bundle = /b\n[services s]\niam =\n  endpoint_url = http://127.0.0.1:2\n",
		want: "[work]\ncredential_process = COMMAND\n[work-key]\nendpoint_url = http://127.0.0.1:1\nservices = s\nuse_fips_endpoint = true\nca_bundle = /b\nKEY"},
	{name: "endpoints of a plugin", credentials: "[work]\nKEY", config: "[profile work]\niam =\n  endpoint_url = http://127.0.0.1:2\n", refused: "keyd would ask AWS about the key of work-key at other endpoints"},
	{name: "a role of its own", credentials: "[work]\nKEY", config: "[profile work]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = work\n", refused: "also has role_arn"},
	{name: "SSO", credentials: "[work]\nKEY", config: "[profile work]\nsso_session = s\n", refused: "also has sso_session"},
	{name: "a command of its own", credentials: "[work]\nKEY", config: "[profile work]\ncredential_process = /bin/x\n", refused: "also has credential_process"},
	{name: "in the config file", credentials: "[a]\nregion = x\n", config: "[profile work]\nKEY", refused: "is in the config file"},
	{name: "in both files", credentials: "[work]\nKEY", config: "[profile work]\nKEY", refused: "holds a pair in config:2 as well"},
	{name: "a name that is taken", credentials: "[work]\nKEY[work-key]\nregion = x\n", refused: "the name of a profile already"},
	{name: "a name that is taken in the config file", credentials: "[work]\nKEY", config: "[profile \"work-key\"]\nregion = x\n", refused: "the name of a profile already"},
	{name: "done already", credentials: "[work]\ncredential_process = COMMAND\n[work-key]\nKEY", refused: "asks keyd for work-key already"},
	{name: "no such profile", credentials: "[a]\nKEY", refused: "there is no profile work"},
	{name: "no key", credentials: "[work]\nregion = x\n", refused: "holds no key that could be handed out"},
	{name: "a session token", credentials: "[work]\nKEY" + "aws_session_token = t\n", refused: "holds no key that could be handed out"},
	{name: "a doubled section", credentials: "[work]\nKEY[work]\nregion = x\n", refused: "appears in lines 1 and 4"},
	{name: "an indented header", credentials: "[a]\nregion = x\n [work]\nKEY", refused: "disagree"},
}

func (c *arrangeCase) fill(text string) string {
	return strings.NewReplacer("KEY", keyLines, "COMMAND", arrangeCommand).Replace(text)
}

// newArrangeStore writes the files of a case.
func newArrangeStore(t *testing.T, credentials, config string) *credfile.Store {
	t.Helper()
	s := newStore(t, credentials, config)
	if config == "" {
		_ = os.Remove(s.Paths.Config)
	}
	return s
}

// TestArrangeSplitsASection compares every byte, and the way back.
func TestArrangeSplitsASection(t *testing.T) {
	for _, c := range arrangeCases {
		t.Run(c.name, func(t *testing.T) {
			credentials, config := c.fill(c.credentials), c.fill(c.config)
			s := newArrangeStore(t, credentials, config)
			a, err := readWhole(t, s).Arrange("work", "work-key", arrangeCommand)
			if c.want == "" {
				if refusal, ok := errors.AsType[*credfile.Refusal](err); !ok || !strings.Contains(strings.ReplaceAll(refusal.Text, s.Paths.Config, "config"), c.refused) || refusal.Remedy == "" {
					t.Fatalf("error %v, want %s", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range a.Changes {
				if strings.Contains(line.Old+line.New, "ooooo") {
					t.Errorf("a change shows the secret: %+v", line)
				}
			}
			if note, err := a.Write(t.Context()); err != nil || note != "" {
				t.Fatal(note, err)
			}
			demandText(t, s.Paths.Credentials, c.fill(c.want))
			if p, ok := readWhole(t, s).FindProfile("work"); !ok || p.Asks != "work-key" || p.Why != "asks keyd for work-key" {
				t.Errorf("%v %+v", ok, p)
			}
			back, err := readWhole(t, s).Unarrange("work")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := back.Write(t.Context()); err != nil {
				t.Fatal(err)
			}
			demandText(t, s.Paths.Credentials, credentials)
			if config != "" {
				demandText(t, s.Paths.Config, config)
			}
		})
	}
}

// readWhole reads both files, which look as if no program were writing them.
func readWhole(t *testing.T, s *credfile.Store) *credfile.Snapshot {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	for _, path := range []string{s.Paths.Credentials, s.Paths.Config} {
		_ = os.Chtimes(path, old, old)
	}
	snap, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func demandText(t *testing.T, path, want string) {
	t.Helper()
	if data, err := os.ReadFile(path); err != nil || string(data) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, data, want)
	}
}

// TestEveryReaderAsksKeyd asks the model of each AWS reader what it finds in profile work
// before and after: the pair, then the command and no pair.
func TestEveryReaderAsksKeyd(t *testing.T) {
	c := arrangeCases[1]
	s := newArrangeStore(t, c.fill(c.credentials), c.fill(c.config))
	config := []byte(c.fill(c.config))
	a, err := readWhole(t, s).Arrange("work", "work-key", arrangeCommand)
	if err != nil || len(a.Blind) > 0 {
		t.Fatal(err, a.Blind)
	}
	before, _ := os.ReadFile(s.Paths.Credentials)
	if _, err := a.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, _ := os.ReadFile(s.Paths.Credentials)
	for _, r := range readers.All()[1:] { // botocore itself is asked by a test of the whole program
		was, is := r.ReadFiles(before, config), r.ReadFiles(after, config)
		if r.Pair(was["work"]).ID.Value != oldKey.ID || r.Pair(is["work"]) != (readers.Pair{}) || is["work"]["credential_process"].Value != arrangeCommand || r.Pair(is["work-key"]).ID.Value != oldKey.ID {
			t.Errorf("%s: %v, then %v", r.Name, was, is)
		}
	}
}

// TestArrangedKeyIsRotated swaps the key in its new section, and changes back afterwards.
func TestArrangedKeyIsRotated(t *testing.T) {
	s := newArrangeStore(t, "[work]\n"+pairLines(oldKey), "[profile work]\nregion = eu-west-1\n")
	a, err := readWhole(t, s).Arrange("work", "work-key", arrangeCommand)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if result, err := s.Swap(t.Context(), oldKey, newKey); err != nil || len(result.Profiles) != 1 || result.Profiles[0] != "work-key" {
		t.Fatal(result, err)
	}
	back, err := readWhole(t, s).Unarrange("work")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := back.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	demandText(t, s.Paths.Credentials, "[work]\n"+pairLines(newKey))
}

func pairLines(k credfile.Key) string {
	return "aws_access_key_id = " + k.ID + "\naws_secret_access_key = " + k.Secret.Reveal() + "\n"
}

// TestUnarrangeRefusesWhatAPersonHasChanged leaves the file as it is.
func TestUnarrangeRefusesWhatAPersonHasChanged(t *testing.T) {
	for _, test := range []struct{ name, credentials, config, refused string }{
		{"a section between", "[work]\ncredential_process = COMMAND\n[x]\nregion = a\n[work-key]\nKEY", "", "other sections stand between"},
		{"a setting of one's own", "[work]\ncredential_process = COMMAND\n[work-key]\noutput = json\nKEY", "", "a setting that keyd did not copy"},
		{"a setting behind the pair", "[work]\ncredential_process = COMMAND\n[work-key]\nKEY\nregion = x\n", "", "a setting that keyd did not copy"},
		{"the command elsewhere", "[work]\ncredential_process = COMMAND\nregion = x\n[work-key]\nKEY", "", "not where keyd wrote it"},
		{"the command in the config file", "[work-key]\nKEY", "[profile work]\ncredential_process = COMMAND\n", "not in the credentials file"},
		{"another profile that asks", "[work]\ncredential_process = COMMAND\n[work-key]\nKEY[b]\ncredential_process = COMMAND\n", "", "profile b uses the key of work-key as well"},
		{"a role of the key", "[work]\ncredential_process = COMMAND\n[work-key]\nKEY", "[profile r]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = work-key\n", "profile r uses the key of work-key as well"},
		{"it does not ask", "[work]\nKEY", "", "does not ask keyd"},
	} {
		c := arrangeCase{}
		s := newArrangeStore(t, c.fill(test.credentials), c.fill(test.config))
		if _, err := readWhole(t, s).Unarrange("work"); err == nil || !strings.Contains(err.Error(), test.refused) {
			t.Errorf("%s: error %v, want %s", test.name, err, test.refused)
		}
	}
}

// TestArrangeWritesInOneStepOrNotAtAll refuses a file with a second name, which cannot be
// replaced, and one that another program has changed since it was read.
func TestArrangeWritesInOneStepOrNotAtAll(t *testing.T) {
	text := "[work]\n" + keyLines
	s := newArrangeStore(t, text, "")
	a, err := readWhole(t, s).Arrange("work", "work-key", arrangeCommand)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Paths.Credentials, []byte(text+"[new]\nregion = x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write(t.Context()); err == nil {
		t.Error("a file that another program has changed was written")
	}
	demandText(t, s.Paths.Credentials, text+"[new]\nregion = x\n")

	if err := os.Link(s.Paths.Credentials, filepath.Join(deeptest.Folder(t), "link")); err != nil {
		t.Skip(err)
	}
	a, err = readWhole(t, s).Arrange("work", "work-key", arrangeCommand)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write(t.Context()); err == nil || !strings.Contains(err.Error(), "written in place") {
		t.Errorf("error %v", err)
	}
	demandText(t, s.Paths.Credentials, text+"[new]\nregion = x\n")
}

func TestAskedProfileKnowsKeyd(t *testing.T) {
	for command, want := range map[string]string{
		"/usr/bin/keyd credentials work":                 "work",
		"keyd credentials a.b":                           "a.b",
		"'/my apps/keyd' credentials work":               "work",
		`/my\ apps/keyd credentials work`:                "work",
		`C:\Tools\keyd.exe credentials work`:             "work",
		`"C:\Program Files\keyd.exe" credentials work`:   "work",
		"/usr/bin/keyd credentials --setup work":         "",
		"/usr/bin/keyd credentials --setup":              "",
		"/usr/bin/keyd credentials":                      "",
		"/usr/bin/keyd status work":                      "",
		"/usr/bin/aws-vault exec work --json":            "",
		"/usr/bin/other credentials work":                "",
		"/usr/bin/keyd credentials 'work":                "",
		"":                                               "",
		"sh -c '/usr/bin/keyd credentials work'":         "",
		"/home/al/keyd-1.2/bin/keyd credentials default": "default",
	} {
		if got, ok := credfile.AskedProfile(command); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v, want %q", command, got, ok, want)
		}
	}
}

func TestProfilesSayWhatIsWrongWithTheAskedProfile(t *testing.T) {
	file := credfile.Lex("credentials", credfile.Credentials, []byte("[a]\ncredential_process = keyd credentials none\n[b]\ncredential_process = keyd credentials c\n[c]\nregion = x\n[d]\ncredential_process = /bin/other\n[e]\ncredential_process = keyd credentials a\n"+pairLines(oldKey)))
	want := map[string]string{"a": "asks keyd for none, which does not exist", "b": "asks keyd for c, which holds no key", "d": "comes from credential_process: rotate the key in that program", "e": ""}
	for _, p := range credfile.Profiles(file, nil) {
		if text, ok := want[p.Name]; ok && p.Why != text {
			t.Errorf("%s: %s, want %s", p.Name, p.Why, text)
		}
		if got := len(p.Warnings) > 0 && strings.Contains(p.Warnings[0].Text, "programs that use it get no key"); got != (p.Name == "a" || p.Name == "b") {
			t.Errorf("%s: warnings %v", p.Name, p.Warnings)
		}
		if p.Name == "e" && (len(p.Warnings) == 0 || !strings.Contains(p.Warnings[0].Text, "prefer the pair here")) {
			t.Errorf("no warning about the pair of profile e: %v", p.Warnings)
		}
	}
}
