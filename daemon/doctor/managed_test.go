package doctor

import (
	"strings"
	"testing"

	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// TestManagedSettingsAreAskedFor: what a user may not write into keyd.ini is not advised.
func TestManagedSettingsAreAskedFor(t *testing.T) {
	managed, err := settings.ParseManaged("/etc/keyd-aws/keyd.ini", []byte("rotate_after = 2d\noverlap = 3d\nquarantine = 3d\nnotify = desktop\n"))
	if err != nil {
		t.Fatal(err)
	}
	own := managed
	own.Managed = nil
	for name, find := range map[string]func(p *Patient) []Finding{
		"what cannot be kept": func(p *Patient) []Finding { return findRemarks(t.Context(), p) },
		"no notifications":    func(p *Patient) []Finding { return findNoNotifications(t.Context(), p) },
	} {
		for _, s := range []settings.Settings{own, managed} {
			p := &Patient{Rotator: &rotate.Rotator{Settings: s, Getenv: func(string) string { return "" }}, GOOS: "linux"}
			p.Settings.Path, p.Service.Installed = "/home/me/keyd.ini", true
			all := find(p)
			if len(all) != 1 {
				t.Fatalf("%s: %v", name, all)
			}
			asks := strings.Contains(all[0].Ask, "ask whoever manages this machine: it is in /etc/keyd-aws/keyd.ini")
			edits := strings.Contains(all[0].Run, "/home/me/keyd.ini") || strings.Contains(all[0].Ask, "set notify = none")
			if asks == (s.Managed == nil) || edits != (s.Managed == nil) {
				t.Errorf("%s, managed %t: run %q, %q", name, s.Managed != nil, all[0].Run, all[0].Ask)
			}
		}
	}
}
