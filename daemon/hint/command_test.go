package hint

import (
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Profiles are called what somebody has called them: a hint that names one is
// pasted into a shell.
func TestCommandsAreWhatAShellTakes(t *testing.T) {
	for name, want := range map[string]string{
		"default":           "keyd prune default",
		"a.b@c":             "keyd prune a.b@c",
		"my prod":           "keyd prune 'my prod'",
		"--yes":             "keyd prune -- --yes",
		"- x":               "keyd prune -- '- x'",
		"x;touch${IFS}boom": "keyd prune 'x;touch${IFS}boom'",
		"it's":              `keyd prune 'it'\''s'`,
		"~root":             "keyd prune '~root'",
		"größe":             "keyd prune 'größe'",
		"":                  "keyd prune ''",
	} {
		got := Command("keyd prune", name)
		if got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
		asShell(t, got, name)
		asShell(t, strings.Replace(AWSCommand("aws x", name), "--profile=", "--profile ", 1), name)
	}
	if got := Command("keyd rotate", "a", "-b"); got != "keyd rotate -- a -b" {
		t.Error(got)
	}
	if got := AWSCommand("aws x", "-b c"); got != "aws x --profile='-b c'" {
		t.Error(got)
	}
}

// asShell lets a shell take the command apart; its last word is the name.
func asShell(t *testing.T, command, name string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return // has no POSIX shell
	}
	out, err := exec.Command("sh", "-c", `printf '%s\0' `+command).Output()
	words := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if err != nil || words[len(words)-1] != name || slices.Contains(words[:len(words)-1], name) {
		t.Errorf("a shell takes %s for %q, %v", command, words, err)
	}
}

// What AWS has refused knows of no profile. A profile may be called PROFILE.
func TestHintsNameTheProfile(t *testing.T) {
	for run, want := range map[string]string{
		"keyd prune PROFILE":     "keyd prune 'my PROFILE'",
		"keyd prune 'A PROFILE'": "keyd prune 'A PROFILE'",
		"is the PROFILE right?":  "is the PROFILE right?",
		"":                       "",
	} {
		if got := FillProfile(run, []string{"my PROFILE", "b"}); got != want {
			t.Errorf("%q: %q, want %q", run, got, want)
		}
	}
	if got := FillProfile("keyd prune PROFILE", nil); got != "keyd prune PROFILE" {
		t.Error(got)
	}
}
