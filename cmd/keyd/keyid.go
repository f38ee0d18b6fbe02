package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/state"
)

// knownKey is a key whose id a person may type.
type knownKey struct {
	id, profile string            // the first profile that shows it, or whose rotation or user has it
	shown       bool              // a profile shows it
	second      bool              // no profile shows it and no rotation uses it: it is another key of the profile's user
	listed      *decide.ListedKey // as AWS listed a second key
}

// knownKeys returns the keys that the files show, then those of rotations in progress, then
// the other keys of their users, as far as passes have seen them. Each one stands once for
// each profile. It makes no call.
func (a *app) knownKeys(ctx context.Context, loc locations) (all []knownKey) {
	known := map[string]bool{}
	add := func(k knownKey) {
		if k.id != "" && (k.shown || !known[k.id]) {
			known[k.id] = true
			all = append(all, k)
		}
	}
	if snapshot, err := loc.store.Read(ctx); err == nil {
		for _, p := range snapshot.Profiles {
			add(knownKey{id: p.Key.ID, profile: p.Name, shown: true})
			for _, id := range p.IDs {
				add(knownKey{id: id, profile: p.Name, shown: true})
			}
		}
	}
	rotations, _ := loc.openJournal().Load(ctx)
	for _, r := range rotations {
		if profiles := r.Profiles(); len(profiles) > 0 {
			add(knownKey{id: r.Old.ID, profile: profiles[0]})
			add(knownKey{id: r.New.ID, profile: profiles[0]})
			for _, id := range append(slices.Clone(r.Suspects), r.OrphanID) {
				add(knownKey{id: id, profile: profiles[0], second: true})
			}
		}
	}
	if status, err := state.LoadStatusAndMemoryFrom(loc.sys, loc.folders.StateDir); err == nil {
		for _, l := range status.Keys {
			if l.Seen == nil || len(l.Profiles) == 0 {
				continue
			}
			for i, k := range l.Seen.Keys {
				add(knownKey{id: k.ID, profile: l.Profiles[0], second: true, listed: &l.Seen.Keys[i]})
			}
		}
	}
	return all
}

// matchKeys returns the keys that typed stands for, or an error if it is a short form of
// several.
func matchKeys(typed string, keys []knownKey) ([]knownKey, error) {
	var ids []string
	for _, k := range keys {
		ids = append(ids, k.id)
	}
	found := credfile.MatchIDs(typed, ids)
	if len(found) > 1 {
		return nil, &rotate.AmbiguousIDError{Typed: typed, IDs: found}
	}
	return slices.DeleteFunc(slices.Clone(keys), func(k knownKey) bool { return !slices.Contains(found, k.id) }), nil
}

// acceptKeyIDs replaces each key id among the profiles of a command line by the name of a
// profile: what keyd prints can be typed. A profile of that name comes first. An id that is
// not known stays, and the command refuses it.
func (a *app) acceptKeyIDs(cmd *cobra.Command, args []string) error {
	first, more := profileArguments(cmd)
	if first < 0 {
		return nil
	}
	for i := first; i < len(args) && (more || i == first); i++ {
		name, err := a.profileOf(cmd, args[i])
		if err != nil {
			return err
		}
		args[i] = name
	}
	return nil
}

// profileArguments returns which argument of a command is the name of a profile, and
// whether those behind it are, too. first is -1 if none is, or if the command takes the ids
// of keys itself.
func profileArguments(cmd *cobra.Command) (first int, more bool) {
	words := strings.Fields(cmd.Use)[1:]
	first = slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(strings.Trim(word, "[]"), "PROFILE") })
	if first < 0 || slices.ContainsFunc(words, func(word string) bool { return strings.Contains(word, "KEY-ID") }) {
		return -1, false
	}
	return first, strings.Contains(words[first], "...")
}

// profileOf returns the profile that typed stands for. keyd credentials hands out a pair,
// so it knows only the ids that the files show.
func (a *app) profileOf(cmd *cobra.Command, typed string) (string, error) {
	if !credfile.LooksLikeID(typed) {
		return typed, nil
	}
	loc, err := a.findLocations()
	if err != nil {
		return typed, nil // the command says so
	}
	keys := a.knownKeys(cmd.Context(), loc)
	if slices.ContainsFunc(keys, func(k knownKey) bool { return k.shown && k.profile == typed }) {
		return typed, nil
	}
	found, err := matchKeys(typed, keys)
	knowsPast := cmd.Name() == "explain" || cmd.Name() == "report"
	isPast := err == nil && (len(found) == 0 || found[0].second && loc.isGone(found[0].id)) // AWS was not asked since
	if isPast && !knowsPast {
		err = a.refusePast(cmd.Context(), loc, typed)
	}
	switch {
	case err != nil:
		return "", err
	case len(found) == 0, cmd.Name() == "credentials" && !found[0].shown:
		return typed, nil
	case isPast:
		return found[0].id, nil
	case found[0].second && cmd.Name() != "status" && cmd.Name() != "explain" && cmd.Name() != "where":
		return "", usageError(hint.Command("keyd prune", found[0].profile, found[0].id),
			"%s: no profile shows %s, which is the second key of the user of profile %s", cmd.Name(), credfile.Short(found[0].id), found[0].profile)
	}
	return found[0].profile, nil
}

// findPruned returns the profile and the id for keyd prune, which may be given the id alone.
func (a *app) findPruned(ctx context.Context, typed string) (profile, id string, err error) {
	if !credfile.LooksLikeID(typed) {
		return typed, "", nil
	}
	loc, err := a.findLocations()
	if err != nil {
		return typed, "", nil // the command says so
	}
	keys := a.knownKeys(ctx, loc)
	if slices.ContainsFunc(keys, func(k knownKey) bool { return k.shown && k.profile == typed }) {
		return typed, "", nil
	}
	found, err := matchKeys(typed, keys)
	if err == nil && len(found) == 0 {
		err = a.refusePast(ctx, loc, typed)
	}
	if err != nil || len(found) == 0 {
		return typed, "", err
	}
	return found[0].profile, found[0].id, nil
}
