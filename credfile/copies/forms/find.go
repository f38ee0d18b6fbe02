package forms

import (
	"cmp"
	"fmt"
	"slices"
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
	traces    func() []trace
	depth     int
	brief     bool // look for places only, not for obstacles
}

func newScanner(f Form, p Pair) *scanner {
	s := &scanner{id: p.ID, needles: []needle{{ID, p.ID, ""}, {Secret, p.Secret, ""}}}
	s.traces = sync.OnceValue(func() []trace { return tracesOf(p.ID) })
	s.passwords = sync.OnceValue(func() []needle {
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
	})
	return s
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

// Shows reports whether the id stands in data in any form that Find knows, as a whole word
// and outside comments. A file that is refused may show it all the same, also one that is not
// text.
func Shows(data []byte, f Form, id string) bool {
	_ = f // the id stands in the same forms, whatever stands in place of the secret
	if id == "" {
		return false
	}
	_, text, err := decodeCharset(data)
	if err != nil {
		text = data // a database may show it, too
	}
	s := &scanner{id: id, needles: []needle{{ID, id, ""}}, brief: true}
	return slices.ContainsFunc(s.scan(text).leaves(nil, nil), func(l leaf) bool { return !l.note })
}
