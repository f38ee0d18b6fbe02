package daemon

import "strings"

// Command writes a command for a person who pastes it into a POSIX shell. words
// are as they are; each of operands, which is whatever somebody has called a
// profile, is quoted where a shell would take it for more than one word or obey
// it, and all stand after "--" where one could be taken for a flag.
//
// Not guaranteed: cmd.exe on Windows knows no single quotation marks; PowerShell
// does.
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
		b.WriteString(" " + quoted(name))
	}
	return b.String()
}

// AsProfile writes a command of the AWS CLI, which takes a profile as the value
// of a flag, for a person as Command does.
func AsProfile(words, profile string) string {
	if strings.HasPrefix(profile, "-") {
		return words + " --profile=" + quoted(profile)
	}
	return words + " --profile " + quoted(profile)
}

// quoted is a word that a POSIX shell takes as it is.
// Source: POSIX.1-2024, shell command language, 2.2.2.
func quoted(word string) string {
	harmless := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@%+=,", r)
	}
	if word != "" && strings.TrimLeftFunc(word, harmless) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// about names the profile in a command that was written by what knows of none,
// and so ends in PROFILE.
func about(run string, profiles []string) string {
	command, found := strings.CutSuffix(run, " PROFILE")
	if !found || len(profiles) == 0 { // a rotation that was given up may have none
		return run
	}
	return Command(command, profiles[0])
}
