package credfile

import (
	"path"
	"slices"
	"strings"

	"keyd/credfile/readers"
)

// AskedProfile returns the profile whose pair a credential_process gets from keyd, and
// whether it is keyd that the command asks: keyd credentials PROFILE, by whatever path.
func AskedProfile(command string) (profile string, ok bool) {
	for _, text := range []string{command, strings.ReplaceAll(command, `\`, "/")} { // Windows' paths are no escapes
		words, ok := readers.SplitShell(text)
		if ok && len(words) == 3 && strings.HasPrefix(path.Base(words[0]), "keyd") && words[1] == "credentials" && !strings.HasPrefix(words[2], "-") {
			return words[2], true
		}
	}
	return "", false
}

// asks returns the profile whose pair a profile gets from keyd, or "".
func (v *profileIndex) asks(profile string) string {
	asked, _ := AskedProfile(v.setting(profile, "credential_process"))
	return asked
}

// describeProcess says where the credentials of a profile with a credential_process come
// from.
func (v *profileIndex) describeProcess(profile string) string {
	asked := v.asks(profile)
	switch {
	case asked == "":
		return "comes from credential_process: rotate the key in that program"
	case v.hasPair(asked):
		return "asks keyd for " + asked
	case !slices.Contains(v.order, asked) && !v.boto.knows(asked):
		return "asks keyd for " + asked + ", which does not exist"
	}
	return "asks keyd for " + asked + ", which holds no key"
}

// warnOfAsking returns a warning if keyd has no pair for those who ask: their calls fail.
func (v *profileIndex) warnOfAsking(f *File, s *Section, profile string) []Problem {
	asked := v.asks(profile)
	if asked == "" || v.hasPair(asked) {
		return nil
	}
	return []Problem{f.newProblem(s.Line, "profile "+nameIfSafe(profile)+" "+v.describeProcess(profile)+": programs that use it get no key", "name the profile that holds the key in its credential_process")}
}
