package credfile

import (
	"bytes"
	"iter"
	"slices"
	"strings"
)

// checkOtherLines refuses an id in a line that some reader takes for the access key and
// keyd does not: that reader would be locked out when the old key goes. Not
// looked at are comments, nested blocks and lines that do not name the
// property: nobody signs with those, and "keyd where" finds them.
func (f *File) checkOtherLines(places []pairPlace, id string) *Refusal {
	for pos := range f.occurrences(id) {
		start := bytes.LastIndexByte(f.Data[:pos], '\n') + 1
		before := strings.ToLower(f.Text(Span{start, pos}))
		if !strings.Contains(before, idName) || f.isKnownPlace(places, pos) || f.isCommentOrNested(Span{start, pos}, before) {
			continue
		}
		return f.newRefusal(bytes.Count(f.Data[:start], []byte("\n"))+1, "write the line as `aws_access_key_id = ...` below a header, or remove it",
			"only some AWS readers take this line for the key id %s", Short(id))
	}
	return nil
}

// occurrences yields where id stands, and not merely as a part of a longer id.
func (f *File) occurrences(id string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for pos := 0; ; pos += len(id) {
			n := bytes.Index(f.Data[pos:], []byte(id))
			if n < 0 {
				return
			}
			pos += n
			if end := pos + len(id); end < len(f.Data) && (isLetter(f.Data[end]) || isDigit(f.Data[end])) {
				continue
			}
			if !yield(pos) {
				return
			}
		}
	}
}

func (f *File) isKnownPlace(places []pairPlace, pos int) bool {
	return slices.ContainsFunc(places, func(p pairPlace) bool { return p.pair.id.Value.Start == pos })
}

// isCommentOrNested reports whether what stands at the end of s is a comment, or a line
// of a nested block.
func (f *File) isCommentOrNested(s Span, before string) bool {
	if t := f.trimBlanks(s); !t.Empty() && (f.Data[t.Start] == '#' || f.Data[t.Start] == ';') {
		return true
	}
	for _, mark := range []string{" #", "\t#", " ;", "\t;"} {
		if strings.Contains(before, mark) {
			return true
		}
	}
	for i := range f.Sections {
		if b := f.Sections[i].Body; s.End < b.Start || s.End >= b.End {
			continue
		}
		for _, p := range f.Sections[i].Properties {
			if p.Raw.Empty() && slices.ContainsFunc(p.More, func(m Span) bool { return m.Start <= s.End && s.End < m.End }) {
				return true
			}
		}
	}
	return false
}
