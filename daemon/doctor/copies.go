package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/credfile/copies"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
)

// copyChecks look for the keys in other places.
var copyChecks = []Check{
	{Name: "copies", Group: GroupCopies, Why: "a copy keeps the old key, and stops working when that is retired", Needs: NeedsSearch, Find: findCopies},
}

// searchLimit is how long the search of the home folder may take. keyd where has no limit.
const searchLimit = 20 * time.Second

// mostCopies is how many files a finding names.
const mostCopies = 5

// findCopies searches the home folder.
func findCopies(ctx context.Context, p *Patient) (all []Finding) {
	ids := p.ids(ctx)
	dir := p.Rotator.JournalDir()
	dir.ReadOnly = true
	rotations, _ := dir.Load(ctx)
	ending := map[string]string{} // old keys of rotations after the swap, with the new one
	for _, r := range rotations {
		if !r.IsRetirement() && !r.Validated.IsZero() {
			ending[r.Old.ID] = r.New.ID
			ids = append(ids, r.Old.ID)
		}
	}
	switch {
	case len(ids) == 0:
		return nil
	case p.Machine.Home == "":
		return []Finding{unknown("where else the keys stand is not known: no home folder is known", "set HOME")}
	}
	within, cancel := context.WithTimeout(ctx, searchLimit)
	defer cancel()
	found, err := copies.Search(within, copies.Options{IDs: ids, Home: p.Machine.Home, Own: p.Machine.Own})
	if err != nil {
		all = append(all, unknown("not all of "+p.Machine.Home+" could be searched for copies: the time was over", "keyd where searches without a limit"))
	}
	for _, text := range found.Errors {
		all = append(all, unknown("not searched for copies: "+text, ""))
	}
	var told []string // findExported has
	for _, s := range p.around(ctx).Shadows {
		told = append(told, s.Path)
	}
	found.Copies = slices.DeleteFunc(found.Copies, func(c copies.Copy) bool { return slices.Contains(told, c.Path) })
	for _, id := range ids {
		if f, ok := p.describeCopies(ctx, id, ending[id], found.Copies); ok {
			all = append(all, f)
		}
	}
	return all
}

// describeCopies returns the finding about the files that hold a key, but those that keyd
// keeps up to date. heir is the key that replaces it; "" if none does.
func (p *Patient) describeCopies(ctx context.Context, id, heir string, found []copies.Copy) (Finding, bool) {
	var places []string
	more := 0
	for _, c := range found {
		if !c.Holds(id) || p.Rotator.Settings.FindLink(c.Path) != nil {
			continue
		}
		if len(places) == mostCopies {
			more++
			continue
		}
		i := slices.IndexFunc(c.Places, func(place copies.Place) bool { return place.ID == id })
		places = append(places, fmt.Sprintf("%s:%d (%s)", c.Path, c.Places[i].Line, copies.FindKind(c.Kind).Name))
	}
	if len(places) == 0 {
		return Finding{}, false
	}
	text := credfile.Short(id) + " also stands in " + strings.Join(places, ", ")
	if more > 0 {
		text += " and " + settings.FormatCount(more, "more file", "more files")
	}
	name := p.profileOf(ctx, id)
	f := note(text, hint.Command("keyd where", name), "it shows how each program can read the profile instead")
	if heir != "" {
		name = p.profileOf(ctx, heir)
		f = wrong(text+"; "+credfile.Short(heir)+" has replaced it, and it will stop working", hint.Command("keyd where", name), "it shows what to do with each")
	}
	f.Profiles = []string{name}
	return f, true
}
