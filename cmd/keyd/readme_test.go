package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyd/daemon/settings"
)

func readReadme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// findBlock returns the fenced block that contains a line.
func findBlock(t *testing.T, text, line string) string {
	t.Helper()
	for i, part := range strings.Split(text, "```") {
		if i%2 == 1 && strings.Contains(part, line) {
			return part[strings.Index(part, "\n")+1:]
		}
	}
	t.Fatalf("the README has no block with %q", line)
	return ""
}

func TestReadmeBeginsWithTwoCommands(t *testing.T) {
	if got := findBlock(t, readReadme(t), "keyd demo\n"); got != "go run ./cmd/keyd demo\ngo test ./...\n" {
		t.Errorf("the first commands are\n%s", got)
	}
}

// TestReadmeNamesEveryCommand compares the README's commands with the program's, in both
// directions.
func TestReadmeNamesEveryCommand(t *testing.T) {
	text := readReadme(t)
	root := newRootCommand(newApp(process{getenv: func(string) string { return "" }}), nil)
	for _, command := range root.Commands() {
		if !command.Hidden && !strings.Contains(text, "keyd "+command.Name()) {
			t.Errorf("the README does not name keyd %s", command.Name())
		}
	}
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "`keyd ")
		if !found {
			break
		}
		name := strings.FieldsFunc(after, func(r rune) bool { return r == ' ' || r == '`' })[0]
		found = name == "help" || name == "completion"
		for _, command := range root.Commands() {
			found = found || command.Name() == name
		}
		if !found {
			t.Errorf("the README names keyd %s, which does not exist", name)
		}
		rest = after
	}
}

func TestReadmeSettingsAreTheDefaults(t *testing.T) {
	got, err := settings.Parse("README.md", []byte(findBlock(t, readReadme(t), "rotate_after = 60d")))
	if err != nil {
		t.Fatal(err)
	}
	want := settings.Default()
	if got.ProfileRotateAfter["legacy"] != settings.Never {
		t.Error("legacy is not excluded")
	}
	got.ProfileRotateAfter, want.ProfileRotateAfter = nil, nil
	if got.RotateAfter != want.RotateAfter || got.MaxAge != want.MaxAge || got.Overlap != want.Overlap || got.Quarantine != want.Quarantine ||
		got.CheckEvery != want.CheckEvery || got.DescribeKeys != want.DescribeKeys || got.PruneInactiveAfter != want.PruneInactiveAfter {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestReadmeNamesTests checks that the tests exist which the README names for each bug.
func TestReadmeNamesTests(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(repository, "*", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	below, _ := filepath.Glob(filepath.Join(repository, "*", "*", "*_test.go"))
	var code strings.Builder
	for _, name := range append(files, below...) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(data)
	}
	named := 0
	for part := range strings.SplitSeq(readReadme(t), "-run ") {
		name := strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune("/$` \n'(", r) })
		if len(name) == 0 || !strings.HasPrefix(name[0], "Test") && !strings.HasPrefix(name[0], "Fuzz") {
			continue
		}
		if named++; !strings.Contains(code.String(), "\nfunc "+name[0]) && name[0] != "TestContractElsewhere" {
			t.Errorf("the README names %s, which is not a test", name[0])
		}
	}
	if named < 20 {
		t.Errorf("the README names only %d tests", named)
	}
}
