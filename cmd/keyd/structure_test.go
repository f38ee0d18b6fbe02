package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const repository = "../.."

// imports lists which packages of keyd each package may import: data flows one way.
// Tests may import more.
var imports = map[string][]string{
	"keyd/cmd/keyd": {"keyd/cmd/keyd/layout", "keyd/install", "keyd/daemon", "keyd/daemon/rotate", "keyd/daemon/evidence", "keyd/daemon/fleet", "keyd/daemon/decide", "keyd/daemon/journal",
		"keyd/daemon/state", "keyd/daemon/settings", "keyd/daemon/hint", "keyd/daemon/watch", "keyd/daemon/systemd", "keyd/daemon/doctor",
		"keyd/daemon/awssim", "keyd/daemon/iam/remote", "keyd/credfile", "keyd/credfile/atomicfile",
		"keyd/credfile/copies", "keyd/credfile/copies/forms", "keyd/credfile/copies/shadow"},
	"keyd/cmd/keyd/layout": {},
	"keyd/daemon": {"keyd/daemon/rotate", "keyd/daemon/decide", "keyd/daemon/hint", "keyd/daemon/state", "keyd/daemon/settings",
		"keyd/daemon/notify", "keyd/daemon/systemd", "keyd/daemon/watch", "keyd/credfile", "keyd/credfile/atomicfile"},
	"keyd/daemon/rotate": {"keyd/daemon/fleet", "keyd/daemon/decide", "keyd/daemon/journal", "keyd/daemon/state", "keyd/daemon/settings",
		"keyd/daemon/hint", "keyd/daemon/iam", "keyd/daemon/iam/remote", "keyd/credfile", "keyd/credfile/copies", "keyd/credfile/copies/forms", "keyd/credfile/copies/shadow",
		"keyd/credfile/atomicfile"},
	"keyd/daemon/doctor": {"keyd/daemon/rotate", "keyd/daemon/decide", "keyd/daemon/journal", "keyd/daemon/state", "keyd/daemon/settings",
		"keyd/daemon/hint", "keyd/daemon/iam", "keyd/daemon/iam/remote", "keyd/install", "keyd/credfile", "keyd/credfile/atomicfile",
		"keyd/credfile/readers", "keyd/credfile/copies", "keyd/credfile/copies/shadow", "keyd/credfile/shell"},
	"keyd/daemon/evidence": {"keyd/daemon/state", "keyd/daemon/journal", "keyd/daemon/settings", "keyd/daemon/iam/remote"},
	"keyd/daemon/fleet":    {"keyd/daemon/state", "keyd/daemon/decide", "keyd/daemon/settings", "keyd/credfile/atomicfile"},
	"keyd/daemon/state":    {"keyd/daemon/decide", "keyd/daemon/journal", "keyd/daemon/settings", "keyd/daemon/iam/remote", "keyd/credfile/atomicfile"},
	"keyd/daemon/decide":   {"keyd/daemon/journal", "keyd/daemon/settings", "keyd/daemon/hint", "keyd/daemon/iam/remote", "keyd/credfile"},

	"keyd/daemon/journal":    {"keyd/daemon/iam/remote", "keyd/credfile", "keyd/credfile/atomicfile"},
	"keyd/daemon/settings":   {"keyd/daemon/hint", "keyd/credfile", "keyd/credfile/atomicfile", "keyd/credfile/copies/forms"},
	"keyd/daemon/hint":       {"keyd/credfile", "keyd/credfile/atomicfile", "keyd/credfile/shell"},
	"keyd/daemon/watch":      {"keyd/credfile/atomicfile"},
	"keyd/daemon/notify":     {},
	"keyd/daemon/systemd":    {},
	"keyd/daemon/iam":        {"keyd/daemon/iam/remote", "keyd/credfile"},
	"keyd/daemon/iam/remote": {},
	"keyd/daemon/awssim":     {},

	"keyd/install":                {"keyd/credfile", "keyd/credfile/atomicfile", "keyd/credfile/shell"},
	"keyd/credfile":               {"keyd/credfile/atomicfile", "keyd/credfile/readers", "keyd/credfile/copies/forms", "keyd/credfile/shell"},
	"keyd/credfile/readers":       {},
	"keyd/credfile/copies":        {},
	"keyd/credfile/copies/forms":  {},
	"keyd/credfile/copies/shadow": {"keyd/credfile/atomicfile", "keyd/credfile/copies/forms"},
	"keyd/credfile/atomicfile":    {},
	"keyd/credfile/shell":         {},

	// What only tests import.
	"keyd/credfile/deeptest":                  {},
	"keyd/credfile/atomicfile/atomicfiletest": {"keyd/credfile/atomicfile"},
	"keyd/daemon/internal/lab": {"keyd/daemon/rotate", "keyd/daemon/decide", "keyd/daemon/journal", "keyd/daemon/state",
		"keyd/daemon/settings", "keyd/daemon/iam", "keyd/daemon/awssim", "keyd/daemon/iam/remote", "keyd/credfile", "keyd/credfile/atomicfile",
		"keyd/credfile/atomicfile/atomicfiletest", "keyd/credfile/deeptest"},
}

// pure lists the packages that decide without looking: the standard packages that a
// program needs to look at files, the environment, the network or the clock's ticking
// are closed to them.
var pure = map[string][]string{
	"keyd/daemon/decide":         {"context", "io", "io/fs", "net", "net/http", "net/url", "os", "os/exec", "path/filepath", "syscall"},
	"keyd/daemon/evidence":       {"context", "io/fs", "net", "net/http", "os", "os/exec", "path/filepath", "syscall"},
	"keyd/cmd/keyd/layout":       {"context", "io", "io/fs", "net", "net/http", "os", "os/exec", "path/filepath", "syscall"},
	"keyd/credfile/copies/forms": {"context", "io/fs", "net", "net/http", "os", "os/exec", "path/filepath", "syscall"},
}

// only lists the packages that may import a module: each module has one seam.
var only = map[string][]string{
	"github.com/aws/":                 {"keyd/daemon/iam"},
	"gopkg.in/ini.v1":                 {"keyd/credfile", "keyd/daemon/settings"},
	"github.com/kardianos/service":    {"keyd/install"},
	"github.com/fsnotify/":            {"keyd/daemon/watch"},
	"github.com/gofrs/flock":          {"keyd/credfile/atomicfile", "keyd/daemon/state"},
	"github.com/spf13/":               {"keyd/cmd/keyd"},
	"golang.org/x/term":               {"keyd/cmd/keyd"},
	"github.com/rivo/uniseg":          {"keyd/cmd/keyd/layout"},
	"github.com/rogpeppe/go-internal": {"keyd/credfile/atomicfile"},
}

func TestImportsFlowOneWay(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(repository, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && file != repository { // not part of keyd
			return filepath.SkipDir
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		seen++
		inside, err := filepath.Rel(repository, filepath.Dir(file))
		if err != nil {
			return err
		}
		from := path.Join("keyd", filepath.ToSlash(inside))
		for _, to := range importsOf(t, file) {
			checkImport(t, file, from, to)
		}
		return nil
	})
	if err != nil || seen < 50 {
		t.Fatalf("%d files read, %v", seen, err)
	}
}

func importsOf(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	return all
}

func checkImport(t *testing.T, file, from, to string) {
	t.Helper()
	allowed, known := imports[from]
	switch {
	case !known:
		t.Errorf("%s: the list of imports has no package %s", file, from)
	case strings.HasPrefix(to, "keyd/") && !slices.Contains(allowed, to):
		t.Errorf("%s: %s may not import %s", file, from, to)
	case slices.Contains(pure[from], to):
		t.Errorf("%s: %s decides and does not look: it may not import %s", file, from, to)
	case from == "keyd/daemon/awssim" && strings.Contains(strings.Split(to, "/")[0], "."):
		t.Errorf("%s: the simulator imports %s, but may import only the standard library", file, to)
	}
	for module, users := range only {
		if strings.HasPrefix(to, module) && !slices.Contains(users, from) {
			t.Errorf("%s: %s may not import %s", file, from, to)
		}
	}
}

// pages lists the packages whose page says what is in which file, and the file with that
// page.
var pages = map[string]string{
	"cmd/keyd": "doc.go", "cmd/keyd/layout": "doc.go",
	"credfile": "doc.go", "credfile/atomicfile": "doc.go", "credfile/readers": "doc.go",
	"credfile/copies": "doc.go", "credfile/copies/forms": "doc.go", "credfile/copies/shadow": "doc.go", "install": "service.go",
	"daemon/rotate": "doc.go", "daemon/decide": "doc.go", "daemon/iam": "doc.go", "daemon/doctor": "doc.go", "daemon/evidence": "doc.go", "daemon/fleet": "doc.go",
	"daemon/journal": "journal.go", "daemon/settings": "settings.go", "daemon/state": "dir.go",
}

// otherFiles are named on those pages and belong to other packages, or to the AWS SDK.
var otherFiles = []string{"act.go", "shared_config.go"}

// fileName matches the name of a Go file in a text, or a pattern such as os*.go.
var fileName = regexp.MustCompile(`[\w*]+\.go\b`)

// TestPackagePagesNameEveryFile checks that a reader who follows the page of a package
// finds every file, and no file that is gone.
func TestPackagePagesNameEveryFile(t *testing.T) {
	for dir, page := range pages {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(repository, dir, page), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		named := fileName.FindAllString(parsed.Doc.Text(), -1)
		files, err := filepath.Glob(filepath.Join(repository, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, file := range files {
			name := filepath.Base(file)
			i := slices.IndexFunc(named, func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok })
			if i >= 0 {
				found[named[i]] = true
			} else if name != page && !strings.HasSuffix(name, "_test.go") {
				t.Errorf("the page of %s, in %s, does not name %s", dir, page, name)
			}
		}
		for _, name := range named {
			if !found[name] && !strings.HasSuffix(name, "_test.go") && !slices.Contains(otherFiles, name) {
				t.Errorf("the page of %s, in %s, names %s, which does not exist", dir, page, name)
			}
		}
	}
}

// TestTopLevelHasNoOtherEntries keeps the layout that a reader expects.
func TestTopLevelHasNoOtherEntries(t *testing.T) {
	want := []string{"cmd", "daemon", "credfile", "install", "go.mod", "go.sum", "README.md", "LICENSE"}
	entries, err := os.ReadDir(repository)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") && !slices.Contains(want, entry.Name()) {
			t.Errorf("%s does not belong at the top level", entry.Name())
		}
	}
}

// TestOnlyTheTerminalPrints keeps every other file of this package from writing
// to standard output or standard error: their text would reach the terminal
// without escape.
func TestOnlyTheTerminalPrints(t *testing.T) {
	forbidden := map[string][]string{
		"fmt": {"Print", "Printf", "Println", "Fprint", "Fprintf", "Fprintln"},
		"io":  {"WriteString"},
		"os":  {"Stdout", "Stderr"},
		"cmd": {"Print", "Printf", "Println", "PrintErr", "PrintErrf", "PrintErrln", "OutOrStdout", "OutOrStderr", "ErrOrStderr"},
	}
	allowed := map[string]string{"terminal.go": "", "terminal_screen.go": "", "terminal_ask.go": "", "main.go": "os"} // the terminal, and main, which hands the files to it
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		exempt, found := allowed[file]
		if strings.HasSuffix(file, "_test.go") || found && exempt == "" {
			continue
		}
		checked++
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := selector.X.(*ast.Ident); ok && of.Name != exempt && slices.Contains(forbidden[of.Name], selector.Sel.Name) {
				t.Errorf("%s uses %s.%s: only the terminal may print", file, of.Name, selector.Sel.Name)
			}
			return true
		})
	}
	if checked < 25 {
		t.Errorf("only %d files were checked", checked)
	}
}

// TestOnlyTheBenchProvesInFewerRounds keeps the program from ever swapping in a key that AWS
// has hardly accepted: ProofRounds and ProofPause are for tests.
func TestOnlyTheBenchProvesInFewerRounds(t *testing.T) {
	var users []string
	err := filepath.WalkDir(repository, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		data, err := os.ReadFile(file)
		if strings.Contains(string(data), "ProofRounds") || strings.Contains(string(data), "ProofPause") {
			inside, _ := filepath.Rel(repository, file)
			users = append(users, filepath.ToSlash(inside))
		}
		return err
	})
	if want := []string{"daemon/internal/lab/lab.go", "daemon/rotate/prove.go", "daemon/rotate/rotator.go"}; err != nil || !slices.Equal(users, want) {
		t.Errorf("%v, %v; want %v", users, err, want)
	}
}
