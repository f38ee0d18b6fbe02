//go:build !darwin && !windows

package state

import (
	"strings"

	"keyd/credfile/atomicfile"
)

// machineID returns the id that the system was given at its installation, or "" when
// it has none. Source: machine-id(5); the second path is that of D-Bus, on systems
// without systemd.
func machineID(sys atomicfile.Sys) string {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if data, err := atomicfile.Tail(sys, path, 1<<10); err == nil && len(data) > 0 {
			return strings.TrimSpace(string(data))
		}
	}
	return ""
}
