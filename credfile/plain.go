package credfile

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// isPlain reports whether every reader is known to find in f what keyd finds, so that
// there is no need to ask them. It may return false for a file that is plain. A file that
// does not exist is plain.
func (f *File) isPlain() bool { return f == nil || f.plain }

// findPlain finds out which sections are plain, and whether the file is. So far, a section
// counts as plain if all of its lines are, and the file if those above the first header are.
func (f *File) findPlain() {
	f.plain = f.plain && len(f.Problems) == 0 && (f.Kind == Credentials || findProfileDefault(f) == nil)
	problems := f.Problems
	for i := range f.Sections {
		s := &f.Sections[i]
		for len(problems) > 0 && problems[0].Line < s.Line {
			problems = problems[1:]
		}
		s.plain = s.plain && s.DuplicateLine == 0 && (len(problems) == 0 || problems[0].Line > s.Last) && f.hasPlainProperties(s)
		f.plain = f.plain && s.plain
	}
}

// hasPlainProperties reports whether a section is plain, provided that its lines are.
func (f *File) hasPlainProperties(s *Section) bool {
	if s.Form != Plain || s.Name == "DEFAULT" || lastName(s) == "__proto__" { // for which the JavaScript SDK takes the file for empty
		return false
	}
	hasID, hasSecret, hasToken := false, false, false
	for i := range s.Properties {
		p := &s.Properties[i]
		if !f.isPlainProperty(p) {
			return false
		}
		hasID = hasID || p.Name == idName
		hasSecret = hasSecret || p.Name == secretName
		hasToken = hasToken || p.Name == tokenNames[0]
	}
	return hasID == hasSecret && (!hasToken || hasID) // otherwise some readers take the other part from the other file
}

// isPlainLine reports whether no character of a line, without its ending, is one that only
// some readers take for a blank or for the end of the line: there are no control characters,
// and none outside of ASCII. In a comment, letters of any language are plain.
func isPlainLine(line []byte) bool {
	comment := len(line) > 0 && (line[0] == '#' || line[0] == ';')
	for len(line) >= 8 {
		const ones = 0x0101010101010101
		// One of the highest bits is set if a byte is below ' ', 0x7f, or above it.
		if eight := binary.LittleEndian.Uint64(line); (eight|(eight-' '*ones)|(eight+ones))&(0x80*ones) != 0 {
			break
		}
		line = line[8:]
	}
	for _, c := range line {
		if c-' ' < 0x7f-' ' || c == '\t' || c > 0x7f && comment {
			continue
		}
		return false
	}
	return true
}

// isPlainProperty reports whether no reader finds in p a half of a pair that keyd does not
// find. A reader may find less: some do not know the name in capitals, and some take quotes
// or a comment for a part of the value.
func (f *File) isPlainProperty(p *Property) bool {
	switch {
	case p.Form != Plain || strings.Contains(p.Name, ":") || opensLoneQuote(f.Data[p.Rest.Start:p.Rest.End]):
		return false
	case p.Name == tokenNames[0]: // a pair without a token that some do not know, or that an empty one hides from some
		return !p.Value.Empty() && len(p.More) == 0 && bytes.HasPrefix(f.textBeforeValue(p), []byte(p.Name))
	case p.Name == tokenNames[1]: // only the AWS CLI knows it
		return false
	}
	return len(p.More) == 0 || p.Rest.Empty() && credentialName(p.Name) == "" && !slices.ContainsFunc(p.More, f.splitsLate)
}

// opensLoneQuote reports whether a value may be nothing but one quotation mark: the Go SDK
// refuses the file then.
func opensLoneQuote(value []byte) bool {
	return len(value) > 0 && (value[0] == '"' || value[0] == '\'') && (len(value) == 1 || bytes.IndexByte([]byte(" \t#;"), value[1]) >= 0)
}

// splitsLate reports whether a line of a nested block has a comment in front of its '=': some
// readers cut the comment first, and refuse the file. So they do if its value, which for some
// begins behind a ':', is a lone quotation mark.
func (f *File) splitsLate(line Span) bool {
	text := f.Data[line.Start:line.End]
	if at := bytes.IndexAny(text, "=:"); at >= 0 && opensLoneQuote(bytes.TrimLeft(text[at+1:], " \t")) {
		return true
	}
	name, _, _ := bytes.Cut(text, []byte("="))
	return len(name) > 0 && name[0] != '#' && name[0] != ';' && bytes.ContainsAny(name, "#;")
}
