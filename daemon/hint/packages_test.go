package hint

import "testing"

func TestPackageNamesAreStripped(t *testing.T) {
	for text, want := range map[string]string{
		"credfile: ~/.aws/credentials: is immutable":             "~/.aws/credentials: is immutable",
		"daemon: the journal: x\niam: no network":                "the journal: x\nno network",
		"for more than 7d: iam: CreateAccessKey at x: Denied":    "for more than 7d: CreateAccessKey at x: Denied",
		"not allowed: iam:CreateAccessKey on arn:aws:iam::1:u/x": "not allowed: iam:CreateAccessKey on arn:aws:iam::1:u/x",
		"the last word is daemon":                                "the last word is daemon",
		"what: iam":                                              "what: iam",
		"https://iam: x, a: b":                                   "https://iam: x, a: b", // only a whole word
	} {
		if got := StripPackages(text); got != want {
			t.Errorf("StripPackages(%q) = %q, want %q", text, got, want)
		}
	}
}
