package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"keyd/credfile"
)

// lookAgain reads the files and the journal anew after an action. What AWS
// said, and what this pass has proven, stays.
func (d *Daemon) lookAgain(ctx context.Context, u *unit) error {
	rotations, problems := d.journal().Load(ctx)
	if handsOff(problems, u.facts.ID) != nil {
		return errors.Join(problems...)
	}
	i := slices.IndexFunc(rotations, func(r *Rotation) bool { return r.Old.ID == u.facts.ID })
	if i < 0 && u.facts.Rotation != nil { // someone removed it: the only copy of the new secret is here
		i, rotations = len(rotations), append(rotations, u.facts.Rotation)
		if err := d.journal().Save(u.facts.Rotation); err != nil {
			return err
		}
	}
	snapshot, err := d.read(ctx, rotations)
	if err != nil {
		return err
	}
	if i < 0 {
		u.facts.Rotation, u.facts.Shows = nil, Shows{}
		return nil
	}
	now := d.rotationUnit(rotations[i], snapshot)
	u.facts.Rotation, u.facts.Shows, u.facts.Unread, u.holders = now.facts.Rotation, now.facts.Shows, now.facts.Unread, now.holders
	if !now.key.IsZero() {
		u.key = now.key
	}
	return nil
}

// read reads the files, and once more, with patience, where a rotation's
// profiles seem to be gone: a program that truncates and writes may just be at
// it.
func (d *Daemon) read(ctx context.Context, rotations []*Rotation, expect ...string) (*credfile.Snapshot, error) {
	snapshot, err := d.Store.Read(ctx, expect...)
	for _, r := range rotations {
		if err != nil {
			return nil, err
		}
		if f := d.rotationUnit(r, snapshot).facts; f.Shows.Old+f.Shows.New == 0 && len(f.Shows.Third) == 0 && f.Unread == nil {
			snapshot, err = d.Store.Read(ctx, r.newest())
		}
	}
	return snapshot, err
}

// expected is the ids without which a read of the files is not believed at
// once. Those of temporary credentials come and go, and those that other files
// show may have been seen there, by a process that reads them.
func expected(status Status, rotations []*Rotation, others []foreign) []string {
	var ids []string
	for _, l := range status.Keys {
		if l.Key != "" && l.State != Skipped && !showsAny(others, l.Key) {
			ids = append(ids, l.Key)
		}
	}
	for _, r := range rotations { // either id will do, and the status has the one shown last
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == r.Old.ID || id == r.New.ID })
	}
	return ids
}

// rotationUnit is a rotation in progress and what the files show of it.
func (d *Daemon) rotationUnit(r *Rotation, snapshot *credfile.Snapshot) *unit {
	u := &unit{facts: Facts{ID: r.Old.ID, Profiles: r.Profiles(), Rotation: r, Unread: d.elsewhere(r)}}
	u.facts.Shows.Away = d.Away(r)
	u.facts.Shows.Doubt = cmp.Or(snapshot.Doubt(r.New.ID), snapshot.Doubt(r.Old.ID))
	for _, p := range snapshot.Profiles {
		switch {
		case torn(r, p):
			u.facts.Shows.Old++
			u.facts.Shows.Torn++
		case p.Key.ID == r.Old.ID:
			u.facts.Shows.Old++
			u.key = p.Key
		case p.Key.ID == r.New.ID && r.New.ID != "":
			u.facts.Shows.New++
		default:
			continue
		}
		u.holders = append(u.holders, p)
	}
	for _, place := range r.Places {
		i := slices.IndexFunc(snapshot.Profiles, func(p credfile.Profile) bool {
			return p.Path == place.Path && p.Section == place.Section
		})
		switch {
		case i < 0 || snapshot.Profiles[i].Key.ID == "":
			u.facts.Shows.Gone = append(u.facts.Shows.Gone, place.Profile)
		case torn(r, snapshot.Profiles[i]):
		case snapshot.Profiles[i].Key.ID != r.Old.ID && snapshot.Profiles[i].Key.ID != r.New.ID:
			u.facts.Shows.Third = append(u.facts.Shows.Third, place.Profile)
		}
	}
	return u
}

// torn reports whether a place shows half of the old pair and half of the new
// one: a write in place was cut off, by a power failure or a disk that is full.
func torn(r *Rotation, p credfile.Profile) bool {
	return p.Skip == credfile.Rotatable && p.Key.Mixes(r.Old, r.New)
}

// Away is a file of the rotation that is not there, "" when all are: it was
// removed, or its disk is not mounted now.
func (d *Daemon) Away(r *Rotation) string {
	for _, place := range r.Places {
		if !d.Store.Exists(place.Path) {
			return place.Path
		}
	}
	return ""
}

// ElsewhereError is a rotation in a file that this process does not read: it was
// begun where AWS_SHARED_CREDENTIALS_FILE or AWS_CONFIG_FILE named another.
type ElsewhereError struct {
	ID, Path string // the old key, and the file that showed it
	Reads    credfile.Paths
}

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("%s is being rotated in %s, and this keyd reads %s and %s: it is left alone", short(e.ID), e.Path, e.Reads.Credentials, e.Reads.Config)
}

// Hint says how to get at that file.
func (e *ElsewhereError) Hint() string {
	return "set AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE as they were when it began, or not at all"
}

// elsewhere is why a rotation cannot be judged: one of its places stands in a
// file that this process does not read. One that is not there any more holds no
// key.
func (d *Daemon) elsewhere(r *Rotation) error {
	for _, place := range r.Places {
		if !d.Store.Reads(place.Path) && d.Store.Exists(place.Path) {
			return &ElsewhereError{r.Old.ID, place.Path, d.Store.Paths}
		}
	}
	return nil
}
