package copies

import (
	"slices"
	"strings"
)

// matcher finds ids in bytes.
type matcher struct {
	filter filter
}

// match is an id in a text.
type match struct {
	at       int // where its first character begins, in whatever encoding
	id       string
	encoding Encoding
}

// maxReach is how far a match and what decides about it can extend on either side of the
// place that the filter finds: base64 of the longest id in UTF-16, broken over lines.
const maxReach = 1 << 10

func newMatcher(ids []string) (*matcher, error) {
	ids, err := checkIDs(ids)
	if err != nil {
		return nil, err
	}
	var forms []*form
	for _, id := range ids {
		forms = append(forms, makeForms(id)...)
	}
	return &matcher{newFilter(makeNeedles(forms))}, nil
}

// find returns the ids that begin at or behind from and before to, in order. Up to maxReach
// bytes on either side decide about them. In a text an id is a whole word; a binary file, or
// a binary part of a file, may hold it next to other letters.
func (m *matcher) find(data []byte, from, to int, isText bool) []match {
	var found []match
	f := &m.filter
	for i := f.next(data, from); i >= 0; i = f.next(data, i+f.stride) {
		if i >= to+maxReach {
			break
		}
		g := uint32(data[i]) | uint32(data[i+1])<<8 | uint32(data[i+2])<<16 | uint32(data[i+3])<<24
		for _, p := range f.parts[g] {
			n := &f.needles[p.needle]
			start := i - p.offset
			if start < 0 || start+len(n.text) > len(data) || string(data[start:start+len(n.text)]) != n.text {
				continue
			}
			at, ok := n.verify(data, start, isText)
			if ok && at >= from && at < to {
				found = append(found, match{at, n.form.id, n.form.encoding})
			}
		}
	}
	slices.SortFunc(found, func(a, b match) int {
		if a.at != b.at {
			return a.at - b.at
		}
		return strings.Compare(a.id, b.id)
	})
	return slices.Compact(found)
}

// verify decides whether the needle that stands at start is a part of its id, and returns
// where the id begins.
func (n *needle) verify(data []byte, start int, isText bool) (at int, ok bool) {
	f := n.form
	if f.isBase64() {
		return f.verifyBase64(data, start, n.at)
	}
	at = start - n.at
	if at < 0 || at+len(f.text) > len(data) || string(data[at:at+len(f.text)]) != f.text {
		return 0, false
	}
	if f.encoding == UTF16 {
		return at, true
	}
	end := at + len(f.text)
	return at, !isText || isWhole(data, at, end) || hasControl(data[max(at-nearby, 0):min(end+nearby, len(data))])
}

// nearby is how far from an id a control character says that it is in a binary part.
const nearby = 32

// hasControl reports whether data holds a byte that is in no text.
func hasControl(data []byte) bool {
	return slices.ContainsFunc(data, func(c byte) bool { return c < '\t' })
}

// isWhole reports whether the text from at to end is not a part of a longer word. The end of
// an escape sequence, as in %3DAKIA or \nAKIA, is no part of the word.
func isWhole(data []byte, at, end int) bool {
	if end < len(data) && isAlnum(data[end]) {
		return false
	}
	return at == 0 || !isAlnum(data[at-1]) || endsEscape(data[max(at-6, 0):at])
}

// endsEscape reports whether a text ends with an escape sequence: \n, %3D, \x3d, \075 or
// \u003d.
func endsEscape(text []byte) bool {
	for _, of := range [...]struct {
		intro  string
		length int
	}{{"\\", 2}, {"%", 3}, {"\\x", 4}, {"\\0", 4}, {"\\u", 6}} {
		if at := len(text) - of.length; at >= 0 && strings.HasPrefix(string(text[at:]), of.intro) {
			return true
		}
	}
	return false
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
