package decide

import (
	"cmp"
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// unlessForeign keeps this installation from retiring a key in a rotation that another
// installation began. Its journal is here because the state folder is shared, or was
// copied to another machine: then the other machine's files may still show the key,
// and no one here can see them. Steps that bring the new pair into this machine's files
// continue. A person says with keyd resume that the other installation is gone.
//
// Where the folder is shared, the other installation advances the rotation in time. A
// person is asked only when that is a day overdue.
func unlessForeign(f Facts, r *journal.Rotation, s settings.Settings, now time.Time, d Decision) Decision {
	if !ActionOf(d.Do).Retires || !r.IsForeignTo(f.Installation) || f.Options.RetireNow {
		return d
	}
	patience := RecheckEvery
	switch {
	case r.OrphanID != "" || phaseOf(r) == phaseQuarantine:
		patience += s.Quarantine
	case phaseOf(r) == phaseOverlap:
		patience += s.Overlap
	}
	why := fmt.Sprintf("%s began this rotation, and this is another installation of it%s: the keys of %s are left to that one", foreignKeyd(f, r), here(f), r.User)
	ask := fmt.Sprintf("if keyd no longer runs on %s, and no file there shows %s", hostOf(r), credfile.Short(r.Old.ID))
	short := "left to keyd on " + hostOf(r)
	if f.hasNameOf(r) {
		short = "left to another keyd"
		why = fmt.Sprintf("%s began this rotation, which is also the name of this machine: its state folder was lost or put back since, or another machine has the same name; the keys of %s are left to that one", foreignKeyd(f, r), r.User)
		ask = fmt.Sprintf("if no other machine is called %s, or no file there shows %s", r.Host, credfile.Short(r.Old.ID))
	}
	last, end := r.LastStep(), r.LastStep().Add(patience)
	if used := overlapEnd(r, s).Add(RecheckEvery); phaseOf(r) == phaseOverlap && r.UsedByOthers() && used.After(end) { // its overlap lasts longer
		end = used
	}
	if now.Before(end) && !last.After(now) {
		return WaitUntil(d.State, end, why).InShort(short)
	}
	return BlockUntil(now.Add(RecheckEvery), why, ask+": "+hint.Command("keyd resume", r.Profiles()[0])).InShort(short)
}

// hostOf names the machine that began a rotation.
func hostOf(r *journal.Rotation) string { return cmp.Or(r.Host, "another machine") }

// hasNameOf reports whether this machine has the name of the one that began the rotation. It
// may be the same one, with another state folder.
func (f *Facts) hasNameOf(r *journal.Rotation) bool { return f.Host != "" && f.Host == r.Host }

// foreignKeyd names the installation that began a rotation.
func foreignKeyd(f Facts, r *journal.Rotation) string {
	if f.hasNameOf(r) {
		return "another keyd on " + r.Host
	}
	return "keyd on " + hostOf(r)
}

// here names this machine, behind what it is.
func here(f Facts) string {
	if f.Host == "" {
		return ""
	}
	return ", on " + f.Host
}
