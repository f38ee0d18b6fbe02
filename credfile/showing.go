package credfile

import (
	"bytes"
	"strings"
)

// findShowing returns what FindProfile finds among Profiles(credentials, config), as far as
// a pair that HandsOut needs it: without Endpoints and Warnings. It looks at one section
// only, and so it answers only where the rest of the files cannot matter: every reader
// agrees on both files, neither of them names an endpoint, and the pair stands in the
// credentials file in one place. ok is false for anything else.
func findShowing(credentials, config *File, name string) (p Profile, ok bool) {
	s := credentials.findSection(name)
	if s == nil || strings.HasPrefix(name, "(") || !credentials.isPlain() || !config.isPlain() ||
		credentials.namesEndpoint() || config != nil && (config.namesEndpoint() || config.mayHoldID()) {
		return Profile{}, false
	}
	found := credentials.findPair(s)
	if !found.isWhole() || found.token != nil || credentials.secondReaderFlaw(s, found) != nil {
		return Profile{}, false
	}
	key := credentials.pairKey(found)
	if credentials.shapeFlaw(found, key) != nil {
		return Profile{}, false
	}
	if skip, _ := skipForID(key.ID, false); skip != Rotatable || idIfSafe(key.ID) == "" {
		return Profile{}, false
	}
	// The id in a second place: another profile, which may have another secret, or a stray.
	if bytes.Count(credentials.Data, []byte(key.ID)) != 1 || bytes.Count(credentials.Data[s.Body.Start:s.Body.End], []byte(idPrefix)) != 1 {
		return Profile{}, false
	}
	return Profile{Name: name, Path: credentials.Path, Section: s.Name, Line: found.id.Line, Key: key}, true
}

// findSection returns the only section with this name, or nil. A file that does not exist
// has none.
func (f *File) findSection(name string) (found *Section) {
	if f == nil || name == "" {
		return nil
	}
	for i := range f.Sections {
		switch {
		case f.Sections[i].Name != name:
		case found != nil:
			return nil
		default:
			found = &f.Sections[i]
		}
	}
	return found
}

// mayHoldID reports whether the id of a long-term key may stand somewhere in the file.
func (f *File) mayHoldID() bool { return bytes.Contains(f.Data, []byte(idPrefix)) }
