package forms

import (
	"bytes"
	"strings"
)

// view is a text as a program sees it once it has taken off the escapes: each character
// with the bytes of the file that write it. It knows nothing of formats: \u002f, %2F and
// &#47; are a slash wherever they stand. A value is only looked for in it, so an escape that
// the format does not know does no harm.
type view struct {
	raw  []byte
	text []byte  // one byte for each character below 0x80; other bytes stand as they are
	at   []int32 // at[i]: where text[i] begins in raw; one more for the end. nil: text is raw
}

// newView takes the escapes off raw, in linear time.
func newView(raw []byte) *view {
	next := bytes.IndexAny(raw, `\%&`)
	if next < 0 {
		return &view{raw: raw, text: raw}
	}
	v := &view{raw: raw, text: make([]byte, 0, len(raw)), at: make([]int32, 0, len(raw)+1)}
	for i := 0; i < len(raw); {
		n, c := 1, raw[i]
		if c == '\\' || c == '%' || c == '&' {
			n, c = unescape(raw[i:])
			if c == 0 { // nothing but characters
				for range n - 1 {
					v.at, v.text = append(v.at, int32(i)), append(v.text, raw[i])
					i++
				}
				n, c = 1, raw[i]
			}
		}
		v.at, v.text = append(v.at, int32(i)), append(v.text, c)
		i += n
	}
	v.at = append(v.at, int32(len(raw)))
	return v
}

// start returns where the character at i begins in raw.
func (v *view) start(i int) int {
	if v.at == nil {
		return i
	}
	return int(v.at[i])
}

// unit returns the bytes of raw that write the character at i.
func (v *view) unit(i int) []byte { return v.raw[v.start(i):v.start(i+1)] }

// unescape reads the escape at the beginning of raw and returns its length and the
// character below 0x80 that it writes. The character is 0 when there is no escape; then
// length bytes stand for themselves.
//
// A run of backslashes counts as one: a text of JSON inside a text of JSON writes \\/ or
// \\\\n. The run and, before a percent sign, the backslash of crontab and the second percent
// sign of systemd and configparser belong to the escape and are kept when another
// character is written in its place.
func unescape(raw []byte) (length int, c byte) {
	switch raw[0] {
	case '\\':
		k := 1
		for k < len(raw) && raw[k] == '\\' {
			k++
		}
		if k == len(raw) {
			return k, 0
		}
		if n, c := percent(raw[k:]); c != 0 {
			return k + n, c
		}
		if n, c := backslash(raw[k:]); c != 0 {
			return k + n, c
		}
		return k, 0
	case '%':
		if n, c := percent(raw); c != 0 {
			return n, c
		}
		if len(raw) > 1 && raw[1] == '%' {
			if n, c := percent(raw[1:]); c != 0 {
				return 1 + n, c
			}
		}
	case '&':
		if n, c := entity(raw); c != 0 {
			return n, c
		}
	}
	return 1, 0
}

// backslash reads what follows a backslash: n, t, u002f, x2f, 057, or a mark that
// stands for itself.
func backslash(raw []byte) (length int, c byte) {
	switch raw[0] {
	case 'n':
		return 1, '\n'
	case 'r':
		return 1, '\r'
	case 't':
		return 1, '\t'
	case 'u':
		if len(raw) >= 5 && raw[1] == '0' && raw[2] == '0' {
			return 5, hexByte(raw[3:5])
		}
		return 0, 0
	case 'x':
		if len(raw) >= 3 {
			return 3, hexByte(raw[1:3])
		}
		return 0, 0
	}
	switch c := raw[0]; {
	case '0' <= c && c <= '1' && len(raw) >= 3 && isOctal(raw[1]) && isOctal(raw[2]):
		return 3, (c-'0')<<6 | (raw[1]-'0')<<3 | (raw[2] - '0')
	case c > ' ' && c < 0x7f && !isAlnum(c):
		return 1, c
	}
	return 0, 0
}

func isOctal(c byte) bool { return '0' <= c && c <= '7' }

// percent reads %2F.
func percent(raw []byte) (length int, c byte) {
	if len(raw) < 3 || raw[0] != '%' {
		return 0, 0
	}
	return 3, hexByte(raw[1:3])
}

var entities = map[string]byte{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\'', "sol": '/', "plus": '+', "equals": '='}

// entity reads &#47; or &#x2F; or &sol;.
func entity(raw []byte) (length int, c byte) {
	const longest = 12 // &#x0000002F;
	end := bytes.IndexByte(raw[:min(len(raw), longest)], ';')
	if end < 3 {
		return 0, 0
	}
	name := raw[1:end]
	if name[0] != '#' {
		return end + 1, entities[string(name)]
	}
	n, digits, base := 0, string(name[1:]), 10
	if digits[0] == 'x' || digits[0] == 'X' {
		digits, base = digits[1:], 16
	}
	for _, d := range []byte(strings.ToLower(digits)) {
		i := strings.IndexByte("0123456789abcdef"[:base], d)
		if i < 0 {
			return 0, 0
		}
		n = n*base + i
		if n >= 0x80 {
			return 0, 0
		}
	}
	if digits == "" {
		return 0, 0
	}
	return end + 1, byte(n)
}

// hexByte returns the character that two hexadecimal digits write, 0 for none below 0x80.
func hexByte(two []byte) byte {
	var n byte
	for _, c := range two {
		n <<= 4
		switch {
		case isDigit(c):
			n |= c - '0'
		case 'a' <= c && c <= 'f':
			n |= c - 'a' + 10
		case 'A' <= c && c <= 'F':
			n |= c - 'A' + 10
		default:
			return 0
		}
	}
	if n >= 0x80 {
		return 0
	}
	return n
}
