package copies

import (
	"bytes"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Kind is one kind of file in which keys stand: one row of the table, in the files
// kinds*.go. Adding a kind is adding a row.
type Kind struct {
	ID   string // for programs: letters, digits and hyphens; it never changes
	Name string // for people: what kind of file it is, without an article
	Use  Use

	// Paths are patterns of path.Match for the last components of a path: one for the
	// name, "*/rclone/rclone.conf" for more of them. One that begins with "~/" is for the
	// whole path below the home folder, one that begins with "/" for the whole path. One
	// that ends with "/" is for everything below such a folder. Letters match in any case.
	Paths []string
	// Content is a regular expression for the beginning of the file. It decides about a
	// file that no row's Paths match. With OnlyBoth, Paths count only together with it.
	Content  string
	OnlyBoth bool

	Advice Advice
}

// Use is what a copy in a file of some kind does.
type Use string

// The uses, most urgent first.
const (
	Shadows  Use = "shadows"  // programs take the key from here instead of the credentials file
	Used     Use = "used"     // a program reads the key here
	Leftover Use = "leftover" // no program needs the key here
)

// Advice is what to do about a copy.
type Advice struct {
	Way   Way
	Text  string   // one sentence, without its full stop: what to do with the lines, or what to do at all; {exclude} stands for how to exclude the key from rotation
	Lines []string // the lines that let the tool read the profile; {profile} stands for its name
	Link  bool     // whether keyd may keep the file up to date, if it understands how the pair stands in it
	Why   string   // where the tool's documentation or source says so
}

// Way is a way to deal with a copy.
type Way string

// The ways, best first. A tool that can read the profile itself needs no copy.
const (
	ReadProfile Way = "profile" // the tool can read the profile itself
	LinkFile    Way = "link"    // it cannot, but keyd can keep the file up to date
	RunHook     Way = "hook"    // the place behind the file is not on this machine: a hook can update it
	Delete      Way = "delete"  // nobody needs the file, or these lines of it
	ByHand      Way = "by hand" // only the person can tell, or the program keeps the file to itself
)

// For returns the advice for a profile. exclude says how a person excludes its key from
// rotation, as a command.
func (a Advice) For(profile, exclude string) Advice {
	a.Text = strings.NewReplacer("{profile}", profile, "{exclude}", exclude).Replace(a.Text)
	lines := make([]string, 0, len(a.Lines))
	for _, line := range a.Lines {
		lines = append(lines, strings.ReplaceAll(line, "{profile}", profile))
	}
	a.Lines = lines
	return a
}

// Kinds returns the table of kinds.
func Kinds() []Kind { return slices.Clone(allKinds()) }

// allKinds returns the table. An earlier row wins. The form of a file, as its extension
// shows it, decides only when nothing says what the file is for. The table is put together
// when it is first asked for, because most commands never do.
var allKinds = sync.OnceValue(func() []Kind { return append(specificKinds(), restKinds...) })

// specificKinds returns the rows that say what a file is for.
func specificKinds() []Kind {
	return slices.Concat(leftoverKinds, awsKinds, shellKinds, assistantKinds, backupKinds, containerKinds, infrastructureKinds,
		dataKinds, serverKinds)
}

// FindKind returns the row with this ID, or a row for any file.
func FindKind(id string) Kind {
	kinds := allKinds()
	for _, k := range kinds {
		if k.ID == id {
			return k
		}
	}
	return kinds[len(kinds)-1]
}

// Recognise returns the kind of a file that holds a key id, by its path and by how it
// begins. Home is the home folder, or "".
func Recognise(home, file string, head []byte) Kind {
	parts := splitPath(home, file)
	if isUTF16(head) {
		head = bytes.ReplaceAll(head, []byte{0}, nil)
	}
	kinds, compiled := allKinds(), compileKinds()
	fits := func(i int) bool { return compiled[i].content != nil && compiled[i].content.Match(head) }
	isNamed := func(i int) bool {
		return slices.ContainsFunc(compiled[i].paths, func(p pathPattern) bool { return p.matches(parts) }) && (!kinds[i].OnlyBoth || fits(i))
	}
	specific := len(kinds) - len(restKinds)
	for i := range specific {
		if isNamed(i) {
			return kinds[i]
		}
	}
	for i := range kinds {
		if !kinds[i].OnlyBoth && fits(i) || i >= specific && isNamed(i) {
			return kinds[i]
		}
	}
	return kinds[len(kinds)-1]
}

// compiledKind is a row that is ready to be matched.
type compiledKind struct {
	paths   []pathPattern
	content *regexp.Regexp // nil: none
}

// compileKinds prepares the table when the first copy is found: many searches find none.
var compileKinds = sync.OnceValue(func() []compiledKind {
	kinds := allKinds()
	all := make([]compiledKind, len(kinds))
	for i, k := range kinds {
		for _, p := range k.Paths {
			all[i].paths = append(all[i].paths, newPathPattern(p))
		}
		if k.Content != "" {
			all[i].content = regexp.MustCompile(k.Content)
		}
	}
	return all
})

// splitPath returns the components of a path in lower case. The first one is "~" below the
// home folder, and "" otherwise.
func splitPath(home, file string) []string {
	if home != "" && isBelow(file, home) {
		if inside, err := filepath.Rel(home, file); err == nil {
			file = "~/" + inside
		}
	}
	return strings.Split(strings.ToLower(filepath.ToSlash(file)), "/")
}

// pathPattern is a pattern of Kind.Paths.
type pathPattern struct {
	parts []string // of the last components, in lower case
	below bool     // for everything below such a folder
	whole bool     // for the whole path
}

func newPathPattern(pattern string) pathPattern {
	p := pathPattern{parts: strings.Split(strings.ToLower(pattern), "/")}
	if last := len(p.parts) - 1; p.parts[last] == "" {
		p.parts, p.below = p.parts[:last], true
	}
	p.whole = p.parts[0] == "" || p.parts[0] == "~"
	return p
}

// matches reports whether the pattern matches the components of a path.
func (p pathPattern) matches(parts []string) bool {
	if !p.below {
		return p.matchesEnd(parts)
	}
	for end := len(p.parts); end < len(parts); end++ {
		if p.matchesEnd(parts[:end]) {
			return true
		}
	}
	return false
}

func (p pathPattern) matchesEnd(parts []string) bool {
	if len(p.parts) > len(parts) || p.whole && len(p.parts) != len(parts) {
		return false
	}
	parts = parts[len(parts)-len(p.parts):]
	for i, want := range p.parts {
		if ok, err := path.Match(want, parts[i]); err != nil || !ok {
			return false
		}
	}
	return true
}
