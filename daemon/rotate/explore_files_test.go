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
	"keyd/daemon/state"
)

// picture is the state of the files and keys with which the next effect is
// compared.
type picture struct {
	texts  [len(userFiles)][]byte // texts of the user's files
	usable [len(places)]bool      // in each place
	ids    [len(places)]string    // shown in each place
	keys   []awssim.KeyState
}

// userFiles are the files that can show a key.
var userFiles = [4]string{credentials, configFile, envFile, jsonFile}

// takePicture returns the current state of the files and keys.
func (r *take) takePicture() picture {
	p := picture{keys: r.allKeys()}
	for i, path := range userFiles {
		p.texts[i] = r.disk.Data(path)
	}
	for i, at := range places {
		p.usable[i] = r.isUsable(at)
		p.ids[i], _ = r.shownKey(at)
	}
	return p
}

// reportViolation notes that an invariant does not hold, and at which effect.
func (r *take) reportViolation(invariant, format string, args ...any) {
	r.violations = append(r.violations, invariant+": "+fmt.Sprintf(format, args...)+", at effect "+fmt.Sprint(len(r.effects))+" ("+r.effects[len(r.effects)-1].what+")")
}

// checkEffect checks the invariants after an effect that changed something.
func (r *take) checkEffect(e effect) {
	r.noteShown()
	if r.ghost.missing != "" {
		r.noteRestored()
	}
	r.checkFiles() // a write that fails halfway changes the file after its effect was checked
	if e.ofUserFile {
		r.checkUnread("")
	}
	if e.kind == order {
		r.checkKeys()
	}
	if e.kind == order || keyIDs.MatchString(e.what) {
		switch id := r.findOrphan(); {
		case id != "" && r.hasResumed(): // a person decided this after the status had explained the consequence
			r.ghost.closedKeys, r.ghost.beyondRepair = r.ghost.closedKeys+id, true
		case id != "" && r.upToDate:
			r.reportViolation("I5", "%s is active and its secret is nowhere", id)
		case id != "":
			r.ghost.closedKeys, r.ghost.beyondRepair = r.ghost.closedKeys+id, true
		default:
			for _, p := range places {
				if shown, _ := r.shownKey(p); shown != r.ghost.of[p.user].firstKey.ID && !strings.Contains(r.ghost.closedKeys, shown) && len(r.journalsOf(p.user)) == 0 {
					r.ghost.closedKeys += shown
				}
			}
		}
	}
}

// consoleSpread is how long an action in the console takes to be visible
// everywhere. keyd cannot know of it before then.
const consoleSpread = 10 * time.Second

// checkFiles checks I1 and I9: AWS accepts what keyd writes wherever it
// accepted the old pair, and no other byte changes.
//
// It allows two races. If a person takes a key away in the milliseconds
// between the proof and the swap, the validation notices. If a person writes
// the file in the microseconds between keyd's last look and the exchange of
// names, that text is in a file next to it until keyd gives it back. On a
// disk that exchanges no names the text is lost, because no system call
// compares and renames.
func (r *take) checkFiles() {
	for i, path := range userFiles {
		text := r.disk.Data(path)
		if bytes.Equal(text, r.lastPicture.texts[i]) {
			continue
		}
		r.ghost.torn = r.ghost.torn || r.hasTornItself()
		if r.isTorn(path) && !r.ghost.torn { // otherwise the earlier text may be put back
			r.reportViolation("I9", "%s holds a torn pair", filepath.Base(path))
		}
		r.ghost.torn = r.ghost.torn && r.mayBeTorn()
		r.ghost.raced = r.ghost.raced || !r.upToDate && (r.noExchange || r.hasOverwritten())
		if shape := r.filesShape(); shape != r.ghost.shape && !r.ghost.raced && !r.isKeptBeside(".theirs") && (r.upToDate || !r.isKeptBeside("")) {
			r.reportViolation("I9", "other bytes changed:\n%q\nwant\n%q", shape, r.ghost.shape)
		}
		for j, p := range places {
			if p.path != path || !r.isKept(p) {
				continue
			}
			usable := r.isUsable(p)
			if r.lastPicture.usable[j] && !usable && !r.ghost.torn && !r.isGivingBack() && time.Since(r.othersActed) > consoleSpread {
				r.reportViolation("I1", "%s shows a pair that AWS does not accept everywhere", p)
			}
			id, _ := r.shownKey(p)
			if id != "" && id != r.lastPicture.ids[j] && r.userOf(id) != p.user && !r.ghost.othersActed {
				r.reportViolation("I3", "%s shows %s, which is somebody else's", p, id)
			}
			r.lastPicture.usable[j], r.lastPicture.ids[j] = usable, id
		}
		r.lastPicture.texts[i] = text
	}
}

// isGivingBack reports whether the last two changes of the disk are exchanges
// of names: keyd could not read what the first one displaced, and has put it
// back. If that was a pair that a person had made Inactive, keyd mends the
// file later.
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

// isDiskGone reports whether the disk now fails permanently.
func (r *take) isDiskGone() bool {
	return slices.ContainsFunc(r.standing, func(f *fate) bool { return f.disk != nil })
}

// checkTakeEnd checks I9 and I8 at the end of a take. What others wrote is
// where they wrote it, or in a file next to it if keyd could not give it
// back. No secret was logged, and none is in a file other than the user's
// files, the journal, and what is listed here.
func (r *take) checkTakeEnd() {
	r.checkFiles()
	spared := ".theirs"
	if r.isDiskGone() { // keyd can neither give it back nor rename it
		spared = ""
	}
	r.checkUnread(spared)
	r.checkHeld()
	r.checkRestored()
	r.checkForgedTold()
	r.checkCalls()
	r.checkChain()
	if id := r.findOldOrphan(); id != "" {
		r.reportViolation("I5", "%s is still active, its secret is nowhere, and nobody is asked: %s", id, r.result.Why)
	}
	if shape := r.filesShape(); shape != r.ghost.shape && !r.ghost.raced && !r.isKeptBeside(spared) {
		r.reportViolation("I9", "other bytes changed at the end:\n%q\nwant\n%q", shape, r.ghost.shape)
	}
	for id, secret := range r.cloud.Secrets() {
		if bytes.Contains(r.log.Bytes(), []byte(secret)) {
			r.reportViolation("I8", "the secret of %s was logged", id)
		}
		for _, f := range r.disk.Files() {
			allowed := slices.Contains(userFiles[:], f.Path) || f.Path == elsewhereFile || isJournalPath(f.Path) || strings.HasSuffix(f.Path, ".theirs")
			if f.Mode.Perm()&0o077 != 0 {
				r.reportViolation("I8", "%s has mode %v", f.Path, f.Mode)
			}
			if !allowed && bytes.Contains(f.Data, []byte(secret)) && len(r.standing) == 0 && !r.failedToRemove() && !r.sparesTemps() {
				r.reportViolation("I8", "the secret of %s is in %s", id, f.Path)
			}
		}
	}
}

// checkChain checks that every line of the history fits those above it, whatever was killed,
// lost or torn, and that each hash that AWS was given is one of a line above.
func (r *take) checkChain() {
	record := state.ParseRecord(r.disk.Data(state.HistoryPath(stateFolder)))
	if !record.Chain.IsWhole() {
		r.reportViolation("chain", "%s of the history does not fit", record.Chain.Broken[0])
	}
	for i, e := range record.Entries {
		for _, c := range e.Calls {
			if line := record.Chain.At[c.Anchor]; c.Anchor != "" && (line == 0 || line >= record.Lines[i]) {
				r.reportViolation("chain", "line %d: AWS was given the hash of line %d", record.Lines[i], line)
			}
		}
	}
}

// noteUnread notes what another person has just written into the credentials
// file.
func (r *take) noteUnread() {
	if text := r.disk.Data(credentials); !bytes.Equal(text, r.lastPicture.texts[0]) {
		r.unread = text
	}
}

// noteRead notes that keyd has read the file, so what it shows is no longer
// unread.
func (r *take) noteRead() {
	if bytes.Equal(r.disk.Data(credentials), r.unread) {
		r.unread = nil
	}
}

// checkUnread checks I9 and the second promise where they are in danger: keyd
// does not replace what another person has written since it last read the
// file, above all a third key. During a swap that text may be in a file next
// to it, until it is given back. At the end of a take, it may only be in a
// file that no sweep removes, whose name ends in suffix. On a disk that
// exchanges no names, it may be lost.
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
	r.reportViolation("I9", "what another person wrote is lost, and keyd has not read it")
	r.unread = nil
}

// hasTorn reports whether a power failure has torn a file that was being
// written in place, which has no second copy. Only then may a pair be torn.
func (m moment) hasTorn(o atomicfiletest.Outcome) bool {
	return strings.Contains(o.Name, "torn") && (m.disk.Overwritten(credentials) || m.disk.Overwritten(configFile))
}

// hasTornItself reports whether the disk has failed a write in place halfway,
// and then the write that should have restored the old bytes.
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

// hasOverwritten reports whether keyd wrote a file in place, because the
// folder accepts no new file or has just refused one.
func (r *take) hasOverwritten() bool {
	return slices.ContainsFunc(r.effects, func(e effect) bool { return e.what == "write credentials" || e.what == "write config" })
}

// checkTorn checks that the first take without faults mends a torn pair,
// unless keyd waits after an earlier attempt that failed.
func (r *take) checkTorn(began time.Time) {
	waits := r.result.Failure != nil && r.result.Failure.At.Before(began)
	if r.ghost.torn && r.isAnyTorn() && len(r.faults) == 0 && r.err == nil && !waits {
		r.reportViolation("I1", "a file still shows half of one key and half of another")
	}
	r.ghost.torn = r.ghost.torn && r.mayBeTorn()
}

// checkMended checks that after a take without faults no file shows an old
// key that does not work while a journal holds the new one, which does.
func (r *take) checkMended() {
	if len(r.faults)+len(r.standing) > 0 || r.err != nil || r.ghost.retires {
		return
	}
	for _, p := range places {
		x := r.resultOf(p.user)
		if x == nil || x.State == decide.StateWaiting { // waiting means that an earlier attempt failed
			continue
		}
		if x.Do == decide.DoWait && x.State == decide.StateRotating { // the new key is not five minutes old
			continue
		}
		if !r.isKept(p) {
			continue
		}
		id, _ := r.shownKey(p)
		journal := string(r.disk.Data(filepath.Join(rotations, id+".json")))
		for next, secret := range r.cloud.Secrets() {
			if id != "" && !r.isUsable(p) && strings.Contains(journal, secret) && next != id && r.cloud.IsUsable(next, secret) {
				r.reportViolation("I1", "%s still shows %s, which does not work, and a journal has one that does: %s", p, id, x.Why)
			}
		}
	}
}
