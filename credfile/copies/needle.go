package copies

import "encoding/base64"

// needle is a piece of an id in one encoding, as long as the filter's window. That a file
// holds it makes it likely that the file holds the id; match.go makes sure.
type needle struct {
	form *form
	text string // of the window's length
	at   int    // where in form.text it begins
}

// form is an id in one encoding, at one alignment.
type form struct {
	id       string
	encoding Encoding
	text     string // what a file holds; of base64, from the beginning of the group of 4 in which the id begins

	// Of base64 only: which bits of the first and last characters belong to the id. The
	// characters in front of first do not depend on it at all.
	skip      int // how many other bytes stand before the id in its first group
	first     int // the first character of text that depends on the id
	firstMask byte
	lastMask  byte
}

// makeForms returns everything that an id may look like.
func makeForms(id string) []*form {
	wide := widen(id)
	all := []*form{
		{id: id, encoding: Plain, text: id},
		{id: id, encoding: UTF16, text: wide[:len(wide)-1]}, // without its last byte it is a part of both byte orders
	}
	for skip := range 3 {
		all = append(all, base64Form(id, Base64, id, skip), base64Form(id, Base64UTF16, wide, skip))
	}
	return all
}

// widen returns an id in UTF-16, little-endian.
func widen(id string) string {
	wide := make([]byte, 2*len(id))
	for i := range len(id) {
		wide[2*i] = id[i]
	}
	return string(wide)
}

// base64Form returns what data becomes in base64 behind skip other bytes. Ids have no bits
// that become + or /, so it is the same in the alphabet for URLs.
func base64Form(id string, encoding Encoding, data string, skip int) *form {
	padded := append(make([]byte, skip), data...)
	f := &form{id: id, encoding: encoding, skip: skip, text: base64.RawStdEncoding.EncodeToString(padded), firstMask: 0x3F, lastMask: 0x3F}
	f.first = 8 * skip / 6
	if before := 8*skip - 6*f.first; before > 0 {
		f.firstMask >>= before
	}
	if behind := 6*len(f.text) - 8*len(padded); behind > 0 {
		f.lastMask = 0x3F << behind & 0x3F
	}
	return f
}

// known returns the part of the text that depends on nothing but the id.
func (f *form) known() (from, to int) {
	from, to = 0, len(f.text)
	if f.isBase64() {
		from = f.first
		if f.firstMask != 0x3F {
			from++
		}
		if f.lastMask != 0x3F {
			to--
		}
	}
	return from, to
}

func (f *form) isBase64() bool { return f.encoding == Base64 || f.encoding == Base64UTF16 }

// makeNeedles returns what the filter looks for, and the length of its window. In base64 a
// line may end anywhere, but no line is so short that two ends are that close, so one of
// two halves is whole.
func makeNeedles(forms []*form) (needles []needle, window int) {
	window = maxIDLength
	for _, f := range forms {
		from, to := f.known()
		if f.isBase64() {
			window = min(window, (to-from)/2)
		} else {
			window = min(window, to-from)
		}
	}
	for _, f := range forms {
		from, to := f.known()
		if f.isBase64() {
			needles = append(needles, needle{f, f.text[from : from+window], from})
		}
		needles = append(needles, needle{f, f.text[to-window : to], to - window}) // ids differ less in their beginnings
	}
	return needles, window
}
