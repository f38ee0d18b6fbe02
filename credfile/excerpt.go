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

// excerpt is what an edit of one file concerns of both files: every section that is edited,
// or holds an id that no reader may use afterwards, and those of the same profiles; and all
// that is not plain.
//
// What is left out are plain sections. A plain header ends what is above it and begins one
// profile, to every reader, so the lines below it belong to that profile up to the next plain
// header. The sections above those that are not plain are in the excerpt, because some readers
// take the one for a part of the other. All that is left out is the same before and after. So:
//
//   - In the profiles of the sections that are edited, which are plain themselves, a reader
//     finds in the excerpt what it finds in the files: nothing that is left out belongs to them.
//   - In any other profile it finds the same before and after, in the files. Nothing can be
//     wrong with that but an id that should be gone.
//   - If the files give it a reason to refuse them that the excerpt does not have, the edit does
//     not touch the reason. It refuses them before and after, which is no change. Only the
//     JavaScript SDK goes on without a file that it refuses; what it refuses is never plain.
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
// into the places of c.file and leads to data. ok is false when the edited sections are not
// plain, or when more than an edit of the places tells data from the file.
func (c *readerCheck) cutExcerpt(before lexedFiles, places []pairPlace, data []byte) (e excerpt, ok bool) {
	names := map[string]bool{}
	for _, p := range places {
		s := &c.file.Sections[p.section]
		if !s.plain {
			return e, false
		}
		names[lastName(s)] = true
	}
	for _, f := range before.list() {
		if !f.separable {
			return e, false
		}
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
		if e.places, ok = short.placesIn(places, kept); !ok {
			return e, false
		}
		e.file, e.edited = short, Lex(f.Path, f.Kind, short.spliceKey(short.listChanges(e.places), c.next))
		if ok = f.differsOnlyIn(kept, e.edited, data); !ok {
			return e, false
		}
		for _, p := range e.places {
			ok = ok && e.edited.Sections[p.section].plain
		}
	}
	return e, ok
}

// placesIn returns the places of a file in an excerpt that has the kept sections of it. ok is
// false when the pairs do not stand there.
func (f *File) placesIn(places []pairPlace, kept []int) (found []pairPlace, ok bool) {
	if len(f.Sections) != len(kept) {
		return nil, false
	}
	for _, p := range places {
		i, ok := slices.BinarySearch(kept, p.section)
		if !ok || !f.Sections[i].plain {
			return nil, false
		}
		pair := f.findPair(&f.Sections[i])
		if !pair.isWhole() {
			return nil, false
		}
		found = append(found, pairPlace{i, pair})
	}
	return found, true
}

// differsOnlyIn reports whether data is f with the sections of g in place of those that were
// kept of f: all other bytes are the same.
func (f *File) differsOnlyIn(kept []int, g *File, data []byte) bool {
	if len(g.Sections) != len(kept) {
		return false
	}
	from := 0
	for j, i := range kept {
		for _, part := range [][]byte{f.Data[from:f.headerStart(&f.Sections[i])], g.sectionText(&g.Sections[j])} {
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

// lastName returns the name of the profile that the header of a plain section may stand for.
func lastName(s *Section) string {
	_, name := splitHeader(s.Name)
	return name
}

// cutSections returns an excerpt, lexed, and the indexes of its sections: those with these
// names, those that are not plain and the ones above them. It has the lines above the first
// header, too.
func (f *File) cutSections(names map[string]bool) (short *File, kept []int) {
	text := bytes.Clone(f.headText())
	for i := range f.Sections {
		s := &f.Sections[i]
		plain := s.plain && (i+1 == len(f.Sections) || f.Sections[i+1].plain)
		if !plain || names[lastName(s)] {
			text, kept = append(text, f.sectionText(s)...), append(kept, i)
		}
	}
	return Lex(f.Path, f.Kind, text), kept
}
