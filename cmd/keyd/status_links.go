package main

import (
	"context"
	"slices"

	"keyd/credfile"
	"keyd/daemon/state"
)

// addLinks adds the linked files to the keys: those that show a key now, and those that the
// last pass knew and that may still hold it.
func (r *report) addLinks(ctx context.Context, loc locations) {
	store := credfile.Store{Sys: loc.sys}
	var linked []string
	for _, l := range r.settings.Links {
		store.Links = append(store.Links, credfile.Link{Path: l.Path, Form: l.Form})
		linked = append(linked, l.Path)
	}
	for i := range r.Keys {
		l := &r.Keys[i]
		l.Links = slices.DeleteFunc(slices.Clone(l.Links), func(path string) bool { return !l.InRotation && !slices.Contains(linked, path) })
	}
	if len(linked) == 0 {
		return
	}
	snapshot, err := store.Read(ctx)
	if err != nil {
		return // the wait was interrupted: the last pass has said what there is to say
	}
	for i := range r.Keys {
		addShownLinks(&r.Keys[i], snapshot.Links)
	}
}

// addShownLinks adds the linked files that show the key now.
func addShownLinks(l *state.KeyStatus, links []credfile.LinkedFile) {
	for _, file := range links {
		if file.ShowsID(l.KeyID) && !slices.Contains(l.Links, file.Path) {
			l.Links = append(l.Links, file.Path)
		}
	}
	slices.Sort(l.Links)
}
