package forms

import "fmt"

// Value says which part of the key stands at a Place.
type Value int

// The values that a file may hold.
const (
	ID           Value = iota // the access key id
	Secret                    // the secret itself
	SMTPPassword              // the SMTP password of SES, which is derived from the secret and the region
)

// String returns the word for messages: "id", "secret", "SMTP password".
func (v Value) String() string { return [...]string{"id", "secret", "SMTP password"}[v] }

// Place is where a part of the key stands in a file. Several values inside one encoded text,
// such as the base64 of a whole file, have the same Start and End: those of the text.
type Place struct {
	Line       int // of Start, from 1
	Start, End int // bytes of the file
	Value      Value
	Encoding   string // for people: "plain", "percent", "backslash in base64"
}

// Refusal says why a file cannot be kept up to date. It never holds a secret.
type Refusal struct {
	Path   string
	Line   int    // from 1; 0 when no single line is to blame
	Text   string // lower-case, no full stop
	Remedy string // what a person can do about it
}

// Error returns "path:line: text", or "path: text" when Line is 0.
func (r *Refusal) Error() string {
	if r.Line == 0 {
		return r.Path + ": " + r.Text
	}
	return fmt.Sprintf("%s:%d: %s", r.Path, r.Line, r.Text)
}
