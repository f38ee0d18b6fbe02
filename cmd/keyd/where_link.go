package main

import (
	"context"
	"slices"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/copies/forms"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
)

// linkName is the command that keeps a file up to date.
const linkName = "link"

// canLink is whether this keyd has that command.
var canLink bool

func init() {
	for _, c := range commands {
		canLink = canLink || c.name == linkName
	}
}

// addLinks says of each copy whether it is kept up to date already, and else offers the
// command for that, if the command would accept the file.
func (a *app) addLinks(ctx context.Context, loc locations, r *whereReport) {
	var pairs []credfile.Key
	if snapshot, err := loc.store.Read(ctx); err == nil {
		for _, p := range snapshot.Profiles {
			if p.Skip == credfile.Rotatable {
				pairs = append(pairs, p.Key)
			}
		}
	}
	linked := r.settings.Links
	for i := range r.Copies {
		c := &r.Copies[i]
		if c.Linked = slices.ContainsFunc(linked, func(l settings.Link) bool { return l.Path == c.Path }); c.Linked || !canLink || !c.row.Advice.Link {
			continue
		}
		if slices.ContainsFunc(pairs, func(k credfile.Key) bool { return c.Holds(k.ID) && a.isLinkable(loc, c.Path, k) }) {
			c.Advice.Run = hint.Command("keyd "+linkName, c.Path)
		}
	}
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
