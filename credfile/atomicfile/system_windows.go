package atomicfile

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// The rights with which a file can be changed or replaced.
// Source: Microsoft, "File access rights constants".
const (
	rightsToChange  = 0x2 | 0x4 | 0x40000000                   // to write, to append, everything that writes
	rightToDelete   = 0x40                                     // what is in a folder
	rightsTakeOver  = 0x10000 | 0x40000 | 0x80000 | 0x10000000 // to delete it, to change its list or its owner, everything
	entryConditions = 9                                        // ACCESS_ALLOWED_CALLBACK_ACE_TYPE: allowed under a condition
	installerSID    = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
)

// checkSystemList is CheckSystem by access lists: of the file, and of the folder that holds
// it. Windows lets every user make files and folders in %ProgramData%, but not remove those
// of others, so the folders above are not judged.
// Source: Microsoft, "Well-known SIDs"; the list of ProgramData on Windows 10 and 11.
func checkSystemList(path string) error {
	for name, rights := range map[string]uint32{path: rightsToChange | rightsTakeOver, filepath.Dir(path): rightToDelete | rightsTakeOver} {
		if err := judgeList(name, rights); err != nil && !isSystemFolder(name) {
			return err
		}
	}
	return nil
}

// judgeList returns a *NotSystem if someone other than an administrator owns the file, or has
// one of the rights.
func judgeList(name string, rights uint32) error {
	sd, err := windows.GetNamedSecurityInfo(name, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("atomicfile: the access list of %s: %w", name, err)
	}
	owner, _, err := sd.Owner()
	if err != nil || owner == nil || !isAdministrator(owner.String()) {
		return &NotSystem{Path: name, Text: "belongs to a user who is not an administrator", Repair: `icacls /setowner "*S-1-5-32-544"`}
	}
	open := &NotSystem{Path: name, Text: "may be written by users who are not administrators"}
	list, _, err := sd.DACL()
	if err != nil || list == nil { // no list: everybody may do everything
		return open
	}
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return fmt.Errorf("atomicfile: the access list of %s: %w", name, err)
		}
		if kind := ace.Header.AceType; kind != windows.ACCESS_ALLOWED_ACE_TYPE && kind != entryConditions || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue
		}
		if who := (*windows.SID)(unsafe.Pointer(&ace.SidStart)).String(); uint32(ace.Mask)&rights != 0 && !isAdministrator(who) {
			return open
		}
	}
	return nil
}

// isAdministrator reports whether a SID is that of Windows itself or of administrators, or
// stands for the owner of the file.
func isAdministrator(sid string) bool {
	if slices.Contains([]string{"S-1-5-18", "S-1-5-32-544", installerSID, "S-1-3-0", "S-1-3-4"}, sid) {
		return true
	}
	domain := strings.HasPrefix(sid, "S-1-5-21-")
	return domain && (strings.HasSuffix(sid, "-500") || strings.HasSuffix(sid, "-512") || strings.HasSuffix(sid, "-519")) // administrator, administrators of a domain
}

// isSystemFolder reports whether a path is one of the folders above the files of a machine,
// which Windows itself keeps.
func isSystemFolder(path string) bool {
	dir := filepath.Dir(path)
	return dir == path || filepath.Dir(dir) == dir
}
