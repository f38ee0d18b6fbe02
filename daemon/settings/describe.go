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
	Standard string `json:"standard"`         // the value when keyd.ini does not set it
	Line     int    `json:"line,omitzero"`    // of keyd.ini, from 1; 0 when it does not set the setting
	Doc      string `json:"meaning,omitzero"` // what the setting does
}

// Describe returns the settings in force and where they come from: those above the first
// section in the order of the README, then the sections. data is the keyd.ini that was
// parsed into s; nil when there is none.
func Describe(s Settings, data []byte) []Described {
	all := describeRows(table[:], &s, "", "", data)
	for _, profile := range s.sectionsOfProfiles() {
		all = append(all, describeProfile(&s, profile, data)...)
	}
	for i := range s.Links {
		all = append(all, describeRows(linkTable[:], &Settings{Links: s.Links[i : i+1]}, "link "+s.Links[i].Path, s.Links[i].Line, data)...)
	}
	for i := range s.Hooks {
		all = append(all, describeRows(hookTable[:], &Settings{Hooks: s.Hooks[i : i+1]}, "hook "+s.Hooks[i].Name, s.Hooks[i].Line, data)...)
	}
	return all
}

// describeProfile returns what the section of a profile sets.
func describeProfile(s *Settings, profile string, data []byte) (set []Described) {
	said := false
	for _, d := range describeRows(profileTable[:], s.ofProfile(profile), "profile "+profile, s.ProfileLines[profile], data) {
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

// describeRows returns the settings of one section, with their values in s. at is where the
// section begins in keyd.ini, as file:line.
func describeRows(rows []row, s *Settings, section, at string, data []byte) (all []Described) {
	header := headerAt(data, at)
	for _, r := range rows {
		all = append(all, Described{Section: section, Name: r.name, Value: r.field(s).String(), Standard: r.standard, Line: findLine(data, header, r.name), Doc: r.doc})
	}
	return all
}

// headerAt returns the header of the section that begins at file:line, as keyd.ini writes
// it; "" for what stands above the first section.
func headerAt(data []byte, at string) string {
	line, err := strconv.Atoi(at[strings.LastIndexByte(at, ':')+1:])
	lines := strings.Split(string(data), "\n")
	if err != nil || line < 1 || line > len(lines) {
		return ""
	}
	header, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(lines[line-1]), "["), "]")
	return header
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
