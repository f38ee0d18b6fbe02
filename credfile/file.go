// Package credfile is the AWS credentials and config files, byte for byte: what
// they say, read as the AWS tools read them, and the change of one key for
// another wherever it stands, which moves no other byte.
//
// A change is all or none, over both files, and survives a crash at any instant:
// Swap takes it up again. Where a file can only be written in place a power
// failure may leave a pair that is half of each key; Mend makes it whole, for
// whoever still has both.
package credfile

// Kind tells the two files apart: they name their profiles differently.
type Kind uint8

// The two files.
const (
	Credentials Kind = iota // ~/.aws/credentials: [name]
	Config                  // ~/.aws/config: [default], [profile name]
)

// Form says how far the readers of the file agree on what a line is. The
// cross-SDK rules are those that the Rust, Java and C SDKs share; the AWS CLI,
// Go and JavaScript each take more, and each something else.
type Form uint8

// The forms, from the one that nobody disputes to the one that is never edited.
const (
	Plain    Form = iota // the cross-SDK rules take it
	Ignored              // they pass over it: its name holds a character they do not allow
	Loose                // they refuse it; the lenient readers agree on what it is
	Disputed             // the lenient readers disagree too: never edited
)

// Span is a half-open range of byte offsets into File.Data.
type Span struct{ Start, End int }

// Empty reports whether s covers no byte.
func (s Span) Empty() bool { return s.Start == s.End }

// File is one lexed file. Lexing never fails and loses nothing: what is wrong
// with a line is a Problem, and every byte stays reachable by offset.
type File struct {
	Path     string
	Kind     Kind
	Data     []byte
	Sections []Section
	Problems []Problem // by line
}

// Section is one header and the lines below it, up to the next header.
type Section struct {
	Name          string // trimmed text between the brackets, e.g. "default" or "profile dev"
	Line          int    // of the header, from 1
	Last          int    // line, the last one before the next header
	Form          Form
	Body          Span // the lines after the header line
	Properties    []Property
	DuplicateLine int // line of another header of the same name in the file, 0 when there is none
}

// Property is one "name = value" with its continuation lines. An indented
// "name = value" below another property stands twice: as one of the More lines
// of the latter and as a Loose property, because half of the readers take it
// for the one and half for the other.
type Property struct {
	Name  string // lower-cased
	Line  int    // from 1
	Form  Form
	Raw   Span   // the value by the cross-SDK rules: quotes belong to it, an inline comment does not
	Value Span   // Raw without one pair of surrounding quotes
	Rest  Span   // from Raw's start to the end of the line: Raw and the inline comment
	More  []Span // trimmed continuation lines: a nested block when Raw is empty
}

// Text returns the bytes of s.
func (f *File) Text(s Span) string { return string(f.Data[s.Start:s.End]) }
