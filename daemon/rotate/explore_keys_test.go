package rotate_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/rotate"
)

// hasResumed reports whether a person has told keyd to continue without the
// old key. Then keyd has no key with which to ask whether the call whose
// answer was lost created one.
func (r *take) hasResumed() bool {
	shown, _ := r.shownKey(defaultPlace)
	resumed := slices.ContainsFunc(r.faults, func(f fault) bool { return strings.HasPrefix(f.fate.name, "keyd resume") })
	return resumed && shown != r.ghost.of[alice].firstKey.ID
}

// checkKeys checks I1 from the side of AWS: no key stops working while a file
// shows it. keyd cannot know of a key that another person put there since it
// last read the file.
func (r *take) checkKeys() {
	now := r.allKeys()
	for _, k := range r.lastPicture.keys {
		i := slices.IndexFunc(now, func(n awssim.KeyState) bool { return n.ID == k.ID })
		if k.Status != "Active" || r.ghost.retires && k.ID == r.ghost.of[alice].firstKey.ID || i >= 0 && now[i].Status == "Active" {
			continue
		}
		for _, p := range places {
			if id, _ := r.shownKey(p); id == k.ID && r.upToDate && r.isKept(p) {
				r.reportViolation("I1", "%s was taken away and %s shows it", k.ID, p)
			}
		}
	}
	r.lastPicture.keys = now
	for i, p := range places {
		r.lastPicture.usable[i] = r.isUsable(p)
	}
}

// findOrphan looks for a violation of I5. It returns the id of an active key
// of ours whose secret is in no file, or "". A journal of a call whose answer
// was lost excuses any such key of its user.
func (w *scene) findOrphan() string {
	for _, user := range users {
		if id := w.findOrphanOf(user); id != "" {
			return id
		}
	}
	return ""
}

// findOrphanOf is findOrphan for one user.
func (w *scene) findOrphanOf(user int) string {
	secrets, journals := w.cloud.Secrets(), w.journalsOf(user)
	for _, k := range w.keysOf(user) {
		if k.Status != "Active" || strings.Contains(w.ghost.closedKeys+w.ghost.missing, k.ID) || k.CreatedBy == awssim.BySeed || k.CreatedBy == awssim.ByConsole {
			continue
		}
		known := false
		for _, f := range w.disk.Files() {
			known = known || bytes.Contains(f.Data, []byte(secrets[k.ID])) && !strings.Contains(f.Path, ".keyd-") ||
				slices.Contains(journals, f.Path) && !bytes.Contains(f.Data, []byte(`"new_id"`)) && bytes.Contains(f.Data, []byte(`"sent"`))
		}
		if !known {
			return k.ID
		}
	}
	return ""
}

// orphanLimit is how long an active key of ours may be without a known secret, when
// nothing goes wrong any more: until AWS's record of uses can be believed, and a pass.
const orphanLimit = decide.UseReportDelay + 10*time.Minute

// findOldOrphan looks for a violation of I5 at the end of a take without a fault. It
// returns the id of an active key of a lost answer that is older than orphanLimit,
// while keyd neither asks a person, nor is held by one, nor waits after a failure.
func (r *take) findOldOrphan() string {
	for _, id := range r.cloud.Orphans() {
		user := max(r.userOf(id), alice)
		x := r.resultOf(user)
		if x == nil || len(r.faults) > 0 || r.err != nil || x.Err != nil || x.Failure != nil || x.NeedsPerson || x.State == decide.StateHeld {
			continue
		}
		keys := r.keysOf(user)
		i := slices.IndexFunc(keys, func(k awssim.KeyState) bool { return k.ID == id })
		if i >= 0 && time.Since(keys[i].Created) > orphanLimit && !strings.Contains(r.ghost.closedKeys, id) {
			return id
		}
	}
	return ""
}

// isJournalPath reports whether path is a journal, not a temporary file.
func isJournalPath(path string) bool {
	return filepath.Dir(path) == rotations && strings.HasSuffix(path, ".json") && !strings.HasPrefix(filepath.Base(path), ".")
}

// checkCall checks I3, I6 and I7 for the call that was just made.
func (r *take) checkCall(e effect) {
	call := r.cloud.LastCall()
	r.checkLie()
	r.checkHook()
	r.checkSession(call)
	if user := r.userOf(signerOf(call)); user >= 0 {
		r.stepped[user]++
	}
	r.noteUse(call)
	if r.cloud.IsForeign(call) && !r.isTwin(call.Target) && call.Target != r.namedKey {
		r.reportViolation("I3", "%s of the foreign key %s", call.Action, call.Target)
	}
	for _, f := range r.disk.Files() {
		if !isJournalPath(f.Path) {
			continue
		}
		old := strings.TrimSuffix(filepath.Base(f.Path), ".json")
		user := max(r.userOf(old), alice)
		shown, _ := r.shownKey(placeOf(user))
		swapped := bytes.Contains(f.Data, []byte(`"validated"`)) || shown != old && bytes.Contains(f.Data, []byte(`"new_id": "`+shown+`"`))
		asked := bytes.Contains(f.Data, []byte(`"failed"`)) || // the new pair did not validate, and the old one has to work before it is put back
			bytes.Contains(f.Data, []byte(`"new_dead"`)) && (bytes.Contains(f.Data, []byte(`"held"`)) || shown == old) // AWS refuses the new key, and a person has asked for the old one
		if call.KeyID == old && swapped && r.upToDate && !asked {
			r.reportViolation("I6", "%s was signed with the old key after the swap", call.Action)
		}
		if e.what == "CreateAccessKey" && signerOf(call) == old { // the rotation of another key may continue
			r.checkIntent(old, r.disk.Kept(f.Path))
		}
	}
	if e.what == "CreateAccessKey" && !slices.Contains(r.journalPaths(), filepath.Join(rotations, signerOf(call)+".json")) {
		r.reportViolation("I7", "CreateAccessKey was sent with no intent on the disk")
	}
}

// isTwin reports whether a key was created within seconds of a request whose
// answer was lost. IAM's answers do not distinguish it from the key of that
// request, so keyd makes it Inactive, and deletes it if no one wants it back.
func (r *take) isTwin(id string) bool {
	user := max(r.userOf(id), alice)
	keys := r.historyOf(user)
	i := slices.IndexFunc(keys, func(k awssim.KeyState) bool { return k.ID == id })
	for _, path := range r.journalsOf(user) {
		sent, _ := time.Parse(time.RFC3339Nano, jsonField(r.disk.Data(path), "sent"))
		ended, err := time.Parse(time.RFC3339Nano, jsonField(r.disk.Data(path), "answered"))
		if err != nil {
			ended = sent
		}
		if i >= 0 && keys[i].Created.After(sent.Add(-rotate.OrphanEarly-time.Second)) && !keys[i].Created.After(ended.Add(rotate.OrphanWindow)) {
			return true
		}
	}
	return false
}

// checkIntent checks I7: each intent allows one CreateAccessKey, and the
// intent survives a power failure. kept is the journal that a power failure
// would leave.
func (r *take) checkIntent(old string, kept []byte) {
	sent, mine := jsonField(kept, "sent"), &r.ghost.of[max(r.userOf(old), alice)]
	switch {
	case sent == "":
		r.reportViolation("I7", "CreateAccessKey was sent and a power failure would leave no intent for %s", old)
	case sent == mine.lastIntent:
		r.reportViolation("I7", "CreateAccessKey was sent twice for one intent")
	}
	mine.lastIntent = sent
}

// allKeys returns the keys of all users.
func (w *scene) allKeys() (keys []awssim.KeyState) {
	for _, user := range users {
		keys = append(keys, w.keysOf(user)...)
	}
	return keys
}

// journalsOf returns the paths of the journals of a user's keys. A journal of any other
// key counts as alice's.
func (w *scene) journalsOf(user int) []string {
	return slices.DeleteFunc(w.journalPaths(), func(path string) bool {
		return max(w.userOf(strings.TrimSuffix(filepath.Base(path), ".json")), alice) != user
	})
}

// journalPaths returns the paths of all journals.
func (w *scene) journalPaths() (paths []string) {
	for _, f := range w.disk.Files() {
		if isJournalPath(f.Path) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// jsonField returns a string from JSON text that may be damaged, or "".
func jsonField(text []byte, name string) string {
	_, rest, _ := bytes.Cut(text, []byte(`"`+name+`": "`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}

// sparesTemps reports whether this process uses another credentials file. It
// then leaves the temporary files next to the usual file to processes that
// use that file.
func (r *take) sparesTemps() bool { return r.d.Store.Paths.Credentials != credentials }

// failedToRemove reports whether a fault of the disk, or the death of one of two
// passes, may have left a temporary file. It stays next to its target, with mode
// 0600, until the next pass begins.
func (r *take) failedToRemove() bool {
	return slices.ContainsFunc(r.faults, func(f fault) bool { return f.fate.disk != nil || f.fate.kills })
}

// checkClosed checks I1 and I2 after a rotation: one key of ours exists, both
// files show it, and a file that a person put back during the rotation is
// mended.
func (r *take) checkClosed(user int) {
	for _, p := range places {
		if p.user == user && !r.ghost.beyondRepair && !r.ghost.retires && r.isKept(p) && !r.isUsable(p) {
			r.reportViolation("I1", "the rotation is over and %s shows a pair that AWS does not accept", p)
		}
	}
	if user == alice {
		r.checkHookClosed()
	}
	shown, _ := r.shownKey(placeOf(user))
	for _, k := range r.keysOf(user) {
		if k.ID != shown && !r.ghost.othersActed {
			r.reportViolation("I2", "%s is left over", k.ID)
		}
	}
}

// checkDeath checks what a death has left: pairs that were usable still are,
// no other byte changed, and no key is lost. usable says which pairs AWS
// accepted before.
func (w *scene) checkDeath(usable [len(places)]bool) (wrong []string) {
	for i, p := range places {
		torn := w.isTorn(p.path)
		if torn && !w.ghost.torn {
			wrong = append(wrong, "I9: "+p.String()+" holds a torn pair after the death")
		}
		if usable[i] && !torn && !w.ghost.othersActed && !w.ghost.retires && !w.isUsable(p) {
			wrong = append(wrong, "I1: "+p.String()+" shows a pair after the death that AWS does not accept")
		}
	}
	switch shape := w.filesShape(); {
	case shape == w.ghost.shape, w.ghost.raced:
	case w.isKeptBeside(""): // it died before it could give back what another person had written
		w.ghost.shape = shape
	default:
		wrong = append(wrong, fmt.Sprintf("I9: the death has changed other bytes: %q", w.filesShape()))
	}
	if id := w.findOrphan(); id != "" {
		wrong = append(wrong, "I5: "+id+" is active after the death, and its secret is nowhere")
	}
	return wrong
}
