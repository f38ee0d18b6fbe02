package credfile

import (
	"errors"
	"fmt"
	"strings"
)

// Key is one access key: the pair of id and secret that signs requests.
type Key struct {
	ID     string // AKIA and 16 more characters in practice; 16 to 128 by IAM's model
	Secret Secret
}

// IsZero reports whether both halves are missing.
func (k Key) IsZero() bool { return k.ID == "" && k.Secret.IsZero() }

// String returns the shortened id: AKIA..7Q2F.
func (k Key) String() string { return Short(k.ID) }

// Short returns the form of a key id that is shown to people: its prefix and
// its last four characters. Whole ids are not secret, but they are what an
// attacker searches leaked files for, and nobody can tell two of them apart.
func Short(id string) string {
	if len(id) <= 8 {
		return id
	}
	return id[:4] + ".." + id[len(id)-4:]
}

// LongTerm reports whether id has the prefix of a long-term user key. ASIA ids
// are temporary; ABIA and ACCA are other credentials.
// Source: IAM user guide, "Understanding unique ID prefixes".
func LongTerm(id string) bool { return strings.HasPrefix(id, "AKIA") }

// validID reports whether id has the shape of a long-term key id: AKIA and 12
// to 124 more capitals and digits.
// Source: IAM API reference, accessKeyIdType (16 to 128 word characters).
func validID(id string) bool { return LongTerm(id) && shapedID(id) }

// shapedID reports whether id has the shape of any key id, which no secret has:
// 16 to 128 capitals and digits.
func shapedID(id string) bool {
	if len(id) < 16 || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; !digit(c) && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// validSecret reports whether s has the shape of a secret access key: 16 to 128
// characters of base64. AWS hands out 40.
func validSecret(s string) bool {
	for i := range len(s) {
		if !letter(s[i]) && !digit(s[i]) && strings.IndexByte("/+=", s[i]) < 0 {
			return false
		}
	}
	return len(s) >= 16 && len(s) <= 128
}

// Check returns an error unless both halves have the shape of a long-term key
// and only bytes that every reader of the file takes literally. A pair that
// fails must never be written.
func (k Key) Check() error {
	if !validID(k.ID) {
		return errors.New("credfile: the id has not the shape of that of a long-term access key") // nor is it shown: it may be the secret
	}
	if !validSecret(k.Secret.Reveal()) {
		return fmt.Errorf("credfile: the secret of %s has not the shape of a secret access key", k)
	}
	return nil
}
