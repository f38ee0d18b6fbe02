package rotate_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keyd/daemon/awssim"
	"keyd/daemon/rotate"
)

// picture is what an effect is compared with.
type picture struct {
	texts  [2][]byte // of the files
	usable [2]bool
	keys   []awssim.KeyState
}

var userFiles = [2]string{credentials, configFile}

func (r *take) takePicture() picture {
	p := picture{keys: r.cloud.Keys(r.user())}
	for i, path := range userFiles {
		p.texts[i], p.usable[i] = r.disk.Data(path), r.isUsable(path)
	}
	return p
}

func (r *take) reportViolation(invariant, format string, args ...any) {
	r.violations = append(r.violations, invariant+": "+fmt.Sprintf(format, args...)+", at effect "+fmt.Sprint(len(r.effects))+" ("+r.effects[len(r.effects)-1].what+")")
}

// checkEffect is done after everything that keyd does.
func (r *take) checkEffect(e effect) {
	r.noteShown()
	r.checkFiles() // half of the last write may have come after its effect was checked
	if e.ofUserFile {
		r.checkUnread("")
	}
	if e.kind == order {
		r.checkKeys()
	}
	if e.kind == order || strings.Contains(e.what, "AKIA") {
		switch id := r.findOrphan(); {
		case id != "" && r.hasResumed(): // a person said so, after the status had said what that means
			r.ghost.closedKeys, r.ghost.beyondRepair = r.ghost.closedKeys+id, true
		case id != "" && r.upToDate:
			r.reportViolation("I5", "%s is active and its secret is nowhere", id)
		case id != "":
			r.ghost.closedKeys, r.ghost.beyondRepair = r.ghost.closedKeys+id, true
		case len(r.journalPaths()) == 0:
			for _, path := range userFiles {
				if shown, _ := r.shownKey(path); shown != r.ghost.firstKey.ID && !strings.Contains(r.ghost.closedKeys, shown) {
					r.ghost.closedKeys += shown
				}
			}
		}
	}
}

// hasResumed reports whether a person has told keyd to go on without the old key:
// nobody can be asked then whether the lost answer had made one.
func (r *take) hasResumed() bool {
	shown, _ := r.shownKey(credentials)
	return len(r.faults) > 0 && r.faults[0].fate.name == "keyd resume" && shown != r.ghost.firstKey.ID
}

// consoleSpread is how long nobody can know what a person did in the console.
const consoleSpread = 10 * time.Second

// checkFiles is I1 and I9: what keyd writes is accepted wherever the old pair
// was, and nothing else changes. A key that a person takes away between the
// proof and the swap, milliseconds later, is found out by the validation. What
// somebody writes between the last look at the file and the exchange of names,
// microseconds later, stands beside it until it is given back. It is lost where
// no names are exchanged: no system call compares and renames.
func (r *take) checkFiles() {
	for i, path := range userFiles {
		text := r.disk.Data(path)
		if bytes.Equal(text, r.lastPicture.texts[i]) {
			continue
		}
		r.ghost.torn = r.ghost.torn || r.hasTornItself()
		if r.isTorn(path) && !r.ghost.torn { // else what stood there may be put back
			r.reportViolation("I9", "%s holds a torn pair", filepath.Base(path))
		}
		r.ghost.torn = r.ghost.torn && r.mayBeTorn()
		r.ghost.raced = r.ghost.raced || !r.upToDate && (r.noExchange || r.hasOverwritten())
		if shape := r.filesShape(); shape != r.ghost.shape && !r.ghost.raced && !r.isKeptBeside(".theirs") && (r.upToDate || !r.isKeptBeside("")) {
			r.reportViolation("I9", "other bytes changed:\n%q\nwant\n%q", shape, r.ghost.shape)
		}
		usable := r.isUsable(path)
		if r.lastPicture.usable[i] && !usable && !r.ghost.torn && !r.isGivingBack() && time.Since(r.othersActed) > consoleSpread {
			r.reportViolation("I1", "%s shows a pair that AWS does not accept everywhere", filepath.Base(path))
		}
		r.lastPicture.texts[i], r.lastPicture.usable[i] = text, usable
	}
}

// isGivingBack reports whether two exchanges of names follow on each other: what
// came out could not be looked at, and is where it was. When that was a pair
// which somebody had switched off, it is mended later.
func (r *take) isGivingBack() bool {
	found := 0
	for _, e := range slices.Backward(r.effects) {
		switch {
		case e.kind != diskChange:
		case !strings.HasPrefix(e.what, "exchange "):
			return false
		default:
			if found++; found == 2 {
				return true
			}
		}
	}
	return false
}

// isDiskGone reports whether a disk fails for good.
func (r *take) isDiskGone() bool {
	return slices.ContainsFunc(r.standing, func(f *fate) bool { return f.disk != nil })
}

// checkKeys is I1 from the other side: no key goes away that a file shows. When
// somebody has put it there and keyd has not read the file since, nobody could
// have known.
func (r *take) checkKeys() {
	now := r.cloud.Keys(r.user())
	for _, k := range r.lastPicture.keys {
		i := slices.IndexFunc(now, func(n awssim.KeyState) bool { return n.ID == k.ID })
		if k.Status != "Active" || i >= 0 && now[i].Status == "Active" {
			continue
		}
		for _, path := range userFiles {
			if id, _ := r.shownKey(path); id == k.ID && r.upToDate {
				r.reportViolation("I1", "%s was taken away and %s shows it", k.ID, filepath.Base(path))
			}
		}
	}
	r.lastPicture.keys = now
	for i, path := range userFiles {
		r.lastPicture.usable[i] = r.isUsable(path)
	}
}

// findOrphan is I5: it returns an active key of ours whose secret is neither in a
// file nor in a journal, unless a journal says that one may exist.
func (w *scene) findOrphan() string {
	secrets := w.cloud.Secrets()
	for _, k := range w.cloud.Keys(w.user()) {
		if k.Status != "Active" || strings.Contains(w.ghost.closedKeys, k.ID) || k.CreatedBy == awssim.BySeed || k.CreatedBy == awssim.ByConsole {
			continue
		}
		known := false
		for _, f := range w.disk.Files() {
			known = known || bytes.Contains(f.Data, []byte(secrets[k.ID])) && !strings.Contains(f.Path, ".keyd-") ||
				isJournalPath(f.Path) && !bytes.Contains(f.Data, []byte(`"new_id"`)) && bytes.Contains(f.Data, []byte(`"sent"`))
		}
		if !known {
			return k.ID
		}
	}
	return ""
}

func isJournalPath(path string) bool {
	return filepath.Dir(path) == rotations && strings.HasSuffix(path, ".json") && !strings.HasPrefix(filepath.Base(path), ".")
}

// checkCall is I3, I6 and I7, for the call that was just made.
func (r *take) checkCall(e effect) {
	call := r.cloud.LastCall()
	if r.cloud.IsForeign(call) && !r.isTwin(call.Target) && call.Target != r.namedKey {
		r.reportViolation("I3", "%s of the foreign key %s", call.Action, call.Target)
	}
	for _, f := range r.disk.Files() {
		if !isJournalPath(f.Path) {
			continue
		}
		old := strings.TrimSuffix(filepath.Base(f.Path), ".json")
		shown, _ := r.shownKey(credentials)
		swapped := bytes.Contains(f.Data, []byte(`"validated"`)) || shown != old && bytes.Contains(f.Data, []byte(`"new_id": "`+shown+`"`))
		if call.KeyID == old && swapped && r.upToDate {
			r.reportViolation("I6", "%s was signed with the old key after the swap", call.Action)
		}
		if e.what == "CreateAccessKey" && call.KeyID == old { // another key's rotation may go on
			r.checkIntent(old, r.disk.Kept(f.Path))
		}
	}
	if e.what == "CreateAccessKey" && len(r.journalPaths()) == 0 {
		r.reportViolation("I7", "CreateAccessKey was sent with no intent on the disk")
	}
}

// isTwin reports whether a key was made in the very seconds of a request whose
// answer nobody has. IAM's answers tell it from the request's own in no way:
// it is made Inactive, and deleted when nobody wants it back.
func (r *take) isTwin(id string) bool {
	keys := r.cloud.History(r.user())
	i := slices.IndexFunc(keys, func(k awssim.KeyState) bool { return k.ID == id })
	for _, path := range r.journalPaths() {
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

// checkIntent is I7: one CreateAccessKey for each intent, and the intent is
// where no power failure takes it.
func (r *take) checkIntent(old string, kept []byte) {
	sent := jsonField(kept, "sent")
	switch {
	case sent == "":
		r.reportViolation("I7", "CreateAccessKey was sent and a power failure would leave no intent for %s", old)
	case sent == r.ghost.lastIntent:
		r.reportViolation("I7", "CreateAccessKey was sent twice for one intent")
	}
	r.ghost.lastIntent = sent
}

func (r *take) journalPaths() (paths []string) {
	for _, f := range r.disk.Files() {
		if isJournalPath(f.Path) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// jsonField cuts a string out of JSON.
func jsonField(text []byte, name string) string {
	_, rest, _ := bytes.Cut(text, []byte(`"`+name+`": "`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}

// checkTakeEnd is I9 and I8: what others have written stands where they wrote it, or
// beside it when it could not be given back; no secret in what was said, and
// none in a file but these, the user's own and the journal.
func (r *take) checkTakeEnd() {
	r.checkFiles()
	spared := ".theirs"
	if r.isDiskGone() { // nobody can give it back, nor another name
		spared = ""
	}
	r.checkUnread(spared)
	if shape := r.filesShape(); shape != r.ghost.shape && !r.ghost.raced && !r.isKeptBeside(spared) {
		r.reportViolation("I9", "other bytes changed at the end:\n%q\nwant\n%q", shape, r.ghost.shape)
	}
	for id, secret := range r.cloud.Secrets() {
		if bytes.Contains(r.log.Bytes(), []byte(secret)) {
			r.reportViolation("I8", "the secret of %s was logged", id)
		}
		for _, f := range r.disk.Files() {
			allowed := f.Path == credentials || f.Path == configFile || f.Path == elsewhereFile || isJournalPath(f.Path) || strings.HasSuffix(f.Path, ".theirs")
			if f.Mode.Perm()&0o077 != 0 {
				r.reportViolation("I8", "%s has mode %v", f.Path, f.Mode)
			}
			if !allowed && bytes.Contains(f.Data, []byte(secret)) && len(r.standing) == 0 && !r.failedToRemove() && !r.sparesTemps() {
				r.reportViolation("I8", "the secret of %s is in %s", id, f.Path)
			}
		}
	}
}

// sparesTemps reports whether this process reads another file: what one that was
// killed has left beside the usual one is for those that read that.
func (r *take) sparesTemps() bool { return r.d.Store.Paths.Credentials != credentials }

// failedToRemove reports whether a fault kept a temporary file in its place: it
// stays, 0600 beside its target, until the next pass.
func (r *take) failedToRemove() bool {
	return slices.ContainsFunc(r.faults, func(f fault) bool { return f.fate.disk != nil })
}

// checkClosed is I1 and I2 at the end of a rotation: one key of ours, the one in the
// files, and a file that somebody put back while it went on is mended.
func (r *take) checkClosed() {
	for _, path := range userFiles {
		if !r.ghost.beyondRepair && !r.isUsable(path) {
			r.reportViolation("I1", "the rotation is over and %s shows a pair that AWS does not accept", filepath.Base(path))
		}
	}
	shown, _ := r.shownKey(credentials)
	for _, k := range r.cloud.Keys(r.user()) {
		if k.ID != shown && !r.ghost.othersActed {
			r.reportViolation("I2", "%s is left over", k.ID)
		}
	}
}

// checkDeath checks what a crash has left: the pair works that worked before, nothing
// else changed, and no key is lost.
func (w *scene) checkDeath(works [2]bool) (wrong []string) {
	for i, path := range userFiles {
		torn := w.isTorn(path)
		if torn && !w.ghost.torn {
			wrong = append(wrong, "I9: "+filepath.Base(path)+" holds a torn pair after the crash")
		}
		if works[i] && !torn && !w.ghost.othersActed && !w.isUsable(path) {
			wrong = append(wrong, "I1: "+filepath.Base(path)+" shows a pair after the crash that AWS does not accept")
		}
	}
	switch shape := w.filesShape(); {
	case shape == w.ghost.shape, w.ghost.raced:
	case w.isKeptBeside(""): // it died before it could give back what somebody had put there
		w.ghost.shape = shape
	default:
		wrong = append(wrong, fmt.Sprintf("I9: the crash has changed other bytes: %q", w.filesShape()))
	}
	if id := w.findOrphan(); id != "" {
		wrong = append(wrong, "I5: "+id+" is active after the crash, and its secret is nowhere")
	}
	return wrong
}
