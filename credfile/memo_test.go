package credfile_test

import (
	"reflect"
	"testing"

	"keyd/credfile"
)

// TestMemoAnswersLikeTheDisk changes the files in every way that a memory could miss, and
// compares a Store that remembers with one that does not.
func TestMemoAnswersLikeTheDisk(t *testing.T) {
	plain := newStore(t, "", "")
	remembers := &credfile.Store{Paths: plain.Paths, Memo: &credfile.Memo{}}
	old, third := pairText("default", oldKey), pairText("default", thirdKey) // of one length
	config := "[profile work]\nregion = eu-west-1\n"
	for i, files := range []struct{ credentials, config string }{
		{old, config}, {old, config}, {third, config}, {old, config}, {old, config + old}, {old, config}, {old, config + "output = json\n"},
		{old + pairText("default", newKey), config}, {config, old}, {old, old}, {old, config},
	} {
		writeOldFile(t, plain.Paths.Credentials, files.credentials)
		writeOldFile(t, plain.Paths.Config, files.config)
		want, err := plain.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := remembers.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Profiles, want.Profiles) || !reflect.DeepEqual(got.Credentials, want.Credentials) || !reflect.DeepEqual(got.Config, want.Config) {
			t.Errorf("state %d: %+v, want %+v", i, got.Profiles, want.Profiles)
		}
		for j := range got.Profiles { // what a caller may do
			got.Profiles[j] = credfile.Profile{}
		}
	}
}
