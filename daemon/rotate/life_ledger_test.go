package rotate_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// ledger checks the promises in a life while it happens, and counts.
type ledger struct {
	life  *life
	found []string // what was wrong

	lives, calls, rotations, told, forks, mended int

	checked    time.Time            // until when outages were looked for
	killed     map[string]bool      // keys that a person has ended in the console
	revived    map[string]time.Time // when a person has made keys Active again in the console
	named      map[string]bool      // keys that a person has named in keyd prune
	asked      map[string]bool      // users whose rotation a person has ordered to end
	inactive   map[string]bool      // keys that were Inactive before
	deleted    map[string]bool      // keys that keyd has deleted
	deadSince  map[string]time.Time
	quietSince map[string]time.Time // since when an overdue key waits without a word
	perDay     map[string]*dayOfKey // by machine and user
}

// dayOfKey is what keyd did about one user's keys on one machine in one day.
type dayOfKey struct {
	calls   int
	last    string   // the last call, with its minute
	text    []string // the calls, and why the key waited
	changes bool     // a key was created, or the status of one changed
	young   bool     // at rest and not due, so far
	waits   bool     // something is in the way that only time or a person changes
	denied  bool     // a policy denies a call that is tried again
	retries bool     // a call failed that may work a minute later
	busy    bool     // a person was there, or it is the first day
}

// wrong records a violation, unless the life is a fork.
func (g *ledger) wrong(format string, args ...any) {
	text := g.life.now().Format("Jan 02 15:04:05 ") + fmt.Sprintf(format, args...)
	g.life.tell("WRONG %s", text)
	if !g.life.forked && len(g.found) < 5 {
		g.found = append(g.found, text)
	}
}

func (g *ledger) add(other *ledger) {
	g.lives++
	g.calls, g.rotations, g.told = g.calls+other.calls, g.rotations+other.rotations, g.told+other.told
	g.forks, g.mended = g.forks+other.forks, g.mended+other.mended
}

func (g *ledger) String() string {
	return fmt.Sprintf("%d lives of %d days: %d calls, %d keys created; %d calls on a person, %d of them forked to see whether waiting helps, %d hints followed",
		g.lives, lifeLength, g.calls, g.rotations, g.told, g.forks, g.mended)
}

func note[V any](m *map[string]V, key string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = v
}

// day returns the page of a machine and a user.
func (g *ledger) day(m *machine, user string) *dayOfKey {
	key := m.name + " " + user
	if g.perDay[key] == nil {
		note(&g.perDay, key, &dayOfKey{young: true, busy: g.life.day() < 2})
	}
	return g.perDay[key]
}

// afterCall checks one call of keyd to AWS.
func (g *ledger) afterCall(m *machine, c awssim.Call) {
	g.calls++
	d := g.day(m, c.User)
	if at := c.At.Format("15:04 ") + c.Action; at != d.last && c.Code != "InvalidClientTokenId" && c.Code != "SignatureDoesNotMatch" { // not: a list that is repeated until it is steady, a key that is refused five times
		d.last = at
		d.calls++
	}
	d.text = append(d.text, c.At.Format("15:04 ")+c.Action+" "+c.Code)
	text := m.ReadCredentials()
	if m.shown[c.KeyID] && !strings.Contains(text, c.KeyID) && !g.killed[c.KeyID] && (len(g.killed) == 0 || !m.person) { // I6; a person gets the old pair back
		g.wrong("I6: %s signs %s with %s, which its file no longer shows", m.name, c.Action, c.KeyID)
	}
	d.changes = d.changes || c.Action == "DeleteAccessKey"
	if !c.Effect || c.Action != "CreateAccessKey" && c.Action != "UpdateAccessKey" && c.Action != "DeleteAccessKey" {
		return
	}
	for _, other := range g.life.machines {
		if other.Home == m.Home && (c.Action != "UpdateAccessKey" || c.Asked == "Inactive") { // a machine that shares the home proves the key as well
			g.day(other, c.User).changes = true
		}
	}
	if m.excluded && (c.Action != "UpdateAccessKey" || c.Asked == "Inactive") && !m.person {
		g.wrong("rotate = never: %s %s %s %s", m.name, c.Action, c.Target, c.Asked)
	}
	switch {
	case c.Action == "CreateAccessKey":
		g.rotations++
	case c.Action == "DeleteAccessKey":
		g.checkDelete(m, c)
	case c.Asked == "Inactive":
		g.checkDeactivate(m, c)
	}
	if g.life.cloud.IsForeign(c) && !g.named[c.Target] { // I3
		g.wrong("I3: %s %s %s, which is not of its line", m.name, c.Action, c.Target)
	}
}

// keyState returns the truth about a key.
func (g *ledger) keyState(m *machine, c awssim.Call) awssim.KeyState {
	keys := g.life.cloud.History(g.life.cloud.FindUser(c.Account, c.User))
	if i := slices.IndexFunc(keys, func(k awssim.KeyState) bool { return k.ID == c.Target }); i >= 0 {
		return keys[i]
	}
	return awssim.KeyState{}
}

// checkDeactivate checks that nobody loses a key that he uses (I11).
func (g *ledger) checkDeactivate(m *machine, c awssim.Call) {
	note(&g.inactive, c.Target, true)
	if g.named[c.Target] || g.asked[c.User] {
		return
	}
	k := g.keyState(m, c)
	last := k.LastUsed
	quiet := g.life.now().Sub(last.At)
	if g.life.hidesUse(last.At) { // keyd says that it does not know, and the length of the overlap decides
		note(&g.killed, c.Target, true)
		return
	}
	if last.Service == "ec2" && quiet < 7*settings.Day && quiet > awssim.RealLag().LastUsed {
		g.wrong("I11: %s makes %s inactive, %s after somebody used it", m.name, c.Target, quiet)
	}
	for _, other := range g.life.machines {
		if other.RecordShown(); other.ShownID() == c.Target { // it is used every day
			g.wrong("I3: %s makes %s inactive, which %s shows", m.name, c.Target, other.name)
		}
	}
	if made := k.Created; k.CreatedBy != awssim.BySeed && !k.Delivered && g.life.now().Sub(made) < 4*time.Hour {
		g.wrong("I5: %s is taken for an orphan %s after its creation", c.Target, g.life.now().Sub(made))
	}
}

// hidesUse reports whether AWS could not have told of a use: reading it was denied
// most of the time since.
func (w *life) hidesUse(at time.Time) bool {
	table := w.table()
	if table == nil || table.Action != "*" && table.Action != "GetAccessKeyLastUsed" {
		return false
	}
	open := time.Duration(0)
	for ; at.Before(w.now()); at = at.Add(time.Hour) {
		if table.isAllowed(at) {
			open += time.Hour
		}
	}
	return open < 12*time.Hour
}

// checkDelete checks that what is deleted was Inactive before, or never in a file.
func (g *ledger) checkDelete(m *machine, c awssim.Call) {
	note(&g.deleted, c.Target, true)
	k := g.keyState(m, c)
	if shown := slices.ContainsFunc(g.life.machines, func(m *machine) bool { return m.shown[c.Target] }); !g.inactive[c.Target] && (shown || !k.Delivered) && !g.named[c.Target] && !g.killed[c.Target] {
		g.wrong("I2: %s deletes %s, which was not inactive before", m.name, c.Target)
	}
}

// used checks the answer to a program that used the pair in the file.
func (g *ledger) used(m *machine, refused error) {
	if id := m.ShownID(); refused != nil && !g.killed[id] && !m.fresh(id) {
		g.wrong("I1: %s is locked out: %v", m.name, refused)
	}
}

// fresh reports whether a person at keyd rotate may have put the key into the file less
// than five minutes after its creation.
func (m *machine) fresh(id string) bool {
	for _, k := range m.Cloud.History(m.User) {
		if k.ID == id {
			return m.w.now().Sub(k.Created) < 5*time.Minute
		}
	}
	return false
}

// afterCommand looks at what a command has left in the file.
func (g *ledger) afterCommand(m *machine) {
	m.RecordShown()
	for _, user := range usersOfLives {
		g.day(m, user).busy = true
	}
	g.noteIDs(m)
}

// noteIDs remembers which keys the file has shown.
func (g *ledger) noteIDs(m *machine) {
	for _, id := range keyIDs.FindAllString(m.ReadCredentials(), -1) {
		m.shown[id] = true
	}
}

// afterRound checks how keys stand after a round of the daemon.
func (g *ledger) afterRound(m *machine, results []rotate.Result, err error, over bool) {
	before := m.ShownID()
	m.RecordShown()
	if now := m.Shown[len(m.Shown)-1]; now.ID != before && !m.person && !g.life.cloud.IsUsableEverywhere(now.ID, now.Secret) && !g.killed[now.ID] {
		g.wrong("I1: the daemon on %s writes %s, which some service refuses", m.name, now.ID)
	}
	g.noteIDs(m)
	if err != nil || !over {
		return
	}
	clear(m.latest)
	for _, r := range results {
		if name := r.Profiles[0]; !m.latest[name].NeedsPerson { // two keys may have had one profile
			m.latest[name] = r
		}
		g.checkState(m, r)
		if r.NeedsPerson {
			g.life.callPerson(m, r)
		}
	}
	for key := range m.told { // who was told of something that is over is told again
		profile, _, _ := strings.Cut(key, " ")
		if r := m.latest[profile]; !r.NeedsPerson {
			delete(m.told, key)
		}
	}
}

// checkState checks what keyd says of a key against the truth.
func (g *ledger) checkState(m *machine, r rotate.Result) {
	d := g.day(m, g.life.userOf(r.KeyID))
	if r.State == decide.StateSkipped && !strings.Contains(r.Why, "rotate = never") {
		g.wrong("%s says that there is nothing to rotate in %s: %s", m.name, r.Profiles[0], r.Why)
	}
	if r.Rotation != nil || r.State != decide.StateOK {
		d.young = false
	}
	d.denied = d.denied || r.Failure != nil && r.Failure.Denied
	switch failed := r.Failure; {
	case failed != nil && !failed.Denied:
		d.retries = true
	case r.State == decide.StateBlocked || r.State == decide.StateWaiting:
		d.waits = true
	}
	if why := string(r.State) + ": " + r.Why; len(d.text) == 0 || d.text[len(d.text)-1] != why {
		d.text = append(d.text, why)
	}
	for _, c := range g.life.conditions {
		if s, ok := c.(*silence); ok && strings.Contains(r.Why, "sts.ap-south-1.") && r.Profiles[0] != s.profile {
			g.wrong("%s: %s is held up by an endpoint that it does not need: %s", m.name, r.Profiles[0], r.Why)
		}
	}
}

// userOf returns the user of a key.
func (w *life) userOf(id string) string {
	for _, name := range usersOfLives {
		if u := w.cloud.FindUser(lab.Account, name); u != nil && slices.ContainsFunc(w.cloud.History(u), func(k awssim.KeyState) bool { return k.ID == id }) {
			return name
		}
	}
	return ""
}

// usersOfLives are the names of the users whose keys may stand in a file.
var usersOfLives = []string{"alice", "bob", "carol", "far"}

// rotationsOf returns the journals of a machine.
func rotationsOf(m *machine) []*journal.Rotation {
	all, _ := m.Rotator.JournalDir().Load(m.w.t.Context())
	return all
}
