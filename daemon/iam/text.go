package iam

import (
	"fmt"
	"regexp"
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
// below, where the answer is read: an endpoint need not be AWS, and its words must
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

// The shapes of what AWS answers. An answer with another shape is not AWS's, or one
// that keyd cannot deal with: it is refused.
// Source: IAM API reference, User (UserName, UserId, Arn, Path), AccessKeyMetadata;
// STS API reference, GetCallerIdentity.
var (
	userNameShape  = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)
	userIDShape    = regexp.MustCompile(`^[\w:+=,.@-]{1,193}$`) // a role's has its session's name behind it
	partitionShape = regexp.MustCompile(`^[a-z][a-z0-9-]{1,31}$`)
	resourceShape  = regexp.MustCompile(`^[\x21-\x7e]{1,1000}$`) // a path may hold any printable ASCII character but space
	keyIDShape     = regexp.MustCompile(`^\w{16,128}$`)
	statusShape    = regexp.MustCompile(`^[A-Za-z]{1,32}$`)
	codeShape      = regexp.MustCompile(`^[\w.:-]{1,128}$`)
)
