package credfile

import (
	"crypto/subtle"
	"errors"
	"log/slog"
)

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

// mixes reports whether each byte of s is that of a or b in the same place.
func (s Secret) mixes(a, b Secret) bool { return mixed(s.Reveal(), a.Reveal(), b.Reveal()) }

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
