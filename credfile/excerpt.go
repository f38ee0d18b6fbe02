package credfile

import (
	"bytes"
	"iter"
	"slices"
)

// lexedFiles are both files, each nil if it does not exist.
type lexedFiles struct{ credentials, config *File }

// with returns l with one file replaced.
func (l lexedFiles) with(f *File) lexedFiles {
	if f.Kind == Config {
		l.config = f
	} else {
		l.credentials = f
	}
	return l
}

// list returns the files that exist.
func (l lexedFiles) list() []*File {
	return slices.DeleteFunc([]*File{l.credentials, l.config}, func(f *File) bool { return f == nil })
}

// texts returns the bytes of both files.
func (l lexedFiles) texts() (t fileTexts) {
	for _, f := range l.list() {
		t = t.with(f.Kind, f.Data)
	}
	return t
}

// size returns the number of bytes in both files.
func (l lexedFiles) size() (n int) {
	for _, f := range l.list() {
		n += len(f.Data)
	}
	return n
}

// excerptSize is the size of both files below which readers read them whole.
const excerptSize = 16 << 10

// excerpt is what an edit of one file concerns of plain files: every section that is edited,
// or holds an id that no reader may use afterwards, and those of the same profiles in both
// files. In a plain file every reader finds in a section what it finds in that section alone,
// and all that is left out is the same before and after. So every reader finds the same there
// before and after, and nothing is wrong with that but an id that should be gone.
type excerpt struct {
	before       lexedFiles
	file, edited *File       // the file that is edited, as before has it, and after the edit
	places       []pairPlace // of the edit, in file
}

// texts returns the bytes of the excerpt before and after the edit.
func (e *excerpt) texts() (before, after fileTexts) {
	before = e.before.texts()
	return before, before.with(e.file.Kind, e.edited.Data)
}

// cutExcerpt returns what an edit concerns of the files before it. The edit puts the new pair
// into the places of c.file and leads to data. ok is false when the files are not plain, or
// when more than an edit of the places tells data from the file.
func (c *readerCheck) cutExcerpt(before lexedFiles, places []pairPlace, data []byte) (e excerpt, ok bool) {
	if !allPlain(before.list()) {
		return e, false
	}
	names := map[string]bool{}
	for _, p := range places {
		names[lastName(&c.file.Sections[p.section])] = true
	}
	for _, f := range before.list() {
		for _, id := range c.gone {
			for i := range f.sectionsWith(id) {
				names[lastName(&f.Sections[i])] = true
			}
		}
	}
	for _, f := range before.list() {
		short, kept := f.cutSections(names)
		e.before = e.before.with(short)
		if f != c.file {
			continue
		}
		for _, p := range places {
			i, found := slices.BinarySearch(kept, p.section)
			if !found || len(short.Sections) != len(kept) {
				return e, false
			}
			e.places = append(e.places, pairPlace{i, short.findPair(&short.Sections[i])})
			if !e.places[len(e.places)-1].pair.isWhole() {
				return e, false
			}
		}
		e.file, e.edited = short, Lex(f.Path, f.Kind, short.spliceKey(short.listChanges(e.places), c.next))
		ok = allPlain([]*File{short, e.edited}) && f.differsIn(kept, e.edited, data)
	}
	return e, ok
}

// differsIn reports whether data is f with the sections of g in place of those that were
// kept of f: all other bytes are the same.
func (f *File) differsIn(kept []int, g *File, data []byte) bool {
	if len(g.Sections) != len(kept) {
		return false
	}
	from := 0
	for j, i := range kept {
		for _, part := range [][]byte{f.Data[from:f.headerStart(i)], g.sectionText(j)} {
			rest, same := bytes.CutPrefix(data, part)
			if !same {
				return false
			}
			data = rest
		}
		from = f.Sections[i].Body.End
	}
	return bytes.Equal(data, f.Data[from:])
}

// allPlain reports whether all files are plain.
func allPlain(files []*File) bool {
	return !slices.ContainsFunc(files, func(f *File) bool { return !f.isPlain() })
}

// lastName returns the name of the profile that a header of a plain file may stand for.
func lastName(s *Section) string {
	_, name := splitHeader(s.Name)
	return name
}

// headerStart returns the offset of the line of a section's header.
func (f *File) headerStart(section int) int {
	return bytes.LastIndexByte(f.Data[:max(f.Sections[section].Body.Start-1, 0)], '\n') + 1
}

// sectionText returns the lines of a section, its header among them.
func (f *File) sectionText(section int) []byte {
	return f.Data[f.headerStart(section):f.Sections[section].Body.End]
}

// sectionsWith yields the index of each section whose lines, its header among them, hold the
// text, in file order.
func (f *File) sectionsWith(text string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for at := 0; at < len(f.Data); {
			n := bytes.Index(f.Data[at:], []byte(text))
			if n < 0 {
				return
			}
			at += n
			i, _ := slices.BinarySearchFunc(f.Sections, at, func(s Section, at int) int { return s.Body.End - 1 - at })
			switch {
			case i == len(f.Sections):
				return
			case at < f.headerStart(i): // above the first header
				at = f.headerStart(i)
				continue
			case !yield(i):
				return
			}
			at = f.Sections[i].Body.End
		}
	}
}

// cutSections returns the lines of the sections with these names, lexed, and the indexes of
// the sections.
func (f *File) cutSections(names map[string]bool) (short *File, kept []int) {
	text := []byte{}
	for i := range f.Sections {
		if names[lastName(&f.Sections[i])] {
			text, kept = append(text, f.sectionText(i)...), append(kept, i)
		}
	}
	return Lex(f.Path, f.Kind, text), kept
}
