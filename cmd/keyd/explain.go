package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/state"
)

const explainLong = `Tell all that keyd knows about the key of one profile: why it is in its state,
who said so and when, what to do, in which lines of which files it is, its linked
files, hooks and known copies, and its life as a timeline: created, in the files,
quiet since, replaced, off, deleted, with dates. What is still to come has a ~ before
its date, which is the earliest one.

PROFILE may also be the id of a key, as keyd prints it or whole. For a key that was
replaced or deleted, keyd tells from its history what became of it. Nothing is asked
of AWS, and nothing is changed. Exit code 3 means that the key needs a person.`

const explainExample = `  keyd explain work
  keyd explain AKIA..EK3R`

func newExplainCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "explain PROFILE",
		Short:             "tell all that is known about one key, and what is next",
		Long:              explainLong,
		Example:           explainExample,
		Args:              limitArgs(1, 1, "one profile or the id of a key"),
		ValidArgsFunction: a.completeProfiles(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.explainKey(cmd.Context(), args[0]) },
	}
}

// explanation is everything that is known about one key.
type explanation struct {
	state.KeyStatus
	rotation *journal.Rotation // in progress; nil for none
	places   []credfile.Profile
	old      []decide.Stage // the life of the key that the rotation replaces, or of the only one
	next     []decide.Stage // the life of its successor; nil for none
}

// explainKey prints the explanations of the keys of a profile. It has two when somebody has
// put another key into the files during a rotation.
func (a *app) explainKey(ctx context.Context, profile string) error {
	r, err := a.buildReport(ctx, []string{profile}, state.LoadStatusAndMemory)
	if _, unknown := errors.AsType[*rotate.UnknownProfileError](err); unknown {
		return a.explainPast(ctx, profile, err)
	}
	if err != nil {
		return err
	}
	loc, err := a.openLocations()
	if err != nil {
		return err
	}
	rotations, errs := loc.openJournal().Load(ctx)
	for _, err := range errs {
		a.term.printNote("%s: what it says is missing here", stripPackages(err.Error()))
	}
	history, err := state.OpenHistory(loc.folders.StateDir, loc.sys).ReadEnd()
	if err != nil {
		a.term.printNote("%s: what it says is missing here", stripPackages(err.Error()))
	}
	installation, _ := state.FindInstallationID(loc.sys, loc.folders.StateDir) // without it, a date is off by days
	var places []credfile.Profile
	if snapshot, err := loc.store.Read(ctx); err == nil { // otherwise the report says why
		places = snapshot.Profiles
	}
	var all []explanation
	for _, l := range r.Keys {
		e := explanation{KeyStatus: l, rotation: findRotation(l, rotations), places: placesOf(l, places)}
		e.addLife(r, history, installation)
		all = append(all, e)
	}
	a.term.print(a.term.formatExplanations(all, r))
	if slices.ContainsFunc(r.Keys, needsPerson) {
		return exitError(exitPerson)
	}
	return nil
}

// findRotation returns the rotation of a key, or nil.
func findRotation(l state.KeyStatus, rotations []*journal.Rotation) *journal.Rotation {
	i := slices.IndexFunc(rotations, func(r *journal.Rotation) bool {
		return l.KeyID != "" && (r.Old.ID == l.KeyID || r.New.ID == l.KeyID)
	})
	if i < 0 {
		return nil
	}
	return rotations[i]
}

// placesOf returns the places in the files that show the key, or that name a profile without
// one.
func placesOf(l state.KeyStatus, profiles []credfile.Profile) (places []credfile.Profile) {
	for _, p := range profiles {
		shows := p.Key.ID == l.KeyID && l.KeyID != "" || slices.Contains(p.IDs, l.KeyID)
		if shows || slices.Contains(l.Profiles, p.Name) {
			places = append(places, p)
		}
	}
	return places
}

// addLife adds the life of the key, and of the one that it replaces.
func (e *explanation) addLife(r *report, history []state.HistoryEntry, installation string) {
	if e.rotation != nil {
		created := time.Time{}
		if e.Seen != nil {
			if old := e.Seen.FindKey(e.rotation.Old.ID); old != nil {
				created = old.Created
			}
		}
		if created.IsZero() && e.KeyID == e.rotation.Old.ID {
			created = e.Created
		}
		e.old, e.next = decide.RotationLife(e.rotation, created, r.settings, installation)
		return
	}
	swapped, due := time.Time{}, time.Time{}
	for _, entry := range history {
		if entry.Verb == "swapped" && (entry.NewKey == e.KeyID || entry.NewKey == "" && entry.KeyID == e.KeyID) && e.KeyID != "" {
			swapped = entry.Time
		}
	}
	if e.State == decide.StateOK {
		due = e.Until
	} else if e.State == decide.StateDue && !e.NeedsPerson {
		due = r.Now
	}
	e.old = decide.KeyLife(e.Created, swapped, due, e.KeyUse, r.settings)
}
