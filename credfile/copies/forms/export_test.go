package forms

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Example is an example file, with the reader of its tool, for tests from outside.
type Example struct {
	File string
	Form Form
	Text []byte
	read reader
}

// ReadExample returns the example file of this name, which shows OldPair.
func ReadExample(t *testing.T, file string) Example {
	t.Helper()
	for _, e := range examples {
		if e.file != file {
			continue
		}
		f, err := ParseForm(e.form)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		return Example{file, f, text, e.read}
	}
	t.Fatalf("there is no example %s", file)
	return Example{}
}

// Read returns what the tool finds in a text.
func (e Example) Read(t *testing.T, text []byte) map[string]string { return e.read(t, text) }

// Swapped returns what the tool has to find in the example once it shows NextPair.
func (e Example) Swapped(t *testing.T) map[string]string {
	want := map[string]string{}
	for name, value := range e.read(t, e.Text) {
		for _, swap := range swaps(e.Form) {
			value = strings.ReplaceAll(value, swap[0], swap[1])
		}
		want[name] = value
	}
	return want
}

// OldPair and NextPair are the pairs of the examples.
var OldPair, NextPair = oldPair, nextPair
