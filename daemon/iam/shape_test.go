package iam

import (
	"regexp"
	"strings"
	"testing"
)

// TestShapesAreThoseOfTheirExpressions compares each shape with the regular expression
// that says the same, for every byte in every kind of place and at every limit.
func TestShapesAreThoseOfTheirExpressions(t *testing.T) {
	t.Parallel()
	arn := "arn:aws:iam::aws:policy/"
	for _, c := range []struct {
		name       string
		matches    func(string) bool
		expression string
		samples    []string // each of which matches
	}{
		{"user name", userNameShape.matches, `^[\w+=,.@-]{1,128}$`, []string{"a", "alice+bob=x,y.z@w-1", strings.Repeat("a", 128)}},
		{"user id", userIDShape.matches, `^[\w:+=,.@-]{1,193}$`, []string{"AIDA1", "AROA1:session", strings.Repeat("a", 193)}},
		{"partition", isPartition, `^[a-z][a-z0-9-]{1,31}$`, []string{"aws", "aws-us-gov", "a1", strings.Repeat("a", 32)}},
		{"resource", resourceShape.matches, `^[\x21-\x7e]{1,1000}$`, []string{"root", "user/a/b!~", strings.Repeat("a", 1000)}},
		{"key id", keyIDShape.matches, `^\w{16,128}$`, []string{"AKIA_34567890123", strings.Repeat("A", 128)}},
		{"status", statusShape.matches, `^[A-Za-z]{1,32}$`, []string{"Active", strings.Repeat("A", 32)}},
		{"code", codeShape.matches, `^[\w.:-]{1,128}$`, []string{"Sender:Access.Denied-1", strings.Repeat("A", 128)}},
		{"policy", isPolicyARN, `^arn:aws[a-z-]{0,20}:(?:iam|organizations)::(?:\d{12}|aws):policy/[\w+=,.@/-]{1,300}$`,
			[]string{arn + "Admin", "arn:aws-cn:organizations::123456789012:policy/o-1/p_2", "arn:aws" + strings.Repeat("x", 20) + ":iam::aws:policy/x", arn + strings.Repeat("x", 300)}},
		{"quarantine", isQuarantine, `^arn:aws[a-z-]{0,20}:iam::aws:policy/AWSCompromisedKeyQuarantine(?:V\d+)?$`,
			[]string{arn + "AWSCompromisedKeyQuarantine", arn + "AWSCompromisedKeyQuarantineV3", "arn:aws-cn:iam::aws:policy/AWSCompromisedKeyQuarantineV10"}},
	} {
		expression := regexp.MustCompile(c.expression)
		check := func(text string) {
			if got, want := c.matches(text), expression.MatchString(text); got != want {
				t.Errorf("%s: %q: %t, and %s says %t", c.name, text, got, c.expression, want)
			}
		}
		check("")
		for _, sample := range c.samples {
			if !c.matches(sample) {
				t.Errorf("%s: %q does not match", c.name, sample)
			}
			for at := range len(sample) {
				if len(sample) > 100 && 1 < at && at < len(sample)-1 { // one of many equal places
					continue
				}
				check(sample[:at] + sample[at+1:])
				for _, b := range []byte{0, '\n', ' ', '!', '/', '1', ':', 'A', '_', 'a', '{', '~', 0x7f, 0x80, 0xff} {
					check(sample[:at] + string([]byte{b}) + sample[at:])
					check(sample[:at] + string([]byte{b}) + sample[at+1:])
				}
			}
			for b := range 256 {
				check(string([]byte{byte(b)}) + sample[1:])
				check(sample + string([]byte{byte(b)}))
				check(sample[:len(sample)-1] + string([]byte{byte(b)}))
			}
		}
	}
}
