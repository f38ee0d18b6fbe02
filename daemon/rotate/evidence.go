package rotate

import (
	"slices"
	"strings"
	"sync"

	"keyd/credfile"
	"keyd/daemon/decide"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
)

// evidence is what the calls of one target have told, beyond their answers.
// One goroutine at a time acts on a target. Only questions are asked side by side, so
// that only their trips need a lock.
type evidence struct {
	trips    sync.Mutex       // held while answered, calls and clock are written
	receipts []remote.Receipt // of the changes that the history does not have yet
	answered map[string]bool  // for each host that this step has called: whether it answered the last time
	clock    remote.Clock     // the tightest difference of the two clocks that was measured; zero when none was
	calls    map[string]error // for each kind of call that this pass has made: why the last one failed, or nil
}

// noteReceipt keeps the receipt of a change for the next entry of the history, and in
// the journal until then. A call that AWS refused changed nothing.
func (t *target) noteReceipt(r remote.Receipt) {
	if r.Outcome == remote.Refused {
		return
	}
	kept := &t.progress.evidence
	kept.receipts = append(kept.receipts, r)
	if rotation := t.facts.Rotation; rotation != nil {
		rotation.Receipts = slices.Clone(kept.receipts)
	}
}

// noteAnchor records that the call which has just succeeded put a hash of the history into
// the description of a key.
func (t *target) noteAnchor(hash string) {
	kept := t.progress.evidence.receipts
	if len(kept) == 0 || kept[len(kept)-1].Call != "TagUser" {
		return
	}
	kept[len(kept)-1].Anchor = hash
	if rotation := t.facts.Rotation; rotation != nil {
		rotation.Receipts = slices.Clone(kept)
	}
}

// takeReceipts returns the receipts for an entry of the history, and forgets them.
func (t *target) takeReceipts() []remote.Receipt {
	taken := t.progress.evidence.receipts
	t.progress.evidence.receipts = nil
	if rotation := t.facts.Rotation; rotation != nil {
		rotation.Receipts = nil // on disk as of the next Save
	}
	return taken
}

// unrecorded returns the receipts in a journal that the history does not have, because
// the process that got them was killed. r may be nil.
func (d *Rotator) unrecorded(r *journal.Rotation) []remote.Receipt {
	if r == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.Receipts), func(c remote.Receipt) bool {
		return c.RequestID == "" || d.historyLog().HasReceipt(c.RequestID)
	})
}

// noteTrip keeps what a call told about its endpoint.
func (e *evidence) noteTrip(trip remote.Trip) {
	e.trips.Lock()
	defer e.trips.Unlock()
	if e.answered == nil {
		e.answered = map[string]bool{}
	}
	e.answered[trip.Endpoint] = trip.Answered
	if m := trip.Clock; m.Within > 0 && (e.clock.Within == 0 || m.Within <= e.clock.Within) {
		e.clock = m
	}
}

// noteCall keeps what became of a call. A failure may be explained later: the error is the
// one that the caller got.
func (e *evidence) noteCall(call string, err error) {
	e.trips.Lock()
	defer e.trips.Unlock()
	if e.calls == nil {
		e.calls = map[string]error{}
	}
	e.calls[call] = err
}

// hasAnswer reports whether any host has answered in this step.
func (e *evidence) hasAnswer() bool {
	for _, answered := range e.answered {
		if answered {
			return true
		}
	}
	return false
}

// keepEvidence writes an entry for the changes of an action that the action itself has
// not written one for: a tag, or a call whose outcome is not known or that something
// else followed. CloudTrail has them too, and AWS's request ids cannot be added later.
// The preflight's UpdateAccessKey, which changes nothing, waits for the entry of the
// creation that follows it.
func (d *Rotator) keepEvidence(t *target, do decide.Do) {
	receipts := t.progress.evidence.receipts
	if len(receipts) == 0 || do == decide.DoPreflight || d.readOnly {
		return
	}
	verb, id := VerbCalled, t.facts.ID
	if last := receipts[len(receipts)-1]; last.KeyID != "" {
		id = last.KeyID
		if last.Call == "TagUser" && last.Outcome == remote.Done {
			verb = VerbDescribed
		}
	}
	var said []string // nothing beyond the verb for a tag
	for _, r := range receipts {
		if verb == VerbDescribed && r.Call == "TagUser" {
			continue
		}
		word := r.Call
		if r.Outcome == remote.Unknown {
			word += ", of which it is not known whether it took effect"
		}
		said = append(said, word)
	}
	d.appendHistory(t, verb, id, strings.Join(slices.Compact(said), "; "))
	d.Log.Info("history", "key", credfile.Short(id), "did", verb)
}
