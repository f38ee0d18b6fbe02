package forms

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// layer is a text and what stands in it: the file, or what a base64 text in it encodes.
type layer struct {
	view  *view
	lines []int // ends of the lines of view.text
	hits  []hit // in order
	flaws []flaw
	notes [][2]int // XML comments
}

// hit is a value in a layer, or a text of base64 with values inside.
type hit struct {
	start, end int // characters of the layer
	value      Value
	style      style
	comment    bool
	alone      bool // an id in a comment without a secret: it stays
	blob       *blob
}

// flaw is something that nobody can keep up to date.
type flaw struct {
	at           int // character of the layer
	text, remedy string
}

func (l *layer) flaw(at int, remedy, format string, args ...any) {
	l.flaws = append(l.flaws, flaw{at, fmt.Sprintf(format, args...), remedy})
}

// scan returns the layer of a text.
func (s *scanner) scan(raw []byte) *layer {
	l := &layer{view: newView(raw)}
	l.lines = newlines(l.view.text)
	l.notes = xmlComments(l.view.text)
	var parts [][2]int // values that are a part of a longer word
	needles := s.needles
	if s.passwords != nil && hasRoom(l.view.text) {
		needles = slices.Concat(needles, s.passwords())
	}
	for _, n := range needles {
		for _, at := range indexAll(l.view.text, n.text) {
			h := hit{start: at, end: at + len(n.text), value: n.value, comment: l.isComment(at)}
			if !isWhole(l.view.text, h) {
				parts = append(parts, [2]int{h.start, h.end})
			}
			s.judge(l, n, h)
		}
	}
	l.hits = append(l.hits, s.blobs(l)...)
	slices.SortFunc(l.hits, func(a, b hit) int { return cmp.Compare(a.start, b.start) })
	for i := range l.hits {
		l.hits[i].comment = l.isComment(l.hits[i].start)
	}
	if s.brief {
		return l
	}
	s.unknown(l, parts)
	s.tokens(l)
	s.secondSecret(l)
	l.backends()
	return l
}

// judge adds h to the hits or to the flaws.
func (s *scanner) judge(l *layer, n needle, h hit) {
	before := byte(0)
	if h.start > 0 {
		before = l.view.text[h.start-1]
	}
	var err error
	switch whole := isWhole(l.view.text, h); {
	case n.region != "" && h.comment, !whole && h.comment:
	case !whole:
		l.flaw(h.start, remedyHook, "the %s stands here as part of a longer word", n.value)
	case n.region != "":
		l.flaw(h.start, fmt.Sprintf("write form = %s %s into the link of this file", sesSMTP, n.region),
			"an SMTP password of SES stands here, derived from the secret for %s", strings.Replace(n.region, anyRegion, "any region", 1))
	case s.brief:
		l.hits = append(l.hits, h)
	case before == '\\' || before == '%':
		l.flaw(h.start, "remove that mark, or use a hook", "the %s stands right behind a %q, which may belong to it", n.value, before)
	default:
		h.style, err = l.view.styleOf([2]int{h.start, h.end})
		if err == nil && n.value != ID {
			_, err = h.style.write("+/=") // refused now, and not when a new secret has such a mark
		}
		if err != nil {
			l.flaw(h.start, "write it in one way", "the %s stands here, and %v", n.value, err)
			return
		}
		l.hits = append(l.hits, h)
	}
}

const remedyHook = "use a hook for it, or write the id and the secret there as plain values"

// isWhole reports whether a value is a word of its own. A secret may follow an equals sign,
// and a value may follow the hyphen of ${NAME:-VALUE}.
func isWhole(text []byte, h hit) bool {
	var before, after byte
	if h.start > 0 {
		before = text[h.start-1]
	}
	if h.end < len(text) {
		after = text[h.end]
	}
	if bytes.HasPrefix(text, []byte("\ufeff")) && h.start == len("\ufeff") {
		before = 0
	}
	if isWord(before) || isWord(after) || after == '-' {
		return false
	}
	return h.value == ID || before != '/' && before != '+' && after != '/' && after != '+' && after != '='
}

func isWord(c byte) bool { return isAlnum(c) || c == '_' || c >= 0x80 }

// newlines returns where the lines of a text end.
func newlines(text []byte) []int {
	ends := make([]int, 0, bytes.Count(text, []byte("\n")))
	for i := 0; ; {
		n := bytes.IndexByte(text[i:], '\n')
		if n < 0 {
			return ends
		}
		ends = append(ends, i+n)
		i += n + 1
	}
}

// lineAt returns the line, from 1, in which an offset stands.
func lineAt(ends []int, at int) int {
	i, _ := slices.BinarySearch(ends, at)
	return i + 1
}

func indexAll(data []byte, text string) []int {
	var all []int
	for from := 0; ; {
		i := bytes.Index(data[from:], []byte(text))
		if i < 0 {
			return all
		}
		all = append(all, from+i)
		from += i + len(text)
	}
}
