package daemon

import (
	"fmt"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam"
)

// target is one access key and everything known about it.
type unit struct {
	facts    Facts
	key      credfile.Key       // the pair with the id facts.ID, as the files show it; zero when no file does
	holders  []credfile.Profile // the profiles that show the old or the new id
	site     iam.Site
	warnings []string
	line     *KeyLine             // the key's line in the last status; nil when it has none
	made     map[string]time.Time // when keyd last created a key, by owner

	// Known in this pass only:
	identified      bool     // AWS has said whose key it is, in this pass
	regions, closed []string // STS regions that accepted and refused the key in the preflight; see Rotation
}

// hasProfile reports whether one of the target's profiles is among profiles.
func (u *unit) names(profiles []string) bool {
	return slices.ContainsFunc(u.facts.Profiles, func(p string) bool { return slices.Contains(profiles, p) })
}

// fillTarget adds what the status remembers of the key, and where its calls go.
func (d *Daemon) equip(u *unit, status Status, ask Ask) {
	u.facts.Ask = ask
	line := status.line(u.facts.ID)
	if r := u.facts.Rotation; r != nil && line == nil {
		line = status.line(r.New.ID)
	}
	if u.line = line; line != nil && u.facts.Skip == "" { // a skipped key's line may belong to another place with the same id
		u.facts.Seen, u.facts.Trouble = recalled(line.Seen, d.Now()), line.Trouble
	}
	if u.facts.Rotation != nil { // in the middle of a rotation, what another process saw confirms nothing
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

// agedSeen returns what an earlier pass saw, made too old to count as fresh. It
// is a cache: a decision that could do harm rests only on what this pass has
// seen.
func recalled(seen *Seen, now time.Time) *Seen {
	if seen == nil || now.Sub(seen.At) >= fresh || seen.At.Sub(now) > maxClockOff {
		return seen
	}
	old := *seen
	old.At = now.Add(-fresh)
	return &old
}

// signingPair returns the pair that signs the calls to AWS: the one that the
// files show.
func (u *unit) signer() credfile.Key {
	if r := u.facts.Rotation; r != nil && r.New.ID != "" && (u.facts.Shows.New > 0 || u.facts.Shows.Old == 0 || !r.Validated.IsZero()) {
		return r.New
	}
	return u.key
}

// newClient returns a client that signs with key and with nothing else.
func (d *Daemon) client(u *unit, key credfile.Key) (*iam.Client, error) {
	if u.facts.Misplaced != nil {
		return nil, u.facts.Misplaced
	}
	return iam.New(key, u.site, iam.Options{HTTP: d.HTTP, Now: d.Now, App: "keyd"})
}
