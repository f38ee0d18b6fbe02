package credfile

// Kind is one of the two files. They write the names of profiles differently.
type Kind uint8

// The two files.
const (
	Credentials Kind = iota // ~/.aws/credentials: [name]
	Config                  // ~/.aws/config: [default], [profile name]
)

// Form says how far the readers of the file agree on the meaning of a line.
//
// "The cross-SDK rules" are the rules that the Rust, Java and C SDKs share. The
// AWS CLI and the Go and JavaScript SDKs are more lenient, each in its own way.
type Form uint8

// The forms, from undisputed to never edited.
const (
	Plain    Form = iota // the cross-SDK rules accept the line
	Ignored              // they ignore it, because its name holds a character that they do not allow
	Loose                // they refuse it, but the lenient readers agree on its meaning
	Disputed             // the lenient readers disagree too: keyd never edits it
)

// Span is a half-open range of byte offsets into File.Data.
type Span struct{ Start, End int }

// Empty reports whether s covers no byte.
func (s Span) Empty() bool { return s.Start == s.End }

// File is one lexed file. Lexing never fails and loses nothing: it reports a
// faulty line as a Problem, and every byte stays reachable by its offset.
type File struct {
	Path     string
	Kind     Kind
	Data     []byte
	Sections []Section
	Problems []Problem // in the order of their lines

	plain     bool // see isPlain
	separable bool // every header that is plain ends what is above it, to all readers
}

// Section is one header and the lines below it, up to the next header.
type Section struct {
	Name          string // trimmed text between the brackets, e.g. "default" or "profile dev"
	Line          int    // of the header, from 1
	Last          int    // the last line before the next header, from 1
	Form          Form
	Body          Span // the lines after the header line
	Properties    []Property
	DuplicateLine int // of another header of the same name in the file; 0 when there is none

	plain bool // see File.isPlain
}

// Property is one "name = value" with its continuation lines. An indented
// "name = value" below another property is listed twice: as one of the More
// lines of that property, and as a Loose property. Half of the readers take it
// for the first, half for the second.
type Property struct {
	Name  string // in lower case
	Line  int    // from 1
	Form  Form
	Raw   Span   // the value by the cross-SDK rules: with its quotes, without an inline comment
	Value Span   // Raw without one pair of surrounding quotes
	Rest  Span   // from the start of Raw to the end of the line, including an inline comment
	More  []Span // the trimmed continuation lines; they are a nested block when Raw is empty
}

// Text returns the bytes that s covers.
func (f *File) Text(s Span) string { return string(f.Data[s.Start:s.End]) }
