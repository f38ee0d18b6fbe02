package iam

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest texts that are taken over from an answer, in bytes. AWS's own are
// shorter.
const (
	longestMessage = 1000 // a denial that names an SCP has about 400
	longestWord    = 128  // an error code, a request id, a service, a region
	longestHost    = 253  // RFC 1035
)

// cleanText makes text from the network fit to print and to keep: one line of at
// most most bytes, cut at the end. Whatever a terminal would obey or hide becomes
// visible: line ends, control characters, escape sequences, marks that change the
// direction of writing, characters without width. Several spaces become one, since
// many of them would look like the end of a line.
//
// Every text that an endpoint chooses passes through here, or is refused by a shape
// of shape.go, where the answer is read: an endpoint need not be AWS, and its words must
// never look like keyd's own.
func cleanText(s string, most int) string {
	var b strings.Builder
	space := true // no space at the beginning
	for len(s) > 0 && b.Len() <= most {
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		switch {
		case r == ' ' || r == '\t' || r == '\u00a0':
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		case unicode.IsPrint(r) && (r != utf8.RuneError || size > 1):
			b.WriteRune(r)
		case size == 1 && r == utf8.RuneError:
			b.WriteString(`\ufffd`)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		space = false
	}
	text := strings.TrimRight(b.String(), " ")
	if len(text) <= most && s == "" {
		return text
	}
	const dots = "..."
	return strings.ToValidUTF8(text[:min(len(text), most-len(dots))], "") + dots
}
