package settings

import (
	"errors"
	"testing"
)

// TestWhatIsThereTwiceIsRefused: a setting, a profile or a link that keyd.ini has twice is
// refused, with the line of the second one.
func TestWhatIsThereTwiceIsRefused(t *testing.T) {
	for text, line := range map[string]int{
		"overlap = 7d\nrotate_after = 60d\noverlap = 7d\n":                              3,
		"[profile a]\nrotate = never\n\n[profile b]\n[profile a]\nrotate_after = 30d\n": 5,
		"[profile a]\nrotate = never\n rotate=never\n":                                  3,
		"[link /x/mc.json]\n[link /x/mc.json]\n":                                        2,
		"[profile a]\nrotate = never\nrotate_after = 30d\n":                             3,
		"check_every = 2d\n": 1,
		"; overlap = 7d\n# overlap = 7d\noverlap = 7d\n[profile overlap]\nrotate = never\n": 0,
		"on_event = a b=1 b=1\n[profile a]\nrotate = never\n[profile b]\nrotate = never\n":  0,
	} {
		_, err := Parse("keyd.ini", []byte(text))
		mistake, refused := errors.AsType[*Error](err)
		switch {
		case refused != (line > 0):
			t.Errorf("%q: %v", text, err)
		case refused && (mistake.Line != line || mistake.Hint() == "" && line != 1):
			t.Errorf("%q: line %d, %v, hint %q", text, mistake.Line, err, mistake.Hint())
		}
	}
}
