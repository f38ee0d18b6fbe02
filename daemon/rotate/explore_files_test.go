package rotate_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
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

// noteUnread notes what somebody else has just written into the credentials file.
func (r *take) noteUnread() {
	if text := r.disk.Data(credentials); !bytes.Equal(text, r.lastPicture.texts[0]) {
		r.unread = text
	}
}

// noteRead notes that keyd reads the file: what it shows is no longer unseen.
func (r *take) noteRead() {
	if bytes.Equal(r.disk.Data(credentials), r.unread) {
		r.unread = nil
	}
}

// checkUnread is I9 and the second promise where they are in danger: what somebody
// has written since keyd read the file, a third key above all, is not replaced.
// In the moment of a swap it may stand beside the file, until it is given back;
// at the end of a pass only under a name that nobody sweeps. Where no names are
// exchanged it may be lost.
func (r *take) checkUnread(suffix string) {
	if r.unread == nil || r.noExchange || r.hasOverwritten() || bytes.Equal(r.disk.Data(credentials), r.unread) {
		return
	}
	dir, name := filepath.Split(credentials)
	for _, f := range r.disk.Files() {
		if strings.HasPrefix(f.Path, dir+"."+name+".keyd-") && strings.HasSuffix(f.Path, suffix) && bytes.Equal(f.Data, r.unread) {
			return
		}
	}
	r.reportViolation("I9", "what somebody else wrote is lost, and keyd has not read it")
	r.unread = nil
}

// hasTorn reports whether a power failure has torn a file that was written in
// place, and so had no second copy: only then may a pair be torn.
func (m moment) hasTorn(o atomicfiletest.Outcome) bool {
	return strings.Contains(o.Name, "torn") && (m.disk.Overwritten(credentials) || m.disk.Overwritten(configFile))
}

// hasTornItself reports whether the disk has failed a write in place halfway, and
// then the write that was to put the old bytes back.
func (r *take) hasTornItself() bool {
	failed := 0
	for _, f := range r.faults {
		if f.fate.disk == nil || f.at > len(r.effects) {
			continue
		}
		if failed++; f.fate.lasts {
			failed++
		}
	}
	return r.hasOverwritten() && failed > 1
}

// hasOverwritten reports whether a file was written in place: because the folder
// takes no other, or has refused to for a moment.
func (r *take) hasOverwritten() bool {
	return slices.ContainsFunc(r.effects, func(e effect) bool { return e.what == "write credentials" || e.what == "write config" })
}

// checkTorn is what must hold of a pair that a power failure has torn: the first
// pass that nothing disturbs mends it, unless it waits because an earlier one
// could not.
func (r *take) checkTorn(began time.Time) {
	waits := r.result.Failure != nil && r.result.Failure.At.Before(began)
	if r.ghost.torn && r.isAnyTorn() && len(r.faults) == 0 && r.err == nil && !waits {
		r.reportViolation("I1", "a file still shows half of one key and half of another")
	}
	r.ghost.torn = r.ghost.torn && r.mayBeTorn()
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
