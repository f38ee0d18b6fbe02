package rotate

import (
	"context"
	"errors"
	"time"

	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
)

// progress is what a pass remembers of one key between its steps. Everything in it
// can be found out again, and after a crash the next pass does so.
type progress struct {
	known   bool // whether the pass has acted on the key, so that the fields below are set
	seen    *decide.Seen
	failure *decide.Failure
	options decide.Options

	succeeds bool // the key took the place of another one, for which the person has asked

	use        *decide.KeyUse
	copies     *decide.Copies
	watched    bool // AWS was asked whether the new key still works
	justClosed bool // a rotation of the key has ended in this pass

	rotation *journal.Rotation // the rotation in progress, as of the last step; nil when there was none

	outdated bool // another process has acted since: what it remembers of the key counts

	identified                        bool            // AWS has said whose key it is
	owned                             map[string]bool // ids of the keys that AWS has said in this pass to be those of the right user
	acceptingRegions, refusingRegions []string        // STS regions that accepted and refused the key in the preflight; see journal.Rotation
	preflightAt                       time.Time       // when the preflight passed; zero when it has not
	provenID                          string          // the new key that AWS has accepted everywhere
	provenAt                          time.Time
	revivedID                         string // the old key that this pass has made Active again

	hooksTried   map[string]bool     // the hooks that have failed in this pass
	session      journal.Session     // opened with an MFA code; zero when none is
	devicesAsked bool                // AWS was asked for the MFA devices of the user
	lostSessions int                 // how many AWS has refused in this pass
	created      bool                // this pass has created the new key of the rotation
	retire       *journal.Retirement // what a person asks who retires the key now; nil when nobody does

	place, keys int // which key of the pass it is, from 1, and of how many

	askedFor bool    // what the person asked for is in the journal
	steps    int     // how many actions have ended
	err      error   // why the last action failed; nil when it succeeded
	over     *Result // how the key's part of the pass has ended early; nil when it has not
	logged   decide.Decision
	evidence evidence // what the calls told beyond their answers
	wait     wait
}

// distrust forgets what another process may have changed.
func (p *progress) distrust() {
	p.seen, p.identified, p.owned, p.preflightAt, p.outdated = nil, false, nil, time.Time{}, true
}

// noteOwner records that AWS has said whose the key id is, and that this is right.
func (p *progress) noteOwner(id string) {
	if p.owned == nil {
		p.owned = map[string]bool{}
	}
	p.owned[id] = true
}

// hasOwner reports whether noteOwner was called for the key id in this pass.
func (p *progress) hasOwner(id string) bool { return p.owned[id] }

// wait is an action in progress that has to wait between its calls. The action returns
// errNotYet, and is performed again at until.
type wait struct {
	do    decide.Do
	since time.Time // when the action began
	until time.Time // when it is performed again
	steps int       // how often it was performed

	tries        int           // refusals in a row
	sent         bool          // the request that changes something has been answered
	accepted     bool          // AWS has accepted the pair since then
	confirmSince time.Time     // when the action began to wait for a list
	listed       *iam.KeyInfo  // the key in question, as last listed
	regions      regionProbe   // the regions asked so far
	checked      bool          // nothing was found that would refuse a new key, but this machine is still searched
	lastUse      *useReading   // what AWS has said of the use of the old key, before this machine is searched
	proof        *proof        // the streaks so far
	steady       steadyListing // the equal lists so far

	asking  *asking // the question for an MFA code; nil when there is none
	refused error   // why AWS has refused the last code; nil when it has refused none

	searched bool           // this machine was searched during the action
	knew     *decide.Copies // what an earlier search has found
}

// errNotYet reports that an action has neither succeeded nor failed: it continues at
// the time in progress.wait, and the lock is free until then.
var errNotYet = errors.New("daemon: the action continues later")

// errSessionOver reports that AWS no longer accepts the session which signed an action, or
// asks for one: what the action has left to do begins again with another one.
var errSessionOver = errors.New("daemon: the session with MFA is over")

// continueIn ends a step, and lets its action continue after a while.
func (d *Rotator) continueIn(t *target, after time.Duration) error {
	t.progress.wait.until = d.Now().Add(after)
	return errNotYet
}

// beginAction prepares for a step of the action do, which may have begun before.
func (p *progress) beginAction(do decide.Do, now time.Time) {
	if p.wait.do != do {
		p.wait = wait{do: do, since: now}
	}
	p.wait.steps++
	p.evidence.answered = nil
}

// endAction forgets an action that has succeeded or failed.
func (p *progress) endAction() { p.wait = wait{} }

// runToEnd performs an action, and continues it until it has succeeded or failed. It
// keeps the lock for all that time: only commands that act on a single key use it.
func (d *Rotator) runToEnd(ctx context.Context, t *target, decision decide.Decision) error {
	for {
		err := d.runAction(ctx, t, decision)
		if errors.Is(err, errSessionOver) {
			return noCode(t, err)
		}
		if !errors.Is(err, errNotYet) {
			return err
		}
		if err := pauseFor(ctx, t.progress.wait.until.Sub(d.Now())); err != nil {
			return err
		}
	}
}

// remember keeps what this pass knows of the key for its next step.
func (t *target) remember() {
	p := t.progress
	p.rotation = t.facts.Rotation
	p.known, p.outdated, p.seen, p.failure, p.options = true, false, t.facts.Seen, t.facts.Failure, t.facts.Options
	p.use, p.watched, p.justClosed, p.copies = t.facts.Use, t.facts.Watched, t.facts.JustClosed, t.facts.CopiesFound
}
