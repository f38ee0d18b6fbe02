package iam

import "strings"

// shape is what a text in an answer looks like: how many bytes it may have, and which.
// A regular expression that counts that far takes a millisecond to compile, and every
// command of keyd would wait for it.
type shape struct {
	least, most int
	holds       [128]bool // by ASCII character
}

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	word    = letters + digits + "_"
)

// newShape returns the shape of texts of least to most characters, all of them among
// the ASCII characters of alphabet.
func newShape(least, most int, alphabet string) *shape {
	s := &shape{least: least, most: most}
	for i := range len(alphabet) {
		s.holds[alphabet[i]] = true
	}
	return s
}

// matches reports whether text has the shape.
func (s *shape) matches(text string) bool {
	if len(text) < s.least || len(text) > s.most {
		return false
	}
	for i := range len(text) {
		if text[i] >= 128 || !s.holds[text[i]] {
			return false
		}
	}
	return true
}

// The shapes of what AWS answers. An answer with another shape is not AWS's, or one
// that keyd cannot deal with: it is refused.
// Source: IAM API reference, User (UserName, UserId, Arn, Path), AccessKeyMetadata;
// STS API reference, GetCallerIdentity.
var (
	userNameShape  = newShape(1, 128, word+"+=,.@-")
	userIDShape    = newShape(1, 193, word+":+=,.@-") // a role's has its session's name behind it
	partitionShape = newShape(2, 32, letters[:26]+digits+"-")
	resourceShape  = newShape(1, 1000, word+"!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~") // a path may hold any printable ASCII character but space
	keyIDShape     = newShape(16, 128, word)
	statusShape    = newShape(1, 32, letters)
	codeShape      = newShape(1, 128, word+".:-")

	otherIDShape      = newShape(12, 128, word) // of a key of another IAM; see credfile, othershape.go
	otherAccountShape = newShape(1, 64, word+"-")

	accountShape    = newShape(12, 12, digits)
	policyNameShape = newShape(1, 300, word+"+=,.@/-")
)

// isPartition reports whether name can be that of a partition: it begins with a letter.
func isPartition(name string) bool {
	return partitionShape.matches(name) && strings.IndexByte(letters, name[0]) >= 0
}

// isPolicyARN reports whether arn names a policy of IAM or of AWS Organizations.
func isPolicyARN(arn string) bool {
	f := strings.SplitN(arn, ":", 6)
	if len(f) != 6 || f[0] != "arn" || !strings.HasPrefix(f[1], "aws") || strings.Trim(f[1], letters[:26]+"-") != "" || len(f[1]) > len("aws")+20 {
		return false
	}
	name, isPolicy := strings.CutPrefix(f[5], "policy/")
	return (f[2] == "iam" || f[2] == "organizations") && f[3] == "" && (f[4] == "aws" || accountShape.matches(f[4])) && isPolicy && policyNameShape.matches(name)
}

// isQuarantine reports whether the policy is the one by which AWS quarantines a key
// that has leaked, in whatever version.
func isQuarantine(policy string) bool {
	f := strings.SplitN(policy, ":", 6)
	if !isPolicyARN(policy) || f[2] != "iam" || f[4] != "aws" {
		return false
	}
	version, ok := strings.CutPrefix(f[5], "policy/AWSCompromisedKeyQuarantine")
	number, numbered := strings.CutPrefix(version, "V")
	return ok && (version == "" || numbered && number != "" && strings.Trim(number, digits) == "")
}
