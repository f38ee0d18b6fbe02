package rotate

import (
	"cmp"
	"os"

	"keyd/daemon/state"
)

// installationID returns the id of this installation of keyd. The first pass makes one, and
// so does a dry run: the day on which a key is replaced depends on it, and what a dry run says
// has to be what the next pass does. Whoever only reads gets "" while there is none.
func (d *Rotator) installationID() (string, error) {
	switch {
	case d.Installation != "":
		return d.Installation, nil
	case d.readOnly && d.lock == nil:
		return state.FindInstallationID(d.Sys, d.StateDir)
	}
	return state.InstallationID(d.Sys, d.StateDir)
}

// hostName returns the name of this machine, for people; "" when it has none.
func (d *Rotator) hostName() string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return cmp.Or(d.Host, host)
}
