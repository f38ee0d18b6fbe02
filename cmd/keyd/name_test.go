package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestCommandsAreThoseOfTheProgramsName(t *testing.T) {
	for argv0, name := range map[string]string{
		"keyd": "keyd", "/usr/bin/keyd": "keyd", "/usr/bin/keyd-aws": "keyd-aws", "keyd-aws.exe": "keyd-aws", "keyd-aws-1.2": "keyd", "": "keyd",
	} {
		if got := programName(argv0); got != name {
			t.Errorf("called as %q, it is %s, want %s", argv0, got, name)
		}
	}
	for text, want := range map[string]string{
		"keyd status":                         "keyd-aws status",
		"try keyd prune 'a b'; keyd rotate":   "try keyd-aws prune 'a b'; keyd-aws rotate",
		"(keyd run) \"keyd logs -f\"":         "(keyd-aws run) \"keyd-aws logs -f\"",
		"keyd -h explains":                    "keyd-aws -h explains",
		"keyd runs, keyd statuses":            "keyd runs, keyd statuses", // no commands
		"/usr/bin/keyd run":                   "/usr/bin/keyd run",
		"other-keyd status":                   "other-keyd status",
		"keyd is running since 12:26":         "keyd is running since 12:26",
		"credential_process = x/keyd status":  "credential_process = x/keyd status",
		"start it: keyd install\nkeyd resume": "start it: keyd-aws install\nkeyd-aws resume",
	} {
		term := &terminal{name: "keyd-aws"}
		if got := term.nameCommands(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
		if got := (&terminal{name: "keyd"}).nameCommands(text); got != text {
			t.Errorf("keyd itself changed %q to %q", text, got)
		}
	}
}

// TestKeydAwsSaysItsName runs commands as keyd-aws: whatever they print is a command of
// keyd-aws, and help and completion are those of keyd-aws.
func TestKeydAwsSaysItsName(t *testing.T) {
	for _, args := range []string{"", "rotate -h", "help safety", "status -x", "hold", "completion bash"} {
		var out, errs bytes.Buffer
		home := t.TempDir()
		executeKeyd(strings.Fields(args), process{
			in: strings.NewReader(""), out: &out, err: &errs, name: packagedName, goos: "linux",
			getenv: func(name string) string { return map[string]string{"HOME": home}[name] },
		})
		text := out.String() + errs.String()
		if found := ownCommand().FindString(text); found != "" {
			t.Errorf("keyd-aws %s prints %q:\n%s", args, found, text)
		}
		if !strings.Contains(text, "keyd-aws") {
			t.Errorf("keyd-aws %s does not say its name:\n%s", args, text)
		}
	}
}
