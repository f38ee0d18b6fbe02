package forms

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// trace is a way in which the id may stand in a text without being understood.
type trace struct {
	text  string
	small bool // to look for it, capitals become small letters
	what  string
}

// tracesOf returns the traces of an id: in another case, as hexadecimal digits, in base64
// that does not decode as a whole or holds UTF-16.
func tracesOf(id string) []trace {
	wide := make([]byte, 0, 2*len(id))
	for _, c := range []byte(id) {
		wide = append(wide, c, 0)
	}
	all := []trace{{strings.ToLower(id), true, "in another case"}}
	for _, digits := range []string{hex.EncodeToString([]byte(id)), listed([]byte(id)), listed(wide)} {
		all = append(all, trace{digits, true, "as hexadecimal digits"})
	}
	for _, core := range cores(id) {
		all = append(all, trace{core, false, "in a base64 text that keyd does not understand"})
	}
	for _, core := range cores(string(wide)) {
		all = append(all, trace{core, false, "in a base64 text of UTF-16"})
	}
	return all
}

// unknown adds a flaw for each trace of the id that no hit explains, and for an id that is
// broken over lines or quotes. Parts are the ranges about which a flaw has been added already.
func (s *scanner) unknown(l *layer, parts [][2]int) {
	text, at := l.squeezed(parts)
	lower := lowerASCII(text)
	for _, t := range s.traces() {
		where := text
		if t.small {
			where = lower
		}
		for _, i := range indexAll(where, t.text) {
			what := t.what
			if bytes.HasPrefix(text[i:], []byte(s.id)) {
				what = "broken into parts"
			}
			if !l.isComment(at[i]) {
				l.flaw(at[i], remedyHook, "the id stands here %s", what)
			}
		}
	}
}

// lowerASCII returns text with small letters for the capital ones of ASCII. Unlike
// bytes.ToLower, it moves no byte.
func lowerASCII(text []byte) []byte {
	lower := bytes.Clone(text)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return lower
}

// listed returns bytes as regedit writes them: 41,00,4b,00.
func listed(data []byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% x", data), " ", ",")
}

// squeezed returns the characters of the layer without the space, quotes and backslashes between
// them, with a zero in place of each hit and each part, and where each of them stands.
func (l *layer) squeezed(parts [][2]int) (text []byte, at []int) {
	masked := make([]bool, len(l.view.text))
	mask := func(start, end int) {
		for i := start; i < end; i++ {
			masked[i] = true
		}
	}
	for _, h := range l.hits {
		mask(h.start, h.end)
	}
	for _, part := range parts {
		mask(part[0], part[1])
	}
	text, at = make([]byte, 0, len(masked)), make([]int, 0, len(masked))
	for i, c := range l.view.text {
		switch {
		case masked[i] && (i == 0 || !masked[i-1]):
			text, at = append(text, 0), append(at, i)
		case !masked[i] && bytes.IndexByte([]byte(" \t\r\n\\\"'"), c) < 0:
			text, at = append(text, c), append(at, i)
		}
	}
	return text, at
}

// cores returns the characters that stand in the base64 of any text with the given bytes,
// for each of the three ways in which the groups of three bytes may fall.
func cores(text string) []string {
	var all []string
	for shift := range 3 {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + text))
		from := (shift*8 + 5) / 6
		to := (shift + len(text)) * 8 / 6
		all = append(all, encoded[from:to])
	}
	return all
}

var (
	tokenName  = CompileLater(`(?i)(?:session|security)[_.-]?token`)
	tokenValue = CompileLater(`[$][{(]?\w*|[A-Za-z0-9+/=]{16,}`)
	aToken     = CompileLater(`^[A-Za-z0-9+/=]{100,}`)
	anyID      = CompileLater(`\b(?:AKIA|ASIA)[A-Z0-9]{12,124}\b`)
)

// tokenHeads are the first characters of session tokens, whatever they are called: the
// access_token of s3cmd, the token of Terraform.
var tokenHeads = []string{"IQoJ", "FwoG", "FQoG", "AQoD"}

// tokens adds a flaw for a session token that belongs to the key: the key next to it is a
// temporary one, or the program takes it for one.
func (s *scanner) tokens(l *layer) {
	if len(l.hits) == 0 {
		return
	}
	var found []int
	if bytes.Contains(l.view.text, []byte("oken")) || bytes.Contains(l.view.text, []byte("OKEN")) {
		for _, name := range tokenName().FindAllIndex(l.view.text, -1) {
			if l.hasValue(name[1]) {
				found = append(found, name[0])
			}
		}
	}
	for _, head := range tokenHeads {
		for _, at := range indexAll(l.view.text, head) {
			if aToken().Match(l.view.text[at:min(len(l.view.text), at+128)]) && (at == 0 || !isWord(l.view.text[at-1])) {
				found = append(found, at)
			}
		}
	}
	if len(found) == 0 {
		return
	}
	ids, others := l.idLines(), []int(nil)
	for _, at := range anyID().FindAllIndex(l.view.text, -1) {
		if string(l.view.text[at[0]:at[1]]) != s.id {
			others = append(others, lineAt(l.lines, at[0]))
		}
	}
	for _, at := range found {
		const far = 12 // lines
		line := lineAt(l.lines, at)
		if own := nearest(ids, line); !l.isComment(at) && own <= far && own <= nearest(others, line) {
			l.flaw(at, "remove the session token: a key that keyd rotates has none", "a session token stands next to the id")
		}
	}
}

// idLines returns the lines of the layer in which the id stands outside comments.
func (l *layer) idLines() []int {
	var lines []int
	for _, h := range l.hits {
		holds := h.value == ID
		if h.blob != nil {
			holds = len(h.blob.inner.idLines()) > 0
		}
		if holds && !h.comment {
			lines = append(lines, lineAt(l.lines, h.start))
		}
	}
	return lines
}

// nearest returns the distance from a line to the nearest of some others, which ascend.
func nearest(lines []int, line int) int {
	least := 1 << 30
	i, _ := slices.BinarySearch(lines, line)
	for _, other := range lines[max(0, i-1):min(len(lines), i+1)] {
		least = min(least, max(other-line, line-other))
	}
	return least
}

// hasValue reports whether a token stands behind a name that ends at i, in its line or in the
// next one: a word of at least 16 characters with capitals, small letters and digits, which
// is no reference to a variable.
func (l *layer) hasValue(i int) bool {
	const longest = 256
	rest := l.view.text[i:min(len(l.view.text), i+longest)]
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		end = len(rest)
	}
	line, next := rest[:end], rest[end:]
	if value := tokenValue().Find(line); value != nil {
		return isToken(value)
	}
	if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && !bytes.HasSuffix(trimmed, []byte(">")) {
		return false
	}
	if next = bytes.TrimSpace(next); !bytes.HasPrefix(next, []byte("value")) && !bytes.HasPrefix(next, []byte("<string>")) && !bytes.HasPrefix(next, []byte("<value>")) {
		return false
	}
	line, _, _ = bytes.Cut(next, []byte("\n"))
	return isToken(tokenValue().Find(line))
}

func isToken(value []byte) bool {
	return len(value) >= 16 && value[0] != '$' && bytes.ContainsAny(value, "0123456789") &&
		bytes.IndexFunc(value, func(r rune) bool { return isUpper(r) }) >= 0 && bytes.ContainsAny(value, "abcdefghijklmnopqrstuvwxyz")
}

// secondSecret adds a flaw when the name under which the secret stands has another value
// a few lines away, and no other id stands in between: nobody knows which of them counts.
func (s *scanner) secondSecret(l *layer) {
	starts := map[int]bool{}
	ids := map[int]string{} // line to the text before the id
	for _, h := range l.hits {
		starts[h.start] = true
		if h.blob == nil && h.value == ID {
			before, line := l.before(h.start)
			ids[line] = before
		}
	}
	for _, h := range l.hits {
		before, own := l.before(h.start)
		if h.blob != nil || h.value == ID || h.comment || !strings.ContainsFunc(before, func(r rune) bool { return isAlnum(r) }) {
			continue
		}
		const far = 4 // lines
		for n := max(1, own-far); n <= min(len(l.lines)+1, own+far); n++ {
			at, line := l.line(n)
			value, ok := bytes.CutPrefix(line, []byte(before))
			if n == own || !ok || starts[at+len(before)] || l.isComment(at) || l.idBetween(ids, own, n) || l.hasOtherID(n, s.id) {
				continue
			}
			if width := bytes.IndexFunc(append(value, ' '), func(r rune) bool { return !isAlnum(r) && r != '+' && r != '/' }); width >= 16 {
				l.flaw(max(at, h.start), "remove the one that does not belong to the id", "two different secrets stand under one name, in lines %d and %d", min(own, n), max(own, n))
				return
			}
		}
	}
}

// line returns the text of line n without the space around it, and where it begins.
func (l *layer) line(n int) (at int, line []byte) {
	start, end := 0, len(l.view.text)
	if n > 1 {
		start = l.lines[n-2] + 1
	}
	if n <= len(l.lines) {
		end = l.lines[n-1]
	}
	const longest = 1024
	line = l.view.text[start:min(end, start+longest)]
	trimmed := bytes.TrimLeft(line, " \t")
	return start + len(line) - len(trimmed), bytes.TrimRight(slices.Clone(trimmed), " \t\r")
}

// before returns the text between the beginning of the line and a value, and the line.
func (l *layer) before(at int) (string, int) {
	line := lineAt(l.lines, at)
	start := 0
	if line > 1 {
		start = l.lines[line-2] + 1
	}
	const longest = 256
	if at-start > longest {
		return "", line
	}
	return string(bytes.TrimLeft(l.view.text[start:at], " \t")), line
}

// idBetween reports whether a line between two others begins as one of the lines with the id.
func (l *layer) idBetween(ids map[int]string, a, b int) bool {
	for n := min(a, b) + 1; n < max(a, b); n++ {
		_, line := l.line(n)
		for near := n - 8; near <= n+8; near++ {
			if before := ids[near]; before != "" && bytes.HasPrefix(line, []byte(before)) {
				return true
			}
		}
	}
	return false
}

// hasOtherID reports whether the id of another key stands in line n or next to it.
func (l *layer) hasOtherID(n int, id string) bool {
	for near := max(1, n-1); near <= min(len(l.lines)+1, n+1); near++ {
		_, line := l.line(near)
		for _, other := range anyID().FindAll(line, -1) {
			if string(other) != id {
				return true
			}
		}
	}
	return false
}
