package rotate

import (
	"fmt"
	"slices"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/iam"
	"keyd/daemon/state"
)

// explainRefusal replaces AWS's refusal of a key with what keyd's own history says about
// it: a file that was restored after a rotation shows a key that keyd itself has replaced
// and deleted.
func (d *Rotator) explainRefusal(t *target, err error) error {
	if err == nil || iam.ClassOf(err) != iam.BadKey {
		return err
	}
	entries, readErr := d.historyLog().ReadEnd()
	if readErr != nil {
		return err
	}
	deed := findDeletion(entries, t.facts.ID)
	if deed == nil {
		return err
	}
	if deed.Text == state.RetiredNote {
		return &needPersonError{text: fmt.Sprintf("keyd deleted %s on %s, because a person had retired it", credfile.Short(t.facts.ID), formatDay(deed.Time)), hint: "take " + t.facts.Profiles[0] + " out of the files", err: err}
	}
	next := findSuccessor(entries, t.facts.ID)
	text := fmt.Sprintf("keyd deleted %s on %s (keyd %s, pid %d)", credfile.Short(t.facts.ID), formatDay(deed.Time), deed.Process, deed.PID)
	if deed.Text != "" {
		text += ": " + deed.Text
	}
	if next != nil {
		text = fmt.Sprintf("keyd replaced %s by %s on %s (keyd %s, pid %d), and deleted it on %s", credfile.Short(t.facts.ID), credfile.Short(next.KeyID), formatDay(next.Time), next.Process, next.PID, formatDay(deed.Time))
	}
	text += fmt.Sprintf(": an old copy of the file of %s was restored", t.facts.Profiles[0])
	return &needPersonError{text: text, hint: d.wayOut(t, entries, next, *deed), err: err}
}

// wayOut says how to get a working pair into the files again. keyd has none: the journal
// is erased when a rotation ends.
func (d *Rotator) wayOut(t *target, entries []state.HistoryEntry, next *state.HistoryEntry, deed state.HistoryEntry) string {
	ask := "make a key in the console of AWS"
	if deed.User != "" {
		ask += " for user " + deed.User
	}
	ask += ", and enter it with: " + hint.AWSCommand("aws configure", t.facts.Profiles[0])
	if next == nil {
		return ask
	}
	newest := next
	for range len(entries) { // the successor may have been replaced as well
		later := findSuccessor(entries, newest.KeyID)
		if later == nil {
			break
		}
		newest = later
	}
	if by := t.facts.ShownBy[newest.KeyID]; by != "" {
		return fmt.Sprintf("profile %s shows %s, which replaced it: copy both values from there", by, credfile.Short(newest.KeyID))
	}
	if findDeletion(entries, newest.KeyID) != nil {
		return ask
	}
	return fmt.Sprintf("restore a copy of the file that shows %s, written on %s or later; if there is none: %s", newest.KeyID, formatDay(newest.Time), ask)
}

// findDeletion returns the entry that says that keyd deleted the key, or nil.
func findDeletion(entries []state.HistoryEntry, id string) *state.HistoryEntry {
	for i, e := range slices.Backward(entries) {
		if e.Verb == VerbDeleted && e.KeyID == id {
			return &entries[i]
		}
	}
	return nil
}

// findSuccessor returns the entry that says by which key keyd replaced a key in the files,
// or nil: the last swap of the same profiles of the same user before the key was deleted.
func findSuccessor(entries []state.HistoryEntry, id string) *state.HistoryEntry {
	deed := findDeletion(entries, id)
	if deed == nil {
		return nil
	}
	for i, e := range slices.Backward(entries) {
		sameProfile := slices.ContainsFunc(e.Profiles, func(p string) bool { return slices.Contains(deed.Profiles, p) })
		if e.Verb == VerbSwapped && e.KeyID != id && !e.Time.After(deed.Time) && e.Account == deed.Account && e.User == deed.User && sameProfile {
			return &entries[i]
		}
		if e.Verb == VerbSwapped && e.KeyID == id { // what came before is how the key itself got into the files
			return nil
		}
	}
	return nil
}

// formatDay writes a day for a person, in the local time.
func formatDay(t time.Time) string { return t.Local().Format("2 Jan 2006") }
