package rotate

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"keyd/daemon/decide"
)

const (
	// beforeCreateLimit is how long a rotation waits for the search of this machine before
	// it creates a key. What the search has not seen by then, the one of the overlap will.
	beforeCreateLimit = time.Minute
	// inOverlapLimit is how long a search in the overlap may take. Nothing waits for it.
	inOverlapLimit = 10 * time.Minute
	// lastSearchPoll is the longest time between two looks at a search in progress.
	lastSearchPoll = 5 * time.Second
)

// search is a search of this machine in progress, or its result. The keys of a pass share
// it.
type search struct {
	ids   []string
	began time.Time
	done  chan struct{}   // closed at its end
	found []decide.Copies // set by then
}

// forever is how old a search may be that is not repeated.
const forever time.Duration = math.MaxInt64

// searchCopies searches this machine for places where the key stands, unless it has done so
// within the time before now, and records what it finds. While the search runs it returns
// errNotYet, and the lock is free. It never fails: at limit, it goes on with what was found
// by then. A process that is killed meanwhile loses nothing but the search.
func (d *Rotator) searchCopies(ctx context.Context, t *target, before, limit time.Duration) error {
	if d.Search == nil || d.guard == nil || d.readOnly || t.facts.CopiesFound.SearchedWithin(before, d.Now()) {
		return nil
	}
	s := d.joinSearch(ctx, t, limit)
	found := &decide.Copies{KeyID: t.facts.ID}
	select {
	case <-s.done:
		if i := slices.IndexFunc(s.found, func(c decide.Copies) bool { return c.KeyID == t.facts.ID }); i >= 0 {
			*found = s.found[i]
		}
	default:
		if d.Now().Sub(s.began) < limit+lastSearchPoll { // the search ends itself at limit, but for a disk that hangs
			return d.continueIn(t, min(50*time.Millisecond<<min(t.progress.wait.steps, 8), lastSearchPoll))
		}
		found.Unfinished = "the search was not over in time"
	}
	// A linked file changes with the rotation.
	found.Files = slices.DeleteFunc(slices.Clone(found.Files), func(f decide.CopyFile) bool { return d.settingsLink(f.Path) != nil })
	found.Searched = d.Now().UTC()
	t.progress.wait.searched, t.progress.wait.knew = true, t.facts.CopiesFound
	t.setCopiesFound(found)
	return nil
}

// joinSearch returns the search that this pass has begun for the key, or begins one. It is
// for all keys in the files, so that keys that are due together are searched for once.
func (d *Rotator) joinSearch(ctx context.Context, t *target, limit time.Duration) *search {
	g := d.guard
	g.searching.Lock()
	defer g.searching.Unlock()
	if s := g.search; s != nil && slices.Contains(s.ids, t.facts.ID) && d.Now().Sub(s.began) < decide.SearchedNow {
		return s
	}
	ids := slices.Collect(maps.Keys(t.facts.ShownBy))
	ids = slices.Compact(slices.Sorted(slices.Values(append(ids, t.facts.ID))))
	s := &search{ids: ids, began: d.Now(), done: make(chan struct{})}
	g.search = s
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit) // ctx ends with this round
	go func() {
		defer cancel()
		defer close(s.done)
		s.found = d.Search(ctx, ids)
	}()
	return s
}

// reportCopies tells the person where else the key stands, if it stands in files that were
// not told before.
func (d *Rotator) reportCopies(t *target) {
	found, w := t.facts.CopiesFound, &t.progress.wait
	if !w.searched || found.IsEmpty() || w.knew.Knows(found) && w.knew != nil {
		return
	}
	d.appendHistory(t, VerbCopies, t.facts.ID, found.Count())
	e := d.newEvent(t, t.decision.Do, VerbCopies, found.DescribeFound(t.facts.Profiles[0]))
	e.Brief = found.Count()
	d.Deliver(e)
}
