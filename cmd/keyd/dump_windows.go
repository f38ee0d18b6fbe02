package main

import (
	"golang.org/x/sys/windows"
)

// preventDumps keeps Windows from showing a dialogue, and Windows Error Reporting from writing
// a dump, when this process crashes. Windows still writes dumps that an administrator
// has enabled for all processes.
func preventDumps() error {
	windows.SetErrorMode(windows.SEM_FAILCRITICALERRORS | windows.SEM_NOGPFAULTERRORBOX)
	return nil
}
