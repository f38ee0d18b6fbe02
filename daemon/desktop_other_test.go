package daemon

import "testing"

// No notification shows the id of a key, of whatever IAM, and profiles keep their names.
func TestDesktopHidesKeysOfOtherIAMs(t *testing.T) {
	for text, private := range map[string]bool{
		"AKIA..7Q2F is still used":                 true,
		"0023..0001 is still used":                 true,
		"keyd prune store Q71W22IBRQEGXQ7EO20S":    true,
		"keyd prune old 0023c2f6b3fbe9600000001a":  true,
		"keyd rotate production2026":               false,
		"a hook fails. Version 1.2..1.3 is needed": false,
	} {
		if isPrivate(text) != private {
			t.Errorf("private %v: %s", !private, text)
		}
	}
	if got := namesForDesktop([]string{"production2026", "0023c2f6b3fbe9600000001a", "Q71W22IBRQEGXQ7EO20S"}); got != "production2026, a key without a profile, a key without a profile" {
		t.Error(got)
	}
}
