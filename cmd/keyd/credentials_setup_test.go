package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"keyd/credfile"
	"keyd/credfile/readers"
)

// TestCredentialCommandIsReadAlikeByAll refuses what some SDK would split or expand.
func TestCredentialCommandIsReadAlikeByAll(t *testing.T) {
	for _, good := range []struct{ program, profile string }{
		{"/usr/local/bin/keyd", "work-key"},
		{"/home/al.ice_1/go/bin/keyd", "a.b_c+d@e"},
		{"/nix/var/nix/profiles/keyd-1.0,x/bin/keyd", "default-key"},
		{`C:\Tools\keyd.exe`, "work-key"},
	} {
		command, err := credentialCommand(good.program, good.profile)
		if err != nil || command != good.program+" credentials "+good.profile {
			t.Errorf("%q, %v", command, err)
		}
		if asked, ok := credfile.AskedProfile(command); !ok || asked != good.profile {
			t.Errorf("%s asks for %q, %v", command, asked, ok)
		}
		if words, ok := readers.SplitShell(command); runtime.GOOS != "windows" && !strings.Contains(command, `\`) && (!ok || len(words) != 3 || len(strings.Fields(command)) != 3 || words[0] != good.program) {
			t.Errorf("a shell splits %s into %q", command, words)
		}
	}
	for _, bad := range []struct{ program, profile string }{
		{"/my apps/keyd", "work"}, {"/a'b/keyd", "work"}, {`/a"b/keyd`, "work"}, {"/a$b/keyd", "work"}, {"/a#b/keyd", "work"}, {"/a;b/keyd", "work"},
		{"/a%b/keyd", "work"}, {"/ä/keyd", "work"}, {"/a&b/keyd", "work"}, {"/a(b)/keyd", "work"}, {"/a\nb/keyd", "work"}, {"/a~b/keyd", "work"}, {"/a*b/keyd", "work"},
		{"/bin/keyd", ""}, {"/bin/keyd", "-x"}, {"/bin/keyd", "a b"}, {"/bin/keyd", "a$b"}, {"/bin/keyd", "a/b"}, {"/bin/keyd", "a:b"}, {"/bin/keyd", "a%b"}, {"/bin/keyd", "ä"}, {"/bin/keyd", "a]"},
	} {
		if command, err := credentialCommand(bad.program, bad.profile); err == nil {
			t.Errorf("%q was accepted", command)
		}
	}
}

// runSetup runs keyd credentials in the home folder of the other tests.
func runSetup(t *testing.T, home, program string, args ...string) (exit int, out, errs string) {
	t.Helper()
	p, stdout, stderr := handoutProcess(t, home)
	p.program = program
	exit = executeKeyd(append([]string{"credentials"}, args...), p)
	return exit, stdout.String(), stderr.String()
}

// TestSetupRefusesBeforeItShowsOrWrites leaves the files as they are, each time.
func TestSetupRefusesBeforeItShowsOrWrites(t *testing.T) {
	const program = "/usr/local/bin/keyd"
	for _, test := range []struct {
		name, program, ini string
		args               []string
		exit               int
		why, hint          string
	}{
		{"a path with a blank", "/my apps/keyd", "", []string{"--setup", "work-key"}, exitFailed, `programs read the path "/my apps/keyd" in different ways: nothing was changed`, "make a link to it"},
		{"a name with a blank", program, "", []string{"--setup", "--as", "a b", "work-key"}, exitFailed, `programs read the profile name "a b" in different ways`, "--as"},
		{"a name that is taken", program, "", []string{"--setup", "--as", "half", "work-key"}, exitPerson, "half is the name of a profile already", "--as"},
		{"a profile that asks", program, "", []string{"--setup", "work"}, exitPerson, "profile work asks keyd for work-key already", ""},
		{"a profile with a token", program, "", []string{"--setup", "temporary"}, exitPerson, "holds no key that could be handed out", ""},
		{"no such profile", program, "", []string{"--setup", "--write", "work-kye"}, exitFailed, `no profile "work-kye"`, "did you mean work-key"},
		{"a rule that would not hold", program, "[profile work-key]\nrotate = never\n", []string{"--setup", "--write", "work-key"}, exitFailed, "a setting for one profile says when this key is rotated, and the key would move from profile work-key to work-key-key", "write [profile work-key-key] with the same lines as [profile work-key] into keyd.ini first"},
		{"a hook that would not run", program, "[hook x]\ncommand = /bin/true\nprofiles = ceph, work-key\n", []string{"--setup", "--write", "work-key"}, exitFailed, "hook x is for profile work-key, and the key would be in profile work-key-key", "add work-key-key to the profiles of [hook x] in "},
		{"an overlap that is too short", program, "overlap = 10m\n", []string{"--setup", "--write", "work-key"}, exitFailed, "overlap in keyd.ini is shorter than the 20m", "set overlap = 1h"},
		{"undo without setup", program, "", []string{"--undo", "--write", "work-key"}, exitPerson, "does not ask keyd", ""},
		{"undo in the config file", program, "", []string{"--undo", "--write", "work"}, exitPerson, "not in the credentials file as keyd wrote them", "by hand"},
	} {
		home := handoutHome(t)
		if test.ini != "" {
			writeFile(t, filepath.Join(home, "keyd.ini"), test.ini)
		}
		before, _ := os.ReadFile(filepath.Join(home, ".aws", "credentials"))
		exit, out, errs := runSetup(t, home, test.program, test.args...)
		if exit != test.exit || out != "" || !strings.Contains(errs, test.why) || !strings.Contains(errs, "keyd: hint: ") || !strings.Contains(errs, test.hint) {
			t.Errorf("%s: exit code %d\n%s%s", test.name, exit, out, errs)
		}
		if after, _ := os.ReadFile(filepath.Join(home, ".aws", "credentials")); string(after) != string(before) {
			t.Errorf("%s: the file has changed", test.name)
		}
	}
}

// TestSetupHoldsTheRulesOfTheSettings lets a person name the new profile in keyd.ini first.
func TestSetupHoldsTheRulesOfTheSettings(t *testing.T) {
	home := handoutHome(t)
	writeFile(t, filepath.Join(home, "keyd.ini"), "[profile ceph]\nrotate = never\n[profile ceph-key]\nrotate = never\n")
	exit, out, errs := runSetup(t, home, "/usr/local/bin/keyd", "--setup", "--write", "ceph")
	if exit != exitDone || !strings.Contains(out, "+ endpoint_url = http://127.0.0.1:9000") || strings.Contains(out+errs, markedKey.Secret.Reveal()) {
		t.Fatalf("exit code %d\n%s%s", exit, out, errs)
	}
	if exit, out, errs := runSetup(t, home, "/usr/local/bin/keyd", "--undo", "--write", "ceph"); exit != exitDone || !strings.Contains(out, "fail until they are restarted") {
		t.Fatalf("exit code %d\n%s%s", exit, out, errs)
	}
}

// TestSetupHidesThePasswordOfAURL holds that the lines on the screen show no secret.
func TestSetupHidesThePasswordOfAURL(t *testing.T) {
	if got := maskURL("endpoint_url = http://me:secret@host"); strings.Contains(got, "secret") {
		t.Error(got)
	}
	if got := maskURL("endpoint_url = http://host"); got != "endpoint_url = http://host" {
		t.Error(got)
	}
}

// TestStatusWarnsOfAnOverlapThatIsTooShort holds that a program can fail when the old key
// stops working before it asks again.
func TestStatusWarnsOfAnOverlapThatIsTooShort(t *testing.T) {
	home := handoutHome(t)
	for ini, warned := range map[string]bool{"overlap = 10m\n": true, "overlap = 1d\n": false} {
		writeFile(t, filepath.Join(home, "keyd.ini"), ini)
		p, out, errs := handoutProcess(t, home)
		executeKeyd([]string{"status"}, p)
		if got := strings.Contains(out.String(), "warning: overlap in keyd.ini is shorter than the 20m"); got != warned {
			t.Errorf("%s: %s%s", ini, out, errs)
		}
	}
}
