package evidence

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"keyd/daemon/journal"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// Source is what a report is made from.
type Source struct {
	Now          time.Time
	Since        time.Time // zero: everything
	Profiles     []string  // nil: every key
	Program      string    // keyd and its version
	Host         string
	Installation string
	History      state.Record
	Status       state.Status // with the memory
	Rotations    []*journal.Rotation
	Settings     settings.Settings
}

// Make returns the report.
func Make(from Source) *Report {
	m := maker{Source: from, keys: map[string]*Key{}, listed: map[string]time.Time{}}
	m.report = &Report{Version: 1, Made: from.Now.UTC(), Since: from.Since.UTC(), Program: from.Program, Host: from.Host, Installation: from.Installation,
		Profiles: from.Profiles, Looked: from.Status.Written.UTC(), Policy: m.policyFor(nil), PolicyFrom: from.Settings.PolicyOrigin(), Managed: from.Settings.Managed, Keys: []*Key{}, Rotations: []*Rotation{}, users: map[string]*user{}}
	if from.Since.IsZero() {
		m.report.Since = time.Time{}
	}
	m.report.History = describeHistory(from.History)
	for i, e := range from.History.Entries {
		m.addEntry(e, from.History.Lines[i])
	}
	for _, r := range from.Rotations {
		m.addJournal(r)
	}
	for _, l := range from.Status.Keys {
		m.addStatus(l)
	}
	m.findGone()
	m.closeRotations()
	m.finish()
	return m.report
}

// maker collects what is known of the keys.
type maker struct {
	Source
	report *Report
	keys   map[string]*Key
	order  []*Key
	open   []*Rotation // the rotations whose end the history has not told yet
	shown  map[string]string
	listed map[string]time.Time // when AWS last listed the keys of a user, by owner and endpoint
}

// policyFor returns the settings in force now for the key of these profiles.
func (m *maker) policyFor(profiles []string) *Policy {
	return m.Settings.PolicyFor(profiles)
}

// key returns the key with this id, which is new if nothing is known of it yet.
func (m *maker) key(id string) *Key {
	if m.keys[id] == nil {
		m.keys[id] = &Key{ID: id, Status: Unknown, AgeDays: -1}
		m.order = append(m.order, m.keys[id])
	}
	return m.keys[id]
}

// describeHistory says what the check of the history has found.
func describeHistory(r state.Record) History {
	c := r.Chain
	h := History{Lines: c.Lines, Damaged: r.Damaged, Chained: c.Chained, Older: c.Older, Head: c.Head}
	if c.After.From > 0 {
		h.Open = c.After.To - c.After.From + 1
	}
	if len(c.Broken) > 0 {
		h.Broken, h.misfit = c.Broken[0].String(), c.Broken[0].Misfit()
	}
	return h
}

// addEntry adds an entry of the history.
func (m *maker) addEntry(e state.HistoryEntry, line int) {
	a := &Action{Line: line, Time: e.Time.UTC(), Did: e.Verb, KeyID: e.KeyID, Profiles: e.Profiles, User: e.User, Account: e.Account, Process: e.Process, PID: e.PID,
		Installation: e.Installation, WhoAsked: whoAsked(e), Endpoint: e.Endpoint, Files: e.Files, Text: e.Text, Calls: e.Calls, Policy: e.Policy, Hash: e.Chain}
	m.follow(a, e)
	if e.KeyID == "" {
		return
	}
	k := m.key(e.KeyID)
	k.Actions, k.Policy, k.endpoint = append(k.Actions, a), cmp.Or(e.Policy, k.Policy), e.Endpoint
	k.User, k.Account, k.WhoAsked = cmp.Or(e.User, k.User), cmp.Or(e.Account, k.Account), cmp.Or(k.WhoAsked, a.WhoAsked)
	if len(e.Profiles) > 0 {
		k.Profiles = e.Profiles
	}
	switch at := a.Time; e.Verb {
	case "created":
		if old := e.OldKey; old != "" && !e.OldCreated.IsZero() {
			m.key(old).Created = e.OldCreated.UTC()
		}
		k.Created, k.MadeByKeyd, k.Status = at, true, Active
		for _, c := range e.Calls {
			if c.Call == "CreateAccessKey" && !c.Date.IsZero() {
				k.Created = c.Date
			}
		}
	case "swapped":
		k.Shown = cmp.Or(k.Shown, at)
	case "validated":
		k.Validated = cmp.Or(k.Validated, at)
	case "deactivated":
		k.Deactivated, k.Status, k.Retired = at, Inactive, k.Retired || e.Text == state.RetiredNote
		k.UseDenied = k.UseDenied || e.IsUseUnknown()
		k.hurried = strings.Contains(e.Command, "-now") // a person did not wait until it was quiet
	case "revived":
		k.Deactivated, k.Status = time.Time{}, Active
	case "still used":
		k.uses = append(k.uses, at)
	case "deleted":
		k.Deleted, k.Status = at, Deleted
	}
}

// whoAsked says in words who wanted something done. An older keyd has recorded only the
// process.
func whoAsked(e state.HistoryEntry) string {
	switch {
	case e.AskedBy == state.ByPerson || e.AskedBy == "" && e.Process != "run" && e.Process != "":
		return "a person: " + cmp.Or(e.Command, "keyd "+e.Process)
	case e.AskedBy == state.ByDaemon || e.Process == "run":
		return "the service: it was due"
	}
	return "unknown"
}

// addJournal adds what the journal of a rotation in progress knows.
func (m *maker) addJournal(r *journal.Rotation) {
	old := m.key(r.Old.ID)
	both := []*Key{old}
	if r.New.ID != "" { // the history may lack it: it was deleted, or keyd was killed before it had an entry
		both = append(both, m.key(r.New.ID))
	}
	for _, k := range both {
		k.Rotating, k.User, k.Account, k.ARN = true, cmp.Or(r.User, k.User), cmp.Or(r.Account, k.Account), cmp.Or(r.ARN, k.ARN)
	}
	if old.Status == Unknown {
		old.Status = Active
	}
	if len(old.Profiles) == 0 {
		old.Profiles = r.Profiles()
	}
	if old.Deactivated.IsZero() && !r.Deactivated.IsZero() {
		old.Deactivated, old.Status = r.Deactivated.UTC(), Inactive
	}
	old.UseDenied, old.hurried = r.UseDenied, r.UseChecked.IsZero()
	if r.LastUse != nil {
		old.LastUse = r.LastUse
		if r.UsedByOthers() {
			old.uses = append(old.uses, r.LastUse.At.UTC())
		}
	}
	m.followJournal(r)
}

// finish computes what follows from the lives of the keys, and leaves out what the report is
// not for.
func (m *maker) finish() {
	r := m.report
	m.groupUsers()
	for _, k := range m.order {
		k.finish(m)
		if u := r.users[k.owner()]; u != nil {
			k.ARN = cmp.Or(k.ARN, u.arn)
		}
		if !m.wants(k.Profiles) || k.Status == Deleted && k.Deleted.Before(m.Since) || k.Status == Gone && k.GoneBy.Before(m.Since) {
			continue
		}
		k.Actions = slices.DeleteFunc(k.Actions, func(a *Action) bool { return a.Time.Before(m.Since) })
		r.Keys = append(r.Keys, k)
	}
	r.Rotations = slices.DeleteFunc(r.Rotations, func(o *Rotation) bool {
		return !m.wants(o.Profiles) || !o.Ended.IsZero() && o.Ended.Before(m.Since)
	})
	slices.SortStableFunc(r.Keys, func(a, b *Key) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(strings.ToLower(a.User), strings.ToLower(b.User)), a.Created.Compare(b.Created))
	})
	r.testControls()
}

// groupUsers groups the keys by their users. Names of users differ in more than their case.
func (m *maker) groupUsers() {
	for _, k := range m.order {
		if k.User == "" {
			continue
		}
		u := m.report.users[k.owner()]
		if u == nil {
			u = &user{name: k.User, account: k.Account}
			m.report.users[k.owner()] = u
		}
		u.arn, u.keys = cmp.Or(u.arn, k.ARN), append(u.keys, k)
	}
}

// owner names the user of a key.
func (k *Key) owner() string { return ownerOf(k.Account, k.User, k.endpoint) }

// ownerOf names a user. Users of two stores may have the same name and account, such as
// 000000000000.
func ownerOf(account, user, endpoint string) string {
	name := strings.ToLower(account + "/" + user)
	if state.IsCustomEndpoint(endpoint) {
		name += " " + endpoint
	}
	return name
}

// wants reports whether the report is for one of these profiles.
func (m *maker) wants(profiles []string) bool {
	return len(m.Source.Profiles) == 0 || slices.ContainsFunc(profiles, func(p string) bool { return slices.Contains(m.Source.Profiles, p) })
}

// finish computes the age of a key, and what auditors say about it.
func (k *Key) finish(m *maker) {
	if k.Policy == nil || k.Status == Active && !k.Rotating { // the settings may have changed since keyd last did something to it
		k.Policy = m.policyFor(k.Profiles)
	}
	end := m.Now
	for _, at := range []time.Time{k.Deactivated, k.Deleted} {
		if !at.IsZero() && at.Before(end) {
			end = at
		}
	}
	ended := k.Status == Active || !k.Deactivated.IsZero() || !k.Deleted.IsZero()
	if !k.Created.IsZero() && ended { // otherwise nobody knows since when it is Inactive
		k.activeFor = max(end.Sub(k.Created), 0)
		k.AgeDays, k.Verdicts = int(k.activeFor/day), verdictsOn(k.activeFor)
	}
	if k.Superseded.IsZero() || k.UseDenied || k.hurried {
		return
	}
	k.QuietSince = k.Superseded
	if n := len(k.uses); n > 0 && k.uses[n-1].After(k.QuietSince) {
		k.QuietSince = k.uses[n-1]
	}
}
