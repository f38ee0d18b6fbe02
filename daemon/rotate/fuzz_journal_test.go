package rotate_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/credfile/deeptest"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
)

// FuzzLyingJournal kills a rotation at any effect, puts up to three false
// values into its journal, or damages the journal's bytes, and runs passes
// for a while. Whatever the journal says, AWS accepts the pair in the file at
// every instant, keyd touches no key of another person, no other byte of the
// file changes, and no secret is printed.
func FuzzLyingJournal(f *testing.F) {
	for i, stage := range deeptest.Sample(newJournalStages(), 6) {
		for _, third := range []bool{false, true} {
			if !deeptest.On() && third == (i%2 == 0) {
				continue
			}
			f.Add(stage, third, uint16(i), uint8(0), uint8(0), uint8(0), uint8(0), uint8(0), uint8(0), uint16(0), []byte(nil))
			f.Add(stage, third, uint16(0), uint8(i), uint8(3*i), uint8(0), uint8(0), uint8(0), uint8(0), uint16(0), []byte(nil))
			f.Add(stage, third, uint16(9), uint8(0), uint8(0), uint8(0), uint8(0), uint8(0), uint8(0), uint16(i)*131, []byte(nil))
		}
	}
	f.Add(uint8(9), false, uint16(0), uint8(0), uint8(0), uint8(0), uint8(0), uint8(0), uint8(0), uint16(0), []byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, stage uint8, third bool, hours uint16, f1, v1, f2, v2, f3, v3 uint8, flip uint16, raw []byte) {
		c := lyingCase{stage: stage, third: third, hours: hours, lies: []lie{{f1, v1}, {f2, v2}, {f3, v3}}, flip: flip, raw: raw}
		synctest.Test(t, c.runCase)
	})
}

// newJournalStages returns the numbers of the effects after which the journal
// has just changed.
func newJournalStages() []uint8 { return []uint8{9, 10, 14, 29, 31, 32, 35, 41, 44, 49} }

// TestEveryLieOfOneField does without chance what FuzzLyingJournal does at
// random: it gives each field of the journal each value, at each of
// newJournalStages. All of them take minutes, so it tries every nth: see
// -lies.
func TestEveryLieOfOneField(t *testing.T) {
	t.Parallel()
	every := *everyLie
	if every == 0 {
		every = 331
		if !deeptest.On() {
			every *= 8
		}
	}
	runs, n := 0, 0
	for _, stage := range newJournalStages() {
		for field, name := range journalFields() {
			for value := range 2 * lieValues {
				if n++; n%every != 0 || value > lieValues {
					continue
				}
				c := lyingCase{stage: stage, third: value%2 == 1, lies: []lie{{uint8(field), uint8(value)}}}
				synctest.Test(t, c.runCase)
				if runs++; t.Failed() {
					t.Fatalf("killed at effect %d, %s has false value %d", stage, name, value)
				}
			}
		}
	}
	t.Logf("%d lies tried; -lies 1 tries all", runs)
}

// TestTellingLies repeats the lies that once led to a lock-out, a panic or an
// endless wait.
func TestTellingLies(t *testing.T) {
	field := func(name string) uint8 { return uint8(slices.Index(journalFields(), name)) }
	const x, old, secret, list, ahead, never = 8, 14, 20, 9, 26, 28 // indices of victim.lieValue
	for name, c := range map[string]lyingCase{
		"the new key is the old one, and is given up":    {stage: 14, lies: []lie{{field("new_id"), old}, {field("rotation.failed"), x}}},
		"the key of the lost answer is the old one":      {stage: 10, lies: []lie{{field("rotation.orphan"), old}}},
		"no new key, and the orphan is the old one":      {stage: 14, lies: []lie{{field("new_id"), 1}, {field("new_secret"), 1}, {field("rotation.orphan"), old}}},
		"the new key is given up, the old one forgotten": {stage: 32, lies: []lie{{field("rotation.failed"), x}, {field("old_secret"), secret}}},
		"stuck, and nowhere":                             {stage: 10, lies: []lie{{field("rotation.places"), list}, {field("rotation.stuck"), x}}},
		"sent in a year":                                 {stage: 10, lies: []lie{{field("rotation.sent"), ahead}}},
		"answered at the end of time":                    {stage: 9, third: true, lies: []lie{{field("rotation.answered"), never}}},
		"an orphan that is nobody's":                     {stage: 10, third: true, lies: []lie{{field("rotation.orphan"), 15}}},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, c.runCase) })
	}
}

// lie is a false value in one field of the journal. field is an index of
// journalFields, value one of victim.lieValue.
type lie struct{ field, value uint8 }

// journalFields returns the names of a journal's fields on disk. The first
// one is "", for a lie that changes nothing.
func journalFields() []string {
	names := []string{"", "version", "old_id", "old_secret", "new_id", "new_secret"}
	for field := range reflect.TypeFor[journal.Rotation]().Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "-" {
			names = append(names, "rotation."+name)
		}
	}
	return names
}

// lieValues is how many values a lie chooses from: see victim.lieValue.
const lieValues = 34

// lieValue returns the false value with number n. false means that the field
// is left out.
func (v *victim) lieValue(n uint8) (any, bool) {
	second := slices.Sorted(maps.Keys(v.others))
	now := v.Now().UTC()
	values := [lieValues]any{
		nil, "", 0, -1, 1 << 40, 1e300, true, false, "x", []any{}, []any{nil}, map[string]any{}, int64(-1 << 62), int64(1<<63 - 1),
		v.OldKey.ID, second[0], second[1], []string{v.OldKey.ID}, []string{second[0], second[1]}, "AKIAXXXXXXXXXXXXXXXX", v.others[second[0]], "bob",
		now, now.Add(-time.Hour), now.Add(-400 * settings.Day), now.Add(time.Hour), now.Add(400 * settings.Day), "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday",
		map[string]any{"at": now, "service": "\x1b[2J", "region": ""}, []any{map[string]any{"path": "/", "section": "", "profile": "default"}},
		"AKIA/../../x", []string{},
	}
	return values[n%lieValues], n%(2*lieValues) >= lieValues
}

// lyingCase is one run of FuzzLyingJournal.
type lyingCase struct {
	stage uint8  // number of the effect at which the rotation is killed
	third bool   // then a person creates a key in the console
	hours uint16 // then keyd does not run for so many hours
	lies  []lie
	flip  uint16 // number of the bit of the journal that is flipped; 0 means none
	raw   []byte // replaces the journal, if not empty
}

// journalWithoutSum returns the journal of r as an older keyd wrote it,
// without a checksum.
func journalWithoutSum(t *testing.T, r *journal.Rotation) []byte {
	t.Helper()
	j := journal.Dir{Path: t.TempDir(), Sys: atomicfile.OS{}}
	if err := j.Save(r); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(j.Path, r.Old.ID+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var record map[string]any
	if err := json.Unmarshal(data, &record); err != nil {
		t.Fatal(err)
	}
	delete(record, "sum")
	data, err = json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// runCase runs one case, and checks that no harm was done.
func (c lyingCase) runCase(t *testing.T) {
	v := newVictim(t, c.stage%56, c.third)
	start := v.Shown[0]
	time.Sleep(time.Duration(c.hours%1000) * time.Hour)
	path := filepath.Join(v.Rotator.JournalDir().Path, v.OldKey.ID+".json")
	data, err := os.ReadFile(path)
	if err != nil {
		data = journalWithoutSum(t, &journal.Rotation{Old: v.OldKey, User: "alice", Account: lab.Account, CreateSent: v.Now().Add(-5 * time.Hour), IDsBefore: []string{v.OldKey.ID}})
	}
	if len(c.lies) > 0 { // as an older keyd wrote it, whose journals have no checksum
		data = v.insertLies(data, c.lies)
	} else if c.flip > 0 {
		data[int(c.flip/8)%len(data)] ^= 1 << (c.flip % 8)
	}
	if len(c.raw) > 0 {
		data = c.raw
	}
	if err := os.MkdirAll(v.Rotator.JournalDir().Path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	v.Restart()
	v.keepPassing(12)
	v.checkUnharmed(start)
	if t.Failed() {
		t.Logf("the journal said:\n%s\nthen:\n%s\n%s", data, strings.Join(v.Events, "\n"), v.Log.String())
	}
}

// insertLies returns the journal with the lies in it and without its
// checksum.
func (v *victim) insertLies(data []byte, lies []lie) []byte {
	var all map[string]any
	if json.Unmarshal(data, &all) != nil {
		return data
	}
	delete(all, "sum")
	for _, l := range lies {
		name, in := journalFields()[int(l.field)%len(journalFields())], all
		if inner, ok := strings.CutPrefix(name, "rotation."); ok {
			name = inner
			in, _ = all["rotation"].(map[string]any)
		}
		value, leave := v.lieValue(l.value)
		switch {
		case name == "" || in == nil:
		case leave:
			delete(in, name)
		default:
			in[name] = value
		}
	}
	out, err := json.Marshal(all)
	if err != nil {
		v.T.Fatal(err)
	}
	return out
}

// TestKeyThatIsNotListedYet looks again soon, but not at once, at a key that
// AWS accepts and does not list yet, because its list lags.
func TestKeyThatIsNotListedYet(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	f := decide.Facts{ID: "AKIAXXXXXXXXXXXXXXXX", Profiles: []string{"default"}, Seen: &decide.Seen{At: now, Account: lab.Account, ARN: "arn", User: "alice"}}
	first := decide.Next(f, settings.Default(), now)
	if first.Do != decide.DoWait || !first.Until.After(now) {
		t.Fatalf("the first decision is %+v, want to wait until a time to come", first)
	}
	if again := decide.Next(f, settings.Default(), first.Until); again.Do != decide.DoLook {
		t.Errorf("after the wait: %s until %s, want a look at %s", again.Do, again.Until, first.Until)
	}
}
