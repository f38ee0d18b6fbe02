package install

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// IsStale reports whether the definition of the service differs from what this program
// would write, apart from the program, its arguments and its variables: an older keyd has
// written it. It runs no command, so it does not know the version of systemd, and leaves
// out the lines that depend on it. A service that is not installed is not stale.
func (s *Service) IsStale() bool {
	path := s.login.definitionPath()
	definition, err := os.ReadFile(path)
	if err != nil || strings.HasPrefix(string(definition), dropInHeader) {
		return false
	}
	var fresh []byte
	switch login := s.login.(type) {
	case *unit:
		if slices.Contains(login.packagedFolders(), filepath.Dir(path)) {
			return false // it is the package's
		}
		fresh = renderUnit(login.Config, 0)
	case *agent:
		fresh = renderAgent(login.Config, login.crashLog())
	case *task:
		fresh = renderTask(login.Config, login.host.Login)
	default:
		return false
	}
	return outline(definition) != outline(fresh)
}

// ofOneMachine matches what differs between two machines with the same keyd: in a unit, a
// plist and a task.
var ofOneMachine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(ExecStart|Environment|RestartSec|RestartSteps|RestartMaxDelaySec)=.*\r?\n` +
		`|(?s)<key>ProgramArguments</key>\s*<array>.*?</array>` +
		`|(?s)\s*<key>EnvironmentVariables</key>\s*<dict>.*?</dict>` +
		`|(?s)<key>StandardErrorPath</key>\s*<string>.*?</string>` +
		`|<(Command|Arguments|UserId)>[^<]*</(Command|Arguments|UserId)>`)
})

// outline returns a definition without what is of one machine.
func outline(definition []byte) string {
	return ofOneMachine().ReplaceAllString(decodeUTF16(definition), "")
}

// Linger reports whether the service runs while the user is not logged in; nil where that
// is not a question. systemd keeps a file for each user for whom it does.
// Source: logind, user_check_linger_file.
func (s *Service) Linger() *bool {
	if _, ok := s.login.(*unit); !ok {
		return nil
	}
	_, err := os.Stat(filepath.Join(s.host.root+"/var/lib/systemd/linger", s.host.loginName()))
	return new(err == nil)
}

// Differing returns the variables of this shell that the service does not have, or has with
// another value. It reads the definition only. The unit of a package has none, so each of
// the shell's is among them.
func (s *Service) Differing() (all []Variable) {
	path := s.login.definitionPath()
	definition, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	kept, _, err := Environment(s.host.Getenv)
	if err != nil {
		return nil // keyd install says what is wrong
	}
	text := decodeUTF16(definition)
	for _, v := range kept {
		written := ""
		switch s.login.(type) {
		case *unit:
			written = quoteUnit(v.String())
		case *agent:
			written = "<key>" + escapeXML(v.Name) + "</key>\n\t\t<string>" + escapeXML(v.Value) + "</string>"
		case *task:
			written = escapeXML(quoteWindows(v.String()))
		}
		if !strings.Contains(text, written) {
			all = append(all, v)
		}
	}
	return all
}
