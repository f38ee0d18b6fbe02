package copies

import (
	"encoding/base64"
	"path/filepath"
	"testing"
)

// TestSearchFindsIDsOfOtherShapes searches for the ids of other IAMs than AWS's: short ones,
// and ones in small letters. Like those of AWS, each is a whole word.
func TestSearchFindsIDsOfOtherShapes(t *testing.T) {
	for _, id := range []string{"3c2f6b3fbe96", "0023c2f6b3fbe960000000001", "GK31c2f218a2e44f485b94239e", "RO8Q1T6MVLYL1K5DPIZN"} {
		home := writeTree(t, map[string]string{
			".env":       "STORE_KEY=" + id + "\n",
			"secret.yml": "data:\n  key: " + base64.StdEncoding.EncodeToString([]byte("id="+id+";")) + "\n",
			"sums.txt":   "sha256 a" + id + "\n" + id + "0 data\n" + base64.StdEncoding.EncodeToString([]byte(id[1:])) + "\n",
			"short.txt":  id[1:] + "\n" + id[:len(id)-1] + "\n",
		})
		r, err := Search(t.Context(), Options{IDs: []string{id, testID}, Home: home})
		if err != nil || len(r.Errors) > 0 {
			t.Fatal(err, r.Errors)
		}
		var found []string
		for _, c := range r.Copies {
			found = append(found, filepath.Base(c.Path))
		}
		if len(found) != 2 || found[0] != ".env" || found[1] != "secret.yml" {
			t.Errorf("%s was found in %v", id, found)
		}
	}
}
