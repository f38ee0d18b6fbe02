package rotate_test

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// TestDeedsSayWhomTheyConcern: every event and every entry of the history of a rotation
// names both keys, the user and the files, and who asked for it. A person who holds it,
// resumes it and ends its overlap is in the history; the daemon carries that out a week
// later, and says for whom.
func TestDeedsSayWhomTheyConcern(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 100*settings.Day)
		events := map[string]rotate.Event{}
		listen := func(process, command string) {
			l.Rotator.Process, l.Rotator.Command = process, command
			l.Rotator.OnEvent = func(e rotate.Event) { events[e.Verb] = e; l.RecordShown() }
		}
		listen("run", "")
		l.Pass(rotate.Request{})
		listen("hold", "")
		_, err := l.Rotator.Hold(t.Context(), "work")
		lab.Must(t, err)
		listen("resume", "")
		_, err = l.Rotator.Resume(t.Context(), "work")
		lab.Must(t, err)
		listen("rotate", "keyd rotate --force --retire-now")
		l.Pass(rotate.Request{Options: decide.Options{Manual: true, RetireNow: true}})
		listen("run", "")
		l.RunUntil(8*settings.Day, lab.Settled)
		newID := l.ShownID()
		entries, err := state.OpenHistory(l.Rotator.StateDir, l.Sys).ReadEnd()
		lab.Must(t, err)
		askers := map[string]string{}
		for _, e := range entries {
			askers[e.Verb] = string(e.AskedBy) + " " + e.Command
			if e.OldKey != l.OldKey.ID || e.NewKey != newID || e.User != "alice" || e.Account != lab.Account || !slices.Equal(e.Files, []string{l.Rotator.Store.Paths.Credentials}) {
				t.Errorf("%s: %+v", e.Verb, e.About)
			}
		}
		want := map[string]string{
			rotate.VerbCreated: "daemon ", rotate.VerbSwapped: "daemon ", rotate.VerbValidated: "daemon ", rotate.VerbDescribed: "daemon ",
			rotate.VerbHeld: "person keyd hold", rotate.VerbResumed: "person keyd resume",
			rotate.VerbRetireNow: "person keyd rotate --force --retire-now", rotate.VerbDeactivated: "person keyd rotate --force --retire-now",
			rotate.VerbDeleted: "person keyd rotate --retire-now",
		}
		if !maps.Equal(askers, want) {
			t.Errorf("the history says\n%v, want\n%v", askers, want)
		}
		for _, verb := range []string{rotate.VerbCreated, rotate.VerbSwapped, rotate.VerbValidated, rotate.VerbDeactivated, rotate.VerbDeleted} {
			if e := events[verb]; e.OldKey != l.OldKey.ID || e.NewKey != newID || e.User != "alice" || string(e.AskedBy)+" "+e.Command != want[verb] {
				t.Errorf("event %s: %+v", verb, e.About)
			}
		}
	})
}

// TestRetirementIsInTheHistory: who retires a key is told from its beginning, and the
// helper is nobody's successor.
func TestRetirementIsInTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.RealLag(), 100*settings.Day)
		lab.Must(t, l.User.UseKeyAgo(l.OldKey.ID, "s3", "eu-west-1", 60*settings.Day))
		l.Rotator.Process = "retire"
		retireIn(t, l, "work")
		l.Rotator.Process = "run"
		l.RunUntil(8*settings.Day, func(r rotate.Result) bool { return r.State == decide.StateSkipped })
		entries, err := state.OpenHistory(l.Rotator.StateDir, l.Sys).ReadEnd()
		lab.Must(t, err)
		if entries[0].Verb != rotate.VerbRetiring || entries[0].KeyID != l.OldKey.ID {
			t.Errorf("the first entry is %q of %s", entries[0].Verb, entries[0].KeyID)
		}
		for _, e := range entries {
			if e.OldKey != l.OldKey.ID || e.NewKey != "" || e.AskedBy != state.ByPerson || e.Command != "keyd retire" {
				t.Errorf("%s: %+v", e.Verb, e.About)
			}
		}
	})
}
