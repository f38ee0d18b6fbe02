package credfile

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Key is one access key: the pair of id and secret that signs requests.
type Key struct {
	ID     string // AWS's: AKIA and 16 more characters in practice; IAM's model allows 16 to 128 in all. For those of other IAMs see othershape.go
	Secret Secret
}

// IsZero reports whether both id and secret are missing.
func (k Key) IsZero() bool { return k.ID == "" && k.Secret.IsZero() }

// String returns the shortened id: AKIA..7Q2F.
func (k Key) String() string { return Short(k.ID) }

// Short returns the form of a key id that people see: its first and its last four
// characters, or the whole id if it has at most eight. Whole ids are not secret,
// but attackers search leaked files for them, and a person can hardly tell two of
// them apart.
func Short(id string) string {
	if len(id) <= 8 {
		return id
	}
	return id[:4] + ".." + id[len(id)-4:]
}

// ShortList returns the short forms of ids, for a sentence.
func ShortList(ids []string) string {
	short := make([]string, len(ids))
	for i, id := range ids {
		short[i] = Short(id)
	}
	return strings.Join(short, " and ")
}

// MatchIDs returns the ids that typed stands for, each one once and in order: a whole id
// stands for itself, and a short form, which is what keyd prints, for every id that it
// shortens.
func MatchIDs(typed string, ids []string) []string {
	if slices.Contains(ids, typed) {
		return []string{typed}
	}
	var found []string
	for _, id := range ids {
		if IsShort(typed) && Short(id) == typed {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// IsShort reports whether text has the shape of the short form of a key id.
func IsShort(text string) bool {
	first, last, found := strings.Cut(text, "..")
	return found && len(first) == 4 && len(last) == 4 && isWord(first+last)
}

// LooksLikeID reports whether text may be the id of a long-term key, whole or in its short
// form. The ids of IAMs other than AWS's look like ordinary words: for them it says little.
func LooksLikeID(text string) bool { return isLongTermID(text) || isOtherID(text) || IsShort(text) }

// IsLongTerm reports whether id has the prefix of a user's long-term key, AKIA.
// ASIA ids are temporary; ABIA and ACCA ids are other kinds of credentials.
// Source: IAM user guide, "Understanding unique ID prefixes".
func IsLongTerm(id string) bool { return strings.HasPrefix(id, idPrefix) }

// idPrefix is what the id of every long-term key of AWS begins with.
const idPrefix = "AKIA"

// isLongTermID reports whether id has the shape of a long-term key id: AKIA and 12
// to 124 more capital letters and digits.
// Source: IAM API reference, accessKeyIdType (16 to 128 word characters).
func isLongTermID(id string) bool { return IsLongTerm(id) && hasIDShape(id) }

// hasIDShape reports whether id has the shape of a key id of any kind: 16 to 128
// capital letters and digits. No secret has that shape.
func hasIDShape(id string) bool {
	return len(id) >= 16 && len(id) <= 128 && isCapitals(id)
}

// isCapitals reports whether text has capital letters and digits only.
func isCapitals(text string) bool {
	for i := range len(text) {
		if c := text[i]; !isDigit(c) && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// hasSecretShape reports whether s has the shape of a secret access key: 16 to
// 128 characters of base64. The secrets of AWS have 40.
func hasSecretShape(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) && strings.IndexByte("/+=", s[i]) < 0 {
			return false
		}
	}
	return len(s) >= 16 && len(s) <= 128
}

// Check returns an error unless id and secret have the shape of a long-term key of AWS
// and consist of bytes that every reader of the file takes literally. A pair that
// fails Check must never be written where the key is AWS's. The error does not hold the
// secret.
func (k Key) Check() error {
	if !isLongTermID(k.ID) {
		return errors.New("credfile: the id does not have the shape of a long-term access key id") // the error leaves out the id, which may be the secret
	}
	if !hasSecretShape(k.Secret.Reveal()) {
		return fmt.Errorf("credfile: the secret of %s does not have the shape of a secret access key", k)
	}
	return nil
}

// Secret holds a secret access key and cannot be printed. It holds the value by a
// pointer, because fmt follows unexported fields by reflection and never calls
// their String method: %+v of a struct with a Secret in it would print a plain
// string. The zero Secret is empty.
type Secret struct{ p *string }

// NewSecret wraps s.
func NewSecret(s string) Secret { return Secret{&s} }

// Reveal returns the secret itself, "" for the zero Secret. Only code that signs
// a request, writes the credentials file or the journal, hands the pair to a program that
// asks for it, or checks and compares keys calls it: grep for it.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal compares two secrets in constant time.
func (s Secret) Equal(t Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// isMixtureOf reports whether each byte of s is the byte of a or of b at the same offset.
func (s Secret) isMixtureOf(a, b Secret) bool { return isMixture(s.Reveal(), a.Reveal(), b.Reveal()) }

const masked = "****"

// String returns a mask.
func (s Secret) String() string { return masked }

// GoString returns a mask, for %#v.
func (s Secret) GoString() string { return masked }

// LogValue returns a mask, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

var errMarshal = errors.New("credfile: a secret cannot be marshalled")

// MarshalText always returns an error, so that no encoder writes a secret by accident.
func (s Secret) MarshalText() ([]byte, error) { return nil, errMarshal }
