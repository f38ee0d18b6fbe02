package forms

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// charset is how the characters of a file are written: UTF-8 or anything else that writes
// ASCII as ASCII when the name is empty, else UTF-16 with a byte order mark.
type charset struct {
	name  string
	order binary.ByteOrder
	text  []byte // in UTF-8
}

var errBinary = errors.New("the file is not text")

// decodeCharset returns the text of a file, without the byte order mark of UTF-16.
func decodeCharset(data []byte) (charset, []byte, error) {
	c := charset{}
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		c.name, c.order = "UTF-16LE", binary.LittleEndian
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		c.name, c.order = "UTF-16BE", binary.BigEndian
	case bytes.IndexByte(data, 0) >= 0:
		return c, nil, errBinary
	default:
		return c, data, nil
	}
	if len(data)%2 != 0 {
		return c, nil, errors.New("the file begins as " + c.name + " and has an odd number of bytes")
	}
	units := make([]uint16, len(data)/2-1)
	for i := range units {
		units[i] = c.order.Uint16(data[2+2*i:])
		if units[i] == 0 {
			return c, nil, errBinary
		}
	}
	c.text = []byte(string(utf16.Decode(units)))
	if !bytes.Equal(c.encode(c.text), data) {
		return c, nil, errors.New("the file begins as " + c.name + " and is not valid " + c.name)
	}
	return c, c.text, nil
}

// encode returns the bytes of a file with that text.
func (c charset) encode(text []byte) []byte {
	if c.order == nil {
		return text
	}
	out := c.order.(binary.AppendByteOrder).AppendUint16(make([]byte, 0, 2+2*len(text)), 0xfeff)
	for _, unit := range utf16.Encode([]rune(string(text))) {
		out = c.order.(binary.AppendByteOrder).AppendUint16(out, unit)
	}
	return out
}

// offsets returns a function from offsets in the text to offsets in the file. Asked in
// ascending order, it takes linear time in all.
func (c charset) offsets() func(int) int {
	if c.order == nil {
		return func(i int) int { return i }
	}
	at, units := 0, 1
	return func(i int) int {
		if i < at {
			at, units = 0, 1
		}
		for at < i {
			r, n := utf8.DecodeRune(c.text[at:])
			at, units = at+n, units+utf16.RuneLen(r)
		}
		return 2 * units
	}
}
