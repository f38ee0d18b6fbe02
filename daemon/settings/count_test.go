package settings

import "testing"

func TestFormatCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 keys", 1: "1 key", 2: "2 keys", 999: "999 keys", 1000: "1,000 keys", 104211: "104,211 keys", 1234567: "1,234,567 keys", -1: "-1 keys", -1000: "-1,000 keys"} {
		if got := FormatCount(n, "key", "keys"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
