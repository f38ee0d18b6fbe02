package credfile

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// edgeFile is an awkward file that holds a pair.
type edgeFile struct {
	name string
	data []byte
}

// edgeFiles returns the awkward files of the shared vectors in three forms: with their
// own pair, with a pair made of the property that the file is about, and with a pair
// in a profile at the end.
func edgeFiles(t testing.TB) []edgeFile {
	var files []struct {
		ID  string `json:"id"`
		B64 []byte `json:"b64"`
	}
	loadVector(t, "edgecases.json", &files)
	if len(files) != 123 {
		t.Errorf("got %d files, want 123", len(files))
	}
	var all []edgeFile
	for _, f := range files {
		own := ownPair(f.B64)
		all = append(all,
			edgeFile{f.ID + "/own", own},
			edgeFile{f.ID + "/property", propertyPair(f.B64)},
			edgeFile{f.ID + "/behind", fmt.Appendf(bytes.Clone(own), "\n[keyd]\n%s", withKey(thirdKey, pairLines))})
	}
	return all
}

var (
	thirdKey = Key{"AKIATHIRDTHIRDTHIRD3", NewSecret("thirdthirdthirdthirdthirdthirdthirdthird")}

	shortID     = regexp.MustCompile(`AKIA([0-9DP])`)
	shortSecret = regexp.MustCompile(`(= *)s([0-9DP])\b`)
	firstValue  = regexp.MustCompile(`(?m)^(k[^=:\n]*[=:][^v\n]*)v`)
	firstName   = regexp.MustCompile(`(?m)^k( ?[=:])`)
)

// ownPair lengthens the pairs of a file, such as AKIA1 and s1, to the length of real
// ones.
func ownPair(data []byte) []byte {
	data = shortID.ReplaceAll(data, []byte("AKIAOLDOLDOLDOLD000$1"))
	return shortSecret.ReplaceAll(data, []byte("${1}agedagedaged/agedagedaged+agedagedaged=$2"))
}

// propertyPair turns "k = v" into a line with a key id and puts its secret above it.
func propertyPair(data []byte) []byte {
	data = firstValue.ReplaceAll(data, []byte("${1}AKIAOLDOLDOLDOLD0001"))
	data = firstName.ReplaceAll(data, []byte("aws_access_key_id$1"))
	return bytes.Replace(data, []byte("[a]\n"), []byte("[a]\naws_secret_access_key = agedagedaged/agedagedaged+agedagedaged=1\n"), 1)
}

// keysIn returns the keys whose ids occur anywhere in a file.
func keysIn(data []byte) []Key {
	keys := []Key{thirdKey}
	for _, c := range "01234DP" {
		keys = append(keys, Key{"AKIAOLDOLDOLDOLD000" + string(c), NewSecret("agedagedaged/agedagedaged+agedagedaged=" + string(c))})
	}
	return slices.DeleteFunc(keys, func(k Key) bool { return !bytes.Contains(data, []byte(k.ID)) })
}

// Replace either edits only the two values of an awkward file, or refuses it with file,
// line and remedy. The lower bounds keep the test from accepting a Replace that refuses
// everything.
func TestEdgeFilesAreEditedExactlyOrRefused(t *testing.T) {
	edited, refused := map[string]int{}, map[string]int{}
	for _, e := range edgeFiles(t) {
		_, form, _ := strings.Cut(e.name, "/")
		for _, old := range keysIn(e.data) {
			f := Lex("credentials", Credentials, e.data)
			data, changes, err := f.Replace(old, newKey)
			if err != nil {
				refused[form]++
				requireNoSecret(t, err.Error())
				if strings.Contains(err.Error(), "no profile holds") && !f.Holds(old.ID) {
					continue // the id is in a comment or belongs to no pair
				}
				t.Logf("%s: %v", e.name, requireRefusal(t, err, ""))
				continue
			}
			edited[form]++
			if want := applyChanges(e.data, changes); !bytes.Equal(data, want) || bytes.Equal(data, e.data) {
				t.Errorf("%s: got %q, want %q", e.name, data, want)
			}
			back, _, err := Lex("credentials", Credentials, data).Replace(newKey, old)
			if err != nil || !bytes.Equal(back, e.data) {
				t.Errorf("%s: the way back did not restore the file: %v", e.name, err)
			}
		}
	}
	t.Logf("edited %v, refused %v", edited, refused)
	for form, floor := range map[string]int{"own": 39, "property": 24, "behind": 162} {
		if edited[form] < floor {
			t.Errorf("%s: edited %d, want at least %d", form, edited[form], floor)
		}
	}
}

// applyChanges applies the reported changes without the code under test.
func applyChanges(data []byte, changes []Change) []byte {
	out := bytes.Clone(data)
	for i := len(changes) - 1; i >= 0; i-- {
		c, text := changes[i], newKey.ID
		if c.Property == secretName {
			text = newKey.Secret.Reveal()
		}
		out = append(out[:c.At.Start:c.At.Start], append([]byte(text), out[c.At.End:]...)...)
	}
	return out
}
