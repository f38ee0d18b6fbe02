package rotate_test

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// oddProcesses are processes that look at the world from an odd place: from a shell whose
// AWS_SHARED_CREDENTIALS_FILE names another file, or by a clock that is set to
// another month. They keep the state folder of the others.
var oddProcesses = []fate{
	{name: "keyd rotate elsewhere", command: fromElsewhere(passWith(decide.Options{Manual: true, RetireNow: true})), rank: inSingles},
	{name: "keyd resume elsewhere", command: fromElsewhere(commandOnDefault((*rotate.Rotator).Resume)), rank: inSingles},
	{name: "clock ahead", command: withClockAhead(passWith(decide.Options{})), rank: inSingles},
	{name: "keyd rotate, clock ahead", command: withClockAhead(passWith(decide.Options{Manual: true})), rank: inSingles},
}

var elsewhereFile = filepath.Join(homeFolder, "elsewhere")

func fromElsewhere(do func(*take, context.Context) ([]rotate.Result, error)) func(*take, context.Context) ([]rotate.Result, error) {
	return func(r *take, ctx context.Context) ([]rotate.Result, error) {
		id, secret := r.addStranger()
		r.disk.Put(elsewhereFile, []byte("[personal]\naws_access_key_id="+id+"\naws_secret_access_key="+secret+"\n"), false)
		r.d.Store.Paths.Credentials, r.d.OtherFiles = elsewhereFile, []string{credentials}
		return do(r, ctx)
	}
}

// withClockAhead is by how much, more than overlap and quarantine together.
func withClockAhead(do func(*take, context.Context) ([]rotate.Result, error)) func(*take, context.Context) ([]rotate.Result, error) {
	return func(r *take, ctx context.Context) ([]rotate.Result, error) {
		r.d.Now = func() time.Time { return time.Now().Add(10 * settings.Day) }
		return do(r, ctx)
	}
}

// shownKeys is which keys the files show, and since when one of them shows the key
// that is not the first: the first time and, where another stood there in
// between, the last.
type shownKeys struct {
	ids         [2]string
	next        string
	first, last time.Time
}

// checkPatience: nothing of the old key goes before its time, unless a person has
// said so. It is told by a clock that is right.
func (r *take) checkPatience() {
	call := r.cloud.LastCall()
	path := filepath.Join(rotations, call.Target+".json")
	if !call.Effect || !slices.Contains(r.journalPaths(), path) {
		return
	}
	now, hurried := time.Now(), bytes.Contains(r.disk.Data(path), []byte(`"retire_now": true`))
	switch {
	case call.Action == "UpdateAccessKey" && call.Asked == "Active":
		r.ghost.oldOff = time.Time{}
	case call.Action == "UpdateAccessKey":
		if early := now.Sub(r.ghost.shown.first) < settings.Day || now.Sub(r.ghost.shown.last) < decide.UndisturbedFor; early && !hurried {
			r.reportViolation("the overlap", "%s is made Inactive %s after the file changed", call.Target, now.Sub(r.ghost.shown.last))
		}
		r.ghost.oldOff = now
	case call.Action == "DeleteAccessKey" && !hurried && now.Sub(r.ghost.oldOff) < 7*settings.Day:
		r.reportViolation("the quarantine", "%s is deleted %s after it was made Inactive", call.Target, now.Sub(r.ghost.oldOff))
	}
}

// noteShown notes when a file begins to show another key of the user.
func (r *take) noteShown() {
	s := &r.ghost.shown
	for i, path := range userFiles {
		id, whole := r.shownKey(path)
		if !whole || id == s.ids[i] {
			continue
		}
		if s.ids[i] = id; id == "" || id == r.ghost.firstKey.ID || !r.isUsers(id) {
			continue
		}
		if s.last = time.Now(); id != s.next {
			s.next, s.first = id, s.last
		}
	}
}

// isUsers reports whether a key is, or was, the user's, and nobody else's.
func (r *take) isUsers(id string) bool {
	return slices.ContainsFunc(r.cloud.History(r.user()), func(k awssim.KeyState) bool { return k.ID == id })
}

// checkMended: when nothing goes wrong in a pass, no file is left showing the old
// key that does not work while a journal holds the new one that does.
func (r *take) checkMended() {
	if len(r.faults)+len(r.standing) > 0 || r.err != nil || r.result.State == decide.StateWaiting { // for a try of its own that failed
		return
	}
	for _, path := range userFiles {
		id, _ := r.shownKey(path)
		journal := string(r.disk.Data(filepath.Join(rotations, id+".json")))
		for next, secret := range r.cloud.Secrets() {
			if id != "" && !r.isUsable(path) && strings.Contains(journal, secret) && next != id && r.cloud.IsUsable(next, secret) {
				r.reportViolation("I1", "%s still shows %s, which does not work, and a journal has one that does: %s", filepath.Base(path), id, r.result.Why)
			}
		}
	}
}
