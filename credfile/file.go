// Package credfile reads the AWS credentials and config files the way the AWS tools
// read them, and replaces one access key with another wherever the files show it,
// without moving any other byte.
//
// # Reading
//
// Lex finds sections and properties as offsets into the bytes of a file. Profiles
// joins both files into profiles. A pair counts wherever any reader finds it. Which
// settings of a profile count is decided by readBotocore, which follows botocore line
// by line, since the AWS CLI writes the files. A Store does this for the files on disk:
// Read returns a Snapshot of both once no program is writing them.
//
// # A swap
//
// Store.Swap replaces the old pair with the new one in both files, in every place or
// in none. It is a loop that ends when there is nothing left to edit:
//
//	┌──> read both files until they hold still and show old or new
//	│      │
//	│    torn pairs? ── yes ──> edit: complete the torn pairs
//	│      │ no
//	│    old pair? ──── yes ──> edit: old -> new, checked by a second reader
//	│      │ no
//	│    new pair? ──── no ───> GoneError: another program wrote a third key
//	│      │ yes
//	│    done: sync what an interrupted swap may have left unsynced
//	│
//	└── write the edits, one file after the other: temporary file, fsync,
//	    compare with what was read, exchange the names, fsync the folder
//	      │
//	      ├── another program wrote the file: wait, start again, 10 rounds at most
//	      ├── any other error: undo, newest write first (below), and return it
//	      └── written: carry over what other programs wrote (below), start again
//
// Because each round begins with the files on disk, Swap also completes a swap that
// a crash interrupted, and repairs a file that another program has set back to the
// old pair.
//
// # Concurrent writers
//
// Other programs do not lock the files. One that opened a file before the exchange
// may write into it afterwards, into a file that has lost its name. atomicfile
// detects that and returns the text. The swap then replaces its own pair in that
// text and writes the result as a further edit, so that the other program's change
// survives: the text is carried over. Text that cannot be carried over is left in a
// file next to the target, and a note in SwapResult says where. That happens to text
// that is incomplete, is not a credentials file, or arrived while a third program
// wrote the target.
//
// An undo puts back the bytes that were there before each write. If another program
// has written since, it exchanges only the pair, so that the other program's change
// survives as well, and a third key is never overwritten. If the undo fails, the
// error is NotUndoneError: the file may still show the new key.
//
// Not guaranteed: a program that read the file before a swap and writes it back later
// restores the old pair. The caller looks again and swaps again.
//
// # Torn pairs
//
// A file that no rename can replace (a mount, a hard link, a folder that cannot be
// written) is written in place. A power failure during that write may leave a torn
// pair, with some bytes of each key. Anyone who still has both keys can complete it
// with Mend. A swap completes torn pairs first and never undoes that, because a torn
// pair is of no use to anyone.
//
// Restore is a swap that undoes nothing: it is for an old pair that may no longer
// work.
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
