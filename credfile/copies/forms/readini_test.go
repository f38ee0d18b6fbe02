package forms

import (
	"testing"

	"gopkg.in/ini.v1"
)

func readINI(t *testing.T, data []byte) map[string]string {
	t.Helper()
	file, err := ini.LoadSources(ini.LoadOptions{KeyValueDelimiters: "=", IgnoreInlineComment: true, ChildSectionDelimiter: "\x00"}, data)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, section := range file.Sections() {
		for _, key := range section.Keys() {
			put(values, section.Name()+"/"+key.Name(), key.Value())
		}
	}
	return values
}
