package settings

import (
	"strconv"
	"strings"
)

// Described is one setting, for people.
type Described struct {
	Section  string `json:"section,omitzero"` // "profile legacy"; "" above the first section
	Name     string `json:"name"`
	Value    string `json:"value"`            // in force, as keyd.ini writes it
	Standard string `json:"standard"`         // the value when no file sets it
	From     string `json:"from"`             // the line that sets it, as file:line; FromDefault when none does
	Managed  bool   `json:"managed,omitzero"` // that line is one of the managed settings
	Line     int    `json:"line,omitzero"`    // of keyd.ini, from 1; 0 when keyd.ini does not set it
	Doc      string `json:"meaning,omitzero"` // what the setting does
}

// FromDefault says in Described.From that no file sets a setting.
const FromDefault = "default"

// Describe returns the settings in force and where they come from: those above the first
// section in the order of the README, then the sections.
func Describe(s Settings) []Described {
	all := s.describeRows(table[:], &s, "")
	if len(s.UserOnEvent) > 0 {
		own := s.describeRows(table[:], &Settings{OnEvent: s.UserOnEvent}, "")
		for i, d := range all {
			if d.Name == "on_event" {
				d = own[i]
				d.Name, d.Standard, d.Doc = "user_on_event", "", "on_event of keyd.ini, which runs as well"
				d.setFrom(s, s.From("", d.Name))
				all = append(all[:i+1], append([]Described{d}, all[i+1:]...)...)
				break
			}
		}
	}
	if s.Managed != nil {
		all = append(all, s.describeRows(managedTable[:], &s, "")...)
	}
	for _, profile := range s.sectionsOfProfiles() {
		all = append(all, s.describeProfile(profile)...)
	}
	for i := range s.Links {
		all = append(all, s.describeRows(linkTable[:], &Settings{Links: s.Links[i : i+1]}, "link "+s.Links[i].Path)...)
	}
	for i := range s.Hooks {
		all = append(all, s.describeRows(hookTable[:], &Settings{Hooks: s.Hooks[i : i+1]}, "hook "+s.Hooks[i].Name)...)
	}
	return all
}

// Origins returns, in the shape of Texts, where each setting was set: the file and line, or
// FromDefault. It returns nil when the settings are unknown.
func (s Settings) Origins() map[string]any {
	if s.Unknown {
		return nil
	}
	all := map[string]any{}
	for _, d := range Describe(s) {
		if d.Section == "" {
			all[d.Name] = d.From
			continue
		}
		own, ok := all[d.Section].(map[string]string)
		if !ok {
			own = map[string]string{}
			all[d.Section] = own
		}
		own[d.Name] = d.From
	}
	return all
}

// describeProfile returns what the section of a profile sets.
func (s Settings) describeProfile(profile string) (set []Described) {
	said := false
	for _, d := range s.describeRows(profileTable[:], s.ofProfile(profile), "profile "+profile) {
		isAge := strings.HasPrefix(d.Name, "rotate")
		_, hasAge := s.ProfileRotateAfter[profile]
		if d.Value == "" || isAge && (said || !hasAge) { // rotate and rotate_after are two ways to say it
			continue
		}
		said = said || isAge
		set = append(set, d)
	}
	return set
}

// describeRows returns the settings of one section, with their values in values.
func (s Settings) describeRows(rows []row, values *Settings, section string) (all []Described) {
	for _, r := range rows {
		d := Described{Section: section, Name: r.name, Value: r.field(values).String(), Standard: r.standard, Doc: r.doc}
		d.setFrom(s, s.From(section, r.name))
		all = append(all, d)
	}
	return all
}

// setFrom says that a line, as file:line, sets the setting.
func (d *Described) setFrom(s Settings, line string) {
	d.From, d.Managed, d.Line = line, s.isManaged(line), 0
	switch {
	case line == "":
		d.From = FromDefault
	case !d.Managed:
		d.Line, _ = strconv.Atoi(line[strings.LastIndexByte(line, ':')+1:])
	}
}

// DescribeSections returns the settings that each kind of section may have, with their
// standard values.
func DescribeSections() (all []Described) {
	for _, kind := range []struct {
		header string
		rows   []row
	}{{"profile NAME", profileTable[:]}, {"link FILE", linkTable[:]}, {"hook NAME", hookTable[:]}} {
		for _, r := range kind.rows {
			if r.doc != "" { // the other names mean the same as one of these
				all = append(all, Described{Section: kind.header, Name: r.name, Standard: r.standard, Doc: r.doc})
			}
		}
	}
	return all
}

// DescribeManaged returns the settings that only managed settings may have.
func DescribeManaged() []Described { return Settings{}.describeRows(managedTable[:], &Settings{}, "") }
