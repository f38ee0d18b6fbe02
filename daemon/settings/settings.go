// Package settings reads keyd.ini. Every name and value that keyd does not know is a
// mistake with a file, a line and the nearest valid name. While keyd.ini has a mistake,
// the daemon uses a copy of the last good one: see File.
//
// To add a setting, add a field to Settings and a row to table. The standard value, the
// parser, the list of known names, the shortest duration, the line of the README and
// "settings" in keyd status --json come from the row. A test then asks for the line in
// the README. A type of value that no setting has yet also needs a type in value.go.
//
// The files: settings.go and table.go have the settings, describe.go tells people of them,
// link.go has the linked files, hook.go the hooks, parse.go reads a text, clash.go refuses
// combinations, duration.go and value.go read and print values, count.go prints numbers,
// policy.go picks those that an auditor asks for, lastgood.go keeps the copy, managed.go reads
// an administrator's settings, merge.go joins them with the user's, order.go says which of two
// values is weaker, repeat.go refuses what is there twice, edit.go adds and removes sections.
package settings

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
)

// Day is the longest unit of durations in keyd.ini.
const Day = 24 * time.Hour

// Never is the rotate_after of a profile that keyd leaves alone.
const Never time.Duration = -1

// UnusedReport is the value of unused with which a key that no one uses is reported and
// not rotated.
const UnusedReport = "report"

// Settings are the contents of keyd.ini. The zero value is not usable; start from
// Default.
type Settings struct {
	RotateAfter        time.Duration            // age at which a key is replaced, +-10 %, at least a day
	MaxAge             time.Duration            // the age limit that auditors check; CIS AWS Foundations says 90 days
	Overlap            time.Duration            // how long both keys stay Active after the swap, and how long the old one has to be quiet before it is deactivated
	Quarantine         time.Duration            // how long the old key is Inactive before it is deleted
	Unused             string                   // "rotate", or UnusedReport to leave a key alone that no one uses
	CheckEvery         time.Duration            // the daemon looks at least this often; at least a minute
	Notify             string                   // "desktop" or "none"
	OnEvent            []string                 // a program and its arguments; it gets events as JSON on standard input
	FleetFile          bool                     // each pass writes fleet.json
	DescribeKeys       bool                     // tag new keys for the console's description column
	NeverAccounts      []string                 // keyd leaves the keys of these accounts alone; 12 digits each
	PruneInactiveAfter time.Duration            // 0: never delete a second, Inactive key without being told to
	MFAProcess         string                   // a command, for the shell, that prints an MFA code; "" for none
	MFASerial          string                   // of a profile alone: its MFA device; "" for none
	ProfileMFA         map[string]MFA           // mfa_serial and mfa_process by profile
	ProfileRotateAfter map[string]time.Duration // rotate_after by profile, or Never; see ownRotateAfter
	ProfileLines       map[string]string        // the section of each of those profiles, as file:line
	Links              []Link                   // in the order of keyd.ini
	Hooks              []Hook                   // in the order of keyd.ini, managed ones first

	UserOnEvent []string // the on_event of keyd.ini, where the managed settings have one as well: both run
	AllowNever  bool     // of managed settings alone: users may exclude keys

	// Managed says what of an administrator's settings is in force; nil when there are none.
	Managed *Managed

	lines        map[place]string // where each setting was set, as file:line
	userAccounts []string         // of NeverAccounts, those that only keyd.ini has, if there are managed settings

	// Unknown is set when keyd.ini has a mistake and no earlier good settings are
	// known. All other fields are then the defaults, and nothing may depend on them.
	Unknown bool

	// OwnUnknown is set when keyd.ini has a mistake, no earlier good one is known, and the
	// managed settings are in force without it. Which files and hooks it names, and how long
	// it keeps an old key, nobody knows then: no old key may be ended.
	OwnUnknown bool
}

// place is where a setting can be set.
type place struct {
	section string // "profile legacy"; "" above the first section
	name    string
}

// From returns where a setting was set, as file:line; "" when it has its standard value.
// section is "profile legacy", or "" for the settings above the first section.
func (s Settings) From(section, name string) string { return s.lines[place{section, name}] }

// EventProgram is a program that gets each event.
type EventProgram struct {
	Command []string // with its arguments
	Managed bool     // an administrator wants it
}

// EventPrograms returns the programs that get each event.
func (s Settings) EventPrograms() (all []EventProgram) {
	if len(s.OnEvent) > 0 {
		all = append(all, EventProgram{s.OnEvent, s.isManaged(s.From("", "on_event"))})
	}
	if len(s.UserOnEvent) > 0 {
		all = append(all, EventProgram{Command: s.UserOnEvent})
	}
	return all
}

// MFA says how the codes of one profile are had.
type MFA struct {
	Serial  string // the device; "" when that is not said
	Process string // a command, for the shell, that prints a code; "" for none
}

// MFAFor returns the first device and the first command that the sections of these profiles
// name. The command for every profile is not among them: ~/.aws/config comes before it.
func (s Settings) MFAFor(profiles []string) (m MFA) {
	for _, name := range profiles {
		for _, own := range []MFA{s.ProfileMFA[name], s.ProfileMFA[credfile.ProfileName(name)]} {
			m.Serial, m.Process = cmp.Or(m.Serial, own.Serial), cmp.Or(m.Process, own.Process)
		}
	}
	return m
}

// sectionsOfProfiles returns the names of the profiles that have a section, in order.
func (s Settings) sectionsOfProfiles() []string {
	names := slices.Collect(maps.Keys(s.ProfileRotateAfter))
	for name := range s.ProfileMFA {
		if _, too := s.ProfileRotateAfter[name]; !too {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ofProfile returns settings that hold only what the section of a profile says.
func (s Settings) ofProfile(name string) *Settings {
	return &Settings{RotateAfter: s.ProfileRotateAfter[name], MFASerial: s.ProfileMFA[name].Serial, MFAProcess: s.ProfileMFA[name].Process}
}

// Default returns the settings of a missing or empty keyd.ini.
func Default() Settings {
	var s Settings
	for _, r := range table {
		_ = r.field(&s).parse(r.name, r.standard) // a test parses every row
	}
	return s
}

// Texts returns every setting by its name in keyd.ini, with its value as keyd.ini
// writes it. A section such as "profile legacy" is a map of its own. Texts returns nil
// when the settings are unknown.
func (s Settings) Texts() map[string]any {
	if s.Unknown {
		return nil
	}
	all := map[string]any{}
	for _, r := range table {
		all[r.name] = r.field(&s).String()
	}
	for _, profile := range s.sectionsOfProfiles() {
		own := map[string]string{}
		for _, d := range s.describeProfile(profile) {
			own[d.Name] = d.Value
		}
		all["profile "+profile] = own
	}
	if len(s.UserOnEvent) > 0 {
		all["user_on_event"] = (*command)(&s.UserOnEvent).String()
	}
	s.linkTexts(all)
	s.hookTexts(all)
	return all
}

// RotateAfterFor returns the rotate_after of a key that these profiles share: the
// shortest that any of them asks for, or Never if one of them is excluded.
func (s Settings) RotateAfterFor(profiles []string) time.Duration {
	after := time.Duration(0)
	for _, name := range profiles {
		own := s.ownRotateAfter(name)
		if own == Never {
			return Never
		}
		if after == 0 || own < after {
			after = own
		}
	}
	return cmp.Or(after, s.RotateAfter)
}

// ownRotateAfter returns the rotate_after of one profile. A section is for the profile whose
// name it has, with or without the quotes that one of them may have and the other not. If
// that makes two sections, rotate = never in one of them counts.
func (s Settings) ownRotateAfter(profile string) time.Duration {
	exact, named := s.ProfileRotateAfter[profile]
	plain, also := s.ProfileRotateAfter[credfile.ProfileName(profile)]
	switch {
	case named && exact == Never, also && plain == Never:
		return Never
	case named:
		return exact
	case also:
		return plain
	}
	return s.RotateAfter
}

// isNamed reports whether the section of name is for the profile.
func isNamed(profile, name string) bool {
	return profile == name || credfile.ProfileName(profile) == name
}

// UnknownProfiles returns a note for each profile that keyd.ini names and that is
// not in profiles, the profiles of the AWS files: a misspelt section applies to no
// key. keyd does not refuse such a section, because the profile may be added later
// and one keyd.ini may serve several machines.
func (s Settings) UnknownProfiles(profiles []string) (notes []string) {
	sections := s.sectionsOfProfiles()
	free := slices.DeleteFunc(slices.Clone(profiles), func(profile string) bool {
		return slices.ContainsFunc(sections, func(name string) bool { return isNamed(profile, name) })
	})
	for _, name := range sections {
		if slices.ContainsFunc(profiles, func(profile string) bool { return isNamed(profile, name) }) {
			continue
		}
		if s.isManaged(s.ProfileLines[name]) {
			continue // one file serves many machines
		}
		text := fmt.Sprintf("%s: no profile %s in the AWS files, so this section applies to no key", s.ProfileLines[name], name)
		if near := hint.Nearest(name, free); near != "" {
			text += fmt.Sprintf("; did you mean %s?", near)
		}
		notes = append(notes, text)
	}
	return append(notes, s.unknownHookProfiles(profiles)...)
}

// Error reports a mistake in keyd.ini.
type Error struct {
	Path string
	Line int // 0 when the mistake concerns the whole file
	Text string
	Near string // the valid name that was probably meant; "" when there is none
	Fix  string // how to correct it where no name is the answer; "" otherwise
}

// Error names the file, the line and the mistake.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Path, e.Text)
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Text)
}

// Hint asks whether the nearest valid name was meant, says how to correct the mistake, or
// names the help on the settings.
func (e *Error) Hint() string {
	if e.Near == "" {
		return cmp.Or(e.Fix, "keyd help settings")
	}
	return fmt.Sprintf("did you mean %s?", e.Near)
}
