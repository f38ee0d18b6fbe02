package rotate

import (
	"cmp"

	"keyd/credfile"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// daemonProcess is the Process of the daemon. Every other one is a command of a person.
const daemonProcess = "run"

// about returns whom and what a deed about t concerns, and who asked for it.
func (d *Rotator) about(t *target, verb string) state.About {
	a := state.About{Endpoint: t.endpointName()}
	a.AskedBy, a.Command = d.askedBy(t.facts.Rotation, verb)
	for _, p := range t.holders {
		a.AddFile(p.Path)
	}
	for _, links := range [][]credfile.Link{t.oldLinks, t.newLinks} {
		for _, l := range links {
			a.AddFile(l.Path)
		}
	}
	switch r, seen := t.facts.Rotation, t.facts.Seen; {
	case r != nil:
		a.OldKey, a.User, a.Account = r.Old.ID, r.User, r.Account
		if !r.IsRetirement() { // its second key succeeds nobody
			a.NewKey = r.New.ID
		}
		for _, p := range r.Places {
			a.AddFile(p.Path)
		}
		for _, l := range r.Links {
			a.AddFile(l.Path)
		}
	case seen != nil:
		a.User, a.Account = seen.User, seen.Account
	}
	return a
}

// askedBy says who asked for a deed of this process, and with which command. The daemon
// carries out what a person has asked for before: that is in the journal.
func (d *Rotator) askedBy(r *journal.Rotation, verb string) (state.Asker, string) {
	switch ends := verb == VerbDeactivated || verb == VerbDeleted; {
	case d.Process != daemonProcess:
		return state.ByPerson, cmp.Or(d.Command, "keyd "+d.Process)
	case r == nil:
	case verb == VerbRevived:
		return state.ByPerson, "keyd hold"
	case r.IsRetirement():
		return state.ByPerson, "keyd retire"
	case ends && r.DeleteNow:
		return state.ByPerson, "keyd rotate --delete-now"
	case ends && r.RetireNow:
		return state.ByPerson, "keyd rotate --retire-now"
	}
	return state.ByDaemon, ""
}
