package forms

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ReadBack is a second reader that shares no code with Find: it takes the escapes off by one
// substitution after the other, splits the text into words and counts. It returns nil when
// data shows p completely, the id and the secret (with a form that names a region, the id and
// the SMTP password), and an error that names the path otherwise. It does not judge
// whether the file can be kept up to date.
func ReadBack(path string, data []byte, f Form, p Pair) error {
	return countIn(data, f, p)[0].check(path, f, p)
}

func (t tally) check(path string, f Form, p Pair) error {
	switch {
	case t.ids == 0:
		return fmt.Errorf("forms: %s: reading back finds no id %s", path, p)
	case f.region != "" && t.passwords == 0:
		return fmt.Errorf("forms: %s: reading back finds the id %s and no SMTP password for %s", path, p, f.region)
	case t.secrets == 0 && t.passwords == 0:
		return fmt.Errorf("forms: %s: reading back finds the id %s and no secret of it", path, p)
	}
	return nil
}

// confirm returns an error unless the second reader finds, in out, next wherever it found
// old in data, as often as changed says, and old nowhere but in comments.
func confirm(path string, data, out []byte, f Form, old, next Pair, changed map[Value]int) error {
	before, after := countIn(data, f, old, next), countIn(out, f, old, next)
	delta := tally{changed[ID], changed[Secret], changed[SMTPPassword]}
	if before[0] != after[0].plus(delta) || after[1] != before[1].plus(delta) || after[0].secrets+after[0].passwords != 0 {
		return fmt.Errorf("forms: %w", &Refusal{path, 0, "a second reader does not find the key in the same places as the first", remedyHook})
	}
	return after[1].check(path, f, next)
}

// tally says how often the values of a key stand in a text.
type tally struct{ ids, secrets, passwords int }

func (t tally) plus(u tally) tally {
	return tally{t.ids + u.ids, t.secrets + u.secrets, t.passwords + u.passwords}
}

// tallies are those of at most two keys.
type tallies [2]tally

func (t tallies) plus(u tallies) tallies { return tallies{t[0].plus(u[0]), t[1].plus(u[1])} }

// counter counts the values of keys.
type counter []struct {
	Pair
	passwords []string
}

func countIn(data []byte, f Form, keys ...Pair) tallies {
	text := string(bytes.TrimPrefix(data, []byte("\ufeff")))
	if big := strings.HasPrefix(text, "\xfe\xff"); big || strings.HasPrefix(text, "\xff\xfe") {
		var units []uint16
		for i := 2; i+1 < len(data); i += 2 {
			a, b := data[i], data[i+1]
			if !big {
				a, b = b, a
			}
			units = append(units, uint16(a)<<8|uint16(b))
		}
		text = string(utf16.Decode(units))
	}
	c := make(counter, len(keys))
	for i, p := range keys {
		c[i].Pair = p
		if f.region != "" {
			c[i].passwords = []string{derived(p.Secret, f.region), older(p.Secret)}
		}
	}
	return c.count(text, 0)
}

func (c counter) count(text string, depth int) tallies {
	text = withoutEscapes(text)
	var t tallies
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r < 0x80 && !isNameRune(r) }) {
		for i, key := range c {
			if word == key.ID {
				t[i].ids++
			}
		}
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r < 0x80 && !isNameRune(r) && !strings.ContainsRune("+/=", r) }) {
		is := func(value string) bool {
			rest, ok := strings.CutSuffix(word, value)
			return ok && (rest == "" || rest[len(rest)-1] == '=')
		}
		for i, key := range c {
			if is(key.Secret) {
				t[i].secrets++
			} else if slices.ContainsFunc(key.passwords, is) {
				t[i].passwords++
			}
		}
	}
	if depth < 3 {
		t = t.plus(c.countEncoded(strings.Split(text, "\n"), depth+1))
	}
	return t
}

func isNameRune(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
}

var (
	xmlEscape     = CompileLater(`&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,7}|[a-z]{2,6});`)
	percentEscape = CompileLater(`(?:\\+|%)?%([0-7][0-9a-fA-F])`)
	hexEscape     = CompileLater(`\\+(?:u00|x)([0-7][0-9a-fA-F])`)
	octalEscape   = CompileLater(`\\+([01][0-7][0-7])`)
	lineEscape    = CompileLater(`\\+([nrt])`)
	markEscape    = CompileLater(`\\+([!-/:-@\[^-` + "`" + `{-~])`)
	encodedLine   = CompileLater(`^[A-Za-z0-9+/_-]+={0,2}["'` + "`" + `]?`)
)

func withoutEscapes(text string) string {
	number := func(pattern func() *regexp.Regexp, base int) {
		text = pattern().ReplaceAllStringFunc(text, func(escape string) string {
			digits := pattern().FindStringSubmatch(escape)[1]
			n, err := strconv.ParseUint(digits, base, 8)
			if err != nil || n == 0 {
				return escape
			}
			return string(rune(n))
		})
	}
	if strings.Contains(text, "&") {
		text = xmlEscape().ReplaceAllStringFunc(text, html.UnescapeString)
	}
	if strings.Contains(text, "%") {
		number(percentEscape, 16)
	}
	if strings.Contains(text, `\`) {
		number(hexEscape, 16)
		number(octalEscape, 8)
		text = lineEscape().ReplaceAllString(text, "\n")
		text = markEscape().ReplaceAllString(text, "$1")
	}
	return text
}

// countEncoded counts in what words of base64 hold, alone or continued on the next lines.
func (c counter) countEncoded(lines []string, depth int) tallies {
	var t tallies
	tried := 0
	for i, line := range lines {
		words := encodedWords(line)
		if n := len(words) - 1; n >= 0 && i >= tried && words[n][len(words[n])-1] != '=' && strings.HasSuffix(strings.TrimRight(line, "\r"), words[n]) {
			var joined strings.Builder
			joined.WriteString(words[n])
			next := i + 1
			for ; next < len(lines) && joined.Len()%len(words[n]) == 0; next++ {
				more := encodedLine().FindString(strings.Trim(lines[next], " \t\r"))
				word := strings.TrimRight(more, "\"'`")
				if word == "" || len(word) > len(words[n]) || !isAloneIn(lines[next], more) {
					break
				}
				joined.WriteString(word)
				if word[len(word)-1] == '=' {
					next++
					break
				}
			}
			if next > i+1 {
				tried = next
				if found := c.decoded(joined.String(), depth); found != (tallies{}) {
					t, words = t.plus(found), words[:n]
					for k := i + 1; k < next; k++ { // counted
						rest := strings.Trim(lines[k], " \t\r")
						lines[k] = strings.TrimPrefix(rest, encodedLine().FindString(rest))
					}
				}
			}
		}
		for _, word := range words {
			found := c.decoded(word, depth)
			if found == (tallies{}) && word[0] == '-' {
				found = c.decoded(word[1:], depth)
			}
			t = t.plus(found)
		}
	}
	return t
}

// encodedWords returns the words of a line that may be base64, with their padding.
func encodedWords(line string) []string {
	var words []string
	for word := range strings.FieldsFuncSeq(line, func(r rune) bool { return !isNameRune(r) && !strings.ContainsRune("+/=-", r) }) {
		value := strings.TrimRight(word, "=")
		value = value[strings.LastIndexByte(value, '=')+1:]
		if len(value) >= 16 {
			words = append(words, word[strings.LastIndex(word, value):])
		}
	}
	return words
}

// isAloneIn reports whether nothing but a closing mark follows a word at the beginning of a
// line.
func isAloneIn(line, word string) bool {
	rest := strings.TrimPrefix(strings.Trim(line, " \t\r"), word)
	return rest == "" || strings.ContainsAny(word, "\"'`") || rest[0] == ' '
}

func (c counter) decoded(word string, depth int) tallies {
	word = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(word, "="))
	inner, err := base64.RawStdEncoding.DecodeString(word)
	if err != nil || !utf8.Valid(inner) || bytes.ContainsFunc(inner, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\r\n\t", r) }) {
		return tallies{}
	}
	return c.count(string(inner), depth)
}

// derived returns the SMTP password of version 4, step by step as AWS documents it.
func derived(secret, region string) string {
	step := func(key, message string) string {
		h := hmac.New(sha256.New, []byte(key))
		_, _ = h.Write([]byte(message))
		return string(h.Sum(nil))
	}
	date := step("AWS4"+secret, "11111111")
	signature := step(step(step(step(date, region), "ses"), "aws4_request"), "SendRawEmail")
	return base64.StdEncoding.EncodeToString([]byte("\x04" + signature))
}

// older returns the SMTP password of version 2.
func older(secret string) string {
	h := hmac.New(sha256.New, []byte(secret))
	_, _ = h.Write([]byte("SendRawEmail"))
	return base64.StdEncoding.EncodeToString(h.Sum([]byte("\x02")))
}
