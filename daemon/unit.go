package daemon

import (
	"fmt"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// unit is one access key with everything that is known of it.
type unit struct {
	facts    Facts
	key      credfile.Key       // the pair that the files show of facts.ID; zero when none does
	holders  []credfile.Profile // the places that show the old or the new id
	site     iam.Site
	warnings []string
	line     *KeyLine             // what the status remembers of it; nil when nothing
	made     map[string]time.Time // when keyd last made a key, by owner

	// Known in this pass only.
	identified      bool     // AWS has said whose key it is
	regions, closed []string // of STS, as the preflight found them: see Rotation
}

func (u *unit) names(profiles []string) bool {
	return slices.ContainsFunc(u.facts.Profiles, func(p string) bool { return slices.Contains(profiles, p) })
}

// equip adds what is remembered and where the calls go.
func (d *Daemon) equip(u *unit, status Status, ask Ask) {
	u.facts.Ask = ask
	line := status.line(u.facts.ID)
	if r := u.facts.Rotation; r != nil && line == nil {
		line = status.line(r.New.ID)
	}
	if u.line = line; line != nil && u.facts.Skip == "" { // else it may be that of another place with the same id
		u.facts.Seen, u.facts.Trouble = recalled(line.Seen, d.Now()), line.Trouble
	}
	if u.facts.Rotation != nil { // in the middle of one, what another process saw confirms nothing
		u.facts.Seen = staleSeen(u.facts.Seen)
	}
	if ask.Person {
		u.facts.Trouble = nil
	}
	sites := []credfile.Site{}
	for _, p := range u.holders {
		sites = append(sites, p.Site)
		for _, w := range p.Warnings {
			u.warnings = append(u.warnings, fmt.Sprintf("%s:%d: %s", w.Path, w.Line, w.Text))
		}
	}
	if u.facts.Skip == "" {
		d.locate(u, sites)
	}
}

// recalled is what an earlier pass has seen. It is a cache, and never fresh: a
// decision that could harm rests on what this pass has seen itself.
func recalled(seen *Seen, now time.Time) *Seen {
	if seen == nil || now.Sub(seen.At) >= fresh || seen.At.Sub(now) > maxClockOff {
		return seen
	}
	old := *seen
	old.At = now.Add(-fresh)
	return &old
}

// signer is the pair that AWS is asked with: the one that the files show.
func (u *unit) signer() credfile.Key {
	if r := u.facts.Rotation; r != nil && r.New.ID != "" && (u.facts.Shows.New > 0 || u.facts.Shows.Old == 0 || !r.Validated.IsZero()) {
		return r.New
	}
	return u.key
}

// client makes a client that signs with key and nothing else.
func (d *Daemon) client(u *unit, key credfile.Key) (*iam.Client, error) {
	if u.facts.Misplaced != nil {
		return nil, u.facts.Misplaced
	}
	return iam.New(key, u.site, iam.Options{HTTP: d.HTTP, Now: d.Now, App: "keyd"})
}
