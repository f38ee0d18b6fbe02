package hint

import (
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestCommandsAreSafeToPaste tries names that a shell would split or interpret: anyone
// can choose a profile name, and people paste hints into a shell.
func TestCommandsAreSafeToPaste(t *testing.T) {
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
		checkInShell(t, got, name)
		checkInShell(t, strings.Replace(AWSCommand("aws x", name), "--profile=", "--profile ", 1), name)
	}
	if got := Command("keyd rotate", "a", "-b"); got != "keyd rotate -- a -b" {
		t.Error(got)
	}
	if got := AWSCommand("aws x", "-b c"); got != "aws x --profile='-b c'" {
		t.Error(got)
	}
}

// checkInShell requires that a shell reads name as the last word of command.
func checkInShell(t *testing.T, command, name string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return // Windows has no POSIX shell
	}
	out, err := exec.Command("sh", "-c", `printf '%s\0' `+command).Output()
	words := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if err != nil || words[len(words)-1] != name || slices.Contains(words[:len(words)-1], name) {
		t.Errorf("a shell reads %s as %q, %v", command, words, err)
	}
}

// TestFillProfileReplacesOnlyThePlaceholder includes a profile that is called PROFILE.
func TestFillProfileReplacesOnlyThePlaceholder(t *testing.T) {
	for run, want := range map[string]string{
		"keyd prune PROFILE":     "keyd prune 'my PROFILE'",
		"keyd prune 'A PROFILE'": "keyd prune 'A PROFILE'",
		"is the PROFILE right?":  "is the PROFILE right?",
		"first: keyd policy PROFILE > x; then: aws iam y --profile PROFILE": "first: keyd policy 'my PROFILE' > x; then: aws iam y --profile 'my PROFILE'",
		"ask for a PROFILE; keyd rotate PROFILE asks for one":               "ask for a PROFILE; keyd rotate 'my PROFILE' asks for one",
		"": "",
	} {
		if got := FillProfile(run, []string{"my PROFILE", "b"}); got != want {
			t.Errorf("%q: %q, want %q", run, got, want)
		}
	}
	if got := FillProfile("keyd prune PROFILE", nil); got != "keyd prune PROFILE" {
		t.Error(got)
	}
}
