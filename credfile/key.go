package credfile

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
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

// isLongTermID reports whether id has the shape of a long-term key id: AKIA and 12
// to 124 more capitals and digits.
// Source: IAM API reference, accessKeyIdType (16 to 128 word characters).
func isLongTermID(id string) bool { return LongTerm(id) && hasIDShape(id) }

// hasIDShape reports whether id has the shape of any key id, which no secret has:
// 16 to 128 capitals and digits.
func hasIDShape(id string) bool {
	if len(id) < 16 || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; !isDigit(c) && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// hasSecretShape reports whether s has the shape of a secret access key: 16 to 128
// characters of base64. AWS hands out 40.
func hasSecretShape(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) && strings.IndexByte("/+=", s[i]) < 0 {
			return false
		}
	}
	return len(s) >= 16 && len(s) <= 128
}

// Check returns an error unless both halves have the shape of a long-term key
// and only bytes that every reader of the file takes literally. A pair that
// fails must never be written.
func (k Key) Check() error {
	if !isLongTermID(k.ID) {
		return errors.New("credfile: the id has not the shape of that of a long-term access key") // nor is it shown: it may be the secret
	}
	if !hasSecretShape(k.Secret.Reveal()) {
		return fmt.Errorf("credfile: the secret of %s has not the shape of a secret access key", k)
	}
	return nil
}

// Secret is a secret access key that cannot be printed. The value stands
// behind a pointer because fmt follows unexported fields by reflection and
// never calls their String method: a plain string would show under %+v of any
// struct that holds it. The zero Secret is empty.
type Secret struct{ p *string }

// NewSecret wraps s.
func NewSecret(s string) Secret { return Secret{&s} }

// Reveal returns the secret itself. It is called where a request is signed,
// where the credentials file is written and where the journal is written, and
// nowhere else: grep for it.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal compares two secrets in constant time.
func (s Secret) Equal(t Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// isMixtureOf reports whether each byte of s is that of a or b in the same place.
func (s Secret) isMixtureOf(a, b Secret) bool { return isMixture(s.Reveal(), a.Reveal(), b.Reveal()) }

const masked = "****"

// String returns a mask.
func (s Secret) String() string { return masked }

// GoString returns a mask, for %#v.
func (s Secret) GoString() string { return masked }

// LogValue returns a mask, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

var errMarshal = errors.New("credfile: a secret is not marshalled")

// MarshalText fails: no encoder writes a secret by accident.
func (s Secret) MarshalText() ([]byte, error) { return nil, errMarshal }
