package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// world is what the files, the journal and the status say, at one instant.
type world struct {
	units []*unit
	notes []string
}

// unit is one access key with everything that is known of it.
type unit struct {
	facts    Facts
	key      credfile.Key       // the pair that the files show of facts.ID; zero when none does
	holders  []credfile.Profile // the places that show the old or the new id
	site     iam.Site
	siteErr  error
	warnings []string
	line     *KeyLine             // what the status remembers of it; nil when nothing
	made     map[string]time.Time // when keyd last made a key, by owner
}

func (u *unit) names(profiles []string) bool {
	return slices.ContainsFunc(u.facts.Profiles, func(p string) bool { return slices.Contains(profiles, p) })
}

// gather reads files, journals and status. Nothing is asked of AWS.
func (d *Daemon) gather(ctx context.Context, ask Ask) (*world, error) {
	status, err := recall(d.Sys, d.State)
	if err != nil {
		return nil, err
	}
	rotations, problems := d.journal().Load(ctx)
	snapshot, err := d.read(ctx, rotations, expected(status, rotations)...)
	if err != nil {
		return nil, err
	}
	w := &world{}
	for _, r := range rotations {
		w.units = append(w.units, d.rotationUnit(r, snapshot))
	}
	for _, p := range snapshot.Profiles {
		w.add(p, handsOff(problems, p.Key.ID))
	}
	for _, p := range problems {
		if !slices.ContainsFunc(w.units, func(u *unit) bool { return errors.Is(u.facts.Unread, p) }) {
			w.notes = append(w.notes, p.Error())
		}
	}
	slices.SortStableFunc(w.units, func(a, b *unit) int {
		return cmp.Compare(order(snapshot, a), order(snapshot, b))
	})
	made, err := d.history().made(d.Now().Add(-day))
	if err != nil {
		w.notes = append(w.notes, err.Error())
	}
	for _, u := range w.units {
		d.equip(u, status, ask)
		u.made = made
		u.facts.Awake, u.facts.LastRotation = d.awake, made[u.facts.owner()]
	}
	return w, nil
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
		if shows := d.rotationUnit(r, snapshot).facts.Shows; shows.Old+shows.New == 0 && len(shows.Third) == 0 {
			snapshot, err = d.Store.Read(ctx, r.newest())
		}
	}
	return snapshot, err
}

// expected is the ids without which a read of the files is not believed at
// once. Those of temporary credentials come and go.
func expected(status Status, rotations []*Rotation) []string {
	var ids []string
	for _, l := range status.Keys {
		if l.Key != "" && l.State != Skipped {
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
	u := &unit{facts: Facts{ID: r.Old.ID, Profiles: r.Profiles(), Rotation: r}}
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

// add puts a profile into the unit of its key, or into a new one.
func (w *world) add(p credfile.Profile, unread error) {
	for _, u := range w.units {
		if slices.ContainsFunc(u.holders, func(h credfile.Profile) bool { return h.Path == p.Path && h.Section == p.Section }) {
			u.facts.addProfile(p.Name)
			return
		}
		if p.Skip == credfile.Rotatable && p.Key.ID == u.facts.ID && u.facts.Rotation == nil {
			u.holders = append(u.holders, p)
			u.facts.addProfile(p.Name)
			return
		}
	}
	u := &unit{facts: Facts{ID: p.Key.ID, Profiles: []string{p.Name}, Unread: unread}, key: p.Key, holders: []credfile.Profile{p}}
	if p.Skip != credfile.Rotatable {
		u.facts.Skip = cmp.Or(p.Why, string(p.Skip))
	}
	w.units = append(w.units, u)
}

func (f *Facts) addProfile(name string) {
	if !slices.Contains(f.Profiles, name) {
		f.Profiles = append(f.Profiles, name)
	}
}

// handsOff is why a key is left alone whose journal cannot be read: a rotation
// of it may be in any phase. So may one of every key when it is the folder that
// cannot be read.
func handsOff(problems []error, id string) error {
	for _, p := range problems {
		path := ""
		if newer, ok := errors.AsType[*NewerError](p); ok {
			path = newer.Path
		}
		if unread, ok := errors.AsType[*UnreadError](p); ok {
			path = unread.Path
		}
		if path != "" && id != "" && (filepath.Base(path) == id+".json" || filepath.Ext(path) != ".json") {
			return p
		}
	}
	return nil
}

// order is where a unit's first profile stands in the files.
func order(snapshot *credfile.Snapshot, u *unit) int {
	return slices.IndexFunc(snapshot.Profiles, func(p credfile.Profile) bool {
		return slices.Contains(u.facts.Profiles, p.Name)
	})
}

// equip adds what is remembered and where the calls go.
func (d *Daemon) equip(u *unit, status Status, ask Ask) {
	u.facts.Ask = ask
	line := status.line(u.facts.ID)
	if r := u.facts.Rotation; r != nil && line == nil {
		line = status.line(r.New.ID)
	}
	if u.line = line; line != nil {
		u.facts.Seen, u.facts.Trouble = recalled(line.Seen, d.Now()), line.Trouble
	}
	if u.facts.Rotation != nil { // in the middle of one, what another process saw confirms nothing
		u.facts.Seen = staleSeen(u.facts.Seen)
	}
	if ask.Person {
		u.facts.Trouble = nil
	}
	sites := []credfile.Site{}
	for _, p := range u.holders {
		sites = append(sites, p.Site)
		for _, w := range p.Warnings {
			u.warnings = append(u.warnings, fmt.Sprintf("%s:%d: %s", w.Path, w.Line, w.Text))
		}
	}
	if u.facts.Skip == "" {
		u.site, u.siteErr = iam.Resolve(sites, d.Getenv)
	}
}

// recalled is what an earlier pass has seen. It is a cache, and never fresh: a
// decision that could harm rests on what this pass has seen itself.
func recalled(seen *Seen, now time.Time) *Seen {
	if seen == nil || now.Sub(seen.At) >= fresh || seen.At.Sub(now) > maxClockOff {
		return seen
	}
	old := *seen
	old.At = now.Add(-fresh)
	return &old
}

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
	u.facts.Rotation, u.facts.Shows, u.holders = now.facts.Rotation, now.facts.Shows, now.holders
	if !now.key.IsZero() {
		u.key = now.key
	}
	return nil
}

// look asks AWS whose key it is and which keys the user has. It signs with the
// pair that the files show; after a swap that is never the old one.
func (d *Daemon) look(ctx context.Context, u *unit) error {
	client, err := d.client(u, u.signer())
	if err != nil {
		return err
	}
	defer client.Close()
	seen := u.facts.Seen
	if seen == nil || seen.ARN == "" {
		if seen, err = identify(ctx, client, u); err != nil {
			return err
		}
	}
	fresh := *seen
	fresh.Keys = nil
	if fresh.User != "" && !fresh.Root {
		if err := d.list(ctx, client, u, &fresh); err != nil {
			return err
		}
	}
	fresh.At = d.Now().UTC()
	u.facts.Seen = &fresh
	u.facts.LastRotation = u.made[u.facts.owner()]
	return nil
}

func identify(ctx context.Context, client *iam.Client, u *unit) (*Seen, error) {
	who, err := client.CallerIdentity(ctx, u.site.Regions[0])
	if err != nil {
		return nil, err
	}
	if who.Partition != u.site.Partition {
		return nil, &needPersonError{text: fmt.Sprintf("the key belongs to partition %s, but its profile points to %s: nothing was changed", who.Partition, u.site.Partition),
			run: fmt.Sprintf("set region in the profile %s to one of %s", u.facts.Profiles[0], who.Partition)}
	}
	seen := &Seen{Account: who.Account, ARN: who.ARN, Root: who.Root}
	if who.IsUser {
		seen.User = who.User
	}
	return seen, nil
}

// list fills in the keys, and the last use of a second one that is in the way.
func (d *Daemon) list(ctx context.Context, client *iam.Client, u *unit, seen *Seen) error {
	listing, err := d.listing(ctx, client, u, seen.User)
	if err != nil {
		return err
	}
	seen.Offset = listing.Offset
	for _, k := range listing.Keys {
		seen.Keys = append(seen.Keys, SeenKey{ID: k.ID, Active: k.Status == iam.Active, Status: string(k.Status), Created: k.Created})
	}
	other := seen.Other(u.facts.ID)
	if r := u.facts.Rotation; other == nil || r != nil && !r.stuck() {
		return nil
	}
	use, err := client.LastUsed(ctx, other.ID)
	switch {
	case err == nil:
		other.Used = &Use{At: use.At, Service: use.Service, Region: use.Region}
	case iam.ClassOf(err) != iam.Denied: // an optional permission
		return err
	}
	return nil
}

// signer is the pair that AWS is asked with: the one that the files show.
func (u *unit) signer() credfile.Key {
	if r := u.facts.Rotation; r != nil && r.New.ID != "" && (u.facts.Shows.New > 0 || u.facts.Shows.Old == 0) {
		return r.New
	}
	return u.key
}

// client makes a client that signs with key and nothing else.
func (d *Daemon) client(u *unit, key credfile.Key) (*iam.Client, error) {
	if u.siteErr != nil {
		return nil, u.siteErr
	}
	return iam.New(key, u.site, iam.Options{HTTP: d.HTTP, Now: d.Now, App: "keyd"})
}
