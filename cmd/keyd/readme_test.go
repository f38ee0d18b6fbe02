package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyd/daemon/settings"
)

func readReadme(t *testing.T) string {
	t.Helper()
	return readDocument(t, "README.md")
}

// readDocument returns the text of a file of the repository.
func readDocument(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, path))
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
	t.Fatalf("no block has %q", line)
	return ""
}

func TestReadmeBeginsWithTwoCommands(t *testing.T) {
	if got := findBlock(t, readReadme(t), "keyd demo\n"); got != "go run ./cmd/keyd demo\ngo test ./...\n" {
		t.Errorf("the first commands are\n%s", got)
	}
}

// manual is the document that has all the README leaves out.
const manual = "cmd/keyd/MANUAL.md"

// TestDocumentsNameEveryCommand compares the commands of the README and of the manual
// with the program's, in both directions.
func TestDocumentsNameEveryCommand(t *testing.T) {
	for _, path := range []string{"README.md", manual} {
		t.Run(filepath.Base(path), func(t *testing.T) { checkCommands(t, readDocument(t, path)) })
	}
}

func checkCommands(t *testing.T, text string) {
	root := newRootCommand(newApp(process{getenv: func(string) string { return "" }}), nil)
	for _, command := range root.Commands() {
		name := command.Name()
		if command.IsAdditionalHelpTopicCommand() {
			name = "help " + name
		}
		if !command.Hidden && !strings.Contains(text, "keyd "+name) {
			t.Errorf("it does not name keyd %s", name)
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
			t.Errorf("it names keyd %s, which does not exist", name)
		}
		rest = after
	}
}

// TestEveryCommandHasAnExample: the commands without arguments and flags need none.
func TestEveryCommandHasAnExample(t *testing.T) {
	root := newRootCommand(newApp(process{getenv: func(string) string { return "" }}), nil)
	for _, command := range root.Commands() {
		plain := command.Name() == "start" || command.Name() == "stop" || command.Name() == "restart" || command.Name() == "version"
		if !command.Hidden && command.IsAvailableCommand() && !plain && command.Name() != "completion" && !strings.Contains(command.Example, "keyd "+command.Name()) {
			t.Errorf("keyd %s has no example", command.Name())
		}
	}
}

func TestManualListsTheExitCodes(t *testing.T) {
	text := readDocument(t, manual)
	for _, c := range exitCodes {
		if row := fmt.Sprintf("| %d | %s |", c.code, c.meaning); !strings.Contains(text, row) {
			t.Errorf("the manual has no row %s", row)
		}
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

// reliability is the document with the evidence, which README.md links to.
const reliability = "daemon/RELIABILITY.md"

// TestReadmeNamesTests checks that the tests exist which README.md and the document
// with the evidence name, above all those for each bug.
func TestReadmeNamesTests(t *testing.T) {
	if !strings.Contains(readReadme(t), "("+reliability+")") {
		t.Errorf("the README does not link to %s", reliability)
	}
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
	for _, document := range []string{"README.md", reliability} {
		for part := range strings.SplitSeq(readDocument(t, document), "-run ") {
			name := strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune("/$` \n'(", r) })
			if len(name) == 0 || !strings.HasPrefix(name[0], "Test") && !strings.HasPrefix(name[0], "Fuzz") {
				continue
			}
			if named++; !strings.Contains(code.String(), "\nfunc "+name[0]) && name[0] != "TestContractElsewhere" {
				t.Errorf("%s names %s, which is not a test", document, name[0])
			}
		}
	}
	if named < 20 {
		t.Errorf("the documents name only %d tests", named)
	}
}

// repeatCommand matches the arguments of go test that run one test of a package, and
// its subtest.
var repeatCommand = regexp.MustCompile(`(\./[\w/]+) -run '?((?:Test|Fuzz)\w+)(?:/(\w+))?`)

// TestReliabilityRepeatsEachBug checks that each test named for a bug is in the named
// package: go test is silent when a package has no test of a name.
func TestReliabilityRepeatsEachBug(t *testing.T) {
	for _, command := range repeatCommand.FindAllStringSubmatch(readDocument(t, reliability), -1) {
		files, err := filepath.Glob(filepath.Join(repository, filepath.FromSlash(command[1]), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(files, func(path string) bool {
			data, err := os.ReadFile(path)
			return err == nil && strings.Contains(string(data), "\nfunc "+command[2])
		})
		if !found {
			t.Errorf("%s has no test %s", command[1], command[2])
		}
		if command[2] != "TestStories" {
			continue
		}
		if stories, _ := filepath.Glob(filepath.Join("testdata", "script", command[3]+"*.txtar")); len(stories) == 0 {
			t.Errorf("no story is called %s", command[3])
		}
	}
}

// TestDocumentsLinkToWhatExists follows the links of every document that point into the
// repository, with the heading that a link names.
func TestDocumentsLinkToWhatExists(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	followed := 0
	err := filepath.WalkDir(repository, func(path string, entry os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, match := range link.FindAllStringSubmatch(string(data), -1) {
			file, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(match[1], "://") {
				continue
			}
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
			}
			text, err := os.ReadFile(target)
			if folder, statErr := os.Stat(target); statErr == nil && folder.IsDir() {
				err = nil
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if followed++; anchor != "" && !slices.Contains(findAnchors(string(text)), anchor) {
				t.Errorf("%s links to %s, and no heading has that name", path, match[1])
			}
		}
		return nil
	})
	if err != nil || followed < 20 {
		t.Errorf("%d links, %v", followed, err)
	}
}

// findAnchors returns the names by which links reach the headings of a document: small
// letters, hyphens for spaces, no other signs.
func findAnchors(text string) []string {
	var anchors []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		anchors = append(anchors, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
				return r
			default:
				return -1
			}
		}, strings.ToLower(heading[1])))
	}
	return anchors
}

// TestReadmeCountsExceptions compares what the README says of other implementations of IAM
// with the lists of the clauses that do not hold there.
func TestReadmeCountsExceptions(t *testing.T) {
	lists, err := filepath.Glob(filepath.Join(repository, "daemon", "awssim", "testdata", "*.except"))
	if err != nil || len(lists) == 0 {
		t.Fatal(lists, err)
	}
	for _, path := range lists {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.Replace(strings.TrimSuffix(filepath.Base(path), ".except"), "-", " ", 1)
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(name) + ` \|.*\b` + fmt.Sprint(strings.Count(string(data), "\n")) + `\b.* do not hold there \|$`)
		if !row.MatchString(readReadme(t)) {
			t.Errorf("the README does not say that %d clauses do not hold at %s", strings.Count(string(data), "\n"), name)
		}
	}
}
