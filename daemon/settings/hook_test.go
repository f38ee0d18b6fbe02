package settings

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/daemon/hint"
)

func TestParseReadsHooks(t *testing.T) {
	s, err := Parse("keyd.ini", []byte("overlap = 1d\n[hook \"github\"]\ncommand = gh secret set --env-file - ; mine\nsecrets = stdin\nformat = env\n"+
		"profiles = work, default\n[profile a]\nrotate = never\n[hook k8s]\ncommand = '/opt/my tools/x' \"a b\"\nrequired = false\ntimeout = 90s\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Hook{
		{Name: "github", Command: []string{"gh", "secret", "set", "--env-file", "-"}, Required: true, Timeout: time.Minute, Secrets: "stdin", Format: "env", Profiles: []string{"default", "work"}, Line: "keyd.ini:2"},
		{Name: "k8s", Command: []string{"/opt/my tools/x", "a b"}, Timeout: 90 * time.Second, Secrets: "none", Format: "json", Line: "keyd.ini:9"},
	}
	if !reflect.DeepEqual(s.Hooks, want) {
		t.Errorf("got\n%+v\nwant\n%+v", s.Hooks, want)
	}
	if texts := s.Texts()["hook k8s"]; !reflect.DeepEqual(texts, map[string]string{"command": `'/opt/my tools/x' 'a b'`, "required": "false", "timeout": "1m30s", "secrets": "none", "format": "json", "profiles": ""}) {
		t.Errorf("Texts says %q", texts)
	}
	for profiles, want := range map[string]string{"default": "github k8s", "work b": "github k8s", "other": "k8s"} {
		var names []string
		for _, h := range s.HooksFor(strings.Fields(profiles)) {
			names = append(names, h.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("the hooks for %s are %s, want %s", profiles, got, want)
		}
	}
	notes := s.UnknownProfiles([]string{"default", "a"})
	if len(notes) != 1 || notes[0] != "keyd.ini:2: no profile work in the AWS files, so hook github does not run for it" {
		t.Errorf("the notes are %q", notes)
	}
}

// TestHookDigestTellsWhatRuns: what a hook does decides whether it is the same one, not how
// long it may take.
func TestHookDigestTellsWhatRuns(t *testing.T) {
	same := func(text string) string {
		if !strings.HasPrefix(text, "command") {
			text = "command = a b\n" + text
		}
		s, err := Parse("keyd.ini", []byte("[hook x]\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		return s.Hooks[0].Digest()
	}
	if same("") != same("timeout = 3m\nrequired = false\nprofiles = p") {
		t.Error("a timeout makes another hook")
	}
	all := []string{same(""), same("secrets = stdin"), same("secrets = stdin\nformat = env"), same("command = a 'b c'"), same("command = a b c")}
	slices.Sort(all)
	if len(slices.Compact(all)) != 5 {
		t.Errorf("two hooks that do something else have one digest: %q", all)
	}
}

func TestParseRefusesMistakesInHooks(t *testing.T) {
	for _, c := range []struct{ text, says, hint string }{
		{"\n[hook x]\nrequired = true", "keyd.ini:2: [hook x] has no command", "write the program and its arguments: command = PROGRAM [ARG...]"},
		{"[hook x]\ncommand =", "keyd.ini:1: [hook x] has no command", "write the program and its arguments: command = PROGRAM [ARG...]"},
		{"[hook x]\ncommand = y\nsecret = stdin", "keyd.ini:3: unknown setting \"secret\" in [hook x]", "did you mean secrets?"},
		{"[hook x]\ncommand = y\nsecrets = sdtin", "keyd.ini:3: secrets = \"sdtin\": must be none or stdin", "did you mean stdin?"},
		{"[hook x]\ncommand = y\nrequired = yes", "keyd.ini:3: ", ""},
		{"[hook x]\ncommand = y\ntimeout = 0s", "keyd.ini:3: timeout = 0s: must be at least 1s", ""},
		{"[hook x]\ncommand = y\ntimeout = 1h", "keyd.ini:3: timeout = 1h: must be at most 10m", ""},
		{"[hook x]\ncommand = y\nformat = env", "keyd.ini:3: format = env is a form of the pair", "secrets = stdin, or take this line out"},
		{"[hook x]\ncommand = y 'z", "keyd.ini:2: command = y 'z: a quotation mark is not closed", ""},
		{"[hook x]\ncommand = ~/bin/y", "keyd.ini:2: command = ~/bin/y: the path of a program has to be whole", "write the whole path: no shell replaces ~ or $HOME, and a hook has a working directory of its own"},
		{"[hook x]\ncommand = ./y z", "keyd.ini:2: command = ./y: the path", "write the whole path: no shell replaces ~ or $HOME, and a hook has a working directory of its own"},
		{"[hook x]\ncommand = y\nprofiles = a,,b", "keyd.ini:3: profiles = a,,b", ""},
		{"[hook a/b]\ncommand = y", "keyd.ini:1: [hook a/b]: the name of a hook", "for example [hook github]"},
		{"[hook x]\ncommand = y\n[hook \"x\"]\ncommand = z", "keyd.ini:3: there are two hooks with the name x", "give each hook a name of its own"},
		{"[hook]\ncommand = y", "unknown section [hook]", "did you mean [hook NAME]?"},
		{"[hooks github]\ncommand = y", "unknown section [hooks github]", "did you mean [hook github]?"},
		{"[Hook github]\ncommand = y", "unknown section [Hook github]", "did you mean [hook github]?"},
		{"[github]\ncommand = y", "unknown section [github]", "did you mean [hook github]?"},
	} {
		_, err := Parse("keyd.ini", []byte(c.text))
		if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), c.says) || hint.Hint(err) != cmp.Or(c.hint, "keyd help settings") {
			t.Errorf("Parse(%q): %v, hint %q", c.text, err, hint.Hint(err))
		}
	}
}

func TestEveryStandardValueOfAHookIsValid(t *testing.T) {
	for _, r := range hookTable {
		into := r.field(&Settings{Hooks: make([]Hook, 1)})
		if err := into.parse(r.name, r.standard); err != nil || into.String() != r.standard {
			t.Errorf("%s = %q: %v", r.name, fmt.Sprint(into), err)
		}
	}
}
