package journal

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"keyd/credfile/atomicfile"
	"keyd/credfile/deeptest"
)

// TestFlippedBitIsNoticed flips each bit of a journal in turn, and without KEYD_DEEP=1 a bit or two of each byte. The journal is then
// refused, or it still reads as before.
func TestFlippedBitIsNoticed(t *testing.T) {
	j := Dir{Path: t.TempDir(), Sys: atomicfile.OS{}}
	want := someRotation()
	if err := j.Save(want); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(j.filePath(want.Old.ID))
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	_, step := deeptest.Steps(0, 5)
	for bit := 0; bit < 8*len(whole); bit += step {
		data := bytes.Clone(whole)
		data[bit/8] ^= 1 << (bit % 8)
		var rec fileRecord
		if json.Unmarshal(data, &rec) != nil || rec.Version > journalVersion || !checksumMatches(data, rec.Checksum) {
			continue
		}
		if accepted++; !reflect.DeepEqual(fromRecord(rec), want) {
			t.Fatalf("the journal with bit %d flipped is accepted: %s", bit, data)
		}
	}
	if accepted > 24 || !checksumMatches(whole, "") {
		t.Errorf("%d flipped bits are accepted, want at most the 24 in the name of the checksum", accepted)
	}
}
