package journal

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"keyd/credfile/atomicfile"
)

// TestNoBitOfAJournalTipsOver: whichever bit of a journal is another, it says what
// it said, or it is not believed.
func TestNoBitOfAJournalTipsOver(t *testing.T) {
	j := Dir{Path: t.TempDir(), Sys: atomicfile.OS{}}
	want := someRotation()
	if err := j.Save(want); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(j.filePath(want.Old.ID))
	if err != nil {
		t.Fatal(err)
	}
	believed := 0
	for bit := range 8 * len(whole) {
		data := bytes.Clone(whole)
		data[bit/8] ^= 1 << (bit % 8)
		var rec fileRecord
		if json.Unmarshal(data, &rec) != nil || rec.Version != journalVersion || !checksumMatches(data, rec.Checksum) {
			continue
		}
		if believed++; !reflect.DeepEqual(fromRecord(rec), want) {
			t.Fatalf("bit %d: %s", bit, data)
		}
	}
	if believed > 24 || !checksumMatches(whole, "") {
		t.Errorf("%d changes are believed: those of the name of the sum are 24 at most", believed)
	}
}
