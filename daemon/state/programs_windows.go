package state

import "golang.org/x/sys/windows"

// programData returns the folder of Windows for what programs keep for all users. The
// variable ProgramData names it too, but every user can set it.
func programData() string {
	dir, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		return ""
	}
	return dir
}
