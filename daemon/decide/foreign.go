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
	why := fmt.Sprintf("keyd on %s began this rotation, and this is another machine or a copy of its state: the keys of %s are left to it", hostOf(r), r.User)
	last, end := r.LastStep(), r.LastStep().Add(patience)
	if used := overlapEnd(r, s).Add(RecheckEvery); phaseOf(r) == phaseOverlap && r.UsedByOthers() && used.After(end) { // its overlap lasts longer
		end = used
	}
	if now.Before(end) && !last.After(now) {
		return WaitUntil(d.State, end, why).InShort("left to keyd on " + hostOf(r))
	}
	return BlockUntil(now.Add(RecheckEvery), why, fmt.Sprintf("if keyd no longer runs on %s, and no file there shows %s: %s", hostOf(r), credfile.Short(r.Old.ID), hint.Command("keyd resume", r.Profiles()[0]))).InShort("left to keyd on " + hostOf(r))
}

// hostOf names the machine that began a rotation.
func hostOf(r *journal.Rotation) string { return cmp.Or(r.Host, "another machine") }
