package forms

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// errTwoWays says that one value writes the same character in two ways, so that nobody
// knows which of them the new value is to be written in.
var errTwoWays = errors.New("it is written in two ways at once")

// errNested says that an address stands inside another address, without a sign of how often
// a slash of the new value would have to be escaped.
var errNested = errors.New("it stands in an address inside another address")

// errParameters says that a value stands in a list of parameters, without a sign of whether
// its reader takes a plus sign for a space.
var errParameters = errors.New("it stands between parameters, where a + may have to be escaped")

// style is how a value is written in the file.
type style struct {
	marks map[byte]string // +, /, = (and -, _ of base64) to the bytes that write them
	all   string          // the bytes of one letter or digit when all of them are escaped, else ""
	url   urlKind
}

// styleOf returns how the characters of the given ranges of v are written.
func (v *view) styleOf(ranges ...[2]int) (style, error) {
	s := style{marks: map[byte]string{}, url: v.urlAt(ranges[0][0])}
	plain := false
	for _, r := range ranges {
		for i := r[0]; i < r[1]; i++ {
			unit := string(v.unit(i))
			switch c := v.text[i]; {
			case !isAlnum(c):
				if seen, ok := s.marks[c]; ok && seen != unit {
					return s, errTwoWays
				}
				s.marks[c] = unit
			case len(unit) == 1:
				plain = true
			case s.all == "" || strings.ContainsAny(unit[len(unit)-2:], "abcdefABCDEF"): // shows the case of the digits
				s.all = unit
			}
		}
	}
	if s.all == "" {
		return s, nil
	}
	for _, r := range ranges {
		for i := r[0]; i < r[1]; i++ {
			if again, err := like(s.all, v.text[i]); plain || err != nil || isAlnum(v.text[i]) && again != string(v.unit(i)) {
				return s, errTwoWays
			}
		}
	}
	return s, nil
}

// write returns the bytes for a value of letters, digits and the marks +, /, =, - and _. A
// mark that the old value has is written as there. Any other is written as it is, unless
// that would end the value: in an address it is escaped.
func (s style) write(value string) (string, error) {
	var out strings.Builder
	for i := range len(value) {
		unit, err := s.unit(value[i])
		if err != nil {
			return "", err
		}
		out.WriteString(unit)
	}
	return out.String(), nil
}

func (s style) unit(c byte) (string, error) {
	if isAlnum(c) {
		if s.all == "" {
			return string(c), nil
		}
		return like(s.all, c)
	}
	if unit, ok := s.marks[c]; ok {
		return unit, nil
	}
	if s.all != "" {
		return like(s.all, c)
	}
	for _, mark := range []byte("/+=-_") {
		if unit := s.marks[mark]; strings.Contains(unit, "%") {
			return like(unit, c)
		}
	}
	switch {
	case s.url == nestedURL && s.marks['/'] == "":
		return "", errNested
	case s.url == parameters && s.marks['/'] == "" && s.marks['+'] == "":
		return "", errParameters
	case s.url == plainURL && s.marks['/'] == "" && c != '-' && c != '_':
		return fmt.Sprintf("%%%02X", c), nil
	}
	return string(c), nil
}

// like returns the bytes that write c in the way of another character's unit.
func like(unit string, c byte) (string, error) {
	cased := func(format string, width int) string {
		text := fmt.Sprintf("%0*x", width, c)
		if strings.ToLower(format) != format || !strings.ContainsAny(format, "abcdef") {
			return strings.ToUpper(text)
		}
		return text
	}
	k := strings.LastIndexAny(unit, `\%`)
	switch {
	case strings.HasPrefix(unit, "&#x") || strings.HasPrefix(unit, "&#X"):
		digits := unit[3 : len(unit)-1]
		return unit[:3] + cased(digits, len(digits)) + ";", nil
	case strings.HasPrefix(unit, "&#"):
		return fmt.Sprintf("&#%0*d;", len(unit)-3, c), nil
	case k < 0 || k+1 == len(unit):
		return "", errTwoWays
	case unit[k] == '%':
		return unit[:k+1] + cased(unit[k+1:], 2), nil
	case unit[k+1] == 'u':
		return unit[:k+2] + cased(unit[k+2:], 4), nil
	case unit[k+1] == 'x':
		return unit[:k+2] + cased(unit[k+2:], 2), nil
	case isDigit(unit[k+1]):
		return unit[:k+1] + fmt.Sprintf("%03o", c), nil
	case !isAlnum(c):
		return unit[:k+1] + string(c), nil
	}
	return "", errTwoWays
}

// name returns the word for messages.
func (s style) name() string {
	name := "plain"
	for _, unit := range append(slices.Sorted(maps.Values(s.marks)), s.all) {
		switch {
		case len(unit) < 2:
		case strings.Contains(unit, "%"):
			return "percent"
		case unit[0] == '&':
			return "XML"
		default:
			name = "backslash"
		}
	}
	return name
}

type urlKind int

const (
	noURL      urlKind = iota
	plainURL           // https://ID:SECRET@host
	nestedURL          // https%3A%2F%2FID:SECRET%40host
	parameters         // id=ID&secret=SECRET
)

// urlAt reports whether the character at i stands in an address: whether :// stands before it
// in the same word.
func (v *view) urlAt(i int) urlKind {
	const far = 2048 // bytes; no address of a store is longer
	from := max(0, i-far)
	if gap := bytes.LastIndexAny(v.text[from:i], " \t\r\n\"'`,;<>(){}|"); gap >= 0 {
		from += gap + 1
	}
	for end := i; ; {
		at := from + bytes.LastIndex(v.text[from:end], []byte("://"))
		switch {
		case at < from && parameterName().Match(v.text[from:i]):
			return parameters
		case at < from:
			return noURL
		case !bytes.Contains(v.raw[v.start(at):v.start(at+3)], []byte("%")):
			return plainURL
		case !v.hasAmpersand(at, i):
			return nestedURL
		}
		end = at // an address in an earlier parameter
	}
}

var parameterName = CompileLater(`[^&]&[\w.-]+=$`)

// hasAmpersand reports whether an ampersand that parts parameters stands between two characters.
func (v *view) hasAmpersand(from, to int) bool {
	for i := from; i < to; i++ {
		if v.text[i] == '&' && v.unit(i)[0] == '&' {
			return true
		}
	}
	return false
}
