package daemon

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/ini.v1"
)

// Load reads keyd.ini. If the file does not exist, it returns the defaults. It
// refuses every name and value that keyd does not know with an *Error, so that a
// misspelt "rotate = nevr" never rotates a key that its owner wanted to exclude.
func LoadSettings(path string) (Settings, error) {
	data, err := readSettings(path)
	if err != nil {
		return Settings{}, err
	}
	return ParseSettings(path, data)
}

// Parse parses data as keyd.ini. It uses path only to name the file in errors.
func ParseSettings(path string, data []byte) (Settings, error) {
	file, err := ini.LoadSources(ini.LoadOptions{
		IgnoreContinuation: true, SpaceBeforeInlineComment: true,
		KeyValueDelimiters: "=", ChildSectionDelimiter: "\x00", PreserveSurroundedQuote: true, // a command needs its quotation marks
	}, data)
	if err != nil {
		return Settings{}, &SettingsError{Path: path, Text: strings.TrimSpace(err.Error())}
	}
	p := settingsParser{path: path, data: data, into: DefaultSettings()}
	for _, section := range file.Sections() {
		p.section(section)
	}
	p.check()
	return p.into, p.err
}

// parser collects the settings of one keyd.ini.
type settingsParser struct {
	path string
	data []byte
	into Settings
	err  error // the first mistake
}

// parseSection reads all settings of one section.
func (p *settingsParser) section(s *ini.Section) {
	name, isProfile := strings.CutPrefix(s.Name(), "profile ")
	if !isProfile && s.Name() != ini.DefaultSection {
		p.fail(s.Name(), "", fmt.Sprintf("unknown section [%s]", s.Name()), "[profile "+s.Name()[strings.LastIndex(s.Name(), " ")+1:]+"]")
		return
	}
	for _, key := range s.Keys() {
		if isProfile {
			p.profile(s.Name(), strings.TrimSpace(name), key.Name(), unlessCommand(key))
			continue
		}
		p.top(key.Name(), unlessCommand(key))
	}
}

// parseProfile reads one setting of a [profile NAME] section.
func (p *settingsParser) profile(section, profile, name, value string) {
	if p.into.Profiles == nil {
		p.into.Profiles, p.into.Sections = map[string]time.Duration{}, map[string]string{}
	}
	p.into.Sections[profile] = fmt.Sprintf("%s:%d", p.path, lineOf(p.data, section, ""))
	switch {
	case name == "rotate" && value == "never":
		p.into.Profiles[profile] = Never
	case name == "rotate":
		p.fail(section, name, fmt.Sprintf("rotate = %q: a profile is excluded by rotate = never", value), "rotate = never")
	case name == "rotate_after":
		var after time.Duration
		p.duration(section, name, value, &after)
		if _, excluded := p.into.Profiles[profile]; !excluded {
			p.into.Profiles[profile] = after
		}
	default:
		known := []string{"rotate", "rotate_after"}
		p.fail(section, name, fmt.Sprintf("unknown setting %q in [%s]", name, section), Nearest(name, known))
	}
}

// parseTopLevel reads one setting from above the first section.
func (p *settingsParser) top(name, value string) {
	s := &p.into
	durations := map[string]*time.Duration{
		"rotate_after": &s.RotateAfter, "max_age": &s.MaxAge, "overlap": &s.Overlap,
		"quarantine": &s.Quarantine, "check_every": &s.CheckEvery,
	}
	if into, ok := durations[name]; ok {
		p.duration("", name, value, into)
		return
	}
	switch name {
	case "notify":
		p.oneOf(name, value, &s.Notify, "desktop", "none")
	case "on_event":
		p.command(name, value)
	case "never_accounts":
		p.accounts(name, value)
	case "describe_keys":
		word := ""
		p.oneOf(name, value, &word, "true", "false")
		s.DescribeKeys = word == "true"
	case "prune_inactive_after":
		if value != "never" {
			p.duration("", name, value, &s.PruneInactiveAfter)
		}
	default:
		known := []string{"rotate_after", "max_age", "overlap", "quarantine", "check_every",
			"notify", "on_event", "describe_keys", "prune_inactive_after", "never_accounts"}
		p.fail("", name, fmt.Sprintf("unknown setting %q", name), Nearest(name, known))
	}
}

// parseChoice reads a setting that must be one of words.
func (p *settingsParser) oneOf(name, value string, into *string, words ...string) {
	if !slices.Contains(words, value) {
		p.fail("", name, fmt.Sprintf("%s = %q: must be one of %s", name, value, strings.Join(words, ", ")), Nearest(value, words))
	}
	*into = value
}

// setDuration reads a duration into *into.
func (p *settingsParser) duration(section, name, value string, into *time.Duration) {
	d, err := parseDuration(value)
	if err != nil {
		p.fail(section, name, fmt.Sprintf("%s = %q: %v", name, value, err), "")
	}
	*into = d
}

// checkRanges refuses values that are too short and values that contradict each
// other.
func (p *settingsParser) check() {
	s := p.into
	atLeast := func(name string, d, floor time.Duration) {
		if d < floor {
			p.fail("", name, fmt.Sprintf("%s = %s: must be at least %s", name, formatSetting(d), formatSetting(floor)), "")
		}
	}
	atLeast("rotate_after", s.RotateAfter, day) // keyd never rotates a user's key twice within a day
	atLeast("check_every", s.CheckEvery, time.Minute)
	for name, after := range s.Profiles {
		if after != Never && after < day {
			p.fail("profile "+name, "rotate_after", fmt.Sprintf("rotate_after = %s: must be at least 1d", formatSetting(after)), "")
		}
	}
	latest := s.RotateAfter + s.RotateAfter/10 + s.Overlap
	if latest > s.MaxAge {
		p.fail("", "max_age", fmt.Sprintf("rotate_after +10 %% and overlap add up to %s: an old key would be active beyond max_age = %s",
			formatSetting(latest), formatSetting(s.MaxAge)), "")
	}
}

// addError keeps the first mistake, with its line.
func (p *settingsParser) fail(section, name, text, near string) {
	if p.err == nil {
		p.err = &SettingsError{Path: p.path, Line: lineOf(p.data, section, name), Text: text, Near: near}
	}
}
