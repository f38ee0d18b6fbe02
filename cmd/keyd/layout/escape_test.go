package layout

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzEscape demands that escaped text makes a terminal show only text and keyd's own
// colours, that printable text stays unchanged, and that JSON keeps its meaning.
func FuzzEscape(f *testing.F) {
	for _, text := range []string{"", "default, work  AKIA..M2PL\tok\n", "\x1b[31mblocked\x1b[0m", "\x1b[1mbold\x1b[0m \x1b[32mok\x1b[0m", "evil\x1b[2J\x1b]0;owned\x07", "\u009b31m\x80\xff", "\u202egnp.exe", "\x1b[31", "a\rb\bc\x7f", "\U000e0041", "Zoë 日本 🔑"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shown := Escape(text)
		bare := strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[1m", "", "\x1b[2m", "", "\x1b[0m", "").Replace(shown)
		if !utf8.ValidString(bare) || strings.ContainsFunc(bare, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }) {
			t.Errorf("%q is shown as %q", text, shown)
		}
		if utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl) && !strings.ContainsFunc(text, needsEscape) && shown != text {
			t.Errorf("%q is shown as %q", text, shown)
		}
		if Escape(shown) != shown {
			t.Errorf("%q is shown as %q, and escaping that again changes it", text, shown)
		}
		object, err := json.Marshal(map[string]string{text: text})
		if err != nil {
			t.Fatal(err)
		}
		var before, after map[string]string
		if json.Unmarshal(object, &before) != nil || json.Unmarshal([]byte(Escape(string(object))), &after) != nil || len(after) != len(before) {
			t.Fatalf("JSON %s became %s", object, Escape(string(object)))
		}
		for name := range before {
			if after[name] != before[name] {
				t.Errorf("JSON %s became %s", object, Escape(string(object)))
			}
		}
	})
}
