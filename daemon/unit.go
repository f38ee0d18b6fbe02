package daemon

import (
	"fmt"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam"
	"keyd/daemon/iam/remote"
)

// target is one access key and everything known about it.
type unit struct {
	facts    Facts
	key      credfile.Key       // the pair with the id facts.ID, as the files show it; zero when no file does
	holders  []credfile.Profile // the profiles that show the old or the new id
	site     remote.Endpoints
	warnings []string
	line     *KeyLine             // the key's line in the last status; nil when it has none
	made     map[string]time.Time // when keyd last created a key, by owner

	// Known in this pass only:
	identified      bool     // AWS has said whose key it is, in this pass
	regions, closed []string // STS regions that accepted and refused the key in the preflight; see Rotation
}

// hasProfile reports whether one of the target's profiles is among profiles.
func (t *unit) names(profiles []string) bool {
	return slices.ContainsFunc(t.facts.Profiles, func(p string) bool { return slices.Contains(profiles, p) })
}

// fillTarget adds what the status remembers of the key, and where its calls go.
func (d *Daemon) equip(t *unit, status Status, ask Ask) {
	t.facts.Ask = ask
	line := status.line(t.facts.ID)
	if r := t.facts.Rotation; r != nil && line == nil {
		line = status.line(r.New.ID)
	}
	if t.line = line; line != nil && t.facts.Skip == "" { // a skipped key's line may belong to another place with the same id
		t.facts.Seen, t.facts.Trouble = recalled(line.Seen, d.Now()), line.Trouble
	}
	if t.facts.Rotation != nil { // in the middle of a rotation, what another process saw confirms nothing
		t.facts.Seen = staleSeen(t.facts.Seen)
	}
	if ask.Person {
		t.facts.Trouble = nil
	}
	sites := []credfile.Site{}
	for _, p := range t.holders {
		sites = append(sites, p.Site)
		for _, w := range p.Warnings {
			t.warnings = append(t.warnings, fmt.Sprintf("%s:%d: %s", w.Path, w.Line, w.Text))
		}
	}
	if t.facts.Skip == "" {
		d.locate(t, sites)
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
func (t *unit) signer() credfile.Key {
	if r := t.facts.Rotation; r != nil && r.New.ID != "" && (t.facts.Shows.New > 0 || t.facts.Shows.Old == 0 || !r.Validated.IsZero()) {
		return r.New
	}
	return t.key
}

// newClient returns a client that signs with key and with nothing else.
func (d *Daemon) client(t *unit, key credfile.Key) (*iam.Client, error) {
	if t.facts.Misplaced != nil {
		return nil, t.facts.Misplaced
	}
	return iam.New(key, t.site, iam.Options{HTTP: d.HTTP, Now: d.Now, App: "keyd"})
}
