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

// FillProfile replaces PROFILE at the end of a command by the first of profiles. Code
// that does not know the profile writes such commands.
func FillProfile(run string, profiles []string) string {
	words, found := strings.CutSuffix(run, " PROFILE")
	if !found || len(profiles) == 0 { // a rotation that was given up may have no profile
		return run
	}
	return Command(words, profiles[0])
}
