package install

import (
	"slices"
	"strings"
)

// accessEntry is one entry of an access list of Windows that allows something.
type accessEntry struct {
	sid         string // whom
	rights      uint32
	inheritOnly bool // holds for what is made inside, not for the folder itself
}

// The rights with which one program can be put in the place of another.
// Source: Microsoft, "File access rights constants".
const (
	rightWriteData   = 0x2 // of a file; for a folder, to add files
	rightAppendData  = 0x4 // of a file; for a folder, to add folders
	rightDeleteChild = 0x40
	rightsTakeOver   = 0x10000 | 0x40000 | 0x80000 | 0x10000000 // to delete it, to change its list or its owner, everything
	rightWrite       = 0x40000000                               // everything that writes
)

// isAdministrator reports whether a SID is that of Windows itself or of administrators,
// who may do anything on the machine anyway, or stands for the owner of the file.
// Source: Microsoft, "Well-known SIDs".
func isAdministrator(sid string) bool {
	if slices.Contains([]string{
		"S-1-5-18", "S-1-5-32-544", // the system, administrators
		"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464", // TrustedInstaller
		"S-1-3-0", "S-1-3-4", // creator owner, owner rights
	}, sid) {
		return true
	}
	domain := strings.HasPrefix(sid, "S-1-5-21-")
	return domain && (strings.HasSuffix(sid, "-500") || strings.HasSuffix(sid, "-512") || strings.HasSuffix(sid, "-519")) // administrator, administrators of a domain
}

// othersInList returns the SIDs of those besides the user and administrators who may
// replace a program, by the access list of the program, of the folder that holds it, or
// of a folder above.
func (h *Host) othersInList(entries []accessEntry, isProgram, holds bool) []string {
	dangerous := uint32(rightsTakeOver)
	switch {
	case isProgram:
		dangerous |= rightWriteData | rightAppendData | rightWrite
	case holds: // a library in this folder would run with the program
		dangerous |= rightWriteData | rightDeleteChild | rightWrite
	default:
		dangerous |= rightDeleteChild
	}
	var others []string
	for _, e := range entries {
		if !e.inheritOnly && e.rights&dangerous != 0 && e.sid != h.UID && !isAdministrator(e.sid) && !slices.Contains(others, e.sid) {
			others = append(others, e.sid)
		}
	}
	return others
}
