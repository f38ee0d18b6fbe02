package rotate_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/settings"
)

// shownKeys says which keys the files show, and since when a file has shown
// the successor of the first key. first is when a file first showed it. last
// is when a file last began to show it, which is later if another key was
// shown in between.
type shownKeys struct {
	ids         [len(places)]string // in each place of the user
	next        string
	first, last time.Time
}

// checkPatience checks that keyd deactivates or deletes the old key only
// after its time, unless a person has said so. It measures with a clock that
// is right.
func (r *take) checkPatience() {
	call := r.cloud.LastCall()
	path := filepath.Join(rotations, call.Target+".json")
	if !call.Effect || !slices.Contains(r.journalPaths(), path) {
		return
	}
	mine := &r.ghost.of[max(r.userOf(call.Target), alice)]
	now, said := time.Now(), func(flag string) bool { return bytes.Contains(r.disk.Data(path), []byte(`"`+flag+`": true`)) }
	switch {
	case call.Action == "UpdateAccessKey" && call.Asked == "Active":
		mine.oldOff = time.Time{}
	case call.Action == "UpdateAccessKey":
		if early := now.Sub(mine.shown.first) < settings.Day || now.Sub(mine.shown.last) < decide.UndisturbedFor; early && !said("end_overlap") && !said("retire_now") {
			r.reportViolation("the overlap", "%s is made Inactive %s after the file changed", call.Target, now.Sub(mine.shown.last))
		}
		reported := now.Sub(mine.used) > r.lag.LastUsed // AWS can say so by now
		if reported && now.Sub(mine.used) < settings.Day && !said("end_overlap") && !said("retire_now") {
			r.reportViolation("I11", "%s is made Inactive %s after somebody used it", call.Target, now.Sub(mine.used))
		}
		mine.oldOff = now
	case call.Action == "DeleteAccessKey" && !said("retire_now") && now.Sub(mine.oldOff) < 7*settings.Day:
		r.reportViolation("the quarantine", "%s is deleted %s after it was made Inactive", call.Target, now.Sub(mine.oldOff))
	}
}

// noteShown notes when a file begins to show another key of the user.
func (r *take) noteShown() {
	for j, p := range places {
		mine := &r.ghost.of[p.user]
		s := &mine.shown
		id, whole := r.shownKey(p)
		if !whole || id == s.ids[j] || p.isLinked() && id == "" { // it may come back
			continue
		}
		if s.ids[j] = id; id == "" || id == mine.firstKey.ID || r.userOf(id) != p.user {
			continue
		}
		if s.last = time.Now(); id != s.next {
			s.next, s.first = id, s.last
		}
	}
}

// noteUse notes what AWS has just told keyd about the use of an old key.
func (r *take) noteUse(call awssim.Call) {
	user := r.userOf(call.Target)
	if call.Action != "GetAccessKeyLastUsed" || !call.Effect || !call.Delivered || user < 0 || call.Target != r.ghost.of[user].firstKey.ID {
		return
	}
	for _, k := range r.keysOf(user) {
		if k.ID == call.Target && k.LastUsed.Service == somebodysService {
			r.ghost.of[user].used = k.LastUsed.At
		}
	}
}

// somebodysService is what somebody uses an old key for. keyd calls IAM and STS only.
const somebodysService = "s3"

// mostCalls is how many calls a target may cost in a take that only waits.
const mostCalls = 8

// checkCalls checks I13 in a take without a fault, of which each rotation waits at its
// beginning and at its end.
func (r *take) checkCalls() {
	calls := [len(users)]int{}
	if slices.ContainsFunc(r.effects, func(e effect) bool { return e.what == "rename credentials" || e.what == "exchange credentials" }) { // a proof came before
		return
	}
	for _, c := range r.cloud.Calls()[r.callsBefore:] {
		if c.Action == "CreateAccessKey" || c.Action == "UpdateAccessKey" || c.Action == "DeleteAccessKey" || c.Action == "TagUser" || len(r.faults) > 0 {
			return
		}
		calls[max(r.userOf(c.KeyID), alice)]++
	}
	for user, n := range calls {
		if x := r.resultOf(user); x != nil && r.err == nil && n > mostCalls && (x.State == decide.StateOverlap || x.State == decide.StateQuarantine) {
			r.reportViolation("I13", "%d calls in a take that only waits", n)
		}
	}
}
