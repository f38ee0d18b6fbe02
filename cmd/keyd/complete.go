package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/journal"
	"keyd/daemon/state"
)

// completeProfiles offers profiles to the shell with how they stand, for the first most
// arguments or, if most is negative, for all of them. What begins like the id of a key is
// completed to one.
func (a *app) completeProfiles(most int) cobra.CompletionFunc {
	return a.completeNames(most, nil)
}

// completeRotations offers the profiles whose rotation keyd hold can pause, or, with held,
// those that keyd resume can continue.
func (a *app) completeRotations(held bool) cobra.CompletionFunc {
	return a.completeNames(1, func(ctx context.Context, loc locations, status state.Status) []string {
		rotations, _ := loc.openJournal().Load(ctx)
		var names []string
		for _, r := range rotations {
			stopped := !r.Held.IsZero() || slices.ContainsFunc(status.Keys, func(l state.KeyStatus) bool {
				return l.InRotation && l.State == decide.StateBlocked && sharesName(l.Profiles, r)
			})
			if held && stopped || !held && r.Held.IsZero() {
				names = append(names, r.Profiles()...)
			}
		}
		return names
	})
}

func sharesName(names []string, r *journal.Rotation) bool {
	return slices.ContainsFunc(r.Profiles(), func(name string) bool { return slices.Contains(names, name) })
}

// completeNames offers the profiles that some returns, or all of them if it is nil.
func (a *app) completeNames(most int, some func(context.Context, locations, state.Status) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		loc, err := a.findLocations()
		if err != nil || most >= 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		status, _ := state.LoadStatus(loc.folders.StateDir)
		var offers []cobra.Completion
		offer := func(name, profile string) {
			if !slices.Contains(args, name) {
				offers = append(offers, describeOffer(name, a.describeProfile(status, profile)))
			}
		}
		if some != nil {
			for _, name := range some(cmd.Context(), loc, status) {
				offer(name, name)
			}
			return offers, cobra.ShellCompDirectiveNoFileComp
		}
		keys := a.knownKeys(cmd.Context(), loc)
		for _, id := range completeIDs(typed, keys, func(k knownKey) bool { return k.shown }) {
			offers = append(offers, describeOffer(id.name, "profile "+id.key.profile))
		}
		snapshot, err := loc.store.Read(cmd.Context())
		if err != nil {
			return offers, cobra.ShellCompDirectiveNoFileComp
		}
		for _, name := range slices.Compact(profileNames(snapshot.Profiles)) {
			offer(name, name)
		}
		return offers, cobra.ShellCompDirectiveNoFileComp
	}
}

// describeProfile says in a few words how a profile stands; "" if no pass has looked.
func (a *app) describeProfile(status state.Status, profile string) string {
	i := slices.IndexFunc(status.Keys, func(l state.KeyStatus) bool { return slices.Contains(l.Profiles, profile) })
	if i < 0 {
		return ""
	}
	l := status.Keys[i]
	text := string(l.State)
	if l.NeedsPerson {
		text += ", needs you"
	}
	if !l.Created.IsZero() {
		text += ", " + formatAge(a.now().Sub(l.Created)) + " old"
	}
	return text
}

func describeOffer(name, text string) cobra.Completion {
	if text == "" {
		return name
	}
	return cobra.CompletionWithDesc(name, text)
}

// idOffer is an id as the shell completes it: whole or, behind AKIA.., in its short form.
type idOffer struct {
	name string
	key  knownKey
}

// completeIDs returns the ids of the keys that ok accepts and that typed begins, each one
// once. It offers none before two letters are typed, because people choose by profile.
func completeIDs(typed string, keys []knownKey, ok func(knownKey) bool) (offers []idOffer) {
	for _, k := range keys {
		name := k.id
		if strings.Contains(typed, "..") {
			name = credfile.Short(k.id)
		}
		known := slices.ContainsFunc(offers, func(o idOffer) bool { return o.name == name })
		if ok(k) && !known && len(typed) >= 2 && strings.HasPrefix(name, typed) {
			offers = append(offers, idOffer{name, k})
		}
	}
	return offers
}

// completePruned offers the profiles whose user has a second key, as far as a pass has
// seen, and then the ids of such keys.
func (a *app) completePruned(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	loc, err := a.findLocations()
	if err != nil || len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	keys := a.knownKeys(cmd.Context(), loc)
	var offers []cobra.Completion
	for _, k := range keys {
		if !k.second || len(args) == 1 && k.profile != args[0] {
			continue
		}
		text := "from a call whose answer was lost"
		if k.listed != nil {
			text = strings.ToLower(k.listed.Status) + ", " + formatAge(a.now().Sub(k.listed.Created)) + " old"
		}
		if len(args) == 1 && strings.HasPrefix(k.id, typed) {
			offers = append(offers, describeOffer(k.id, text))
		} else if short := credfile.Short(k.id); strings.HasPrefix(short, typed) && strings.Contains(typed, "..") {
			offers = append(offers, describeOffer(short, text))
		} else if name := describeOffer(k.profile, "second key "+short+", "+text); len(args) == 0 && !slices.Contains(offers, name) {
			offers = append(offers, name)
		}
	}
	if len(offers) == 0 && len(args) == 0 {
		return a.completeProfiles(1)(cmd, args, typed)
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// fileFlags are the flags whose value is a file or a folder.
var fileFlags = []string{"path"}

// completeNoFiles keeps the shell from offering files where a command takes none.
func completeNoFiles(cmd *cobra.Command) {
	takesFiles := strings.Contains(cmd.Use, "FILE")
	if cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 && !takesFiles && !cmd.HasSubCommands() {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if _, completed := cmd.GetFlagCompletionFunc(f.Name); !completed && f.Value.Type() != "bool" && !slices.Contains(fileFlags, f.Name) {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions)
		}
	})
	for _, sub := range cmd.Commands() {
		completeNoFiles(sub)
	}
}
