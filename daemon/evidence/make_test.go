package evidence_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/daemon/evidence"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// TestLivesAreToldFromTheHistory follows what can become of a rotation, by entries of this
// keyd, which name both keys, and by those of an older one, which name one and not who asked.
func TestLivesAreToldFromTheHistory(t *testing.T) {
	const prune = "pruned by a person"
	type line struct {
		days           int
		verb, id, text string
	}
	begun := []line{{0, "created", "NEW", ""}, {0, "swapped", "NEW", ""}, {0, "validated", "NEW", ""}}
	for name, tt := range map[string]struct {
		lines []line
		check func(r *evidence.Report, o *evidence.Rotation, old, next *evidence.Key) bool
	}{
		"done": {append(slices.Clone(begun), line{7, "deactivated", "OLD", ""}, line{14, "deleted", "OLD", ""}), func(_ *evidence.Report, o *evidence.Rotation, old, next *evidence.Key) bool {
			return o.OldKey == "OLD" && !o.Ended.IsZero() && o.GivenUp == "" && old.Status == evidence.Deleted && next.Status == evidence.Active && old.ReplacedBy == "NEW" && next.Replaces == "OLD" && next.MadeByKeyd && old.QuietSince.Equal(old.Superseded)
		}},
		"AWS did not tell": {append(slices.Clone(begun), line{7, "deactivated", "OLD", "AWS did not tell whether it was still used: iam:GetAccessKeyLastUsed is denied"}), func(_ *evidence.Report, _ *evidence.Rotation, old, _ *evidence.Key) bool {
			return old.UseDenied && old.QuietSince.IsZero() && !old.Superseded.IsZero()
		}},
		"in use": {append(slices.Clone(begun), line{3, "still used", "OLD", ""}), func(_ *evidence.Report, o *evidence.Rotation, old, _ *evidence.Key) bool {
			return o.Ended.IsZero() && old.QuietSince.Equal(o.Began.Add(3*day)) && old.Deactivated.IsZero()
		}},
		"given up": {[]line{{0, "created", "NEW", ""}, {0, "gave up", "NEW", "AWS refuses it"}, {0, "deleted", "NEW", "AWS refuses it"}}, func(_ *evidence.Report, o *evidence.Rotation, old, next *evidence.Key) bool {
			return o.GivenUp == "AWS refuses it" && !o.Ended.IsZero() && next.Status == evidence.Deleted && (old == nil || old.ReplacedBy == "" && old.Status != evidence.Deleted)
		}},
		"put back": {append(slices.Clone(begun), line{1, "put back", "OLD", "refused"}, line{1, "deleted", "NEW", "refused"}), func(_ *evidence.Report, o *evidence.Rotation, old, _ *evidence.Key) bool {
			return o.GivenUp == "refused" && o.OldKey == "OLD" && old.ReplacedBy == "" && old.Deleted.IsZero()
		}},
		"held": {append(slices.Clone(begun), line{7, "deactivated", "OLD", ""}, line{8, "revived", "OLD", ""}), func(_ *evidence.Report, o *evidence.Rotation, old, _ *evidence.Key) bool {
			return o.Deactivated.IsZero() && o.Ended.IsZero() && old.Status == evidence.Active && old.Deactivated.IsZero()
		}},
		"retired": {[]line{{0, "created", "NEW", ""}, {0, "deactivated", "OLD", state.RetiredNote}, {7, "deleted", "OLD", state.RetiredNote}, {7, "deleted", "NEW", "the key that retired OLD"}, {7, "retired", "OLD", ""}}, func(_ *evidence.Report, o *evidence.Rotation, old, next *evidence.Key) bool {
			return o.Retirement && o.GivenUp == "" && !o.Ended.IsZero() && old.Retired && old.ReplacedBy == "" && next.Status == evidence.Deleted
		}},
		"pruned meanwhile": {append(slices.Clone(begun), line{1, "deactivated", "OTHER", prune}, line{2, "deleted", "OTHER", "pruned"}, line{7, "deactivated", "OLD", ""}), func(r *evidence.Report, o *evidence.Rotation, old, _ *evidence.Key) bool {
			return o.OldKey == "OLD" && o.Ended.IsZero() && old.Status == evidence.Inactive && len(r.Keys) == 3
		}},
	} {
		for _, older := range []bool{false, true} {
			w := newWorld(t)
			start := now.Add(-20 * day)
			for _, l := range tt.lines {
				e := state.HistoryEntry{Time: start.Add(time.Duration(l.days) * day), Process: "run", Profiles: []string{"default"}, Verb: l.verb, KeyID: l.id, Text: l.text, About: state.About{User: "alice", Account: "111122223333"}}
				if !older && !strings.HasPrefix(l.text, "pruned") {
					e.OldKey, e.NewKey, e.AskedBy = "OLD", "NEW", state.ByDaemon
				}
				if err := w.history.Append(e); err != nil {
					t.Fatal(err)
				}
			}
			r := w.report()
			if len(r.Rotations) != 1 {
				t.Fatalf("%s: %d rotations", name, len(r.Rotations))
			}
			find := func(id string) *evidence.Key {
				if i := slices.IndexFunc(r.Keys, func(k *evidence.Key) bool { return k.ID == id }); i >= 0 {
					return r.Keys[i]
				}
				return nil
			}
			if o := r.Rotations[0]; !tt.check(r, o, find("OLD"), find("NEW")) || o.WhoAsked != "the service: it was due" {
				t.Errorf("%s, older %v: %+v\nold %+v\nnew %+v", name, older, o, find("OLD"), find("NEW"))
			}
		}
	}
}

// TestReportIsForWhatWasAskedFor: --since leaves out what ended before, and a profile what
// others have.
func TestReportIsForWhatWasAskedFor(t *testing.T) {
	all, w := sample(t)
	w.src.Since = now.Add(-100 * day)
	late := w.report()
	w.src.Since, w.src.Profiles = time.Time{}, []string{"ci"}
	bob := w.report()
	for name, tt := range map[string]struct {
		r               *evidence.Report
		keys, rotations int
	}{"all": {all, 9, 6}, "since": {late, 5, 2}, "ci": {bob, 2, 1}} {
		if len(tt.r.Keys) != tt.keys || len(tt.r.Rotations) != tt.rotations {
			t.Errorf("%s: %d keys, %d rotations", name, len(tt.r.Keys), len(tt.r.Rotations))
		}
		for _, k := range tt.r.Keys {
			for _, a := range k.Actions {
				if a.Time.Before(tt.r.Since) {
					t.Errorf("%s: an action of %s", name, a.Time)
				}
			}
		}
	}
	if data, err := bob.CSV(); err != nil || strings.Count(string(data), "\n") != 2 {
		t.Errorf("%v\n%s", err, data)
	}
}

// FuzzMake: whatever stands in the history, every format can be written, and the page stays
// a page.
func FuzzMake(f *testing.F) {
	f.Add(`{"did":"created","key":"A","time":"2026-11-01T00:00:00Z","profiles":["<script>"]}`+"\n"+`{"did":"deleted","key":"A","text":"retired by a person"}`, "A")
	f.Add(`{"did":"deactivated","key":"","old_key":"B","policy":{"rotate_after":"x"}}`, "")
	f.Add(`{"did":"created","key":"A","time":"0001-01-01T00:00:00Z","old_key":"A","new_key":"A","calls":[{"call":"CreateAccessKey","date":"9999-01-01T00:00:00Z"}]}`, "A")
	f.Fuzz(func(t *testing.T, text, id string) {
		w := &world{t: t, src: evidence.Source{Now: now, Program: "keyd", Settings: settings.Default(), History: state.ParseRecord([]byte(text))}}
		if id != "" {
			w.seen(owner{profiles: []string{id}, user: id, account: id}, id, nil, listed(id, now.Add(-day)))
		}
		for name, data := range formats(t, evidence.Make(w.src)) {
			if name == "html" && strings.Contains(string(data), "<script") {
				t.Error("a script in the page")
			}
		}
	})
}
