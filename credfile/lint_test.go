package credfile

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Other functions of ini.v1 rewrite the text of a file, create the keys that they look
// up, or expand values until the stack overflows. keyd must not use them on the files
// of a user.
var (
	iniFuncs  = []string{"LoadSources", "LoadOptions"}
	iniBanned = []string{"String", "MapTo", "StrictMapTo", "MustString", "SaveTo", "SaveToIndent", "WriteTo", "WriteToIndent",
		"Section", "Key", "GetKey", "HasKey", "NewKey", "NewSection", "ReflectFrom", "KeysHash", "Reload", "Append"}
)

// iniMisuse returns the forbidden uses of ini.v1 in one source file, and whether the
// file imports ini.v1.
func iniMisuse(t *testing.T, path string, source any) (misuse []string, imports bool) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range file.Imports {
		value, _ := strconv.Unquote(spec.Path.Value)
		imports = imports || strings.HasPrefix(value, "gopkg.in/ini.")
		if strings.HasPrefix(value, "gopkg.in/ini.") && spec.Name != nil {
			misuse = append(misuse, "import under another name")
		}
	}
	if !imports {
		return nil, false
	}
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := s.X.(*ast.Ident); ok && x.Name == "ini" {
			if !slices.Contains(iniFuncs, s.Sel.Name) {
				misuse = append(misuse, "ini."+s.Sel.Name)
			}
		} else if slices.Contains(iniBanned, s.Sel.Name) {
			misuse = append(misuse, "."+s.Sel.Name)
		}
		return true
	})
	return misuse, imports
}

func TestIniOnlyReads(t *testing.T) {
	found := false
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		misuse, imports := iniMisuse(t, path, nil)
		found = found || imports
		if len(misuse) > 0 {
			t.Errorf("%s makes forbidden use of ini.v1: %s", path, misuse)
		}
		return nil
	})
	if err != nil || !found {
		t.Errorf("no file imports ini.v1, so nothing was checked: %v", err)
	}
	for _, call := range append(slices.Clone(iniBanned), "Sections().X.SaveTo") {
		source := "package x\nimport \"gopkg.in/ini.v1\"\nvar _ = ini.LoadSources\nvar f any\nfunc g() { f." + call + "() }\n"
		if misuse, _ := iniMisuse(t, "x.go", source); len(misuse) != 1 {
			t.Errorf("iniMisuse does not report %s", call)
		}
	}
}
