package rotate

import (
	"context"
	"fmt"
	"slices"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// LinkResult says what Link or Unlink did with one file.
type LinkResult struct {
	Path     string
	Before   bool     // keyd.ini had the file already, or did not have it, and stays as it is
	KeyIDs   []string // the keys of the profiles that the file shows now
	Profiles []string // those profiles

	// Rotation is the rotation in progress that has the file; nil when none has. Dropped is
	// set when Unlink has taken the file out of it.
	Rotation *journal.Rotation
	Dropped  bool
}

// Link adds files to the linked files in keyd.ini: all of them, or none when one is refused.
// It refuses a file that a rotation could not keep up to date, with the reason, so that no
// rotation has to: see credfile.Store.CheckLink. d.Settings must be those of keyd.ini.
func (d *Rotator) Link(ctx context.Context, links []settings.Link, keydIni settings.File) ([]LinkResult, error) {
	w, leave, err := d.openWorld(ctx, decide.Options{}, nil, holdLockWait, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	var results []LinkResult
	var added []settings.Link
	for _, l := range links {
		if known := d.settingsLink(l.Path); known != nil && known.Form != l.Form {
			return nil, &needPersonError{text: fmt.Sprintf("%s is linked already, with another form, at %s", l.Path, known.Line),
				hint: "to link it again, first: " + hint.Command("keyd unlink", known.Path)}
		}
		result, err := w.checkLink(ctx, d, l)
		if err != nil {
			return nil, err
		}
		result.Before = d.settingsLink(l.Path) != nil || slices.ContainsFunc(added, func(other settings.Link) bool { return d.isSameFile(other.Path, l.Path) })
		if results = append(results, result); !result.Before {
			added = append(added, l)
		}
	}
	return results, keydIni.AddLinks(ctx, added)
}

// settingsLink returns the link in keyd.ini that leads to the same file as path, or nil.
func (d *Rotator) settingsLink(path string) *settings.Link {
	if l := d.Settings.FindLink(path); l != nil {
		return l
	}
	i := slices.IndexFunc(d.Settings.Links, func(l settings.Link) bool { return d.isSameFile(l.Path, path) })
	if i < 0 {
		return nil
	}
	return &d.Settings.Links[i]
}

// isSameFile reports whether two paths lead to one file.
func (d *Rotator) isSameFile(a, b string) bool {
	if a == b {
		return true
	}
	realA, errA := atomicfile.Resolve(d.Sys, a)
	realB, errB := atomicfile.Resolve(d.Sys, b)
	return errA == nil && errB == nil && realA == realB
}

// checkLink finds out which keys a file shows that is to be linked, or why it cannot be.
func (w *world) checkLink(ctx context.Context, d *Rotator, l settings.Link) (LinkResult, error) {
	result := LinkResult{Path: l.Path}
	var keys []credfile.Key
	of := map[string]*target{}
	add := func(t *target, k credfile.Key) {
		if !k.IsZero() && !k.Secret.IsZero() && of[k.ID] == nil {
			keys, of[k.ID] = append(keys, k), t
		}
	}
	for _, t := range w.targets {
		if r := t.facts.Rotation; r != nil {
			add(t, r.New)
			add(t, r.Old)
		}
		if !t.isLeftAlone() {
			add(t, t.pair)
		}
	}
	shown, err := d.Store.CheckLink(ctx, credfile.Link{Path: l.Path, Form: l.Form}, keys)
	if err != nil {
		return result, err
	}
	for _, k := range shown {
		t := of[k.ID]
		result.KeyIDs, result.Profiles = append(result.KeyIDs, k.ID), append(result.Profiles, t.facts.Profiles...)
		if t.facts.Rotation != nil {
			result.Rotation = t.facts.Rotation
		}
	}
	slices.Sort(result.Profiles)
	result.Profiles = slices.Compact(result.Profiles)
	return result, nil
}

// Unlink takes files out of the linked files in keyd.ini, and out of a rotation in progress.
// The files themselves stay as they are. The rotation keeps a file that shows its new pair
// until it ends: if the rotation were given up, that key would be deleted.
func (d *Rotator) Unlink(ctx context.Context, paths []string, keydIni settings.File) ([]LinkResult, error) {
	w, leave, err := d.openWorld(ctx, decide.Options{}, nil, holdLockWait, false)
	if err != nil {
		return nil, err
	}
	defer leave()
	var results []LinkResult
	for _, path := range paths {
		result, err := d.unlinkFile(ctx, w, path, keydIni)
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

// unlinkFile is Unlink for one file.
func (d *Rotator) unlinkFile(ctx context.Context, w *world, path string, keydIni settings.File) (LinkResult, error) {
	result := LinkResult{Path: path, Before: true}
	if l := d.settingsLink(path); l != nil {
		path = l.Path
		if err := keydIni.RemoveLink(ctx, path); err != nil {
			return result, err
		}
		result.Before = false
	}
	for _, t := range w.targets {
		r := t.facts.Rotation
		if r == nil {
			continue
		}
		result.addShown(t, path)
		if !r.HasLink(path) {
			continue
		}
		result.Rotation = r
		if slices.ContainsFunc(t.newLinks, func(l credfile.Link) bool { return l.Path == path }) {
			continue
		}
		result.Dropped = true
		r.Links = slices.DeleteFunc(r.Links, func(l journal.Link) bool { return l.Path == path })
		if err := d.JournalDir().Save(r); err != nil {
			return result, err
		}
	}
	return result, nil
}

// addShown adds the key that a linked file shows in a rotation.
func (l *LinkResult) addShown(t *target, path string) {
	at := func(other credfile.Link) bool { return other.Path == path }
	switch r := t.facts.Rotation; {
	case slices.ContainsFunc(t.oldLinks, at):
		l.KeyIDs = append(l.KeyIDs, r.Old.ID)
	case slices.ContainsFunc(t.newLinks, at):
		l.KeyIDs = append(l.KeyIDs, r.New.ID)
	default:
		return
	}
	l.Rotation = t.facts.Rotation
}
