package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// merge returns the settings in force where managed settings and those of keyd.ini meet. A
// managed value is the default of a user who says nothing and the bound of one who does. What
// keyd.ini says beyond the bound has no effect, and is named in Managed.Ignored: it is no
// mistake, because a rotation must not stop for it. own has passed every check but that for
// combinations; an impossible combination is resolved by leaving out what keyd.ini says.
func merge(managed, own Settings) Settings {
	m := merger{managed: managed, own: own, result: managed, used: map[string]bool{}}
	about := *managed.Managed
	m.result.Managed, m.result.lines = &about, maps.Clone(managed.lines)
	if m.result.lines == nil {
		m.result.lines = map[place]string{}
	}
	about.Never = m.managed.allowsNever()
	m.mergeRows()
	m.mergeProfiles()
	m.mergeSections()
	m.endClashes()
	return m.result
}

// merger joins the managed settings with a user's.
type merger struct {
	managed, own, result Settings
	used                 map[string]bool // the settings above the first section that keyd.ini has set
}

// ignore notes that a line of keyd.ini has no effect.
func (m *merger) ignore(line, format string, args ...any) {
	m.result.Managed.Ignored = append(m.result.Managed.Ignored, Ignored{Line: line, Text: fmt.Sprintf(format, args...)})
}

// regulates reports whether these managed settings limit the age of any key.
func (s Settings) regulates() bool {
	for _, after := range s.ProfileRotateAfter {
		if after != Never {
			return true
		}
	}
	return s.From("", "rotate_after") != "" || s.From("", "max_age") != ""
}

// allowsNever reports whether these managed settings let users exclude keys. Without a word
// on it they do, unless an age is managed.
func (s Settings) allowsNever() bool {
	if s.From("", "allow_never") != "" {
		return s.AllowNever
	}
	return !s.regulates()
}

// allowsNoExclusion reports whether these managed settings limit the age of keys, and let
// users exclude none.
func (s Settings) allowsNoExclusion() bool { return s.regulates() && !s.allowsNever() }

// mergeRows joins the settings above the first section.
func (m *merger) mergeRows() {
	for _, r := range table {
		line, rule := m.own.From("", r.name), m.managed.From("", r.name)
		users, managed := r.field(&m.own), r.field(&m.managed)
		switch {
		case line == "":
		case r.name == "never_accounts":
			m.mergeAccounts(line)
		case r.name == "on_event" && rule != "" && len(m.managed.OnEvent) > 0:
			m.result.UserOnEvent = m.own.OnEvent
			m.result.lines[place{"", "user_on_event"}] = line
		case rule != "" && r.order.isWeaker(users, managed):
			m.ignore(line, "%s = %s has no effect: %s %s", r.name, users, rule, r.order.allows(managed))
		// A key that no one uses would be left alone at any age: that excludes it.
		case r.name == "unused" && m.managed.allowsNoExclusion() && r.order.isWeaker(users, managed):
			m.ignore(line, "%s = %s has no effect: %s", r.name, users, m.denial())
		// A max_age of years would allow an overlap of years, in which the old key works.
		case r.name == "max_age" && m.managed.regulates() && r.order.isWeaker(users, managed):
			m.ignore(line, "%s = %s has no effect: %s limits the age of keys, and leaves %s at %s", r.name, users, m.managed.Managed.Path, r.name, managed)
		default:
			r.copyValue(&m.result, &m.own)
			m.result.lines[place{"", r.name}], m.used[r.name] = line, true
		}
	}
}

// mergeAccounts joins the accounts whose keys are left alone. To add one is to exclude keys.
func (m *merger) mergeAccounts(line string) {
	var more []string
	for _, account := range m.own.NeverAccounts {
		if !slices.Contains(m.managed.NeverAccounts, account) {
			more = append(more, account)
		}
	}
	switch {
	case len(more) == 0:
	case !m.managed.allowsNever():
		m.ignore(line, "never_accounts has no effect for %s: %s", strings.Join(more, ", "), m.denial())
	default:
		m.result.userAccounts = more
		m.result.NeverAccounts = append(slices.Clone(m.managed.NeverAccounts), more...)
		m.result.lines[place{"", "never_accounts"}] = line
	}
}

// denial says that users may not exclude keys.
func (m *merger) denial() string {
	if rule := m.managed.From("", "allow_never"); rule != "" {
		return rule + " says allow_never = false"
	}
	return m.managed.Managed.Path + " limits the age of keys, and does not say allow_never = true"
}

// mergeProfiles joins the sections of profiles.
func (m *merger) mergeProfiles() {
	m.result.ProfileRotateAfter, m.result.ProfileMFA = maps.Clone(m.managed.ProfileRotateAfter), maps.Clone(m.managed.ProfileMFA)
	m.result.ProfileLines = maps.Clone(m.managed.ProfileLines)
	for _, name := range m.own.sectionsOfProfiles() {
		section := "profile " + name
		if m.result.ProfileLines == nil {
			m.result.ProfileLines = map[string]string{}
		}
		m.result.ProfileLines[name] = m.own.ProfileLines[name]
		if after, said := m.own.ProfileRotateAfter[name]; said && m.mayRotate(name, after) {
			if m.result.ProfileRotateAfter == nil {
				m.result.ProfileRotateAfter = map[string]time.Duration{}
			}
			m.result.ProfileRotateAfter[name] = after
			m.takeLines(section, "rotate", "rotate_after")
		}
		m.mergeMFA(name)
	}
}

// mayRotate reports whether keyd.ini may give this rotate_after to a profile. If not, it notes
// that the line has no effect.
func (m *merger) mayRotate(name string, after time.Duration) bool {
	section := "profile " + name
	limit := m.limitFor(name)
	if after == Never {
		if limit == Never || m.managed.allowsNever() {
			return true
		}
		m.ignore(m.own.From(section, "rotate"), "rotate = never has no effect in [%s]: %s", section, m.denial())
		return false
	}
	rule := m.ruleFor(name)
	if rule == "" || !isLongerThan(after, limit) {
		return true
	}
	m.ignore(m.own.From(section, "rotate_after"), "rotate_after = %s has no effect in [%s]: %s allows %s at most", FormatDuration(after), section, rule, FormatDuration(limit))
	return false
}

// limitFor returns the longest rotate_after that the managed settings allow in a user's
// section. It is for the profile with that name, and for one whose name has quotes around
// it, which managed settings may not foresee.
func (m *merger) limitFor(section string) time.Duration {
	if after, managed := m.managed.ProfileRotateAfter[section]; managed {
		return after
	}
	limit := m.managed.ownRotateAfter(section)
	if isLongerThan(limit, m.managed.RotateAfter) {
		return m.managed.RotateAfter
	}
	return limit
}

// ruleFor returns the managed line that limits the age of a profile's key; "" if none does.
func (m *merger) ruleFor(profile string) string {
	for name := range m.managed.ProfileRotateAfter {
		if section := "profile " + name; isNamed(profile, name) && m.managed.From(section, "rotate_after") != "" {
			return m.managed.From(section, "rotate_after")
		}
	}
	return m.managed.From("", "rotate_after")
}

// takeLines notes that settings of a section are those of keyd.ini.
func (m *merger) takeLines(section string, names ...string) {
	for _, name := range names {
		delete(m.result.lines, place{section, name})
		if line := m.own.From(section, name); line != "" {
			m.result.lines[place{section, name}] = line
		}
	}
}

// mergeMFA joins how the codes of a profile are obtained: the device and the command are the
// user's business, and each of them counts.
func (m *merger) mergeMFA(name string) {
	own, joined := m.own.ProfileMFA[name], m.managed.ProfileMFA[name]
	if own.Serial != "" {
		joined.Serial = own.Serial
		m.takeLines("profile "+name, "mfa_serial")
	}
	if own.Process != "" {
		joined.Process = own.Process
		m.takeLines("profile "+name, "mfa_process")
	}
	if joined != (MFA{}) {
		if m.result.ProfileMFA == nil {
			m.result.ProfileMFA = map[string]MFA{}
		}
		m.result.ProfileMFA[name] = joined
	}
}

// mergeSections joins the links and hooks.
func (m *merger) mergeSections() {
	m.result.Links = m.own.Links
	m.result.Hooks = slices.Clone(m.managed.Hooks)
	for _, h := range m.own.Hooks {
		if ruling := m.managed.FindHook(h.Name); ruling != nil {
			m.ignore(h.Line, "[hook %s] has no effect: %s has a hook of that name; give this one another", h.Name, ruling.Line)
			continue
		}
		m.result.Hooks = append(m.result.Hooks, h)
	}
	for at, line := range m.own.lines {
		kind, name, _ := strings.Cut(at.section, " ")
		if kind == "link" || kind == "hook" && m.managed.FindHook(name) == nil {
			m.result.lines[at] = line
		}
	}
}

// endClashes leaves out what keyd.ini says until no clash is left. The managed settings
// alone have none.
func (m *merger) endClashes() {
	for range len(table) + len(m.own.ProfileRotateAfter) {
		if c, found := m.result.findClash(); !found || !m.leaveOut(c) {
			return
		}
	}
}

// leaveOut leaves out one setting that has a part in a clash. It returns false if none
// of them comes from keyd.ini.
func (m *merger) leaveOut(c clash) bool {
	if section := "profile " + c.profile; c.profile != "" && m.own.From(section, "rotate_after") != "" && m.result.From(section, "rotate_after") == m.own.From(section, "rotate_after") {
		m.ignore(m.own.From(section, "rotate_after"), "rotate_after = %s has no effect in [%s]: %s", FormatDuration(m.result.ProfileRotateAfter[c.profile]), section, c.text)
		if after, managed := m.managed.ProfileRotateAfter[c.profile]; managed {
			m.result.ProfileRotateAfter[c.profile] = after
			m.result.lines[place{section, "rotate_after"}] = m.managed.From(section, "rotate_after")
		} else {
			delete(m.result.ProfileRotateAfter, c.profile)
			delete(m.result.lines, place{section, "rotate_after"})
		}
		return true
	}
	parts := c.names
	if c.profile != "" { // the section is managed, and the settings for every key are not
		parts = []string{"overlap", "quarantine", "max_age"}
	}
	for _, name := range []string{"prune_inactive_after", "overlap", "quarantine", "max_age", "rotate_after"} {
		if m.used[name] && slices.Contains(parts, name) {
			m.leaveOutRow(name, c.text)
			return true
		}
	}
	return false
}

// leaveOutRow puts the managed value back in the place of a user's.
func (m *merger) leaveOutRow(name, why string) {
	for _, r := range table {
		if r.name != name {
			continue
		}
		before := r.field(&m.result).String()
		r.copyValue(&m.result, &m.managed)
		delete(m.used, name)
		delete(m.result.lines, place{"", name})
		if rule := m.managed.From("", name); rule != "" {
			m.result.lines[place{"", name}] = rule
		}
		if now := r.field(&m.result).String(); now != before {
			m.ignore(m.own.From("", name), "%s = %s has no effect, %s is in force: %s", name, before, now, why)
		}
	}
}
