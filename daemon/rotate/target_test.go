package rotate_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestOneFileWritesTheFacts holds that what Next may know is written in target.go only.
func TestOneFileWritesTheFacts(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") || path == "target.go" {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			var written []ast.Expr
			switch n := n.(type) {
			case *ast.AssignStmt:
				written = n.Lhs
			case *ast.IncDecStmt:
				written = []ast.Expr{n.X}
			}
			for _, e := range written {
				if isFact(e) {
					t.Errorf("%s writes a fact", set.Position(e.Pos()))
				}
			}
			return true
		})
	}
}

// isFact reports whether e is the facts of a target or a part of them. The journal that
// they point to is not a part.
func isFact(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.IndexExpr:
		return isFact(e.X)
	case *ast.SelectorExpr:
		inner, ok := e.X.(*ast.SelectorExpr)
		return e.Sel.Name == "facts" || ok && inner.Sel.Name != "Rotation" && isFact(inner)
	}
	return false
}
