package notify

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// mask finds secrets in a text: each part of one of its encodings that is long enough not
// to be there by chance. A tool may print half a secret, or break it across lines.
type mask map[string]struct{}

const (
	maskPart    = 6  // how many characters of a secret are recognised
	maskPartHex = 12 // in hexadecimal, which is also the form of every checksum
)

// newMask returns a mask for secrets: plain, and as JSON, URLs, base64 in its three
// alignments, and hexadecimal digits write them.
func newMask(secrets []string) mask {
	m := mask{}
	for _, secret := range secrets {
		escaped := url.QueryEscape(secret)
		for _, form := range []string{secret, escaped, lowerEscapes(escaped), url.PathEscape(secret), lowerEscapes(url.PathEscape(secret)), url.QueryEscape(escaped),
			strings.ReplaceAll(secret, "/", `\/`), unicodeEscapes(secret, strings.ToLower), unicodeEscapes(secret, strings.ToUpper)} {
			m.add(form, maskPart)
		}
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for before := range 3 {
				m.add(alignedBase64(encoding, secret, before), maskPart)
			}
		}
		m.add(hex.EncodeToString([]byte(secret)), maskPartHex)
		m.add(strings.ToUpper(hex.EncodeToString([]byte(secret))), maskPartHex)
	}
	return m
}

// add adds every part of form that has n characters.
func (m mask) add(form string, n int) {
	for i := 0; i+n <= len(form); i++ {
		m[form[i:i+n]] = struct{}{}
	}
}

// alignedBase64 returns the characters that stand for secret, and for nothing else, in the
// base64 of a text in which a number of bytes before it makes no whole group.
func alignedBase64(encoding *base64.Encoding, secret string, before int) string {
	whole := encoding.EncodeToString([]byte(strings.Repeat("\x00", before) + secret))
	from := (before*8 + 5) / 6
	return whole[min(from, len(whole)):min((before+len(secret))*8/6, len(whole))]
}

// lowerEscapes returns text with small letters in its percent escapes.
func lowerEscapes(text string) string {
	b := []byte(text)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i:], strings.ToLower(string(b[i:i+3])))
		}
	}
	return string(b)
}

// unicodeEscapes returns the JSON form that escapes whatever is not a letter or a digit.
// letters chooses how its digits are written.
func unicodeEscapes(text string, letters func(string) string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
			continue
		}
		digits := letters(strconv.FormatInt(int64(r), 16))
		b.WriteString(`\u` + strings.Repeat("0", max(4-len(digits), 0)) + digits)
	}
	return b.String()
}

// hide returns text with [secret] in place of whatever the mask finds.
func (m mask) hide(text string) (hidden string, found bool) {
	if len(m) == 0 {
		return text, false
	}
	var b strings.Builder
	from := 0 // what comes before is in b
	for i := 0; i < len(text); {
		n := m.matchAt(text, i)
		if n == 0 {
			i++
			continue
		}
		end := i + n
		for j := i + 1; j < end && j < len(text); j++ { // parts overlap
			end = max(end, j+m.matchAt(text, j))
		}
		b.WriteString(text[from:i] + "[secret]")
		from, i, found = end, end, true
	}
	return b.String() + text[from:], found
}

// matchAt returns how many characters of a secret text has at i.
func (m mask) matchAt(text string, i int) int {
	for _, n := range []int{maskPartHex, maskPart} {
		if i+n <= len(text) {
			if _, ok := m[text[i:i+n]]; ok {
				return n
			}
		}
	}
	return 0
}

// isIn reports whether text shows a secret.
func (m mask) isIn(text string) bool {
	for i := range len(text) {
		if m.matchAt(text, i) > 0 {
			return true
		}
	}
	return false
}

// printable returns a line with an escape for each character that a terminal would obey or
// hide, cut to lastLineLimit.
func printable(line string) string {
	var b strings.Builder
	for _, r := range strings.TrimSpace(line) {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	short := []rune(b.String())
	if len(short) > lastLineLimit {
		return string(short[:lastLineLimit-3]) + "..."
	}
	return b.String()
}
