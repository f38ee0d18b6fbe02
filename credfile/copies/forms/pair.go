package forms

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Pair is an access key in plain text. It prints as the shortened id and never shows the
// secret, whatever the verb.
type Pair struct{ ID, Secret string }

// String returns the shortened id: AKIA..7Q2F.
func (p Pair) String() string { return short(p.ID) }

// GoString returns the shortened id, for %#v.
func (p Pair) GoString() string { return "forms.Pair(" + short(p.ID) + ")" }

// Format writes the shortened id for every verb: fmt would follow the fields of a struct
// for a verb such as %d or %x, and print the secret.
func (p Pair) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, short(p.ID)) }

// LogValue returns the shortened id, for log/slog.
func (p Pair) LogValue() slog.Value { return slog.StringValue(short(p.ID)) }

// MarshalText always returns an error, so that no encoder writes a secret by accident.
func (p Pair) MarshalText() ([]byte, error) {
	return nil, errors.New("forms: an access key cannot be marshalled")
}

// check returns an error unless p consists of what AWS and other IAMs give out: an id of 12 to
// 128 letters and digits and a secret of 16 to 128 characters of base64, neither of which
// YAML or JSON would read as a number. What this package writes into a file without further
// quotes rests on it.
func (p Pair) check() error {
	if numeric := isNumber(p.ID) || isNumber(p.Secret); len(p.ID) < 12 || len(p.ID) > 128 || strings.ContainsFunc(p.ID, func(r rune) bool { return !isAlnum(r) }) || numeric {
		return errors.New("forms: the id does not have the shape of an access key id") // the error leaves out the id, which may be the secret
	}
	if len(p.Secret) < 16 || len(p.Secret) > 128 || strings.ContainsFunc(p.Secret, func(r rune) bool { return !isAlnum(r) && !strings.ContainsRune("+/=", r) }) {
		return fmt.Errorf("forms: the secret of %s does not have the shape of a secret access key", p)
	}
	return nil
}

// checkPairs returns an error unless old and next are two different keys that can be told
// apart in a text.
func checkPairs(old, next Pair) error {
	if err := errors.Join(old.check(), next.check()); err != nil {
		return err
	}
	if meet(old.ID, next.ID) || meet(old.Secret, next.Secret) {
		return fmt.Errorf("forms: %s and %s are not two different keys", old, next)
	}
	return nil
}

// isNumber reports whether a reader may take letters and digits for a number: 12e34, 0x1f, 0b11.
func isNumber(text string) bool {
	if _, err := strconv.ParseFloat(text, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return true
	}
	_, err := strconv.ParseInt(text, 0, 64)
	return err == nil || errors.Is(err, strconv.ErrRange)
}

// meet reports whether one of the two texts holds the other.
func meet(a, b string) bool { return strings.Contains(a, b) || strings.Contains(b, a) }

// short returns the form of an id that people see: its first and its last four characters.
func short(id string) string {
	if len(id) <= 8 {
		return id
	}
	return id[:4] + ".." + id[len(id)-4:]
}

func isDigit[T rune | byte](c T) bool { return '0' <= c && c <= '9' }
func isUpper[T rune | byte](c T) bool { return 'A' <= c && c <= 'Z' }
func isAlnum[T rune | byte](c T) bool { return isDigit(c) || isUpper(c) || 'a' <= c && c <= 'z' }

// CompileLater returns a regular expression that is compiled when it is first used: every
// command of keyd would otherwise pay for all of them at its start. One copy of its code is
// enough: inlined, it is most of the init of this package.
//
//go:noinline
func CompileLater(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
