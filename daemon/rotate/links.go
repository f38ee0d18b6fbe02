package rotate

import (
	"cmp"
	"errors"
	"slices"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/copies/forms"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
)

// linkedStore returns the Store with the linked files of the settings and of rotations. What
// the settings say of a file counts. A rotation keeps the files with which it began,
// because keyd.ini may be edited or broken in between.
func (d *Rotator) linkedStore(rotations ...*journal.Rotation) *credfile.Store {
	store := *d.Store
	store.Links = nil
	add := func(l credfile.Link) {
		known := func(other credfile.Link) bool { return other.Path == l.Path }
		if !slices.ContainsFunc(store.Links, known) && l.Path != d.Store.Paths.Credentials && l.Path != d.Store.Paths.Config {
			store.Links = append(store.Links, l)
		}
	}
	for _, l := range d.Settings.Links {
		add(credfile.Link{Path: l.Path, Form: l.Form})
	}
	for _, r := range rotations {
		if r == nil {
			continue
		}
		for _, l := range r.Links {
			form, _ := forms.ParseForm(l.Form) // keyd wrote it
			add(credfile.Link{Path: l.Path, Form: form})
		}
	}
	return &store
}

// storeOf returns the Store for the writes of a rotation. When a person has taken all its
// profiles out of it, it goes on in the linked files alone.
func (d *Rotator) storeOf(t *target) *credfile.Store {
	store := d.linkedStore(t.facts.Rotation)
	if t.facts.Placement.OnlyLinks(t.facts.Rotation) {
		store.Paths = credfile.Paths{}
	}
	return store
}

// placeLinks finds out which linked files show which pair of the rotation, and which of its
// files are astray.
func (t *target) placeLinks(r *journal.Rotation, snapshot *credfile.Snapshot, shows *decide.Placement) {
	old := r.Old
	if old.Secret.IsZero() {
		old.Secret = t.pair.Secret
	}
	for _, l := range snapshot.Links {
		switch {
		case l.Holds(old):
			shows.LinksOld++
			t.oldLinks = append(t.oldLinks, l.Link)
		case l.ShowsID(old.ID):
			t.addAstray(l, old)
		case l.Holds(r.New):
			shows.LinksNew++
			t.newLinks = append(t.newLinks, l.Link)
		case l.ShowsID(r.New.ID):
			t.addAstray(l, r.New)
		case r.HasLink(l.Path):
			t.addAstray(l, newestKey(r))
		}
	}
}

// newestKey returns the new pair, or the old one before a new one exists.
func newestKey(r *journal.Rotation) credfile.Key {
	if r.New.ID != "" {
		return r.New
	}
	return r.Old
}

// addAstray records that a linked file does not show the pair k where keyd can replace it.
func (t *target) addAstray(l credfile.LinkedFile, k credfile.Key) {
	why := ""
	if err := l.CheckPair(k); err != nil {
		why = err.Error()
		if refusal, ok := errors.AsType[*credfile.Refusal](err); ok {
			why = refusal.Text
		}
	}
	t.setAstray(append(t.facts.Astray, decide.Astray{Path: l.Path, Why: cmp.Or(why, "cannot be read"), Changed: l.Changed}))
}

// linksToJournal returns the linked files of the rotation: those that its journal has, and
// those that show one of its pairs now.
func (t *target) linksToJournal(r *journal.Rotation) []journal.Link {
	links := slices.Clone(r.Links)
	for _, l := range slices.Concat(t.oldLinks, t.newLinks) {
		if !slices.ContainsFunc(links, func(known journal.Link) bool { return known.Path == l.Path }) {
			links = append(links, journal.Link{Path: l.Path, Form: l.Form.String()})
		}
	}
	return links
}

// placeLinks finds out which linked files show the keys at rest. A linked file that shows
// no key which keyd knows may be on a disk that is not mounted, or half edited, and may
// still hold any pair: it is astray for the key that it showed in the last pass, or, if
// that is not known, for every key.
func (w *world) placeLinks(snapshot *credfile.Snapshot) {
	for _, l := range snapshot.Links {
		shown := false
		for _, t := range w.targets {
			if t.facts.Rotation != nil {
				shown = shown || l.ShowsID(t.facts.Rotation.Old.ID) || l.ShowsID(t.facts.Rotation.New.ID) || t.facts.Rotation.HasLink(l.Path)
				continue
			}
			switch pair := t.pair; {
			case l.Holds(pair):
				t.newLinks = append(t.newLinks, l.Link)
				shown = true
			case l.ShowsID(pair.ID):
				t.addAstray(l, pair)
				shown = true
			}
		}
		if !shown {
			w.addStray(l)
		}
	}
	w.noteAstray()
}

// addStray records a linked file that shows no key that keyd knows.
func (w *world) addStray(l credfile.LinkedFile) {
	owns := func(t *target) bool { return t.lastStatus != nil && slices.Contains(t.lastStatus.Links, l.Path) }
	owned := slices.ContainsFunc(w.targets, owns)
	for _, t := range w.targets {
		if t.facts.Rotation == nil && (owns(t) || !owned && !t.isLeftAlone()) {
			t.addAstray(l, t.pair)
		}
	}
}

// noteAstray notes each linked file that is astray, whether or not a key is due.
func (w *world) noteAstray() {
	var told []string
	for _, t := range w.targets {
		for _, a := range t.facts.Astray {
			if !slices.Contains(told, a.Path) {
				told = append(told, a.Path)
				w.notes = append(w.notes, a.Path+", a linked file, "+a.Why+": keyd leaves it alone; put it right, or: "+hint.Command("keyd unlink", a.Path))
			}
		}
	}
}

// explainLink adds to an error about a linked file that to unlink it is a way out. It returns
// any other error as it is.
func explainLink(store *credfile.Store, err error) error {
	path, remedy := "", ""
	if refused, ok := errors.AsType[*atomicfile.Refused](err); ok {
		path, remedy = refused.Path, refused.Remedy
	}
	if refusal, ok := errors.AsType[*credfile.Refusal](err); ok {
		path, remedy = refusal.Path, refusal.Remedy
	}
	if !slices.ContainsFunc(store.Links, func(l credfile.Link) bool { return l.Path == path }) {
		return err
	}
	way := "if it no longer needs the key: " + hint.Command("keyd unlink", path)
	if remedy != "" {
		way = remedy + "; or, " + way
	}
	return &needPersonError{text: err.Error(), hint: way, err: err}
}

// shownLinks returns the paths of the linked files of the key, for the status.
func (t *target) shownLinks() (paths []string) {
	for _, l := range slices.Concat(t.oldLinks, t.newLinks) {
		paths = append(paths, l.Path)
	}
	for _, a := range t.facts.Astray {
		paths = append(paths, a.Path)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}
