package decide

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/daemon/iam/remote"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// TestLifeSaysWhatWasAndWhatIsToCome writes a life as names with the day from the creation
// of the old key; what is to come has a question mark.
func TestLifeSaysWhatWasAndWhatIsToCome(t *testing.T) {
	s := settings.Default()
	born := time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC)
	at := func(days int) time.Time { return born.Add(time.Duration(days) * settings.Day) }
	began := func(edit func(*journal.Rotation)) *journal.Rotation {
		r := &journal.Rotation{Old: credfile.Key{ID: "AKIAOLDOLDOLDOLDOLD1"}, New: credfile.Key{ID: "AKIANEWNEWNEWNEWNEW2"}, Places: []journal.Place{{Profile: "default"}},
			Created: at(60), Swapped: at(60), Validated: at(60)}
		edit(r)
		return r
	}
	write := func(life []Stage) string {
		var words []string
		for _, stage := range life {
			word := stage.Name + " ?"
			if !stage.At.IsZero() {
				word = fmt.Sprintf("%s %d", stage.Name, int(stage.At.Sub(born)/settings.Day))
				if stage.Ahead {
					word += "?"
				}
			}
			words = append(words, word)
		}
		return strings.Join(words, ", ")
	}
	for _, row := range []struct {
		name      string
		r         *journal.Rotation
		old, next string
	}{
		{"the answer is awaited", &journal.Rotation{Old: credfile.Key{ID: "A"}}, "created 0, replaced ?", ""},
		{"proof", began(func(r *journal.Rotation) { r.Swapped, r.Validated = time.Time{}, time.Time{} }), "created 0, replaced ?", "created 60, in the files ?"},
		{"overlap", began(func(r *journal.Rotation) {}), "created 0, replaced 60, off 67?, deleted 74?", "created 60, in the files 60, replaced 121?"},
		{"quiet overlap", began(func(r *journal.Rotation) { r.UseChecked = at(62) }), "created 0, replaced 60, quiet since 60, off 67?, deleted 74?", "created 60, in the files 60, replaced 121?"},
		{"used in the overlap", began(func(r *journal.Rotation) { r.UseChecked, r.LastUse = at(62), &remote.Use{At: at(61)} }),
			"created 0, replaced 60, last used 61, off 68?, deleted 75?", "created 60, in the files 60, replaced 121?"},
		{"held", began(func(r *journal.Rotation) { r.Held = at(61) }), "created 0, replaced 60, off ?, deleted ?", "created 60, in the files 60, replaced 121?"},
		{"quarantine", began(func(r *journal.Rotation) { r.Deactivated = at(70) }), "created 0, replaced 60, off 70, deleted 77?", "created 60, in the files 60, replaced 121?"},
		{"retired", began(func(r *journal.Rotation) { r.Retire, r.Deactivated = &journal.Retirement{}, at(70) }), "created 0, off 70, deleted 77?", ""},
	} {
		old, next := RotationLife(row.r, born, s, "")
		if write(old) != row.old || write(next) != row.next {
			t.Errorf("%s: %q and %q, want %q and %q", row.name, write(old), write(next), row.old, row.next)
		}
	}
	if got := write(KeyLife(born, at(0), at(60), &KeyUse{Quiet: at(3)}, s)); got != "created 0, in the files 0, quiet since 3, replaced 60?, off 67?, deleted 74?" {
		t.Error(got)
	}
	if got := write(KeyLife(born, time.Time{}, time.Time{}, nil, s)); got != "created 0" {
		t.Error(got)
	}
}
