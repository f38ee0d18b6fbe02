package decide

import (
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// Foresight is what one pass does with a key if each of its actions succeeds.
type Foresight struct {
	Steps []Decision // the actions, in their order; none when there is nothing to do
	End   Decision   // the decision that ends the pass for the key, or the action whose outcome is open
	Open  bool       // End depends on what AWS answers, as after a lost answer
	Facts Facts      // as they are then; the id of a new key is foreseenID
}

// foreseenID stands for the id of a key that does not exist yet.
const foreseenID = "new key"

// maxForeseen bounds the actions that Foresee follows: a whole rotation takes about ten.
const maxForeseen = 40

// Foresee returns what a pass does with a key from here on. It asks Next again and again,
// as the pass does, and supposes in between that the action has succeeded and that nobody
// else does anything. So a preview cannot say anything else than the pass: they share the
// whole policy.
//
// Not guaranteed: that AWS, the files and other people let it happen.
func Foresee(f Facts, s settings.Settings, now time.Time) Foresight {
	f = f.detach()
	var seen Foresight
	for range maxForeseen {
		d := Next(f, s, now)
		if d.EndsPass() {
			seen.End, seen.Facts = d, f
			return seen
		}
		seen.Steps = append(seen.Steps, d)
		if !f.suppose(d.Do, s, now) {
			break
		}
	}
	seen.End, seen.Facts, seen.Open = seen.Steps[len(seen.Steps)-1], f, true
	return seen
}

// Does reports whether the pass takes the action.
func (f *Foresight) Does(do Do) bool {
	return slices.ContainsFunc(f.Steps, func(d Decision) bool { return d.Do == do })
}

// detach returns a copy of f whose parts suppose may change.
func (f Facts) detach() Facts {
	if f.Seen != nil {
		seen := *f.Seen
		seen.Keys = slices.Clone(seen.Keys)
		f.Seen = &seen
	}
	if f.Rotation != nil {
		r := *f.Rotation
		r.Hooks = slices.Clone(r.Hooks)
		if r.Retire != nil {
			retire := *r.Retire
			r.Retire = &retire
		}
		f.Rotation = &r
	}
	f.Pending, f.HookRuns = nil, "" // what has begun is supposed to end
	return f
}

// suppose changes f as the action does when it succeeds. It returns false when the outcome
// is not known beforehand.
func (f *Facts) suppose(do Do, s settings.Settings, now time.Time) (known bool) {
	r := f.Rotation
	switch do {
	case DoLook:
		if f.Seen == nil {
			return false
		}
		f.Seen.At, f.Watched = now, true
	case DoPreflight:
		f.PreflightDone = true
	case DoPrune:
		f.dropListed(f.Seen.FindOther(f.ID).ID)
	case DoCreate:
		f.supposeCreated(now)
	case DoProve:
		f.Proven = true
		f.supposeListed(r.New.ID, now)
	case DoMend, DoSwap:
		f.Placement.Torn, f.Placement.Spoiled = 0, false
		f.Placement.New, f.Placement.Old = f.Placement.New+f.Placement.Old, 0
		f.Placement.LinksNew, f.Placement.LinksOld = f.Placement.LinksNew+f.Placement.LinksOld, 0
		r.Swapped, r.MendStarted = now, now
	case DoValidate:
		r.MarkValidated(now)
		f.supposeListed(r.New.ID, now)
	case DoHook:
		f.supposeDelivered(s, now)
	case DoPutBack:
		f.Placement.Old, f.Placement.New = f.Placement.New+f.Placement.Old, 0
		f.Placement.LinksOld, f.Placement.LinksNew = f.Placement.LinksNew+f.Placement.LinksOld, 0
	case DoDescribe:
		r.Described = true
	case DoCheckUse:
		r.UseChecked = now
	case DoDeactivate:
		r.DeactivateStarted, r.Deactivated, f.Watched = now, now, true
		f.Seen.At = now
		if old := f.Seen.FindKey(r.Old.ID); old != nil {
			old.Active = false
		}
	case DoRevive:
		r.DeactivateStarted, r.Deactivated = time.Time{}, time.Time{}
		r.ForgetUse()
	case DoDelete:
		f.supposeDeleted(now)
	case DoDropHelper:
		f.supposeRetired(now)
	default: // a key that is discarded leaves a failure; what came of a lost answer is found out then
		return false
	}
	if f.Failure != nil && f.Failure.Do == do {
		f.Failure = f.Failure.Hidden
	}
	return true
}

// supposeCreated supposes a rotation with a key of this moment.
func (f *Facts) supposeCreated(now time.Time) {
	r := &journal.Rotation{Old: credfile.Key{ID: f.ID}, New: credfile.Key{ID: foreseenID}, Account: f.Seen.Account, User: f.Seen.User, Installation: f.Installation,
		RetireNow: f.Options.RetireNow, DeleteNow: f.Options.DeleteNow, CreateSent: now, Created: now}
	for _, name := range f.Profiles {
		r.Places = append(r.Places, journal.Place{Profile: name})
	}
	f.Rotation, f.Placement = r, Placement{Old: len(f.Profiles)}
	f.supposeListed(foreseenID, now)
}

// supposeListed supposes that AWS lists a key that it accepts.
func (f *Facts) supposeListed(id string, now time.Time) {
	if f.Seen != nil && f.Seen.FindKey(id) == nil {
		f.Seen.Keys = append(f.Seen.Keys, ListedKey{ID: id, Active: true, Created: now.Add(f.Seen.Offset)})
	}
}

// supposeDelivered supposes that the hook that is due has brought the pair to its place.
func (f *Facts) supposeDelivered(s settings.Settings, now time.Time) {
	if h, id := DueHook(*f, s, now); h != nil {
		f.Rotation.BeginHook(h.Name, h.Digest(), id, time.Time{})
		f.Rotation.FindHook(h.Name).Delivered = now
	}
}

// supposeDeleted supposes that the old key is gone, and with it the rotation.
func (f *Facts) supposeDeleted(now time.Time) {
	r := f.Rotation
	f.dropListed(r.Old.ID)
	if r.IsRetirement() {
		r.Retire.Deleted = now
		return
	}
	f.ID, f.Rotation, f.Placement, f.PreflightDone, f.Proven, f.Watched = r.New.ID, nil, Placement{}, false, false, false
	f.Options, f.JustClosed, f.Failure = Options{}, true, nil
}

// supposeRetired supposes that a retirement is over.
func (f *Facts) supposeRetired(now time.Time) {
	if !f.Rotation.Retire.Deleted.IsZero() {
		f.RetiredAt = now
	}
	f.Rotation, f.JustClosed, f.Options = nil, true, Options{}
}

// dropListed takes a key out of the list.
func (f *Facts) dropListed(id string) {
	f.Seen.Keys = slices.DeleteFunc(f.Seen.Keys, func(k ListedKey) bool { return k.ID == id })
}
