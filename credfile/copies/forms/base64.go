package forms

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// blob is a text that stands in the file as base64: one value, a line of ID:SECRET, or a
// whole file of AWS, possibly broken over lines of one width.
type blob struct {
	runs     [][2]int // of characters, the padding included
	encoding *base64.Encoding
	width    int    // of a line when there is more than one run
	breaks   string // the bytes between two lines
	style    style
	inner    *layer

	rawStart, rawEnd int // bytes of the layer around it
}

// deepest is how many base64 texts inside each other are looked into.
const deepest = 3

// shortestRun is the least number of characters of base64 that can hold a value, or a
// line of one.
const shortestRun = 16

// blobs returns the base64 texts in the layer that hold anything of the key, or an obstacle.
// Each byte is decoded at most twice for each depth, alone and with its neighbours.
func (s *scanner) blobs(l *layer) []hit {
	var found []hit
	text := l.view.text
	grouped := 0 // up to here, runs have been tried as lines of one text
	for i := 0; i < len(text); {
		if !isBase64(text[i]) {
			i++
			continue
		}
		end := i
		for end < len(text) && isBase64(text[end]) {
			end++
		}
		if end-i < shortestRun {
			i = end
			continue
		}
		b := (*blob)(nil)
		stop := end
		if i >= grouped {
			runs, breaks := l.view.lines(i, end)
			if len(runs) > 1 {
				grouped = runs[len(runs)-1][1]
				if b = s.decode(l, runs, breaks); b != nil {
					stop = grouped
				}
			}
		}
		if b == nil {
			b = s.decode(l, [][2]int{l.view.padded(i, end)}, "")
		}
		if b == nil && text[i] == '-' { // ${NAME:-VALUE}
			b = s.decode(l, [][2]int{l.view.padded(i+1, end)}, "")
		}
		if b != nil {
			last := b.runs[len(b.runs)-1][1]
			found = append(found, hit{start: b.runs[0][0], end: last, blob: b})
			stop = max(stop, last)
		}
		i = stop
	}
	return found
}

func isBase64(c byte) bool { return isAlnum(c) || c == '+' || c == '/' || c == '-' || c == '_' }

// padded returns the run with the padding behind it.
func (v *view) padded(start, end int) [2]int {
	for n := 0; n < 2 && end < len(v.text) && v.text[end] == '='; n++ {
		end++
	}
	return [2]int{start, end}
}

// lines returns the runs that follow each other as lines of one width, the last possibly
// shorter, with equal bytes in between; the first may begin inside its line.
func (v *view) lines(start, end int) (runs [][2]int, breaks string) {
	width := end - start
	runs = [][2]int{{start, end}}
	for {
		last := runs[len(runs)-1]
		if last[1]-last[0] != width {
			return runs, breaks
		}
		next := v.afterBreak(last[1])
		if next < 0 {
			return runs, breaks
		}
		between := string(v.raw[v.start(last[1]):v.start(next)])
		stop := next
		for stop < len(v.text) && isBase64(v.text[stop]) {
			stop++
		}
		run := v.padded(next, stop)
		alone := run[1] == len(v.text) || bytes.IndexByte([]byte("\r\n\"'` "), v.text[run[1]]) >= 0
		if stop == next || run[1]-run[0] > width || !alone || len(runs) > 1 && between != breaks {
			return runs, breaks
		}
		breaks = between
		runs = append(runs, run)
	}
}

// afterBreak returns where the next line's text begins when the line ends at i, -1 otherwise.
func (v *view) afterBreak(i int) int {
	if i < len(v.text) && v.text[i] == '\r' {
		i++
	}
	if i >= len(v.text) || v.text[i] != '\n' {
		return -1
	}
	for i++; i < len(v.text) && (v.text[i] == ' ' || v.text[i] == '\t'); i++ {
	}
	return i
}

// decode returns the text that the runs encode when it is one and holds anything of the key.
func (s *scanner) decode(l *layer, runs [][2]int, breaks string) *blob {
	if s.depth >= deepest {
		return nil
	}
	text := l.view.text
	if end := runs[len(runs)-1][1]; end < len(text) && (text[end] == '=' || isBase64(text[end])) {
		return nil
	}
	var encoded strings.Builder
	for _, run := range runs {
		encoded.Write(text[run[0]:run[1]])
	}
	b := &blob{runs: runs, breaks: breaks, width: runs[0][1] - runs[0][0], encoding: alphabetOf(encoded.String()),
		rawStart: l.view.start(runs[0][0]), rawEnd: l.view.start(runs[len(runs)-1][1])}
	if b.encoding == nil {
		return nil
	}
	raw, err := b.encoding.DecodeString(encoded.String())
	if err != nil || !isText(raw) || b.encoding.EncodeToString(raw) != encoded.String() {
		return nil
	}
	s.depth++
	b.inner = s.scan(raw)
	s.depth--
	if len(b.inner.hits) == 0 && len(b.inner.flaws) == 0 {
		return nil
	}
	if b.style, err = l.view.styleOf(runs...); err != nil { // no key brings + or / into the base64 of a text
		l.flaw(runs[0][0], "write it in one way", "the key stands in a text of base64, and %v", err)
	}
	return b
}

// alphabetOf returns the encoding that writes a text, nil when there is none.
func alphabetOf(encoded string) *base64.Encoding {
	padding := base64.NoPadding
	if len(encoded)%4 == 0 {
		padding = base64.StdPadding // also when none is needed: then both are the same
	}
	std, url := strings.ContainsAny(encoded, "+/"), strings.ContainsAny(encoded, "-_")
	switch {
	case std && url, strings.HasSuffix(encoded, "=") && padding == base64.NoPadding:
		return nil
	case url:
		return base64.URLEncoding.WithPadding(padding)
	}
	return base64.StdEncoding.WithPadding(padding)
}

// isText reports whether decoded bytes are a text that somebody has written.
func isText(raw []byte) bool {
	for _, c := range raw {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return len(raw) > 0 && utf8.Valid(raw)
}

// write returns the bytes for another text in the place of b.
func (b *blob) write(text []byte) (string, error) {
	encoded := b.encoding.EncodeToString(text)
	if len(b.runs) == 1 {
		return b.style.write(encoded)
	}
	var out strings.Builder
	for from := 0; from < len(encoded); from += b.width {
		if from > 0 {
			out.WriteString(b.breaks)
		}
		line, err := b.style.write(encoded[from:min(from+b.width, len(encoded))])
		if err != nil {
			return "", err
		}
		out.WriteString(line)
	}
	return out.String(), nil
}
