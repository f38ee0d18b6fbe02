package decide

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// TestEveryActionHasOneRow compares the table of actions with the constants of type Do.
func TestEveryActionHasOneRow(t *testing.T) {
	var rows []Do
	for _, a := range Actions() {
		rows = append(rows, a.Do)
		if a.EndsPass && (a.HeldBackBy != nil || a.Optional || a.Interruptible || a.NeedsEndpoint) {
			t.Errorf("%s ends the pass, and yet its row says how to perform it", a.Do)
		}
	}
	if declared := declaredActions(t); !slices.Equal(rows, declared) {
		t.Errorf("the table has %q, declared are %q", rows, declared)
	}
}

// declaredActions returns the constants of type Do, in the order of the source.
func declaredActions(t *testing.T) (all []Do) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "action.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Do" {
			word, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, Do(word))
		}
		return false
	})
	if len(all) < 20 {
		t.Fatalf("only %d actions are declared", len(all))
	}
	return all
}
