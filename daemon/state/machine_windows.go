package state

import (
	"golang.org/x/sys/windows/registry"

	"keyd/credfile/atomicfile"
)

// machineID returns the id that Windows was given at its installation, or "" when it
// cannot be read.
func machineID(atomicfile.Sys) string {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SOFTWARE\Microsoft\Cryptography`, registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err != nil {
		return ""
	}
	defer key.Close()
	id, _, err := key.GetStringValue("MachineGuid")
	if err != nil {
		return ""
	}
	return id
}
