package settings

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/ini.v1"

	"keyd/daemon/hint"
)

// Load reads keyd.ini. If the file does not exist, it returns the defaults. It
// refuses every name and value that keyd does not know with an *Error, so that a
// misspelt "rotate = nevr" never rotates a key that its owner wanted to exclude.
func Load(path string) (Settings, error) {
	data, err := readFile(path)
	if err != nil {
		return Settings{}, err
	}
	return Parse(path, data)
}

// Parse parses data as keyd.ini. It uses path only to name the file in errors.
func Parse(path string, data []byte) (Settings, error) {
	file, err := ini.LoadSources(ini.LoadOptions{
		IgnoreContinuation: true, SpaceBeforeInlineComment: true,
		KeyValueDelimiters: "=", ChildSectionDelimiter: "\x00", PreserveSurroundedQuote: true, // a command needs its quotation marks
	}, data)
	if err != nil {
		return Settings{}, &Error{Path: path, Text: strings.TrimSpace(err.Error())}
	}
	p := parser{path: path, data: data, result: Default()}
	for _, section := range file.Sections() {
		p.parseSection(section)
	}
	p.checkRanges()
	return p.result, p.err
}

// parser collects the settings of one keyd.ini.
type parser struct {
	path   string
	data   []byte
	result Settings
	err    error // the first mistake
}

// parseSection reads all settings of one section.
func (p *parser) parseSection(s *ini.Section) {
	name, isProfile := strings.CutPrefix(s.Name(), "profile ")
	if !isProfile && s.Name() != ini.DefaultSection {
		p.addError(s.Name(), "", fmt.Sprintf("unknown section [%s]", s.Name()), "[profile "+s.Name()[strings.LastIndex(s.Name(), " ")+1:]+"]")
		return
	}
	for _, key := range s.Keys() {
		if isProfile {
			p.parseProfile(s.Name(), strings.TrimSpace(name), key.Name(), unquoteValue(key))
			continue
		}
		p.parseTopLevel(key.Name(), unquoteValue(key))
	}
}

// parseProfile reads one setting of a [profile NAME] section.
func (p *parser) parseProfile(section, profile, name, value string) {
	if p.result.ProfileRotateAfter == nil {
		p.result.ProfileRotateAfter, p.result.ProfileLines = map[string]time.Duration{}, map[string]string{}
	}
	p.result.ProfileLines[profile] = fmt.Sprintf("%s:%d", p.path, findLine(p.data, section, ""))
	switch {
	case name == "rotate" && value == "never":
		p.result.ProfileRotateAfter[profile] = Never
	case name == "rotate":
		p.addError(section, name, fmt.Sprintf("rotate = %q: a profile is excluded by rotate = never", value), "rotate = never")
	case name == "rotate_after":
		var after time.Duration
		p.setDuration(section, name, value, &after)
		if _, excluded := p.result.ProfileRotateAfter[profile]; !excluded {
			p.result.ProfileRotateAfter[profile] = after
		}
	default:
		known := []string{"rotate", "rotate_after"}
		p.addError(section, name, fmt.Sprintf("unknown setting %q in [%s]", name, section), hint.Nearest(name, known))
	}
}

// parseTopLevel reads one setting from above the first section.
func (p *parser) parseTopLevel(name, value string) {
	s := &p.result
	durations := map[string]*time.Duration{
		"rotate_after": &s.RotateAfter, "max_age": &s.MaxAge, "overlap": &s.Overlap,
		"quarantine": &s.Quarantine, "check_every": &s.CheckEvery,
	}
	if into, ok := durations[name]; ok {
		p.setDuration("", name, value, into)
		return
	}
	switch name {
	case "notify":
		p.parseChoice(name, value, &s.Notify, "desktop", "none")
	case "on_event":
		p.parseCommand(name, value)
	case "never_accounts":
		p.parseAccounts(name, value)
	case "describe_keys":
		word := ""
		p.parseChoice(name, value, &word, "true", "false")
		s.DescribeKeys = word == "true"
	case "prune_inactive_after":
		if value != "never" {
			p.setDuration("", name, value, &s.PruneInactiveAfter)
		}
	default:
		known := []string{"rotate_after", "max_age", "overlap", "quarantine", "check_every",
			"notify", "on_event", "describe_keys", "prune_inactive_after", "never_accounts"}
		p.addError("", name, fmt.Sprintf("unknown setting %q", name), hint.Nearest(name, known))
	}
}

// parseChoice reads a setting that must be one of words.
func (p *parser) parseChoice(name, value string, into *string, words ...string) {
	if !slices.Contains(words, value) {
		p.addError("", name, fmt.Sprintf("%s = %q: must be one of %s", name, value, strings.Join(words, ", ")), hint.Nearest(value, words))
	}
	*into = value
}

// setDuration reads a duration into *into.
func (p *parser) setDuration(section, name, value string, into *time.Duration) {
	d, err := parseDuration(value)
	if err != nil {
		p.addError(section, name, fmt.Sprintf("%s = %q: %v", name, value, err), "")
	}
	*into = d
}

// checkRanges refuses values that are too short and values that contradict each
// other.
func (p *parser) checkRanges() {
	s := p.result
	atLeast := func(name string, d, floor time.Duration) {
		if d < floor {
			p.addError("", name, fmt.Sprintf("%s = %s: must be at least %s", name, FormatDuration(d), FormatDuration(floor)), "")
		}
	}
	atLeast("rotate_after", s.RotateAfter, Day) // keyd never rotates a user's key twice within a day
	atLeast("check_every", s.CheckEvery, time.Minute)
	for name, after := range s.ProfileRotateAfter {
		if after != Never && after < Day {
			p.addError("profile "+name, "rotate_after", fmt.Sprintf("rotate_after = %s: must be at least 1d", FormatDuration(after)), "")
		}
	}
	latest := s.RotateAfter + s.RotateAfter/10 + s.Overlap
	if latest > s.MaxAge {
		p.addError("", "max_age", fmt.Sprintf("rotate_after +10 %% and overlap add up to %s: an old key would be active beyond max_age = %s",
			FormatDuration(latest), FormatDuration(s.MaxAge)), "")
	}
}

// addError keeps the first mistake, with its line.
func (p *parser) addError(section, name, text, near string) {
	if p.err == nil {
		p.err = &Error{Path: p.path, Line: findLine(p.data, section, name), Text: text, Near: near}
	}
}

// findLine returns the line number of a setting, because ini.v1 keeps none. An empty
// name stands for the section header. findLine returns 0 if there is no such line.
func findLine(data []byte, section, name string) int {
	in, number := "", 0
	for line := range bytes.Lines(data) {
		number++
		text := strings.TrimSpace(string(line))
		if inner, ok := strings.CutPrefix(text, "["); ok {
			in, _, _ = strings.Cut(inner, "]")
			if in == section && name == "" {
				return number
			}
			continue
		}
		key, _, _ := strings.Cut(text, "=")
		if in == section && name != "" && strings.TrimSpace(key) == name {
			return number
		}
	}
	return 0
}
