package credfile

import (
	"cmp"
	"testing"
)

// The checks after an edit get results that no edit produces, one for each thing that
// must not happen to a file.
func TestVerifyRefusesOtherChanges(t *testing.T) {
	const before = plainFile + "region = x\ns3 =\n  max = 1\n[b]\nk = v # c\n"
	for _, test := range []struct {
		name, after string
		refused     bool
	}{
		{"the pair alone", before, false},
		{"another value changed", plainFile + "region = y\ns3 =\n  max = 1\n[b]\nk = v # c\n", true},
		{"a comment changed", plainFile + "region = x\ns3 =\n  max = 1\n[b]\nk = v # d\n", true},
		{"a nested line lost", plainFile + "region = x\ns3 =\n[b]\nk = v # c\n", true},
		{"a nested line changed", plainFile + "region = x\ns3 =\n  max = 2\n[b]\nk = v # c\n", true},
		{"a name changed", plainFile + "regions = x\ns3 =\n  max = 1\n[b]\nk = v # c\n", true},
		{"a line added", plainFile + "\nregion = x\ns3 =\n  max = 1\n[b]\nk = v # c\n", true},
		{"a section renamed", plainFile + "region = x\ns3 =\n  max = 1\n[c]\nk = v # c\n", true},
		{"a section added", before + "[c]\n", true},
		{"junk added", before + "junk\n", true},
		{"the secret is another one", "[default]\naws_access_key_id = {ID}\naws_secret_access_key = x\nregion = x\ns3 =\n  max = 1\n[b]\nk = v # c\n", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := Lex("credentials", Credentials, withKey(oldKey, before))
			g := Lex("credentials", Credentials, withKey(newKey, test.after))
			places, r := f.findPlaces(oldKey)
			if r != nil {
				t.Fatal(r)
			}
			lexed := f.verifyLexed(places, g)
			second := lexed
			if lexed == nil {
				second = cmp.Or(f.verifySecondReader(places, g), f.verifyReadBack(places, g.Data, newKey))
			}
			if refused := second != nil; refused != test.refused {
				t.Errorf("refused: %v, want %v: %v", refused, test.refused, second)
			}
		})
	}
}
