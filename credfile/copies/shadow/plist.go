package shadow

import (
	"bytes"
	"regexp"

	"keyd/credfile/copies/forms"
)

var (
	// plistForm is a name and the string that follows it: an entry of a dictionary, or the
	// arguments of launchctl setenv.
	plistForm = forms.CompileLater(`<(?:key|string)>\s*(AWS_ACCESS_KEY(?:_ID)?)\s*</(?:key|string)>\s*<string>([^<]*)</string>`)
	// plistCommand is a shell's command in a string.
	plistCommand = forms.CompileLater(`setenv\s+(?:-?\w+\s+)?(AWS_ACCESS_KEY(?:_ID)?)\s+["']?([^\s"'<;&]+)`)
	keyIDForm    = forms.CompileLater(`A[A-Z0-9]{15,}`)
)

// readPlist returns what a property list of launchd sets: for its own program, with
// EnvironmentVariables, or for all programs, with launchctl setenv. A binary property
// list has no lines, and its strings are plain ASCII.
func readPlist(data []byte) (all []Shadow) {
	if bytes.HasPrefix(data, []byte("bplist")) {
		at := bytes.Index(data, []byte("AWS_ACCESS_KEY"))
		if at < 0 {
			return nil
		}
		name := "AWS_ACCESS_KEY"
		if bytes.HasPrefix(data[at:], []byte("AWS_ACCESS_KEY_ID")) {
			name = "AWS_ACCESS_KEY_ID"
		}
		id := ""
		for _, m := range keyIDForm().FindAll(data, -1) { // two ids would be ambiguous
			if id != "" && id != string(m) {
				return []Shadow{{Kind: Launchd, Variable: name}}
			}
			id = string(m)
		}
		return []Shadow{{Kind: Launchd, Variable: name, KeyID: idIn(id)}}
	}
	data = blankComments(data)
	for _, form := range []func() *regexp.Regexp{plistForm, plistCommand} {
		for _, m := range form().FindAllSubmatchIndex(data, -1) {
			a := newAssignment(string(data[m[2]:m[3]]), string(data[m[4]:m[5]]))
			if a.value != "" {
				line := 1 + bytes.Count(data[:m[4]], []byte("\n"))
				all = append(all, Shadow{Kind: Launchd, Line: line, Variable: a.name, KeyID: idIn(a.value), Computed: a.computed})
			}
		}
	}
	return all
}

var xmlComment = forms.CompileLater(`(?s)<!--.*?-->`)

// blankComments replaces comments of XML by blanks, so that lines keep their numbers.
func blankComments(data []byte) []byte {
	return xmlComment().ReplaceAllFunc(data, func(c []byte) []byte {
		blank := bytes.Repeat([]byte(" "), len(c))
		for i := range c {
			if c[i] == '\n' {
				blank[i] = '\n'
			}
		}
		return blank
	})
}
