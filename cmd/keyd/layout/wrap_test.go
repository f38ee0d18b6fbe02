package layout

import (
	"strings"
	"testing"
)

func TestWrapLosesNoWordAndKeepsTheWidth(t *testing.T) {
	text := "the user has a second active key, AKIA..9ZTT, last used 3 days ago"
	for width := 12; width < 80; width++ {
		var joined strings.Builder
		for i, line := range Wrap(text, width) {
			if len(line) > width {
				t.Errorf("width %d: %q", width, line)
			}
			if i > 0 {
				joined.WriteString(" ")
			}
			joined.WriteString(line)
		}
		if joined.String() != text {
			t.Errorf("width %d: %q", width, joined.String())
		}
	}
}
