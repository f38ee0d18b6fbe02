package forms

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Find returns every place of p in data, in the order of the file, or a *Refusal when the
// file cannot be kept up to date. The places do not include an id that stands alone in a
// comment. Path is only for messages.
func Find(path string, data []byte, f Form, p Pair) ([]Place, error) {
	d, err := open(path, data, f, p)
	if err != nil {
		return nil, err
	}
	return d.places, nil
}

// document is a file that can be kept up to date.
type document struct {
	charset charset
	top     *layer
	places  []Place
}

// open reads a file, and refuses it unless every place of the key in it is understood.
func open(path string, data []byte, f Form, p Pair) (*document, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	d, refusal := read(path, data, f, p)
	if refusal != nil {
		return nil, fmt.Errorf("forms: %w", refusal)
	}
	return d, nil
}

func read(path string, data []byte, f Form, p Pair) (*document, *Refusal) {
	if r := unfit(path, data); r != nil {
		return nil, r
	}
	set, text, err := decodeCharset(data)
	if err != nil {
		return nil, &Refusal{path, 0, err.Error(), remedyHook}
	}
	if set.name != "" {
		if r := unfit(path, text); r != nil {
			return nil, r
		}
	}
	s := newScanner(f, p)
	d := &document{charset: set, top: s.scan(text)}
	lines := newlines(text)
	all := d.top.leaves(nil, nil)
	if r := firstFlaw(path, d.top, lines); r != nil {
		return nil, r
	}
	if r := pairUp(path, text, lines, f, p, all); r != nil {
		return nil, r
	}
	d.places = placesOf(all, lines, set)
	return d, nil
}

// needle is a value to look for.
type needle struct {
	value  Value
	text   string
	region string // of an SMTP password that must not stand there, "" if it may
}

// scanner looks for the values of one key.
type scanner struct {
	needles   []needle
	id        string
	passwords func() []needle // SMTP passwords; made only for a text that has room for one
	depth     int
}

func newScanner(f Form, p Pair) *scanner {
	return &scanner{id: p.ID, needles: []needle{{ID, p.ID, ""}, {Secret, p.Secret, ""}}, passwords: sync.OnceValue(func() []needle {
		all := []needle{{SMTPPassword, smtpPassword2(p.Secret), anyRegion}}
		if f.region != "" {
			all = []needle{{SMTPPassword, smtpPassword2(p.Secret), ""}, {SMTPPassword, smtpPassword(p.Secret, f.region), ""}}
		}
		for _, region := range sesRegions {
			if region != f.region {
				all = append(all, needle{SMTPPassword, smtpPassword(p.Secret, region), region})
			}
		}
		return all
	})}
}

// anyRegion stands for the region of an SMTP password that does not depend on one.
const anyRegion = "REGION"

// hasRoom reports whether a word of the length of an SMTP password stands in a text.
func hasRoom(text []byte) bool {
	n := 0
	for _, c := range text {
		if !isAlnum(c) && c != '+' && c != '/' {
			n = 0
		} else if n++; n == 44 {
			return true
		}
	}
	return false
}

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
	s.unknown(l, parts)
	s.tokens(l)
	s.secondSecret(l)
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
	case before == '\\' || before == '%':
		l.flaw(h.start, "remove that mark, or use a hook", "the %s stands right behind a %q, which may belong to it", n.value, before)
	default:
		if h.style, err = l.view.styleOf([2]int{h.start, h.end}); err != nil {
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

// leaf is a value with where it stands in the file.
type leaf struct {
	hit  *hit
	top  *hit // the hit of the file's own layer that holds it
	view *view
	note bool // in a comment of any layer
	path []*blob
}

// leaves returns the values of a layer and of the layers inside it, in order.
func (l *layer) leaves(top *hit, path []*blob) []leaf {
	var all []leaf
	for i := range l.hits {
		h := &l.hits[i]
		first := cmp.Or(top, h)
		if h.blob == nil {
			all = append(all, leaf{hit: h, top: first, view: l.view, note: h.comment, path: path})
			continue
		}
		for _, inner := range h.blob.inner.leaves(first, append(slices.Clip(path), h.blob)) {
			inner.note = inner.note || h.comment
			all = append(all, inner)
		}
	}
	return all
}

// firstFlaw returns the first obstacle of a layer or of a layer inside it, or nil.
func firstFlaw(path string, l *layer, lines []int) *Refusal {
	type found struct {
		at int
		flaw
	}
	var all []found
	for _, f := range l.flaws {
		all = append(all, found{l.view.start(f.at), f})
	}
	for _, h := range l.hits {
		if h.blob == nil {
			continue
		}
		if r := firstFlaw(path, h.blob.inner, nil); r != nil {
			all = append(all, found{l.view.start(h.start), flaw{h.start, "in a text of base64: " + r.Text, r.Remedy}})
		}
	}
	if len(all) == 0 {
		return nil
	}
	first := slices.MinFunc(all, func(a, b found) int { return cmp.Compare(a.at, b.at) })
	return &Refusal{path, lineAt(lines, first.at), first.text, first.remedy}
}

// placesOf returns the places of the leaves that change.
func placesOf(all []leaf, lines []int, set charset) []Place {
	var places []Place
	offset := set.offsets()
	for _, l := range all {
		if l.hit.alone {
			continue
		}
		start, end := l.topRange()
		p := Place{Line: lineAt(lines, start), Value: l.hit.value, Encoding: l.hit.style.name()}
		for range l.path {
			p.Encoding += " in base64"
		}
		if set.name != "" {
			p.Encoding += " in " + set.name
		}
		places = append(places, Place{p.Line, start, end, p.Value, p.Encoding})
	}
	for i := range places {
		places[i].Start, places[i].End = offset(places[i].Start), offset(places[i].End)
	}
	return places
}

// topRange returns the bytes of the file's text in which a leaf stands.
func (l leaf) topRange() (start, end int) {
	v := l.view
	if len(l.path) > 0 {
		return l.path[0].rawStart, l.path[0].rawEnd
	}
	return v.start(l.hit.start), v.start(l.hit.end)
}

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

// Shows reports whether the id stands in data in any form that Find knows, as a whole word
// and outside comments. A file that is refused may show it all the same.
func Shows(data []byte, _ Form, id string) bool {
	_, text, err := decodeCharset(data)
	if err != nil || id == "" {
		return false
	}
	s := &scanner{id: id, needles: []needle{{ID, id, ""}}}
	return slices.ContainsFunc(s.scan(text).leaves(nil, nil), func(l leaf) bool { return !l.note })
}
