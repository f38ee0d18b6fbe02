package credfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// IsUnreadable reports whether a long-term key is there and cannot be rotated. Only a
// person can correct the file. Such a profile must never be taken for one that has
// nothing to rotate.
func (s Skip) IsUnreadable() bool { return s == HalfPair || s == Unreadable }

// setUnreadable records why p's key cannot be rotated.
func (p *Profile) setUnreadable(kind Skip, r *Refusal) {
	p.Skip, p.Why, p.Remedy, p.Line = kind, r.Text, r.Remedy, r.Line
	if p.Path != r.Path {
		p.Path = r.Path
	}
}

// describeUnreadable describes a section whose pair cannot be read. A section without
// a trace of a long-term key has nothing to rotate, however it is written.
func (f *File) describeUnreadable(p *Profile, s *Section, found pair) {
	longTerm, other := f.findTraces(s)
	switch {
	case len(longTerm) > 0:
	case strings.HasPrefix(other, "ASIA"):
		p.Skip, p.Why = Temporary, "temporary credentials: there is nothing to rotate"
		return
	case isExampleID(leadingID(other)):
		p.Skip, p.Why = skipForID(leadingID(other), false)
		return
	case p.OwnIAM != "" && (isOtherID(leadingWord(other)) || other == "" && found.secret != nil && hasSecretShape(f.Text(found.secret.Value))):
	case other != "" || found.secret != nil && !looksLikeAWSSecret(f.Text(found.secret.Value)):
		p.Skip, p.Why = NotLongTerm, "the id does not have the form of a long-term AWS access key (AKIA...)"
		return
	case found.id == nil && found.secret == nil && found.token != nil:
		p.Skip, p.Why = NoKeys, "the profile holds settings only"
		return
	}
	if found.flaw != nil {
		p.setUnreadable(Unreadable, found.flaw)
		return
	}
	p.setUnreadable(HalfPair, f.halfFlaw(s, found))
	if found.id != nil {
		p.Key.ID = idIfSafe(f.Text(found.id.Value))
	}
}

// wholeIDs returns the ids of long-term keys among the traces in s.
func (f *File) wholeIDs(s *Section) []string {
	ids, _ := f.findTraces(s)
	return slices.DeleteFunc(ids, func(id string) bool { return !isLongTermID(id) })
}

// findTraces returns the ids of long-term keys, whole or damaged, in the lines of s that
// set a half of a pair or are glued to its header, and the first other id.
func (f *File) findTraces(s *Section) (longTerm []string, other string) {
	header := f.Data[f.headerStart(s):s.Body.Start]
	if _, glued, _ := bytes.Cut(header, []byte("]")); indexLongTermID(string(glued)) >= 0 {
		longTerm = append(longTerm, leadingID(string(glued[indexLongTermID(string(glued)):])))
	}
	for i := range s.Properties {
		p := &s.Properties[i]
		if p.Name != idName && p.Name != secretName {
			continue
		}
		text := f.Text(p.Rest)
		if n := indexLongTermID(text); n >= 0 && !isExampleID(leadingID(text[n:])) {
			longTerm = append(longTerm, leadingID(text[n:]))
		} else if p.Name == idName && other == "" {
			other = strings.TrimLeft(text, `"'`+"` \t")
		}
	}
	return longTerm, other
}

// leadingID returns the capitals and digits at the beginning of text.
func leadingID(text string) string {
	n := 0
	for n < len(text) && (isCapital(text[n]) || isDigit(text[n])) {
		n++
	}
	return text[:n]
}

// leadingWord returns the letters and digits at the beginning of text.
func leadingWord(text string) string {
	n := 0
	for n < len(text) && (isLetter(text[n]) || isDigit(text[n])) {
		n++
	}
	return text[:n]
}

func isCapital(c byte) bool { return 'A' <= c && c <= 'Z' }

// indexLongTermID returns the offset of the first word in text that begins as the id of a
// long-term key does, or -1. The word may be glued to one in small letters.
func indexLongTermID(text string) int {
	for from := 0; ; {
		i := strings.Index(text[from:], idPrefix)
		if i < 0 {
			return -1
		}
		i += from
		if i == 0 || !isCapital(text[i-1]) && !isDigit(text[i-1]) {
			return i
		}
		from = i + len(idPrefix)
	}
}

// looksLikeAWSSecret reports whether s may be an AWS secret: 40 characters of base64. A
// secret without an id shows nothing else about where it belongs.
func looksLikeAWSSecret(s string) bool { return len(s) == 40 && hasSecretShape(s) }

// halfFlaw returns what is wrong in a section that holds an id without a secret, or a
// secret without an id: the line that was meant to set the other half, if there is one.
func (f *File) halfFlaw(s *Section, found pair) *Refusal {
	have, missing := found.id, secretName
	text, remedy := "there is no aws_secret_access_key below the id", "add the line with the secret, or remove the line with the id"
	if have == nil {
		have, missing = found.secret, idName
		text, remedy = "there is a secret but no aws_access_key_id", "add the line with the id, or remove the line with the secret"
	}
	for i := range s.Properties {
		if p := &s.Properties[i]; p.Name == missing && p.Raw.Empty() {
			return f.newRefusal(p.Line, "write the value after the '=', in the same line", "%s has no value", missing)
		}
	}
	if line := f.findMention(s, missing); line > 0 {
		return f.newRefusal(line, "write `"+missing+" = ...` on a line of its own", "the line names %s but does not set it", missing)
	}
	return f.newRefusal(have.Line, remedy, "%s", text)
}

// findMention returns the first line of s, its header included, that holds name and is no
// comment, or 0.
func (f *File) findMention(s *Section, name string) int {
	line := s.Line
	for text := range bytes.Lines(f.sectionText(s)) {
		t := bytes.ToLower(bytes.TrimLeft(text, " \t"))
		if bytes.Contains(t, []byte(name)) && t[0] != '#' && t[0] != ';' {
			return line
		}
		line++
	}
	return 0
}

// glueFlaw returns why a line of s consists of two lines in one, or nil. Programs that
// append to a file whose last line does not end leave such lines, and the doubled settings
// below them are a consequence. The values of settings other than the pair and its token
// may legitimately look like that, so they count only if all is set.
func (f *File) glueFlaw(s *Section, all bool) *Refusal {
	for i := range s.Properties {
		p := &s.Properties[i]
		if !all && credentialName(p.Name) == "" {
			continue
		}
		if raw := f.Data[p.Raw.Start:p.Raw.End]; bytes.IndexByte(raw, '_') < 0 && bytes.IndexByte(raw, '[') < 0 && bytes.IndexByte(raw, '\r') < 0 {
			continue // neither a name, nor a header, nor a line end
		}
		text := f.Text(p.Raw)
		if strings.Contains(text, "\r") {
			return f.newRefusal(p.Line, "save the file with LF or CRLF line endings", "%s", strayReturn)
		}
		if open := strings.IndexByte(text, '['); open > 0 && strings.Contains(text[open:], "]") {
			header := "the header"
			if name, _, _ := strings.Cut(text[open+1:], "]"); name == nameIfSafe(name) {
				header = "the header [" + name + "]"
			}
			return f.newRefusal(p.Line, "begin a new line before the '['", "%s is glued to the end of the line", header)
		}
		low := strings.ToLower(text)
		for _, name := range []string{idName, secretName, tokenNames[0], tokenNames[1]} {
			if strings.Contains(low, name) {
				return f.newRefusal(p.Line, "begin a new line before "+name, "two settings are glued together in one line")
			}
		}
	}
	return nil
}

// describeMark returns what is wrong with a character of a value that some reader takes for
// more than a part of the value, and the remedy.
func describeMark(c byte) (text, remedy string) {
	const plain = "write nothing but the value after the '='"
	switch c {
	case '\r':
		return "a carriage return", "save the file with LF or CRLF line endings"
	case '"', '\'', '`':
		return "a quotation mark", "remove the quotation marks"
	case '#', ';':
		return "a comment without a blank before it", "put the comment on a line of its own"
	case ' ', '\t':
		return "a blank", plain
	case '\\':
		return "a backslash", plain
	}
	if c >= 0x7f {
		return "a character other than letters and digits, perhaps an invisible one", "delete the value and type or paste it again"
	}
	return "a control character", "delete the value and type or paste it again"
}

// wideRefusal returns why no AWS tool reads a file that holds a long-term key: it is UTF-16, as
// some shells on Windows write it. It returns nil for any other file.
func (f *File) wideRefusal() *Refusal {
	isWide := bytes.HasPrefix(f.Data, []byte("\xff\xfe")) || bytes.HasPrefix(f.Data, []byte("\xfe\xff"))
	if !isWide || indexLongTermID(strings.ReplaceAll(string(f.Data), "\x00", "")) < 0 {
		return nil
	}
	return f.newRefusal(1, "save the file as UTF-8 without a byte order mark", "the file is UTF-16 and holds a key, but no AWS tool reads it")
}

// strayKey is a key id in a line that no reader takes for one.
type strayKey struct {
	id      string
	line    int
	section *Section // nil above the first header
}

// findStrays returns the ids of long-term keys that stand where no reader takes them for
// one: under another name, above the first header, below a header that stands for no
// profile. It leaves out comments, nested blocks, and the accounted sections, but for lines
// that name the property and do not set it: an edit would be refused for them.
func (f *File) findStrays(accounted []bool) []strayKey {
	var strays []strayKey
	line, at, in := 1, 0, -1
	for at < len(f.Data) {
		next := bytes.Index(f.Data[at:], []byte(idPrefix))
		if next < 0 {
			break
		}
		start := bytes.LastIndexByte(f.Data[:at+next], '\n') + 1
		line += bytes.Count(f.Data[at:start], []byte("\n"))
		at = len(f.Data)
		if end := bytes.IndexByte(f.Data[start:], '\n'); end >= 0 {
			at = start + end // the line end, which the next turn counts
		}
		in = f.sectionNear(line, in)
		if in >= 0 && accounted[in+1] && f.Sections[in].setsIDAt(line) {
			continue
		}
		text := f.Data[start:min(at+1, len(f.Data))]
		n := indexLongTermID(string(text))
		if n < 0 {
			continue
		}
		before, id := strings.ToLower(string(text[:n])), leadingID(string(text[n:]))
		if accounted[in+1] && !strings.Contains(before, idName) {
			continue
		}
		if isLongTermID(id) && !isExampleID(id) && namesKey(before, string(text[n+len(id):])) && !f.isCommentOrNested(Span{start, start + n}, before) {
			k := strayKey{id: id, line: line}
			if in >= 0 {
				k.section = &f.Sections[in]
			}
			strays = append(strays, k)
		}
	}
	return strays
}

// namesKey reports whether a line was meant to set a key id: it names one, or its value is
// nothing but the id. before and after are the texts around the id, before in lower case.
func namesKey(before, after string) bool {
	name := before
	if i := strings.IndexAny(before, "=:"); i >= 0 {
		name = before[:i]
	}
	name = strings.NewReplacer("_", "", "-", "", " ", "").Replace(name)
	if strings.Contains(name, "accesskey") || strings.Contains(name, "keyid") {
		return true
	}
	before = strings.TrimRight(before, " \t\"'")
	if before == "" || strings.HasSuffix(before, ",") && !strings.Contains(before, "=") { // as in the table that the console offers
		return true
	}
	return strings.HasSuffix(before, "=") && strings.Trim(after, " \t\r\n\"'") == ""
}

// refuse returns why keyd cannot rotate the key.
func (k *strayKey) refuse(f *File) *Refusal {
	r := f.newRefusal(k.line, "write `aws_access_key_id = ...` below the header of a profile, or remove the key",
		"the line holds the key %s, but no AWS tool reads it there", Short(k.id))
	if s := k.section; s != nil && f.Kind == Config {
		if _, ok := profileName(f.Kind, s.Name); !ok {
			r.Line, r.Remedy = s.Line, fmt.Sprintf("write the header as [profile %s]", nameIfSafe(s.Name))
			r.Text = "the header stands for no profile, so no AWS tool reads the key " + Short(k.id) + " below it"
			return r
		}
	}
	if p := f.findCulprit(k.line); k.section == nil || p != nil && p.Line == k.line {
		return r // its remedy may be to remove the line, and so the key
	}
	return f.blameCulprit(r)
}
