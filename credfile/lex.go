package credfile

// Kind tells the two files apart: they name their profiles differently.
type Kind uint8

const (
	Credentials Kind = iota // ~/.aws/credentials: [name]
	Config                  // ~/.aws/config: [default], [profile name]
)

// Span is a half-open range of byte offsets into File.Data.
type Span struct{ Start, End int }

// File is one lexed file. Lexing never fails and loses nothing: what is wrong
// with a line is a Problem, and every byte stays reachable by offset.
type File struct {
	Path     string
	Kind     Kind
	Data     []byte
	Sections []Section
	Problems []Problem
}

// Section is one header and the lines below it, up to the next header.
type Section struct {
	Name       string // trimmed text between the brackets, e.g. "default" or "profile dev"
	Line       int    // of the header, from 1
	Body       Span   // the lines after the header line
	Properties []Property
}

// Property is one "name = value" with its continuation lines.
type Property struct {
	Name  string // lower-cased
	Line  int    // from 1
	Value Span   // without blanks, inline comment and one pair of surrounding quotes
	More  []Span // trimmed continuation lines: a nested block when Value is empty
}

// Problem is something that one or more AWS readers stumble over.
type Problem struct {
	Path   string
	Line   int
	Text   string // what is there
	Remedy string // what to do
	Fatal  bool   // the cross-SDK rules refuse the whole file for it
}
