package main

import (
	"context"
	"slices"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/copies/forms"
	"keyd/daemon/hint"
)

// maxLinkable is how many copies are tried: each is read once more.
const maxLinkable = 500

// addLinks says of each copy whether it is kept up to date already, and else offers the
// command for that, if the way in which the key stands in the file is understood. The
// command itself may find more reasons to refuse a file: it also tries to write there.
func (a *app) addLinks(ctx context.Context, loc locations, r *whereReport) {
	pairs := r.listPairs(ctx, loc)
	for i := range r.Copies {
		c := &r.Copies[i]
		if c.Linked = r.settings.FindLink(c.Path) != nil; c.Linked || !c.row.Advice.Link || i >= maxLinkable {
			continue
		}
		if slices.ContainsFunc(pairs, func(k credfile.Key) bool { return c.Holds(k.ID) && a.isLinkable(loc, c.Path, k) }) {
			c.Advice.Run = hint.Command("keyd link", c.Path)
		}
	}
}

// listPairs returns the pairs that a linked file may show: those in the files, and both of
// each rotation.
func (r *whereReport) listPairs(ctx context.Context, loc locations) (pairs []credfile.Key) {
	if snapshot, err := loc.store.Read(ctx); err == nil {
		for _, p := range snapshot.Profiles {
			if p.Skip == credfile.Rotatable {
				pairs = append(pairs, p.Key)
			}
		}
	}
	for _, rotation := range r.rotations {
		pairs = append(pairs, rotation.New, rotation.Old)
	}
	return slices.DeleteFunc(pairs, func(k credfile.Key) bool { return k.ID == "" || k.Secret.IsZero() })
}

// isLinkable reports whether the file shows the pair in a way that can be kept up to date. It
// reads at most atomicfile.MaxSize bytes.
func (a *app) isLinkable(loc locations, path string, k credfile.Key) bool {
	data, err := atomicfile.Peek(loc.sys, path)
	if err != nil {
		return false
	}
	_, err = forms.Find(path, data, forms.Form{}, forms.Pair{ID: k.ID, Secret: k.Secret.Reveal()})
	return err == nil
}
