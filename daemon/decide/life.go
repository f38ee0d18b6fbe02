package decide

import (
	"time"

	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// Stage is one station in the life of a key, for people.
type Stage struct {
	Name  string
	At    time.Time // by this machine's clock; zero when it is not known, or depends on a person
	Ahead bool      // it is to come; At is then the earliest time
}

// KeyLife returns the stations in the life of a key at rest: what has been, and what is to
// come unless something is in the way. created is by AWS's clock, swapped when keyd wrote the
// key into the files, due when it is replaced; zero when that is not known.
func KeyLife(created, swapped, due time.Time, use *KeyUse, s settings.Settings) (life []Stage) {
	life = addStage(life, "created", created, false)
	life = addStage(life, "in the files", swapped, false)
	switch {
	case use == nil:
	case use.Last != nil:
		life = addStage(life, "last used", use.Last.At, false)
	default:
		life = addStage(life, "quiet since", use.Quiet, false)
	}
	if due.IsZero() {
		return life
	}
	off := due.Add(s.Overlap + min(s.Overlap, UseReportDelay))
	return append(life, Stage{"replaced", due, true}, Stage{"off", off, true}, Stage{"deleted", off.Add(s.Quarantine), true})
}

// RotationLife returns the stations in the lives of the keys of a rotation; next is empty
// before the new key exists, and in a retirement, in which it is a helper. created is when AWS
// made the old key, zero when that is not known.
func RotationLife(r *journal.Rotation, created time.Time, s settings.Settings, installation string) (old, next []Stage) {
	old = addStage(old, "created", created, false)
	if r.IsRetirement() {
		return append(old, endOfLife(r, s, r.Deactivated, r.Retire.Deleted)...), nil
	}
	if r.New.ID == "" {
		return append(old, Stage{Name: "replaced", Ahead: true}), nil
	}
	next = addStage(next, "created", r.Created, false)
	if r.Swapped.IsZero() {
		return append(old, Stage{Name: "replaced", Ahead: true}), append(next, Stage{Name: "in the files", Ahead: true})
	}
	old = addStage(old, "replaced", r.Swapped, false)
	switch {
	case r.UsedByOthers():
		old = addStage(old, "last used", r.LastUse.At, false)
	case !r.Validated.IsZero() && !r.UseChecked.IsZero() && !r.UseDenied:
		old = addStage(old, "quiet since", r.Validated, false)
	}
	next = addStage(next, "in the files", r.Swapped, false)
	due := Stage{"replaced", r.Created.Add(AddJitter(s.RotateAfterFor(r.Profiles()), r.New.ID, installation)), true}
	if s.RotateAfterFor(r.Profiles()) != settings.Never {
		next = append(next, due)
	}
	return append(old, endOfLife(r, s, r.Deactivated, time.Time{})...), next
}

// endOfLife returns the last stations of an old key.
func endOfLife(r *journal.Rotation, s settings.Settings, off, deleted time.Time) (life []Stage) {
	if !deleted.IsZero() {
		return addStage(addStage(life, "off", off, false), "deleted", deleted, false)
	}
	if !off.IsZero() {
		gone := quarantineEnd(r, s)
		if !r.Held.IsZero() {
			gone = time.Time{}
		}
		return append(life, Stage{"off", off, false}, Stage{"deleted", gone, true})
	}
	if r.Validated.IsZero() || !r.Held.IsZero() { // when depends on what comes first
		return append(life, Stage{Name: "off", Ahead: true}, Stage{Name: "deleted", Ahead: true})
	}
	end := overlapEnd(r, s)
	return append(life, Stage{"off", end, true}, Stage{"deleted", end.Add(s.Quarantine), true})
}

// addStage adds a station unless its time is unknown.
func addStage(life []Stage, name string, at time.Time, ahead bool) []Stage {
	if at.IsZero() {
		return life
	}
	return append(life, Stage{name, at, ahead})
}
