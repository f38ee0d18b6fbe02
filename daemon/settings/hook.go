package settings

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"gopkg.in/ini.v1"

	"keyd/credfile"
)

// Hook is a [hook NAME] section: a command that updates a place that is not a file, once
// the files show another pair.
type Hook struct {
	Name     string
	Command  []string      // the program and its arguments; the program is a whole path, or is looked for in PATH
	Required bool          // the old key stays usable until the command has succeeded
	Timeout  time.Duration // after which the command is ended; from a second to MaxHookTimeout
	Secrets  string        // "none", or SecretsStdin: the pair is on its standard input
	Format   string        // of its standard input: "json", or FormatEnv
	Profiles []string      // whose keys it is for; empty means every key, as far as IsForAny says
	Line     string        // the section, as file:line
}

const (
	// SecretsStdin is the value of secrets with which a hook gets the pair.
	SecretsStdin = "stdin"
	// FormatEnv is the value of format with which a hook gets the pair as two lines
	// NAME=VALUE, which many programs read, and nothing else.
	FormatEnv = "env"
	// MaxHookTimeout is the longest timeout of a hook.
	MaxHookTimeout = 10 * time.Minute
)

// hookName matches the names that a hook may have: they stand in messages and on command
// lines.
var hookName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`) })

// GetsSecret reports whether the hook gets the pair.
func (h *Hook) GetsSecret() bool { return h.Secrets == SecretsStdin }

// Digest identifies what the hook does: another command, or another input, is another hook,
// although it has the same name.
func (h *Hook) Digest() string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{h.Secrets, h.Format}, h.Command...), "\x00")))
	return fmt.Sprintf("%x", sum[:8])
}

// IsForAny reports whether the hook is for a key that the profiles share. A hook that names
// no profile is for every key. If it gets the pair, that is only safe while there is one
// key: with two, the other place would hold whichever was replaced last. Callers check that
// with Hook.NamesNoProfile.
func (h *Hook) IsForAny(profiles []string) bool {
	return len(h.Profiles) == 0 || slices.ContainsFunc(h.Profiles, func(name string) bool {
		return slices.ContainsFunc(profiles, func(profile string) bool { return isNamed(profile, name) })
	})
}

// NamesNoProfile reports whether the hook gets a pair and does not say whose.
func (h *Hook) NamesNoProfile() bool { return h.GetsSecret() && len(h.Profiles) == 0 }

// HooksFor returns the hooks for a key that these profiles share, in the order of keyd.ini.
func (s Settings) HooksFor(profiles []string) (hooks []Hook) {
	for _, h := range s.Hooks {
		if h.IsForAny(profiles) {
			hooks = append(hooks, h)
		}
	}
	return hooks
}

// FindHook returns the hook with this name, or nil.
func (s Settings) FindHook(name string) *Hook {
	i := slices.IndexFunc(s.Hooks, func(h Hook) bool { return h.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Hooks[i]
}

// IsManagedHook reports whether an administrator wants the hook with this name.
func (s Settings) IsManagedHook(name string) bool {
	h := s.FindHook(name)
	return h != nil && s.isManaged(h.Line)
}

// hookHeader returns the name of a [hook NAME] section.
func hookHeader(header string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(header, "hook")
	name = credfile.ProfileName(rest)
	return name, ok && name != "" && strings.ContainsAny(rest[:1], " \t")
}

// nearHook returns the section that an unknown one was probably meant to be, or "" when it
// has no command.
func nearHook(header string, keys []*ini.Key) string {
	if !slices.ContainsFunc(keys, func(key *ini.Key) bool { return key.Name() == "command" }) {
		return ""
	}
	fields := strings.Fields(header)
	if name := fields[len(fields)-1]; hookName().MatchString(name) && !strings.EqualFold(name, "hook") {
		return "[hook " + name + "]"
	}
	return "[hook NAME]"
}

// parseHook reads a [hook NAME] section.
func (p *parser) parseHook(s *ini.Section, name string) {
	own := Settings{Hooks: []Hook{{Name: name, Line: fmt.Sprintf("%s:%d", p.path, findLine(p.data, s.Name(), ""))}}}
	for _, r := range hookTable {
		_ = r.field(&own).parse(r.name, r.standard) // a test parses every row
	}
	for _, key := range s.Keys() {
		p.parseSetting(hookTable[:], &own, s.Name(), "hook "+name, key)
	}
	p.checkFloors(hookTable[:], own, s.Name())
	h := own.Hooks[0]
	p.checkHook(s.Name(), &h)
	p.result.Hooks = append(p.result.Hooks, h)
}

// checkHook refuses what no hook may say.
func (p *parser) checkHook(section string, h *Hook) {
	mistake := func(name, fix, format string, args ...any) {
		p.addError(section, name, &Error{Text: fmt.Sprintf(format, args...), Fix: fix})
	}
	if !hookName().MatchString(h.Name) {
		mistake("", "for example [hook github]", "[%s]: the name of a hook has letters, digits, dots, dashes and underscores", section)
	}
	if p.result.FindHook(h.Name) != nil {
		mistake("", "give each hook a name of its own", "there are two hooks with the name %s", h.Name)
	}
	switch {
	case len(h.Command) == 0:
		mistake("", "write the program and its arguments: command = PROGRAM [ARG...]", "[%s] has no command", section)
	case strings.ContainsAny(h.Command[0], `/\`) && !isWholePath(h.Command[0]):
		mistake("command", "write the whole path: no shell replaces ~ or $HOME, and a hook has a working directory of its own", "command = %s: the path of a program has to be whole", h.Command[0])
	}
	if h.Timeout > MaxHookTimeout {
		mistake("timeout", "", "timeout = %s: must be at most %s", FormatDuration(h.Timeout), FormatDuration(MaxHookTimeout))
	}
	if h.Format == FormatEnv && !h.GetsSecret() {
		mistake("format", "secrets = stdin, or take this line out", "format = env is a form of the pair, and [%s] does not get it: secrets = %s", section, h.Secrets)
	}
}

// isWholePath reports whether a program with a separator in it means the same from every
// folder.
func isWholePath(program string) bool { return filepath.IsAbs(program) || program[0] == '/' }

// hookTexts adds the hooks to all, as Texts returns them.
func (s Settings) hookTexts(all map[string]any) {
	for i := range s.Hooks {
		texts := map[string]string{}
		for _, r := range hookTable {
			texts[r.name] = r.field(&Settings{Hooks: s.Hooks[i : i+1]}).String()
		}
		all["hook "+s.Hooks[i].Name] = texts
	}
}

// unknownHookProfiles returns a note for each profile that only a hook names.
func (s Settings) unknownHookProfiles(profiles []string) (notes []string) {
	for _, h := range s.Hooks {
		if s.isManaged(h.Line) {
			continue
		}
		for _, name := range h.Profiles {
			if !slices.ContainsFunc(profiles, func(profile string) bool { return isNamed(profile, name) }) {
				notes = append(notes, fmt.Sprintf("%s: no profile %s in the AWS files, so hook %s does not run for it", h.Line, name, h.Name))
			}
		}
	}
	return notes
}

// profileNames are the names of profiles, separated by commas.
type profileNames []string

func (n *profileNames) parse(name, text string) *Error {
	*n = nil
	if strings.TrimSpace(text) == "" {
		return nil
	}
	seen := map[string]bool{}
	for profile := range strings.SplitSeq(text, ",") {
		profile = credfile.ProfileName(profile)
		if profile == "" {
			return &Error{Text: fmt.Sprintf("%s = %s: write the names of profiles, separated by commas", name, text)}
		}
		seen[profile] = true
	}
	*n = slices.Sorted(maps.Keys(seen))
	return nil
}

func (n *profileNames) String() string { return strings.Join(*n, ", ") }
