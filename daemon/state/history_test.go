package state

import (
	"os"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
)

func TestHistoryIsAppendOnlyAndSurvivesDamage(t *testing.T) {
	h := OpenHistory(t.TempDir(), atomicfile.OS{})
	for _, did := range []string{"created", "swapped"} {
		if err := h.Append(HistoryEntry{Verb: did, KeyID: "AKIAX", Time: time.Now().UTC()}); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(h.Path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(`{"did": "torn by a cra`); err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	entries, damaged, err := h.Read()
	if err != nil || len(entries) != 2 || damaged != 2 || entries[1].Verb != "swapped" {
		t.Errorf("%+v, %d damaged, %v", entries, damaged, err)
	}
}
