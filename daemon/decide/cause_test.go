package decide

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestEveryShortReasonHasACause reads the reasons from the source, so that a new one gets a
// cause, or is listed here as one that needs nobody.
func TestEveryShortReasonHasACause(t *testing.T) {
	forNobody := []string{"a rotation just ended", "only one new key a day", "another key goes first", "both keys are kept", "by ",
		"AWS tells no age: MFA", "the key is off", "both keys work", "the old key is off", "proving the new key",
		"AWS", "the endpoint"} // the last two are parts of others
	reasons := map[string]*regexp.Regexp{ // by the files in which they stand
		"*.go":               regexp.MustCompile(`(?:InShort\(|[sS]hort = |Short: )"([^"\n]+)"`),
		"../rotate/short.go": regexp.MustCompile(`return "([^"\n]+)"`),
		"../iam/short.go":    regexp.MustCompile(`return (?:e\.whom\(\) \+ )?"([^"\n]+)"`),
	}
	seen := 0
	for pattern, reason := range reasons {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range reason.FindAllStringSubmatch(string(data), -1) {
				seen++
				if CauseOf(m[1]) == CauseOther && !slices.Contains(forNobody, m[1]) {
					t.Errorf("%s: %q has no cause", file, m[1])
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d reasons were found", seen)
	}
}

func TestCauses(t *testing.T) {
	for short, want := range map[string]Cause{
		"second active key": CauseSecondKey, "hook my AKIA second key failed": CauseHook, "mistake in credentials:41": CauseMistake, "mistake in keyd.ini": CauseSettings, "mistake in the managed settings": CauseSettings,
		"credentials is immutable": CauseCannotWrite, "the organization denies it": CauseDenied, "AWS denies CreateAccessKey": CauseDenied, "this network denies it": CauseDenied,
		"waits for an MFA code": CauseMFA, "AWS refuses the new key": CauseNewKeyRefused, "the endpoint refuses the key": CauseRefused, "AKIA..7QWE is off": CauseAnswerLost,
		"keyd on lap.top replaces it": CauseElsewhere, "credentials is missing": CauseFiles, "keyd went in circles": CauseOther, "": CauseOther, "no such thing": CauseOther,
	} {
		if got := CauseOf(short); got != want {
			t.Errorf("CauseOf(%q) = %s, want %s", short, got, want)
		}
	}
	if all := Causes(); len(all) != 22 || len(slices.Compact(slices.Sorted(slices.Values(all)))) != len(all) {
		t.Errorf("the causes are %v", all)
	}
}
