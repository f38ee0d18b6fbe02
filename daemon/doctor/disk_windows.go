package doctor

import "golang.org/x/sys/windows"

// diskSpace returns how much room the disk of a folder has; false if the system does not
// tell.
func diskSpace(dir string) (Space, bool) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return Space{}, false
	}
	var free, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, &total, &all); err != nil {
		return Space{}, false
	}
	return Space{Bytes: free}, true
}
