package layout

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Escape replaces every character that a terminal would obey or hide by its JSON
// escape. Anyone who writes the credentials file chooses the profile names, and
// so could send commands to the terminal. Line feeds, tabs and keyd's own colours
// stay. JSON keeps its meaning.
func Escape(text string) string { return escapeExcept(text, ColourLength) }

// EscapeLayout is Escape for text of keyd's own, in which movements to a column stay as well.
func EscapeLayout(text string) string { return escapeExcept(text, layoutLength) }

// escapeExcept leaves the sequences that own finds at the start of a text.
func escapeExcept(text string, own func(string) int) string {
	if !strings.ContainsFunc(text, needsEscape) && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if n := own(text); n > 0 {
			size = n
			b.WriteString(text[:n])
		} else {
			b.WriteString(escapeRune(r))
		}
		text = text[size:]
	}
	return b.String()
}

func needsEscape(r rune) bool {
	return (r < ' ' || r > '~') && !unicode.IsPrint(r) && r != '\n' && r != '\t'
}

func escapeRune(r rune) string {
	switch {
	case !needsEscape(r):
		return string(r)
	case r > 0xffff:
		high, low := utf16.EncodeRune(r)
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// ColourLength returns the length of the colour sequence at the start of text, or
// 0 if there is none.
func ColourLength(text string) int {
	if !strings.HasPrefix(text, "\x1b[") {
		return 0
	}
	for _, c := range []string{"\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1m", "\x1b[2m", "\x1b[0m"} {
		if strings.HasPrefix(text, c) {
			return len(c)
		}
	}
	return 0
}

// MoveTo returns what moves the cursor to a column, from 1.
func MoveTo(column int) string { return fmt.Sprintf("\x1b[%dG", column) }

// layoutLength returns the length of the colour or the movement at the start of text, or 0 if
// there is none.
func layoutLength(text string) int {
	rest, ok := strings.CutPrefix(text, "\x1b[")
	if digits := len(rest) - len(strings.TrimLeft(rest, "0123456789")); ok && digits > 0 && strings.HasPrefix(rest[digits:], "G") {
		return len("\x1b[") + digits + 1
	}
	return ColourLength(text)
}

// StripColours returns a text without keyd's own colours and movements.
func StripColours(text string) string {
	if !strings.Contains(text, "\x1b") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		if n := layoutLength(text[i:]); n > 0 {
			i += n
			continue
		}
		b.WriteByte(text[i])
		i++
	}
	return b.String()
}
