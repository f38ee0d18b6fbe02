package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// namedCommand matches a command of keyd in a text, with the flags that follow it.
var namedCommand = regexp.MustCompile(`\bkeyd ([a-z]+)((?: --[a-z-]+)*)`)

// plannedCommands are commands that keyd may get some day. Until then no text names them;
// any other word after keyd is taken for prose.
var plannedCommands = []string{"where", "link", "unlink", "doctor", "credentials", "report", "config"}

// TestTextsNameCommandsThatExist reads every text that a person may see: the string literals
// of the program, and the documents. People type what they read.
func TestTextsNameCommandsThatExist(t *testing.T) {
	known := map[string]*cobra.Command{}
	for _, c := range newRootCommand(newApp(process{getenv: func(string) string { return "" }}), nil).Commands() {
		known[c.Name()] = c
	}
	found := 0
	check := func(path, text string) {
		for _, m := range namedCommand.FindAllStringSubmatch(text, -1) {
			command := known[m[1]]
			for _, planned := range plannedCommands {
				if m[1] == planned && command == nil {
					t.Errorf("%s names keyd %s, which does not exist: %q", path, planned, m[0])
				}
			}
			for flag := range strings.FieldsSeq(m[2]) {
				if found++; command != nil && command.Flags().Lookup(strings.TrimPrefix(flag, "--")) == nil {
					t.Errorf("%s: keyd %s has no flag %s", path, m[1], flag)
				}
			}
		}
	}
	literal := regexp.MustCompile("\"(?:[^\"\\\\\\n]|\\\\.)*\"|`[^`]*`")
	err := filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != repository:
			return filepath.SkipDir
		case d.IsDir(), strings.HasSuffix(path, "_test.go"):
			return nil
		}
		data, err := os.ReadFile(path)
		switch filepath.Ext(path) {
		case ".md":
			check(path, string(data))
		case ".go":
			check(path, strings.Join(literal.FindAllString(string(data), -1), "\n"))
		}
		return err
	})
	if err != nil || found == 0 {
		t.Fatalf("%d flags were found: %v", found, err)
	}
}
