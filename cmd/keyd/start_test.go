package main

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Each command pays for what the packages do before main, and prompts run keyd status all
// day. The tests below hold what a package of keyd may do then.

// TestNothingIsCompiledBeforeMain: regular expressions and templates are compiled when they
// are first used.
func TestNothingIsCompiledBeforeMain(t *testing.T) {
	for _, file := range sources(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte(`"regexp"`)) && !bytes.Contains(text, []byte(`/template"`)) {
			continue // the rest is not worth the time to parse it
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range callsBeforeMain(parsed) {
			t.Errorf("%s calls %s before main: use sync.OnceValue", file, call)
		}
	}
}

// TestCallsBeforeMainAreFound checks the check.
func TestCallsBeforeMainAreFound(t *testing.T) {
	const text = `package p
var a = regexp.MustCompile("x")
var b = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("x") })
var c = []*regexp.Regexp{regexp.MustCompile("x")}
var d = (func() *regexp.Regexp { return regexp.MustCompilePOSIX("x") })()
var e = template.Must(f())
func init() { g = regexp.MustCompile("x") }
func f() { _ = regexp.MustCompile("x") }
`
	parsed, err := parser.ParseFile(token.NewFileSet(), "p.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"regexp.MustCompile", "regexp.MustCompile", "regexp.MustCompilePOSIX", "template.Must", "regexp.MustCompile"}
	if got := callsBeforeMain(parsed); !slices.Equal(got, want) {
		t.Errorf("%v; want %v", got, want)
	}
}

// callsBeforeMain returns the calls into packages regexp and template that a file makes when
// its package is initialised, as far as the file itself shows it.
func callsBeforeMain(file *ast.File) (calls []string) {
	var inspect func(ast.Node)
	inspect = func(root ast.Node) {
		ast.Inspect(root, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false // runs later, unless it is called at once
			case *ast.CallExpr:
				if now, ok := ast.Unparen(n.Fun).(*ast.FuncLit); ok {
					inspect(now.Body)
				}
			case *ast.SelectorExpr:
				if of, ok := n.X.(*ast.Ident); ok && (of.Name == "regexp" && strings.Contains(n.Sel.Name, "Compile") || of.Name == "template") {
					calls = append(calls, of.Name+"."+n.Sel.Name)
				}
			}
			return true
		})
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					for _, value := range v.Values {
						inspect(value)
					}
				}
			}
		case *ast.FuncDecl:
			if d.Name.Name == "init" && d.Recv == nil {
				inspect(d.Body)
			}
		}
	}
	return calls
}

// sources returns the files of keyd without its tests.
func sources(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(repository, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && file != repository {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go") {
			files = append(files, file)
		}
		return err
	})
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

const (
	// initAllocations is how often a package of keyd may allocate memory before main. Maps
	// and errors are a few; a table of regular expressions is hundreds.
	initAllocations = 150
	// initBytes is how many bytes it may allocate then.
	initBytes = 5000
)

// TestPackagesAllocateLittleBeforeMain runs this test's program without any test, and
// reads what the Go runtime says about each package. Package main is left out: the
// variables of its tests are in it.
func TestPackagesAllocateLittleBeforeMain(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var trace bytes.Buffer
	cmd := exec.Command(program, "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for lines := bufio.NewScanner(&trace); lines.Scan(); {
		name, costs, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "init "), " @")
		if !strings.HasPrefix(name, "keyd/") || name == "keyd/cmd/keyd" {
			continue
		}
		_, costs, _ = strings.Cut(costs, " ms clock, ")
		var size, count int
		if _, err := fmt.Sscanf(costs, "%d bytes, %d allocs", &size, &count); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		seen++
		if count > initAllocations || size > initBytes {
			t.Errorf("%s allocates %d bytes in %d places before main; at most %d in %d", name, size, count, initBytes, initAllocations)
		}
	}
	if seen < 8 {
		t.Errorf("the trace names only %d packages of keyd", seen)
	}
}
