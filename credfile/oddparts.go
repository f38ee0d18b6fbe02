package credfile

import (
	"bytes"
	"slices"
	"strings"

	"keyd/credfile/readers"
)

// oddParts is what every reader has to read to bring to light the pairs that keyd does not
// find: both files, or excerpts of them.
//
// An excerpt leaves out plain sections of profiles to which nothing else belongs: keyd finds
// there what every reader finds. It has all that is not plain, with the sections above (see
// excerpt), and the plain sections of every profile that a reader finds in that. Sections that
// stand for [DEFAULT] belong to all profiles of botocore, so the files are read whole then.
type oddParts struct {
	texts fileTexts
	lines [2][]int // by Kind, the lines of a file by those of its excerpt; nil for a whole file
}

// findOddParts returns what every reader has to read.
func (v *profileIndex) findOddParts() oddParts {
	files := lexedFiles{v.credentials, v.config}
	if !v.cut || slices.ContainsFunc(files.list(), func(f *File) bool { return !f.separable || bytes.Contains(f.Data, []byte("[DEFAULT]")) }) {
		return oddParts{texts: files.texts()}
	}
	names := map[string]bool{}
	odd := files.cutParts(names)
	for _, r := range readers.All() {
		for name := range r.ReadFiles(odd.texts.credentials, odd.texts.config) {
			names[name], names[strings.TrimSpace(name)] = true, true
		}
	}
	return files.cutParts(names)
}

// cutParts returns excerpts with the sections of these names.
func (l lexedFiles) cutParts(names map[string]bool) (o oddParts) {
	for _, f := range l.list() {
		short, kept := f.cutSections(names)
		head := bytes.Count(f.headText(), []byte("\n"))
		if len(f.Sections) == 0 {
			head++ // the last line may have no end
		}
		lines := []int{0} // a half that is not there has none
		for line := range head {
			lines = append(lines, line+1)
		}
		for _, i := range kept {
			for line := f.Sections[i].Line; line <= f.Sections[i].Last; line++ {
				lines = append(lines, line)
			}
		}
		o.texts, o.lines[f.Kind] = o.texts.with(f.Kind, short.Data), lines
	}
	return o
}

// positionOf returns where in the files a reader finds a pair.
func (o *oddParts) positionOf(p readers.Pair) pairPosition {
	at := func(half readers.Setting) valuePosition {
		found := valuePosition{Credentials, half.Line}
		if half.Config {
			found.kind = Config
		}
		if lines := o.lines[found.kind]; lines != nil {
			found.line = lines[half.Line]
		}
		return found
	}
	return pairPosition{at(p.ID), at(p.Secret)}
}
