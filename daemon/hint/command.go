package hint

import (
	"strings"

	"keyd/credfile/shell"
)

// Command returns a command that a person can paste into a POSIX shell. It copies
// words unchanged. operands may be arbitrary, because anyone can choose a profile
// name: Command quotes an operand that a shell would split or interpret, and puts
// "--" before the operands if one of them looks like a flag.
//
// Not guaranteed: that cmd.exe on Windows understands the command. PowerShell knows
// single quotation marks, and cmd.exe does not.
func Command(words string, operands ...string) string {
	var b strings.Builder
	b.WriteString(words)
	for _, name := range operands {
		if strings.HasPrefix(name, "-") {
			b.WriteString(" --")
			break
		}
	}
	for _, name := range operands {
		b.WriteString(" " + shell.Quote(name))
	}
	return b.String()
}

// AWSCommand returns a command of the AWS CLI for one profile, safe to paste as from
// Command. The AWS CLI takes the profile as the value of a flag.
func AWSCommand(words, profile string) string {
	if strings.HasPrefix(profile, "-") {
		return words + " --profile=" + shell.Quote(profile)
	}
	return words + " --profile " + shell.Quote(profile)
}

// FillProfile replaces PROFILE in the commands of a hint by the first of profiles. Code that
// does not know the profile writes it behind a command of keyd, or behind --profile.
func FillProfile(run string, profiles []string) string {
	if len(profiles) == 0 { // a rotation that was given up may have no profile
		return run
	}
	var b strings.Builder
	rest := run
	for {
		words, after, found := strings.Cut(rest, placeholder)
		whole := after == "" || strings.ContainsAny(after[:1], " ;,:")
		switch {
		case !found:
			return b.String() + rest
		case whole && strings.HasSuffix(words, " --profile"):
			b.WriteString(AWSCommand(strings.TrimSuffix(words, " --profile"), profiles[0]))
		case whole && endsInCommand(words):
			b.WriteString(Command(words, profiles[0]))
		default:
			b.WriteString(words + placeholder)
		}
		rest = after
	}
}

const placeholder = " PROFILE"

// endsInCommand reports whether a text ends in keyd and a command.
func endsInCommand(text string) bool {
	at := strings.LastIndex(text, "keyd ")
	return at >= 0 && (at == 0 || text[at-1] == ' ') && !strings.ContainsAny(text[at+len("keyd "):], " ;,:?'")
}
