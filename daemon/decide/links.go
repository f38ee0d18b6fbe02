package decide

import (
	"fmt"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
)

// Astray is a linked file that keyd cannot keep up to date now: it is missing, or somebody
// has edited it.
type Astray struct {
	Path    string
	Why     string    // a predicate that follows Path in a sentence: "is not there"
	Changed time.Time // when the file was last written; zero if that is unknown
}

// OnlyLinks reports whether the rotation goes on in linked files alone: a person has taken
// all its profiles out of it.
func (p *Placement) OnlyLinks(r *journal.Rotation) bool {
	return r != nil && len(r.Places) == 0 && p.Old+p.New == 0 && p.LinksOld+p.LinksNew > 0
}

// ShowsOld reports whether any file shows the old pair, ShowsNew whether any shows the new
// one.
func (p *Placement) ShowsOld() bool { return p.Old+p.LinksOld > 0 }

// ShowsNew: see ShowsOld.
func (p *Placement) ShowsNew() bool { return p.New+p.LinksNew > 0 }

// editTime is how long keyd waits for the program that has just written a linked file.
const editTime = 2 * time.Minute

// BlockForLinks blocks what would take a key away from a linked file that is astray: it may
// be on a disk that is not mounted and still hold the old pair.
func BlockForLinks(f Facts, now time.Time) (Decision, bool) {
	if len(f.Astray) == 0 {
		return Decision{}, false
	}
	a := f.Astray[0]
	why := fmt.Sprintf("%s, a linked file, %s: %s would stop working there", a.Path, a.Why, credfile.Short(f.ID))
	if age := now.Sub(a.Changed); !a.Changed.IsZero() && age >= 0 && age < editTime {
		return WaitUntil(StateWaiting, a.Changed.Add(editTime), why+", and it was written a moment ago").InShort(lastName(a.Path) + " was just edited"), true
	}
	return BlockUntil(time.Time{}, why, "put it right; or, if it no longer needs the key: "+hint.Command("keyd unlink", a.Path)).InShort(lastName(a.Path) + " " + a.Why), true
}
