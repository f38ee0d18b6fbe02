package rotate

import (
	"keyd/daemon/fleet"
	"keyd/daemon/state"
)

// saveFleet writes fleet.json at the end of a pass, or removes it when the settings do not
// ask for it. A failure stops nothing: the file then keeps the time of an earlier pass, which
// every reader checks, since a daemon that does not run leaves the same behind. While no
// settings are known, the file stays as it is.
func (d *Rotator) saveFleet(status state.Status) {
	var err error
	switch {
	case d.Settings.Unknown:
		return
	case d.Settings.FleetFile:
		alive := d.Process == daemonProcess || state.DaemonRunning(d.StateDir)
		err = fleet.Make(fleet.Source{Status: status, Settings: d.Settings, Release: d.Release, Alive: alive, Now: d.Now()}).Save(d.Sys, d.StateDir)
	default:
		err = fleet.Remove(d.Sys, d.StateDir)
	}
	if err != nil {
		d.Log.Warn("fleet", "why", err.Error())
	}
}
