package settings

import (
	"maps"
	"slices"
)

// Described is one setting, for people.
type Described struct {
	Section  string `json:"section,omitzero"` // "profile legacy"; "" above the first section
	Name     string `json:"name"`
	Value    string `json:"value"`            // in force, as keyd.ini writes it
	Standard string `json:"standard"`         // the value without keyd.ini; "" in a section
	Line     int    `json:"line,omitzero"`    // of keyd.ini, from 1; 0 when it does not set the setting
	Doc      string `json:"meaning,omitzero"` // what the setting does
}

// Describe returns the settings in force and where they come from: those above the first
// section in the order of the README, then the sections by name. data is the keyd.ini that
// was parsed into s; nil when there is none.
func Describe(s Settings, data []byte) []Described {
	var all []Described
	for _, r := range table {
		all = append(all, Described{Name: r.name, Value: r.field(&s).String(), Standard: r.standard, Line: findLine(data, "", r.name), Doc: r.doc})
	}
	texts := s.Texts()
	for _, section := range slices.Sorted(maps.Keys(texts)) {
		own, ok := texts[section].(map[string]string)
		for _, name := range slices.Sorted(maps.Keys(own)) {
			if ok && own[name] != "" {
				all = append(all, Described{Section: section, Name: name, Value: own[name], Line: findLine(data, section, name)})
			}
		}
	}
	return all
}

// DescribeProfile returns the settings that a [profile NAME] section may have.
func DescribeProfile() []Described {
	var all []Described
	for _, r := range profileTable {
		if r.doc != "" { // the other names mean the same as one of these
			all = append(all, Described{Section: "profile NAME", Name: r.name, Standard: r.standard, Doc: r.doc})
		}
	}
	return all
}
