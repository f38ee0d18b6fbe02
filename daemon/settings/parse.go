package settings

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/ini.v1"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/hint"
)

// Load reads keyd.ini. If the file does not exist, it returns the defaults. It
// refuses every name and value that keyd does not know with an *Error, so that a
// misspelt "rotate = nevr" never rotates a key that its owner wanted to exclude. It
// refuses a file that another user owns or may write; File.Read does so with regard to
// the home folder.
func Load(path string) (Settings, error) {
	return File{Path: path, Sys: atomicfile.OS{}}.Read()
}

// Parse parses data as keyd.ini. It uses path only to name the file in errors. A ~ in the
// path of a link stays: File knows the home folder.
func Parse(path string, data []byte) (Settings, error) { return parse(path, writtenHome, data) }

// parse is Parse with a home folder, "" if it is not known.
func parse(path, home string, data []byte) (Settings, error) {
	p := parser{path: path, home: home, data: data, result: Default()}
	p.parseText()
	p.checkClash()
	return p.result, p.err
}

// parseText reads the text, and checks each value for itself.
func (p *parser) parseText() {
	file, err := ini.LoadSources(ini.LoadOptions{
		IgnoreContinuation: true, SpaceBeforeInlineComment: true,
		KeyValueDelimiters: "=", ChildSectionDelimiter: "\x00", PreserveSurroundedQuote: true, // a command needs its quotation marks
	}, p.data)
	if err != nil {
		p.err = newSyntaxError(p.path, p.data, err)
		return
	}
	p.checkRepeats()
	for _, section := range file.Sections() {
		p.parseSection(section)
	}
	p.checkRanges()
}

// newSyntaxError returns the error for a text that is not an ini file. The reader ends its
// messages with the line that it does not understand.
func newSyntaxError(path string, data []byte, err error) *Error {
	text := strings.TrimSpace(err.Error())
	if line, found := strings.CutPrefix(text, "key-value delimiter not found: "); found {
		text = "a setting is written as name = value: " + line
	}
	for i, line := range strings.Split(string(data), "\n") {
		if line = strings.TrimSpace(line); line != "" && strings.HasSuffix(text, ": "+line) {
			return &Error{Path: path, Line: i + 1, Text: text}
		}
	}
	return &Error{Path: path, Text: text}
}

// parser collects the settings of one keyd.ini.
type parser struct {
	path    string
	home    string // the home folder; "" if it is not known
	managed bool   // these are an administrator's settings
	data    []byte
	result  Settings
	header  map[string]string // the section of a profile, as keyd.ini writes it
	at      map[[2]string]int // the line of each setting, by section and name
	err     error             // the first mistake
}

// parseSection reads all settings of one section. The name of a profile may be in quotes,
// as in ~/.aws/config.
func (p *parser) parseSection(s *ini.Section) {
	header := strings.TrimSpace(s.Name())
	rest, isProfile := strings.CutPrefix(header, "profile")
	profile := credfile.ProfileName(rest)
	link, isLink := linkHeader(header)
	isProfile = isProfile && profile != "" && strings.ContainsAny(rest[:1], " \t")
	hook, isHook := hookHeader(header)
	switch {
	case s.Name() == ini.DefaultSection && findLine(p.data, ini.DefaultSection, "") == 0:
		for _, key := range s.Keys() {
			p.parseSetting(p.mainTable(), &p.result, "", "", key)
		}
	case isProfile:
		for _, key := range s.Keys() {
			p.parseProfile(s.Name(), profile, key)
		}
	case isLink && p.managed:
		p.addError(s.Name(), "", &Error{Text: "managed settings have no [link FILE] section: which file of a user holds a key differs", Fix: "let the users run keyd link"})
	case isLink:
		p.parseLink(s, link)
	case isHook:
		p.parseHook(s, hook)
	default:
		p.addError(s.Name(), "", &Error{
			Text: fmt.Sprintf("unknown section [%s]", s.Name()),
			Near: cmp.Or(nearLink(header), nearHook(header, s.Keys()), nearSection(header, s.Keys())),
			Fix:  "use [profile NAME], [link FILE] or [hook NAME]; settings for every key stand above the first of them",
		})
	}
}

// nearSection returns the section that an unknown one was probably meant to be, or "" when
// it holds what no profile has.
func nearSection(header string, keys []*ini.Key) string {
	for _, key := range keys {
		if !slices.ContainsFunc(profileTable[:], func(r row) bool { return r.name == key.Name() || hint.Nearest(key.Name(), []string{r.name}) != "" }) {
			return ""
		}
	}
	word, rest, found := strings.Cut(header, " ")
	if !found || hint.Nearest(word, []string{"profile"}) == "" {
		rest = header
	}
	if rest = strings.TrimSpace(rest); credfile.ProfileName(rest) == "" || strings.EqualFold(rest, "profile") {
		rest = "NAME"
	}
	return "[profile " + rest + "]"
}

// parseProfile reads one setting of a [profile NAME] section. rotate = never takes
// precedence over rotate_after.
func (p *parser) parseProfile(section, profile string, key *ini.Key) {
	if p.result.ProfileLines == nil {
		p.result.ProfileRotateAfter, p.result.ProfileLines, p.header = map[string]time.Duration{}, map[string]string{}, map[string]string{}
	}
	p.header[profile] = section
	p.result.ProfileLines[profile] = fmt.Sprintf("%s:%d", p.path, findLine(p.data, section, ""))
	own := p.result.ofProfile(profile)
	own.RotateAfter = 0
	p.parseSetting(profileTable[:], own, section, "profile "+profile, key)
	if mfa := (MFA{own.MFASerial, own.MFAProcess}); mfa != p.result.ProfileMFA[profile] {
		if p.result.ProfileMFA == nil {
			p.result.ProfileMFA = map[string]MFA{}
		}
		p.result.ProfileMFA[profile] = mfa
	}
	if !strings.HasPrefix(key.Name(), "mfa_") && p.result.ProfileRotateAfter[profile] != Never {
		p.result.ProfileRotateAfter[profile] = own.RotateAfter
	}
}

// mainTable returns the settings that may stand above the first section.
func (p *parser) mainTable() []row {
	if p.managed {
		return append(table[:], managedTable[:]...)
	}
	return table[:]
}

// parseSetting reads one setting into s. rows are the settings that its section may
// have, and name is that of the section as Settings.From takes it.
func (p *parser) parseSetting(rows []row, s *Settings, section, name string, key *ini.Key) {
	var known []string
	for _, r := range rows {
		if r.name == key.Name() {
			into := r.field(s)
			_, isCommand := into.(*command)
			_, isLine := into.(*shellLine)
			keepQuotes := isCommand || isLine // the quotation marks belong to the command
			p.addError(section, r.name, into.parse(r.name, valueOf(key, keepQuotes)))
			if p.result.lines == nil {
				p.result.lines = map[place]string{}
			}
			p.result.lines[place{name, r.name}] = fmt.Sprintf("%s:%d", p.path, p.at[[2]string{section, r.name}])
			return
		}
		known = append(known, r.name)
	}
	text := fmt.Sprintf("unknown setting %q", key.Name())
	if section != "" {
		text += fmt.Sprintf(" in [%s]", section)
	}
	mistake := &Error{Text: text, Near: hint.Nearest(key.Name(), known)}
	if section == "" && slices.ContainsFunc(managedTable[:], func(r row) bool { return r.name == key.Name() }) {
		mistake.Text, mistake.Near, mistake.Fix = key.Name()+" counts only in managed settings, which an administrator writes", "", "take the line out"
	}
	p.addError(section, key.Name(), mistake)
}

// checkRanges refuses values that are too short and values that contradict each
// other.
func (p *parser) checkRanges() {
	s := p.result
	p.checkFloors(table[:], s, "")
	if s.CheckEvery > maxCheckEvery {
		p.addError("", "check_every", &Error{Text: fmt.Sprintf("check_every = %s: must be at most %s", FormatDuration(s.CheckEvery), FormatDuration(maxCheckEvery))})
	}
	p.checkExclusions()
	for _, profile := range slices.Sorted(maps.Keys(s.ProfileRotateAfter)) {
		p.checkFloors(profileTable[:], Settings{RotateAfter: s.ProfileRotateAfter[profile]}, p.header[profile])
	}
}

// checkClash refuses impossible combinations.
func (p *parser) checkClash() {
	if c, found := p.result.findClash(); found {
		p.addError(p.header[c.profile], p.firstSet(c), &Error{Text: c.text, Fix: c.fix})
	}
}

// firstSet returns the first of the settings of a clash that keyd.ini sets.
func (p *parser) firstSet(c clash) string {
	set := slices.DeleteFunc(slices.Clone(c.names), func(name string) bool { return findLine(p.data, p.header[c.profile], name) == 0 })
	return append(set, c.names...)[0]
}

// maxCheckEvery is the longest check_every: a waiting rotation needs one look a day.
const maxCheckEvery = Day

// checkExclusions refuses a profile that is never rotated and has an age for it.
func (p *parser) checkExclusions() {
	for profile, after := range p.result.ProfileRotateAfter {
		section := p.header[profile]
		if line := findLine(p.data, section, "rotate_after"); after == Never && line > 0 {
			p.addError(section, "rotate_after", &Error{Text: fmt.Sprintf("rotate = never and rotate_after exclude each other in [%s]", section), Fix: "keep one of them"})
		}
	}
}

// checkFloors refuses durations that are too short.
func (p *parser) checkFloors(rows []row, s Settings, section string) {
	for _, r := range rows {
		var d time.Duration
		switch into := r.field(&s).(type) {
		case *duration:
			d = time.Duration(*into)
		case *durationOrNever:
			if d = time.Duration(*into); d == 0 {
				continue
			}
		default:
			continue
		}
		if d < r.floor && d != Never {
			p.addError(section, r.name, &Error{Text: fmt.Sprintf("%s = %s: must be at least %s", r.name, FormatDuration(d), FormatDuration(r.floor))})
		}
	}
}

// addError keeps the first mistake, with its line. nil is no mistake.
func (p *parser) addError(section, name string, mistake *Error) {
	if p.err == nil && mistake != nil {
		mistake.Path, mistake.Line = p.path, findLine(p.data, section, name)
		p.err = mistake
	}
}

// findLine returns the line number of a setting, because ini.v1 keeps none. An empty
// name stands for the section header. findLine returns 0 if there is no such line.
func findLine(data []byte, section, name string) int {
	in, number := "", 0
	for line := range bytes.Lines(data) {
		number++
		text := strings.TrimSpace(string(line))
		if strings.HasPrefix(text, "[") {
			in, _ = sectionHeader(line)
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

// valueOf returns the value of a setting, without quotation marks around it unless
// keepQuotes. If only a comment follows "=", ini.v1 returns the comment as the value;
// valueOf then returns "".
func valueOf(key *ini.Key, keepQuotes bool) string {
	value := key.Value()
	if strings.HasPrefix(value, ";") || strings.HasPrefix(value, "#") {
		return ""
	}
	if n := len(value); !keepQuotes && n > 1 && value[0] == value[n-1] && strings.ContainsRune("\"'", rune(value[0])) {
		return value[1 : n-1]
	}
	return value
}
