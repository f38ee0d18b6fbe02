package shadow

import (
	"regexp"
	"strings"

	"keyd/credfile/copies/forms"
)

// assignment is a variable that a line sets.
type assignment struct {
	name, value string
	computed    bool // a command or another variable makes the value
	exported    bool // programs get it; in a shell, another line may still export it
}

// The parts of the patterns: the name of a variable, and a value in quotes or without.
const (
	nameForm  = `(AWS_ACCESS_KEY(?:_ID)?)`
	valueForm = `("[^"]*"?|'[^']*'?|[^\s;&|)}'"` + "`" + `]*(?:` + "`[^`]*`" + `|\$?\([^)]*\)?)?)`
)

var (
	shellForm      = forms.CompileLater(`(^|[\s;&|({'"` + "`" + `])` + nameForm + `:?=` + valueForm)
	cshForm        = forms.CompileLater(`(?:^|[\s;&|])setenv\s+` + nameForm + `\s+` + valueForm)
	fishForm       = forms.CompileLater(`(?:^|[\s;&|])set\s+((?:-\S+\s+)+)` + nameForm + `\s+` + valueForm)
	fishStoreForm  = forms.CompileLater(`^SETUVAR\s+(?:--\S+\s+)*--export\s+(?:--\S+\s+)*` + nameForm + `:(.*)$|^SET_EXPORT[: ]` + nameForm + `:(.*)$`)
	powerShellForm = []func() *regexp.Regexp{
		forms.CompileLater(`(?i)\$\{?env:` + nameForm + `\}?\s*=\s*` + valueForm),
		forms.CompileLater(`(?i)SetEnvironmentVariable\(\s*["']` + nameForm + `["']\s*,\s*` + valueForm),
		forms.CompileLater(`(?i)(?:Set-Item|New-Item|Set-Content|si|ni)\s+(?:-Path\s+)?["']?env:[\\/]?` + nameForm + `["']?\s+(?:-Value\s+)?` + valueForm),
		forms.CompileLater(`(?i)\bsetx(?:\.exe)?\s+` + nameForm + `\s+` + valueForm),
	}
	nushellForm = []func() *regexp.Regexp{
		forms.CompileLater(`\$env\.` + nameForm + `\s*=\s*` + valueForm),
		forms.CompileLater(`(?:^|[\s{,])["']?` + nameForm + `["']?\s*:\s*` + valueForm),
	}
	xonshForm = []func() *regexp.Regexp{
		forms.CompileLater(`\$` + nameForm + `\s*=\s*` + valueForm),
		forms.CompileLater(`\$\{\s*["']` + nameForm + `["']\s*\}\s*=\s*` + valueForm),
	}
	elvishForm = []func() *regexp.Regexp{
		forms.CompileLater(`\bset-env\s+` + nameForm + `\s+` + valueForm),
		forms.CompileLater(`\bset\s+E:` + nameForm + `\s*=\s*` + valueForm),
	}
	keyValueForm = forms.CompileLater(`^\s*(?:export\s+)?["']?` + nameForm + `["']?\s*=\s*` + valueForm)
	pamForm      = forms.CompileLater(`^\s*` + nameForm + `\s+(?:.*\s)?(?:DEFAULT|OVERRIDE)=` + valueForm)
	unitForm     = forms.CompileLater(`(?:^|[\s"'=])` + nameForm + `=` + valueForm)
)

// assignments returns what a line of a start file sets.
func assignments(line string, kind Kind) (all []assignment) {
	switch kind {
	case Shell, Direnv:
		return shellAssignments(withoutComment(line))
	case CShell:
		return matches(withoutComment(line), cshForm)
	case Fish:
		code := withoutComment(line)
		for _, m := range fishForm().FindAllStringSubmatch(code, -1) {
			if fishExports(m[1]) {
				all = append(all, newAssignment(m[2], m[3]))
			}
		}
		for _, a := range shellAssignments(code) {
			if a.exported {
				all = append(all, a)
			}
		}
		return valued(all)
	case FishStore:
		for _, m := range fishStoreForm().FindAllStringSubmatch(line, -1) {
			all = append(all, newAssignment(m[1]+m[3], m[2]+m[4]))
		}
		return valued(all)
	case PowerShell:
		return matches(withoutComment(line), powerShellForm...)
	case Nushell:
		return matches(withoutComment(line), nushellForm...)
	case Xonsh:
		return append(matches(withoutComment(line), xonshForm...), exportedOnly(shellAssignments(withoutComment(line)))...)
	case Elvish:
		return matches(withoutComment(line), elvishForm...)
	case PAM:
		return matches(withoutComment(line), pamForm, keyValueForm)
	case SystemdConf:
		if strings.HasPrefix(strings.TrimSpace(line), ";") {
			return nil
		}
		return matches(withoutComment(line), unitForm)
	case EnvFile, EnvFolder, Mise:
		return matches(withoutComment(line), keyValueForm)
	default: // the others have no lines
		return nil
	}
}

// shellAssignments returns what a line of a shell assigns. A variable is exported by the
// word before it, and in front of a command that gets it.
func shellAssignments(code string) (all []assignment) {
	for _, m := range shellForm().FindAllStringSubmatchIndex(code, -1) {
		start, end := m[4], m[1]
		if start >= 2 && code[start-1] == '{' && code[start-2] != '$' { // {NAME= is no group in a shell
			continue
		}
		a := newAssignment(code[m[4]:m[5]], code[m[6]:m[7]])
		before, after := code[:start], strings.TrimSpace(code[end:])
		quoted := start > 0 && strings.ContainsRune(`"'`+"`", rune(code[start-1]))
		a.exported = exportWord().MatchString(before) || quoted || envWord().MatchString(before) ||
			after != "" && !strings.ContainsRune(";&|)}#", rune(after[0])) && !nextAssigns().MatchString(after)
		all = append(all, a)
	}
	return valued(all)
}

var (
	exportWord  = forms.CompileLater(`(?:^|[\s;&|({])(?:export|(?:declare|typeset)\s+-[a-zA-Z]*x[a-zA-Z]*)\s+[^;&|]*$`)
	envWord     = forms.CompileLater(`(?:^|[\s;&|({'"])env\s+[^;&|]*$`)
	nextAssigns = forms.CompileLater(`^(?:[A-Za-z_]\w*=(?:"[^"]*"|'[^']*'|\S*)\s*)+(?:$|[;&|)}#])`)
)

// fishExports reports whether the flags of fish's set export the variable and do not
// erase or only query it.
func fishExports(flags string) bool {
	exports := false
	for flag := range strings.FieldsSeq(flags) {
		long, short := strings.HasPrefix(flag, "--"), strings.TrimPrefix(flag, "-")
		switch {
		case flag == "--erase", flag == "--query", !long && strings.ContainsAny(short, "eq"):
			return false
		case flag == "--export", !long && strings.Contains(short, "x"):
			exports = true
		}
	}
	return exports
}

// matches returns what patterns with a name and a value find in a line.
func matches(code string, forms ...func() *regexp.Regexp) (all []assignment) {
	for _, form := range forms {
		for _, m := range form().FindAllStringSubmatch(code, -1) {
			a := newAssignment(strings.ToUpper(m[1]), m[2])
			a.exported = true
			all = append(all, a)
		}
	}
	return valued(all)
}

// newAssignment returns an assignment of a value as it is written.
func newAssignment(name, written string) assignment {
	value := strings.TrimSpace(written)
	single := strings.HasPrefix(value, "'")
	value = strings.TrimSpace(strings.Trim(value, `"'`))
	return assignment{name: name, value: value, computed: !single && strings.ContainsAny(value, "$`(%@{"), exported: true}
}

// valued leaves out what is set to nothing: AWS tools ignore an empty variable.
func valued(all []assignment) (kept []assignment) {
	for _, a := range all {
		if a.value != "" && a.value != ";" {
			kept = append(kept, a)
		}
	}
	return kept
}

// exportedOnly leaves out what only another line could export.
func exportedOnly(all []assignment) (kept []assignment) {
	for _, a := range all {
		if a.exported {
			kept = append(kept, a)
		}
	}
	return kept
}

// withoutComment returns a line without what follows a # that begins a comment: at the
// start or after a blank, and not in quotes.
func withoutComment(line string) string {
	quote := byte(0)
	for i := range len(line) {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t' || line[i-1] == ';'):
			return line[:i]
		}
	}
	if quote != 0 { // an apostrophe in a word: what begins with # is a comment all the same
		if trimmed := strings.TrimLeft(line, " \t"); strings.HasPrefix(trimmed, "#") {
			return ""
		}
	}
	return line
}
