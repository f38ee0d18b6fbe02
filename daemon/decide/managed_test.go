package decide

import (
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// TestManagedSettingsAreNamed: what a person cannot change in keyd.ini is not said to be
// there.
func TestManagedSettingsAreNamed(t *testing.T) {
	s, err := settings.ParseManaged("/etc/keyd-aws/keyd.ini", []byte("unused = report\nnever_accounts = 111122223333\n[profile work]\nrotate = never\n[hook gh]\ncommand = x\n"))
	if err != nil {
		t.Fatal(err)
	}
	f := Facts{ID: "AKIAQWERTYUIOPASDFGH", Profiles: []string{"work"}}
	for name, text := range map[string]string{
		"the reason":        Next(f, s, time.Now()).Why,
		"of a rotation":     ExcludedBy(f, s),
		"of an account":     NeverSignReason(f.ID, "111122223333", s),
		"the hint":          ExcludedHint("let it continue", f, s),
		"the hint of hooks": hookHint(&s.Hooks[0], f.Profiles, s),
		"an unclear hook":   unclearHint(&s.Hooks[0], f.Profiles, s),
	} {
		if strings.Contains(text, "keyd.ini") && !strings.Contains(text, "/etc/keyd-aws/keyd.ini") || !strings.Contains(text, "managed") && !strings.Contains(text, "manages") {
			t.Errorf("%s: %s", name, text)
		}
	}
	held := f
	held.Rotation = &journal.Rotation{Old: credfile.Key{ID: f.ID}}
	if d := waitExcluded(held, held.Rotation, s, "both stay"); d.Short != "by the managed settings" || strings.Contains(d.Hint, "take this out") {
		t.Errorf("a rotation that is held: %+v", d)
	}
	for do, blocked := range map[Do]bool{DoLook: false, DoCreate: false, DoSwap: false, DoHook: false, DoDiscard: false, DoDeactivate: true, DoDelete: true} {
		d := unlessSettingsUnknown(settings.Settings{OwnUnknown: true}, actNow(do, StateRotating, ""))
		if d.EndsPass() != blocked || blocked && (!d.NeedsPerson() || CauseOf(d.Short) != CauseSettings || !strings.HasPrefix(d.Why, "keyd.ini has a mistake")) {
			t.Errorf("%s: %+v", do, d)
		}
	}
	s = settings.Settings{Unknown: true, Managed: &settings.Managed{Path: "/etc/keyd-aws/keyd.ini", Problem: "x"}}
	d := unlessSettingsUnknown(s, actNow(DoCreate, StateDue, ""))
	if !strings.HasPrefix(d.Why, "the managed settings cannot be used") || d.Short != "mistake in the managed settings" || CauseOf(d.Short) != CauseSettings {
		t.Errorf("%+v", d)
	}
	s.Managed.SHA256 = "5f70" // of a copy, which is in force
	d = unlessSettingsUnknown(s, actNow(DoCreate, StateDue, ""))
	if !strings.HasPrefix(d.Why, "keyd.ini has a mistake") || d.Short != "mistake in keyd.ini" {
		t.Errorf("%+v", d)
	}
}
