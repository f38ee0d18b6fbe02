package shell

import "testing"

func TestQuoteMakesOneWord(t *testing.T) {
	for word, want := range map[string]string{
		"default":          "default",
		"/home/a_b-c/x.y":  "/home/a_b-c/x.y",
		"a@b:c%d+e=f,g":    "a@b:c%d+e=f,g",
		"":                 "''",
		"two words":        "'two words'",
		"it's":             `'it'\''s'`,
		"$(id)":            "'$(id)'",
		"`id`":             "'`id`'",
		"~":                "'~'",
		"a;b|c&d>e<f":      "'a;b|c&d>e<f'",
		"*?[]{}!#\\\"\t\n": "'*?[]{}!#\\\"\t\n'",
		"größe":            "'größe'",
	} {
		if got := Quote(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
