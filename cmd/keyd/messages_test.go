package main

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var updateMessages = flag.Bool("update", false, "let the tests write their files in testdata anew, such as TestMessages testdata/messages.txt")

const messagesFile = "testdata/messages.txt"

const messagesHead = `Every string that keyd can print, in the order of the source, so that it can be
read in one go. A variable part is {}. The file is made by a test; never edit it:

    go test ./cmd/keyd -run TestMessages -update
`

// TestMessages keeps in one file what people read, so that a review sees each change of it.
func TestMessages(t *testing.T) {
	got := gatherMessages(t)
	if *updateMessages {
		if err := os.WriteFile(messagesFile, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(messagesFile)
	if err != nil {
		t.Fatal(err)
	}
	old := strings.Split(strings.ReplaceAll(string(want), "\r\n", "\n"), "\n")
	now := strings.Split(got, "\n")
	for i := range min(len(now), len(old)) {
		if now[i] != old[i] {
			t.Fatalf("%s, line %d: the source says\n%s\nthe file says\n%s\nrun: go test ./cmd/keyd -run TestMessages -update", messagesFile, i+1, now[i], old[i])
		}
	}
	if len(now) != len(old) {
		t.Fatalf("%s has %d lines, want %d; run: go test ./cmd/keyd -run TestMessages -update", messagesFile, len(old), len(now))
	}
	if n := strings.Count(got, "\n- "); n < 1500 {
		t.Errorf("only %d strings were found", n)
	}
}

// TestHintsAnswer holds that what keyd says of a problem is no riddle: a question is asked on a
// terminal, which takes the answer, or it guesses a word (did you mean ...?), or it is the
// question that keyd where leaves to a person, next to its evidence.
func TestHintsAnswer(t *testing.T) {
	asked := regexp.MustCompile(`(?i)^- (install it|retire %s|give the pair .*|remove .* including the history|.*: continue|.*: give up the rotation and delete .*)\?$`)
	file := ""
	for line := range strings.Lines(gatherMessages(t)) {
		switch line = strings.TrimSpace(line); {
		case strings.HasSuffix(line, ".go"):
			file = line
		case !strings.Contains(line, "? ") && !strings.HasSuffix(line, "?"), strings.Contains(line, "did you mean"), asked.MatchString(line):
		case file == "daemon/decide/verdict.go", line == "- has the key leaked?", strings.Contains(line, "(was it deactivated?)"):
		default:
			t.Errorf("%s: %q asks, and no one answers: say what to do, or name a command that finds out", file, line)
		}
	}
}

// TestMessagesAreFound gathers the strings of a small source: each that a person may read
// has "yes" in it, and no other.
func TestMessagesAreFound(t *testing.T) {
	const source = `package p
import "no/import"
type t struct { A string ` + "`json:\"no_tag\"`" + ` }
const word, sentence = "yes", "yes, a constant"
var names = []string{"no", "list"}
var texts = []string{"yes", "yes, a list"}
var table = map[string]string{"no, a key of a map": "yes, its value"}
var rows = []row{{"yes", "iam:NoAction", "NO_VARIABLE", "~/no/path", "no_name", "no.json"}, {Doc: "yes, a field"}}
var pattern = regexp.MustCompile("no, a regexp")
var other = row{"(?m)no, a regexp", "no 2 Jan 2006"}
func f(x string) (string, error) {
	if x == "no, a comparison" || strings.HasPrefix(x, "no, a test") || x == "no" + word { return "yes, returned", nil }
	switch x {
	case "no, a case": log.Info("yes, logged", "no", "yes, its attribute")
	}
	m["no, an index"] = "yes, assigned"
	say(os.Getenv("NO"), filepath.Join("no", other("yes, in a call in a path")), strings.Join(names, "yes, and "))
	say("yes, a part " + f(x, "yes, inside") + (", yes, " +
		"one text"))
	b.WriteString("\nyes, \"quoted\", %s\n  two lines\n\n")
	return fmt.Sprintf("%-8s  %s", x, "yes:"), fmt.Errorf("yes: %w", errors.New("yes, an error"))
}`
	want := []string{"yes", "yes, a list", "yes, a constant", "yes, its value", "yes, a field", "yes, returned", "yes, logged", "yes, its attribute",
		"yes, assigned", "yes, in a call in a path", "yes, and ", "yes, a part {}, yes, one text", "yes, inside",
		"\nyes, \"quoted\", %s\n  two lines\n\n", "yes:", "yes: %w", "yes, an error"}
	got := messagesOf(t, "p.go", source)
	for _, text := range got {
		if !slices.Contains(want, text) {
			t.Errorf("%q is no message", text)
		}
	}
	for _, text := range want {
		if !slices.Contains(got, text) {
			t.Errorf("%q was not found", text)
		}
	}
	if listed := listMessage(want[13]); listed != "- yes, \"quoted\", %s\n    two lines\n" {
		t.Errorf("%q is listed as %q", want[13], listed)
	}
}

// gatherMessages returns the messages of all packages that the program imports. The
// simulator's are left out: it speaks as AWS does.
func gatherMessages(t *testing.T) string {
	t.Helper()
	packages := []string{"keyd/cmd/keyd"}
	for i := 0; i < len(packages); i++ {
		for _, file := range sourceFiles(t, packages[i]) {
			for _, to := range importsOf(t, file) {
				if strings.HasPrefix(to, "keyd/") && to != "keyd/daemon/awssim" && !slices.Contains(packages, to) {
					packages = append(packages, to)
				}
			}
		}
	}
	slices.Sort(packages)
	var b strings.Builder
	b.WriteString(messagesHead)
	for _, pkg := range packages {
		for _, file := range sourceFiles(t, pkg) {
			if messages := messagesOf(t, file, nil); len(messages) > 0 {
				b.WriteString("\n" + path.Join(strings.TrimPrefix(pkg, "keyd/"), filepath.Base(file)) + "\n")
				for _, text := range messages {
					b.WriteString(listMessage(text))
				}
			}
		}
	}
	return b.String()
}

func sourceFiles(t *testing.T, pkg string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repository, strings.TrimPrefix(pkg, "keyd/"), "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pkg, len(files), err)
	}
	return slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
}

// listMessage returns the lines for one message. The blank lines at its ends say nothing.
func listMessage(text string) string {
	text = strings.Trim(text, "\n")
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strconv.Quote(strings.ReplaceAll(line, "\t", "    "))
		lines[i] = strings.TrimRight(strings.ReplaceAll(line[1:len(line)-1], `\"`, `"`), " ")
		if i > 0 && lines[i] != "" {
			lines[i] = "  " + lines[i]
		}
	}
	return "- " + strings.Join(lines, "\n") + "\n"
}

// messagesOf returns the strings of a file that people may read, each one once, in the
// order of the source.
func messagesOf(t *testing.T, file string, source any) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	g := gatherer{silent: map[ast.Node]bool{}, seen: map[string]bool{}}
	ast.Walk(&g, parsed)
	return g.messages
}

// gatherer visits a file. It takes every string for a message but those that stand where
// a program reads them, and those that have the shape of a name.
type gatherer struct {
	silent   map[ast.Node]bool // expressions whose strings no person reads
	seen     map[string]bool
	messages []string
}

func (g *gatherer) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.ImportSpec, *ast.Field: // a field has nothing but a tag
		if field, ok := n.(*ast.Field); ok {
			ast.Walk(g, field.Type)
		}
		return nil
	case *ast.CaseClause:
		g.hush(n.List...)
	case *ast.IndexExpr:
		g.hush(n.Index)
	case *ast.KeyValueExpr:
		g.hush(n.Key)
	case *ast.CompositeLit:
		if isNameList(n) {
			g.hush(n.Elts...)
		}
	case *ast.CallExpr:
		g.visitCall(n)
	case *ast.BinaryExpr:
		if n.Op != token.ADD {
			g.hush(n.X, n.Y)
			break
		}
		text, others := joinParts(n)
		if !g.silent[n] {
			g.add(text)
		}
		for _, other := range others {
			ast.Walk(g, other)
		}
		return nil
	case *ast.BasicLit:
		if text, ok := stringOf(n); ok && !g.silent[n] {
			g.add(text)
		}
	}
	return g
}

// hush leaves these expressions out, if they are strings or sums of strings.
func (g *gatherer) hush(expressions ...ast.Expr) {
	for _, e := range expressions {
		g.silent[ast.Unparen(e)] = true
	}
}

// isNameList reports whether an expression is a list of single words: names of file
// systems, of folders, arguments of a command.
func isNameList(list *ast.CompositeLit) bool {
	array, ok := list.Type.(*ast.ArrayType)
	if !ok {
		return false
	}
	if of, ok := array.Elt.(*ast.Ident); !ok || of.Name != "string" {
		return false
	}
	return !slices.ContainsFunc(list.Elts, func(e ast.Expr) bool {
		literal, ok := e.(*ast.BasicLit)
		text, isText := "", false
		if ok {
			text, isText = stringOf(literal)
		}
		return isText && strings.Contains(strings.TrimSpace(text), " ")
	})
}

// quietCalls lists the functions whose arguments are compared, searched for or opened, by
// package, and from which argument on. "" stands for every function of the package.
var quietCalls = map[string]map[string]int{
	"strings": {"": 1, "NewReplacer": 9, "Join": 9, "Replace": 9, "ReplaceAll": 9, "NewReader": 9},
	"bytes":   {"": 1}, "slices": {"Contains": 1, "Index": 1},
	"regexp": {"": 0}, "os": {"": 0}, "exec": {"": 0}, "filepath": {"": 0}, "path": {"": 0}, "fs": {"": 0}, "url": {"": 0},
	"syscall": {"": 0}, "windows": {"": 0}, "unix": {"": 0}, "registry": {"": 0}, "hex": {"": 0}, "binary": {"": 0}, "time": {"": 0},
}

// logCalls are the methods of a logger, with the place of the message: names of
// attributes follow it.
var logCalls = map[string]int{"Debug": 0, "Info": 0, "Warn": 0, "Error": 0, "Log": 2, "With": -1}

func (g *gatherer) visitCall(call *ast.CallExpr) {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		if name, ok := call.Fun.(*ast.Ident); ok && strings.EqualFold(name.Name, "getenv") {
			g.hush(call.Args...)
		}
		return
	}
	name := selector.Sel.Name
	if of, ok := selector.X.(*ast.Ident); ok {
		functions := quietCalls[of.Name]
		from, listed := functions[name]
		if !listed {
			from, listed = functions[""]
		}
		if listed {
			g.hush(call.Args[min(from, len(call.Args)):]...)
		}
	}
	if message, ok := logCalls[name]; ok && isLogger(selector.X) {
		for i := message + 1; i < len(call.Args); i += 2 {
			g.hush(call.Args[i])
		}
	}
	if strings.EqualFold(name, "getenv") || name == "Flags" || name == "MarkHidden" || name == "Lookup" {
		g.hush(call.Args...)
	}
}

// isLogger reports whether an expression ends in log or Log.
func isLogger(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return strings.EqualFold(e.Name, "log") || e.Name == "slog"
	case *ast.SelectorExpr:
		return e.Sel.Name == "Log"
	}
	return false
}

// joinParts joins the strings of a sum, and puts {} for what is no string literal.
func joinParts(e ast.Expr) (text string, others []ast.Expr) {
	e = ast.Unparen(e)
	if sum, ok := e.(*ast.BinaryExpr); ok && sum.Op == token.ADD {
		left, first := joinParts(sum.X)
		right, second := joinParts(sum.Y)
		return left + right, append(first, second...)
	}
	if literal, ok := e.(*ast.BasicLit); ok {
		if text, ok := stringOf(literal); ok {
			return text, nil
		}
	}
	return "{}", []ast.Expr{e}
}

func stringOf(literal *ast.BasicLit) (string, bool) {
	if literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}

var (
	// plainWord matches a word, which may be one of a table.
	plainWord = regexp.MustCompile(`^[A-Za-z]?[a-z'-]*[a-z][.,:;?!]?$`)

	// anyWord matches what a text of several words needs.
	anyWord = regexp.MustCompile(`[A-Za-z]{2}|\b[aAI]\b`)

	// programText matches regular expressions, formats of times, and texts for other programs.
	programText = regexp.MustCompile(`\(\?|\[\^|\\[A-Za-z]|\bJan 2006|^\s*<\?xml|^\s*<key>|^\[[A-Z]\w+\]\n|\$xml|^Mon 15:04`)

	// verb matches what fmt fills in.
	verb = regexp.MustCompile(`%[-+# 0]*[0-9.*]*(\[\d+\])?[a-zA-Z%]`)
)

func (g *gatherer) add(text string) {
	if isMessage(text) && !g.seen[text] {
		g.seen[text] = true
		g.messages = append(g.messages, text)
	}
}

// isMessage reports whether a text has the shape of one for people: several words, or a
// plain one. Actions of AWS, variables, paths and addresses do not have it.
func isMessage(text string) bool {
	words := strings.Fields(strings.ReplaceAll(verb.ReplaceAllString(text, " "), "{}", " "))
	if len(words) == 0 || strings.ContainsAny(text, "\x00\x1b") || programText.MatchString(text) {
		return false
	}
	if !strings.ContainsAny(strings.TrimSpace(text), " \n") {
		return len(words) == 1 && plainWord.MatchString(strings.Trim(words[0], `"()`))
	}
	return anyWord.MatchString(strings.Join(words, " "))
}
