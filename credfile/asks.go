package credfile

import (
	"path"
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
func (p *joinedProfile) asks() string {
	asked, _ := AskedProfile(p.setting("credential_process"))
	return asked
}

// describeProcess says where the credentials of a profile with a credential_process come
// from.
func (v *profileIndex) describeProcess(p *joinedProfile) string {
	asked := p.asks()
	switch from := v.find(asked); {
	case asked == "":
		return "comes from credential_process: rotate the key in that program"
	case from.hasPair():
		return "asks keyd for " + asked
	case !from.exists():
		return "asks keyd for " + asked + ", which does not exist"
	}
	return "asks keyd for " + asked + ", which holds no key"
}

// warnOfAsking returns a warning if keyd has no pair for those who ask: their calls fail.
func (v *profileIndex) warnOfAsking(f *File, s *Section, p *joinedProfile) []Problem {
	asked := p.asks()
	if asked == "" || v.find(asked).hasPair() {
		return nil
	}
	return []Problem{f.newProblem(s.Line, "profile "+nameIfSafe(p.name)+" "+v.describeProcess(p)+": programs that use it get no key", "name the profile that holds the key in its credential_process")}
}
