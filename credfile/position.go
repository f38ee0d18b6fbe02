package credfile

import (
	"bytes"
	"iter"
	"slices"
)

// sectionAt returns the index of the section that holds a line, its header line included; -1
// above the first header.
func (f *File) sectionAt(line int) int {
	n, found := slices.BinarySearchFunc(f.Sections, line, func(s Section, line int) int { return s.Line - line })
	if found {
		return n
	}
	return n - 1
}

// sectionNear is sectionAt for a line that is probably in the section with the index guess,
// or in the one below.
func (f *File) sectionNear(line, guess int) int {
	for i := max(guess, 0); i < min(guess+2, len(f.Sections)); i++ {
		if s := &f.Sections[i]; s.Line <= line && line <= s.Last {
			return i
		}
	}
	return f.sectionAt(line)
}

// headerOf returns the line of the header above a line, or of the header that it is; 0
// above the first header.
func (f *File) headerOf(line int) int {
	if i := f.sectionAt(line); i >= 0 {
		return f.Sections[i].Line
	}
	return 0
}

// sectionUntil returns the index of the first section that ends behind an offset: the one that
// holds it, or the first one for an offset above the first header.
func (f *File) sectionUntil(at int) int {
	i, _ := slices.BinarySearchFunc(f.Sections, at, func(s Section, at int) int { return s.Body.End - 1 - at })
	return i
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
			i := f.sectionUntil(at)
			switch {
			case i == len(f.Sections):
				return
			case at < f.headerStart(&f.Sections[i]): // above the first header
				at = f.headerStart(&f.Sections[i])
				continue
			case !yield(i):
				return
			}
			at = f.Sections[i].Body.End
		}
	}
}

// headText returns the lines above the first header.
func (f *File) headText() []byte {
	if len(f.Sections) == 0 {
		return f.Data
	}
	return f.Data[:f.headerStart(&f.Sections[0])]
}

// headerStart returns the offset of the line of a section's header.
func (f *File) headerStart(s *Section) int {
	return bytes.LastIndexByte(f.Data[:max(s.Body.Start-1, 0)], '\n') + 1
}

// sectionText returns the lines of a section, its header among them.
func (f *File) sectionText(s *Section) []byte {
	return f.Data[f.headerStart(s):s.Body.End]
}

// setsIDAt reports whether a line of s sets a key id, which belongs to a pair then.
func (s *Section) setsIDAt(line int) bool {
	i, found := slices.BinarySearchFunc(s.Properties, line, func(p Property, line int) int { return p.Line - line })
	return found && s.Properties[i].Name == idName
}
