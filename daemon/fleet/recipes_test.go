package fleet_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/fleet"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

const recipes = "../../install/fleet"

// recordOf returns a fleet.json whose last pass is some days ago.
func recordOf(t *testing.T, silent int, keys ...state.KeyStatus) []byte {
	t.Helper()
	at := time.Now().Add(-time.Duration(silent) * settings.Day)
	for i := range keys {
		if !keys[i].Created.IsZero() {
			keys[i].Created = keys[i].Created.Add(at.Sub(now))
		}
	}
	text, err := fleet.Make(fleet.Source{Status: state.Status{Written: at, Keys: keys}, Settings: settings.Default(), Release: "1.0.0", Alive: true, Now: at}).JSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// machines are the machines that the recipes are tried on: fleet.json by user.
func machines(t *testing.T) map[string]map[string][]byte {
	good := recordOf(t, 0, key(decide.StateOK, 12, ""), key(decide.StateOK, 50, ""))
	return map[string]map[string][]byte{
		"none":     {"ann": nil},
		"ok":       {"ann": good, "bob": recordOf(t, 1, key(decide.StateOK, 60, ""))},
		"overdue":  {"ann": good, "bob": recordOf(t, 0, key(decide.StateBlocked, 91, "second active key"))},
		"unknown":  {"ann": recordOf(t, 0, key(decide.StateWaiting, -1, "cannot reach AWS"))},
		"person":   {"ann": recordOf(t, 0, key(decide.StateBlocked, 12, "waits for an MFA code"))},
		"silent":   {"ann": recordOf(t, 5, key(decide.StateOK, 12, "")), "bob": good},
		"forged":   {"ann": []byte(`{"overdue":"$(touch /tmp/x)","keys":08,"last_pass_unix":99999999999999}` + "\n")},
		"not JSON": {"ann": []byte("\x00root:x:0:0\n")},
	}
}

// writeHomes writes the homes of a machine and returns their folder.
func writeHomes(t *testing.T, under string, users map[string][]byte) string {
	t.Helper()
	homes := t.TempDir()
	for user, text := range users {
		path := filepath.Join(homes, user, filepath.FromSlash(under), "fleet.json")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if text != nil {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return homes
}

// runScript runs a script of the recipes, and returns what it prints on one line.
func runScript(t *testing.T, homes string, path string, argv ...string) string {
	t.Helper()
	c := exec.Command(argv[0], append(argv[1:], filepath.Join(recipes, path))...)
	c.Env = append(os.Environ(), "KEYD_HOMES="+homes, "PATH="+homes+"/.bin:"+os.Getenv("PATH"))
	var out, mistakes bytes.Buffer
	c.Stdout, c.Stderr = &out, &mistakes
	if err := c.Run(); err != nil || mistakes.Len() > 0 {
		t.Errorf("%s: %v\n%s", path, err, mistakes.String())
	}
	text := strings.TrimRight(out.String(), "\r\n")
	if strings.Contains(text, "\n") {
		t.Errorf("%s prints more than one line: %q", path, text)
	}
	return text
}

func requireSh(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil || runtime.GOOS == "windows" {
		t.Skip("there is no sh here: the scripts for macOS and Linux were not run")
	}
}

const macState = "Library/Application Support/keyd-aws"

func TestJamfAttribute(t *testing.T) {
	requireSh(t)
	want := map[string]string{
		"none":     "none: 0 keys, oldest 0 d, 0 overdue, 0 of unknown age, 0 need a person, last pass 0 d ago",
		"ok":       "ok: 3 keys, oldest 61 d, 0 overdue, 0 of unknown age, 0 need a person, last pass 1 d ago",
		"overdue":  "overdue: 3 keys, oldest 91 d, 1 overdue, 0 of unknown age, 1 need a person, last pass 0 d ago",
		"unknown":  "unknown: 1 keys, oldest 0 d, 0 overdue, 1 of unknown age, 0 need a person, last pass 0 d ago",
		"person":   "needs_person: 1 keys, oldest 12 d, 0 overdue, 0 of unknown age, 1 need a person, last pass 0 d ago",
		"silent":   "silent: 3 keys, oldest 50 d, 0 overdue, 0 of unknown age, 0 need a person, last pass 5 d ago",
		"forged":   "silent: 0 keys, oldest 0 d, 0 overdue, 0 of unknown age, 0 need a person, last pass 9999 d ago",
		"not JSON": "silent: 0 keys, oldest 0 d, 0 overdue, 0 of unknown age, 0 need a person, last pass 9999 d ago",
	}
	for name, users := range machines(t) {
		if got := runScript(t, writeHomes(t, macState, users), "jamf/keyd.sh", "sh"); got != "<result>"+want[name]+"</result>" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// intuneRules reads the rules, and returns which of them what a script has found breaks.
func intuneRules(t *testing.T, found string) (broken []string) {
	t.Helper()
	var rules struct {
		Rules []struct {
			SettingName, Operator, DataType, MoreInfoUrl string
			Operand                                      int64
			RemediationStrings                           []struct{ Language, Title, Description string }
		}
	}
	data, err := os.ReadFile(filepath.Join(recipes, "intune/rules.json"))
	if err != nil || json.Unmarshal(data, &rules) != nil || len(rules.Rules) != 3 {
		t.Fatalf("the rules: %v", err)
	}
	var values map[string]int64
	if err := json.Unmarshal([]byte(found), &values); err != nil {
		t.Fatalf("%v: %s", err, found)
	}
	for _, r := range rules.Rules {
		value, known := values[r.SettingName]
		holds := map[string]bool{"IsEquals": value == r.Operand, "LessEquals": value <= r.Operand}
		if _, operator := holds[r.Operator]; !known || !operator || r.DataType != "Int64" || !strings.HasPrefix(r.MoreInfoUrl, "https://") || len(r.RemediationStrings) != 1 {
			t.Errorf("the rule %+v does not fit %s", r, found)
		}
		if !holds[r.Operator] {
			broken = append(broken, r.SettingName)
		}
	}
	return broken
}

// brokenRules says which rules of Intune each machine breaks.
var brokenRules = map[string]string{"none": "[]", "ok": "[]", "overdue": "[KeydOverdue]", "unknown": "[KeydUnknownAge]", "person": "[]", "silent": "[KeydSilentDays]", "forged": "[KeydSilentDays]", "not JSON": "[KeydSilentDays]"}

func TestIntuneOnLinux(t *testing.T) {
	requireSh(t)
	for name, users := range machines(t) {
		found := runScript(t, writeHomes(t, ".local/state/keyd-aws", users), "intune/discover.sh", "sh")
		if got := fmt.Sprint(intuneRules(t, found)); got != brokenRules[name] {
			t.Errorf("%s: %s breaks %s", name, found, got)
		}
	}
}

// TestIntuneOnWindows runs the script where PowerShell is, and compares its names with the
// rules and with the script for Linux everywhere.
func TestIntuneOnWindows(t *testing.T) {
	names := regexp.MustCompile(`Keyd[A-Z]\w+`)
	said := map[string]map[string]bool{}
	for _, file := range []string{"discover.ps1", "discover.sh", "rules.json"} {
		data, err := os.ReadFile(filepath.Join(recipes, "intune", file))
		if err != nil {
			t.Fatal(err)
		}
		said[file] = map[string]bool{}
		for _, name := range names.FindAllString(string(data), -1) {
			said[file][name] = true
		}
	}
	if fmt.Sprint(said["discover.ps1"]) != fmt.Sprint(said["discover.sh"]) || len(said["discover.ps1"]) != 5 {
		t.Errorf("the scripts say %v", said)
	}
	if text, err := os.ReadFile(filepath.Join(recipes, "intune/discover.ps1")); err != nil || strings.Count(string(text), "[Math]::Max(0, [int]$one.") != 3 {
		t.Errorf("a negative number that one user has forged would hide a key of another: %v", err)
	}
	for name := range said["rules.json"] {
		if !said["discover.ps1"][name] {
			t.Errorf("the scripts do not say %s", name)
		}
	}
	program, err := exec.LookPath("pwsh")
	if err != nil {
		t.Skip("pwsh is not installed here: the script for Windows was read, and not run")
	}
	for name, users := range machines(t) {
		found := runScript(t, writeHomes(t, "AppData/Local/keyd-aws", users), "intune/discover.ps1", program, "-NoProfile", "-File")
		if got := fmt.Sprint(intuneRules(t, found)); got != brokenRules[name] && name != "forged" {
			t.Errorf("%s: %s breaks %s", name, found, got)
		}
	}
}

// TestMunkiCondition runs the script with stand-ins for the programs of macOS.
func TestMunkiCondition(t *testing.T) {
	requireSh(t)
	all := machines(t)
	for name, want := range map[string]string{"none": "0 0 0 0 0", "ok": "2 0 0 0 1", "overdue": "2 1 0 1 0", "unknown": "1 0 1 0 0", "silent": "2 0 0 0 5", "forged": "1 0 0 0 9999"} {
		homes := writeHomes(t, macState, all[name])
		if err := os.Mkdir(filepath.Join(homes, ".bin"), 0o700); err != nil {
			t.Fatal(err)
		}
		for program, text := range map[string]string{"defaults": `[ "$1" = read ] && echo /managed && exit; [ "$2 $4" = "/managed/ConditionalItems -int" ] && printf '%s=%s ' "$3" "$5"`, "plutil": `[ "$*" = "-convert xml1 /managed/ConditionalItems.plist" ]`} {
			if err := writeProgram(filepath.Join(homes, ".bin", program), "#!/bin/sh\n"+text+"\n"); err != nil {
				t.Fatal(err)
			}
		}
		n := strings.Fields(want)
		got := strings.TrimSpace(runScript(t, homes, "munki/keyd_condition", "sh"))
		if got != fmt.Sprintf("keyd_users=%s keyd_overdue=%s keyd_unknown_age=%s keyd_needs_person=%s keyd_silent_days=%s", n[0], n[1], n[2], n[3], n[4]) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestPageNamesEveryRecipe: the page links to every file below install/fleet, and its example
// fits the schema.
func TestPageNamesEveryRecipe(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(recipes, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	page, files := string(data), 0
	err = filepath.WalkDir(recipes, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "README.md" {
			return err
		}
		inside, err := filepath.Rel(recipes, path)
		files++
		if name := filepath.ToSlash(inside); !strings.Contains(page, "]("+name+")") {
			t.Errorf("README.md does not link to %s", name)
		}
		return err
	})
	if links := strings.Count(page, "]("); err != nil || links != files {
		t.Errorf("%d links, %d files, %v", links, files, err)
	}
	_, example, _ := strings.Cut(page, "```json\n")
	example, _, _ = strings.Cut(example, "```")
	demandText(t, readSchema(t), []byte(example))
	if words := len(strings.Fields(page)); words > 1100 {
		t.Errorf("the page has %d words: nobody reads it in ten minutes", words)
	}
}

// writeProgram writes a program. No process is forked meanwhile: it would hold the file open
// for writing until it starts its own program, and until then this one is "text file busy".
func writeProgram(path, text string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, []byte(text), 0o700)
}
