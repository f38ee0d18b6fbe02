package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/cmd/keyd/layout"
	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// pastKey is what the history tells of a key that no file and no rotation shows any more.
type pastKey struct {
	id       string
	profiles []string // that showed it last
	user     string
	account  string

	created, shown                         time.Time           // zero when unknown
	replaced, off, revived, deleted, ended *state.HistoryEntry // the last entry of each kind; nil for none
}

// explainPast explains a key by its id, from the history alone. unknown is the error for a
// name that no profile has.
func (a *app) explainPast(ctx context.Context, typed string, unknown error) error {
	loc, err := a.openLocations()
	if err != nil {
		return err
	}
	k, damaged, err := loc.searchPast(typed)
	switch {
	case err != nil:
		return err
	case k != nil:
		a.term.print(a.term.formatPast(k, a.profilesNow(ctx, loc), a.now()))
	case !credfile.LooksLikeID(typed):
		return unknown
	case credfile.IsShort(typed):
		return hintedError("keyd status lists the keys that keyd knows; of a key that it does not know, only the whole id tells more", "%s", unknownKeyText(typed))
	default:
		return hintedError("to see which account has it: aws sts get-access-key-info --access-key-id "+typed+"; keyd status lists the keys that keyd knows", "%s", unknownKeyText(typed))
	}
	if damaged > 0 {
		a.term.printNote("%s in the history: what they say is missing here", settings.FormatCount(damaged, "damaged line", "damaged lines"))
	}
	return nil
}

// searchPast returns what the history tells of the key that typed stands for, nil if it does
// not name it, and how many of its lines are damaged.
func (loc locations) searchPast(typed string) (k *pastKey, damaged int, err error) {
	entries, damaged, err := state.OpenHistory(loc.folders.StateDir, loc.sys).Read()
	if err != nil {
		return nil, 0, err
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.KeyID, e.OldKey, e.NewKey)
	}
	switch found := credfile.MatchIDs(typed, ids); {
	case len(found) > 1:
		return nil, damaged, &rotate.AmbiguousIDError{Typed: typed, IDs: found}
	case len(found) == 1 && found[0] != "":
		return findPast(found[0], entries), damaged, nil
	}
	return nil, damaged, nil
}

// refusePast returns an error that says what became of the key that typed stands for; nil if
// the history does not tell, or if the files cannot be read, which may show it. It is for
// commands about keys that are in use.
func (a *app) refusePast(ctx context.Context, loc locations, typed string) error {
	if _, err := loc.store.Read(ctx); err != nil && !isKeyless(err) {
		return nil
	}
	k, _, err := loc.searchPast(typed)
	switch {
	case err != nil || k == nil:
		return err
	case k.deleted != nil:
		return hintedError("all about it: "+hint.Command("keyd explain", k.id), "%s is gone: %s", shortID(k.id), k.describe(a.now()))
	}
	return hintedError("all about it: "+hint.Command("keyd explain", k.id), "%s is not in use here: %s", shortID(k.id), k.describe(a.now()))
}

// unknownKeyText says where keyd has looked for a key.
func unknownKeyText(typed string) string {
	return fmt.Sprintf("keyd knows no key %s: no file shows it, no rotation uses it, and the history of this machine does not name it", typed)
}

// isGone reports whether the history says that the key was deleted.
func (loc locations) isGone(id string) bool {
	entries, err := state.OpenHistory(loc.folders.StateDir, loc.sys).ReadEnd()
	return err == nil && slices.ContainsFunc(entries, func(e state.HistoryEntry) bool {
		return e.KeyID == id && (e.Verb == rotate.VerbDeleted || e.Verb == rotate.VerbRetired)
	})
}

// profilesNow returns which key each profile shows now, by its name.
func (a *app) profilesNow(ctx context.Context, loc locations) map[string]string {
	shown := map[string]string{}
	if snapshot, err := loc.store.Read(ctx); err == nil {
		for _, p := range snapshot.Profiles {
			shown[p.Name] = p.Key.ID
		}
	}
	return shown
}

// findPast gathers what the entries of a history tell of a key.
func findPast(id string, entries []state.HistoryEntry) *pastKey {
	k := &pastKey{id: id}
	for i := range entries {
		e := &entries[i]
		if e.KeyID != id && e.OldKey != id && e.NewKey != id {
			continue
		}
		if len(e.Profiles) > 0 {
			k.profiles = e.Profiles
		}
		k.user, k.account = cmp.Or(e.User, k.user), cmp.Or(e.Account, k.account)
		of := e.KeyID == id
		switch {
		case e.Verb == rotate.VerbCreated && of:
			k.created = e.Time
		case e.Verb == rotate.VerbCreated && e.OldKey == id && !e.OldCreated.IsZero():
			k.created = e.OldCreated
		case e.Verb == rotate.VerbSwapped && e.OldKey == id:
			k.replaced = e
		case e.Verb == rotate.VerbSwapped && (of || e.NewKey == id):
			k.shown = e.Time
		case e.Verb == rotate.VerbPutBack && e.OldKey == id:
			k.replaced = nil
		case e.Verb == rotate.VerbDeactivated && of:
			k.off, k.revived = e, nil
		case e.Verb == rotate.VerbRevived && of:
			k.off, k.revived = nil, e
		case e.Verb == rotate.VerbDeleted && of:
			k.deleted = e
		case e.Verb == rotate.VerbRetired && of:
			k.ended = e
		}
	}
	if k.deleted == nil {
		k.deleted = k.ended
	}
	return k
}

// formatPast renders what became of a key. shown is which key each profile shows now.
func (t *terminal) formatPast(k *pastKey, shown map[string]string, now time.Time) string {
	var b strings.Builder
	title := t.bold(shortID(k.id)) + " (" + k.id + ")"
	if k.user != "" {
		title += layout.Cell(" of user " + k.user + ", account " + k.account)
	}
	for _, line := range layout.Wrap(title+", no longer in the files", t.width) {
		b.WriteString(line + "\n")
	}
	b.WriteString("\nwhat became of it\n")
	t.writeLine(&b, 4, k.describe(now))
	b.WriteString("\nwhat to do\n")
	t.writePieces(&b, t.splitHints([]string{layout.Cell(k.advise(shown))}))
	b.WriteString("\nits life\n")
	for _, line := range t.lifeLine(k.id, k.life(), now) {
		b.WriteString("    " + line + "\n")
	}
	return b.String()
}

// describe says what became of the key, by whose command.
func (k *pastKey) describe(now time.Time) string {
	by := func(what string, e *state.HistoryEntry) string {
		return fmt.Sprintf("%s on %s by %s", what, e.Time.Local().Format("2 Jan 2006"), describeAsker(*e))
	}
	var parts []string
	switch {
	case k.deleted != nil && (k.ended != nil || k.deleted.Text == state.RetiredNote):
		parts = append(parts, by("deleted", k.deleted), state.RetiredNote+", without a successor")
	case k.deleted != nil:
		parts = append(parts, by("deleted", k.deleted))
		if text := k.deleted.Text; k.replaced == nil && text != "" && !k.deleted.IsPruning() { // its command says that
			parts = append(parts, text)
		}
	case k.off != nil:
		parts = append(parts, by("made inactive", k.off))
		if k.replaced == nil && k.off.Text != "" {
			parts = append(parts, k.off.Text)
		}
	case k.revived != nil:
		parts = append(parts, by("made active again", k.revived))
	}
	if k.replaced != nil {
		text := "replaced by " + shortID(k.replaced.NewKey)
		if k.deleted == nil && k.off == nil {
			text = by(text, k.replaced)
		}
		if len(k.profiles) > 0 {
			text += " in " + joinNames(k.profiles)
		}
		parts = append(parts, text)
	}
	if k.deleted == nil {
		parts = append(parts, "keyd has not deleted it, and the files do not show it")
	}
	return strings.Join(parts, ", ")
}

// advise says what a person can do.
func (k *pastKey) advise(shown map[string]string) string {
	all := "all that was done with it: " + hint.Command("keyd history", k.id)
	i := slices.IndexFunc(k.profiles, func(name string) bool { return shown[name] != "" })
	if i < 0 {
		return all
	}
	name := k.profiles[i]
	text := fmt.Sprintf("about %s, which %s shows now: %s; %s", shortID(shown[name]), name, hint.Command("keyd explain", name), all)
	if k.deleted == nil {
		text = "to see whether it is still at AWS: " + hint.AWSCommand("aws iam list-access-keys", name) + "; " + text
	}
	return text
}

// life returns the stations in the life of the key.
func (k *pastKey) life() (life []decide.Stage) {
	add := func(name string, at time.Time) {
		if !at.IsZero() {
			life = append(life, decide.Stage{Name: name, At: at})
		}
	}
	add("created", k.created)
	add("in the files", k.shown)
	for _, s := range []struct {
		name  string
		entry *state.HistoryEntry
	}{{"replaced", k.replaced}, {"off", k.off}, {"on again", k.revived}, {"deleted", k.deleted}} {
		if s.entry != nil {
			add(s.name, s.entry.Time)
		}
	}
	return life
}
