package daemon

import "golang.org/x/sys/windows"

// NoDumps keeps Windows from showing a dialogue, and Error Reporting from a
// dump, when this process crashes. Dumps that an administrator has turned on
// for all processes are written all the same.
func NoDumps() error {
	windows.SetErrorMode(windows.SEM_FAILCRITICALERRORS | windows.SEM_NOGPFAULTERRORBOX)
	return nil
}
