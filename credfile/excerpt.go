package credfile

import (
	"bytes"
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

// cutExcerpts returns what an edit concerns of two plain versions of the files: in a plain
// file every reader finds in a section what it finds in that section alone, and all
// sections that are left out are the same before and after. ok is false when the files are
// not plain, or when more than an edit tells them apart.
//
// The excerpts have every section whose bytes differ, or hold an id or the secret of the
// edit, and those of the same profiles in both files.
func (c *readerCheck) cutExcerpts(before, after lexedFiles) (short, shortAfter fileTexts, ok bool) {
	files, edited := before.list(), after.list()
	for i, f := range files {
		if len(files) != len(edited) || edited[i].Kind != f.Kind || len(edited[i].Sections) != len(f.Sections) {
			return short, shortAfter, false
		}
	}
	if !allPlain(files) || !allPlain(edited) {
		return short, shortAfter, false
	}
	names := map[string]bool{}
	for i, f := range files {
		if !bytes.Equal(f.headText(), edited[i].headText()) {
			return short, shortAfter, false
		}
		for j := range f.Sections {
			a, b := f.sectionText(j), edited[i].sectionText(j)
			if !bytes.Equal(a, b) || c.concerns(a) {
				names[lastName(&f.Sections[j])] = true
				names[lastName(&edited[i].Sections[j])] = true
			}
		}
	}
	for i, f := range files {
		short, shortAfter = short.with(f.Kind, f.cutSections(names)), shortAfter.with(f.Kind, edited[i].cutSections(names))
	}
	return short, shortAfter, true
}

// allPlain reports whether all files are plain.
func allPlain(files []*File) bool {
	return !slices.ContainsFunc(files, func(f *File) bool { return !f.isPlain() })
}

// concerns reports whether a text holds an id or a secret that the edit replaces or writes.
func (c *readerCheck) concerns(text []byte) bool {
	return slices.ContainsFunc(c.words, func(word string) bool { return bytes.Contains(text, []byte(word)) })
}

// lastName returns the name of the profile that a header of a plain file may stand for.
func lastName(s *Section) string {
	_, name := splitHeader(s.Name)
	return name
}

// headText returns the lines above the first header.
func (f *File) headText() []byte {
	if len(f.Sections) == 0 {
		return f.Data
	}
	return f.Data[:f.headerStart(0)]
}

// headerStart returns the offset of the line of a section's header.
func (f *File) headerStart(section int) int {
	return bytes.LastIndexByte(f.Data[:max(f.Sections[section].Body.Start-1, 0)], '\n') + 1
}

// sectionText returns the lines of a section, its header among them.
func (f *File) sectionText(section int) []byte {
	return f.Data[f.headerStart(section):f.Sections[section].Body.End]
}

// cutSections returns the lines of the sections with these names.
func (f *File) cutSections(names map[string]bool) []byte {
	text := []byte{}
	for i := range f.Sections {
		if names[lastName(&f.Sections[i])] {
			text = append(text, f.sectionText(i)...)
		}
	}
	return text
}
