package doctor

import (
	"context"
	"slices"
)

// Group is a heading under which findings are shown.
type Group string

// The groups, in the order of the screen.
const (
	GroupFiles       Group = "files"
	GroupShadows     Group = "what comes before the files"
	GroupNetwork     Group = "network"
	GroupPermissions Group = "permissions"
	GroupKeys        Group = "keys"
	GroupCopies      Group = "copies"
	GroupService     Group = "service"
	GroupSettings    Group = "settings"
)

// Severity says how much a finding matters.
type Severity string

// The severities.
const (
	Fine    Severity = "fine"    // looked at, and as it should be
	Unknown Severity = "unknown" // could not be found out
	Note    Severity = "note"    // breaks nothing now
	Wrong   Severity = "wrong"   // is or will be broken until a person helps
)

// Need is what a check takes beyond the files of the user.
type Need uint8

// The needs.
const (
	NeedsNothing Need = iota
	NeedsNetwork      // calls AWS, or at least connects to it
	NeedsSearch       // reads the home folder
)

// Check is one thing that the doctor looks at.
type Check struct {
	Name  string // lower-case words with hyphens; never changes, since programs read it
	Group Group
	Why   string // why it matters
	Needs Need

	// Find returns what it found. No finding means that all is well.
	Find func(context.Context, *Patient) []Finding
}

// Finding is what a check has found.
type Finding struct {
	Severity Severity
	Found    string   // what it is, with file and line, or the key
	Why      string   // why it matters, if that differs from the check's Why
	Run      string   // a command that helps and is safe to paste; "" if no command does
	Ask      string   // what else a person can do, or has to know; "" if nothing
	Profiles []string // whose key it is about; nil if it is about none

	// Usual is set with Unknown when nobody can find it out, even where all is well.
	Usual bool

	// mend does what is safe, and returns what it did. nil if nothing is.
	mend func(context.Context) (did string, err error)
}

// All returns every check, in the order of the screen.
func All() []Check {
	return slices.Concat(fileChecks, textChecks, shadowChecks, networkChecks, proxyChecks, permissionChecks, keyChecks, copyChecks, serviceChecks, pathChecks, folderChecks, settingsChecks)
}

// wrong returns a finding that needs a person.
func wrong(found, run, ask string) Finding {
	return Finding{Severity: Wrong, Found: found, Run: run, Ask: ask}
}

// note returns a finding that breaks nothing now.
func note(found, run, ask string) Finding {
	return Finding{Severity: Note, Found: found, Run: run, Ask: ask}
}

// unknown returns a finding about what could not be found out.
func unknown(found, ask string) Finding {
	return Finding{Severity: Unknown, Found: found, Ask: ask}
}
