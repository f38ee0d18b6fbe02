package install

import (
	"io/fs"
	"unsafe"

	"golang.org/x/sys/windows"
)

func ownerOf(fs.FileInfo) (o owner, ok bool) { return owner{}, false }

// readOwner returns the owner and the access list of a file. ok is false where there is
// none to read, as on some network drives.
func readOwner(path string, _ fs.FileInfo) (o owner, ok bool) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return owner{}, false
	}
	sid, _, err := sd.Owner()
	if err != nil || sid == nil {
		return owner{}, false
	}
	o.uid, o.hasList = sid.String(), true
	list, _, err := sd.DACL()
	if err != nil || list == nil { // no list: everybody may do everything
		o.list = []accessEntry{{sid: "S-1-1-0", rights: rightsTakeOver}}
		return o, true
	}
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if windows.GetAce(list, i, &ace) != nil {
			return owner{}, false
		}
		const callback = 9 // ACCESS_ALLOWED_CALLBACK_ACE_TYPE: allowed under a condition
		if kind := ace.Header.AceType; kind != windows.ACCESS_ALLOWED_ACE_TYPE && kind != callback {
			continue
		}
		o.list = append(o.list, accessEntry{
			sid:         (*windows.SID)(unsafe.Pointer(&ace.SidStart)).String(),
			rights:      uint32(ace.Mask),
			inheritOnly: ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0,
		})
	}
	return o, true
}

func ignoresModes(string) bool { return true }
