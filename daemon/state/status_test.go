package state

import (
	"os"
	"testing"
)

func TestDamagedStatusCountsAsEmpty(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "{", `{"version": 7}`, "[]"} {
		if err := os.WriteFile(StatusPath(dir), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := LoadStatus(dir); err != nil || s.Version != StatusVersion || len(s.Keys) != 0 || len(s.Notes) != 1 {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
}
