package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// escape writes out what a terminal would obey or hide, so that it does
// neither: profiles are named by whoever writes the file. Lines, tabs and keyd's
// own colours stay. The form is that of JSON, which so keeps its meaning.
func escape(text string) string {
	if !strings.ContainsFunc(text, needsEscape) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if n := colourLength(text); n > 0 {
			size = n
			b.WriteString(text[:n])
		} else {
			writeEscaped(&b, r)
		}
		text = text[size:]
	}
	return b.String()
}

func needsEscape(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }

func writeEscaped(b *strings.Builder, r rune) {
	switch {
	case !needsEscape(r):
		b.WriteRune(r)
	case r > 0xffff:
		high, low := utf16.EncodeRune(r)
		fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
	default:
		fmt.Fprintf(b, `\u%04x`, r)
	}
}

// colourLength is the length of the colour that text begins with; 0 for none.
func colourLength(text string) int {
	for _, c := range []string{"\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"} {
		if strings.HasPrefix(text, c) {
			return len(c)
		}
	}
	return 0
}
