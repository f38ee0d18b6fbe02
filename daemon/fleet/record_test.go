package fleet_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/fleet"
	"keyd/daemon/internal/lab"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// key returns a key in a state, of an age.
func key(s decide.State, days int, short string) state.KeyStatus {
	l := state.KeyStatus{State: s, Created: now.Add(-time.Duration(days) * settings.Day), Short: short, NeedsPerson: s == decide.StateBlocked}
	if days < 0 {
		l.Created = time.Time{}
	}
	return l
}

// TestMakeCounts counts keys in every state.
func TestMakeCounts(t *testing.T) {
	status := state.Status{Written: now.Add(-90 * time.Second), SettingsErr: "keyd.ini:1: x", Keys: []state.KeyStatus{
		key(decide.StateOK, 12, ""), key(decide.StateOverlap, 3, "both keys work"), key(decide.StateQuarantine, 9, ""), key(decide.StateRetiring, 200, ""),
		key(decide.StateBlocked, 90, "second active key"), key(decide.StateBlocked, 89, "second key, inactive"), key(decide.StateBlocked, 1, "mistake in credentials:41"),
		key(decide.StateSkipped, 900, ""), key(decide.StateWaiting, -1, "cannot reach AWS"),
	}}
	got := fleet.Make(fleet.Source{Status: status, Settings: settings.Default(), Release: "v1.2.0", Alive: true, Now: now})
	want := fleet.Record{Schema: 1, Keys: 8, OldestAge: 200, Overdue: 2, UnknownAge: 1, NeedsPerson: 3, Reasons: []string{"mistake_in_files", "second_key", "settings_mistake"},
		Overlap: 1, Retiring: 2, Release: "v1.2.0", DaemonAlive: true, LastPass: now.Add(-90 * time.Second), LastPassUnix: now.Unix() - 90, MaxAge: 90}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	managed := settings.Default()
	managed.Managed = &settings.Managed{Path: "/etc/keyd-aws/keyd.ini", SHA256: strings.Repeat("0a", 32), Ignored: make([]settings.Ignored, 3)}
	if got := fleet.Make(fleet.Source{Settings: managed, Now: now}); !got.Managed || got.ManagedSum != managed.Managed.SHA256 || got.Ignored != 3 {
		t.Errorf("with managed settings: %+v", got)
	}
	managed.Unknown = true
	if got := fleet.Make(fleet.Source{Settings: managed, Now: now}); got.Managed || !slices.Equal(got.Reasons, []string{"settings_mistake"}) {
		t.Errorf("with settings that are not known: %+v", got)
	}
	if got := fleet.Make(fleet.Source{Settings: settings.Default(), Now: now}); got.LastPassUnix != 0 || got.Reasons == nil || got.Release != "unknown" {
		t.Errorf("before the first pass: %+v", got)
	}
}

// TestNothingOfAKeyReachesTheRecord puts texts of people into every field of a status: none
// reaches the record, whatever the rest is.
func TestNothingOfAKeyReachesTheRecord(t *testing.T) {
	s := readSchema(t)
	const marker = "zanzibar"
	for _, text := range []string{marker, "hook " + marker + " failed", "mistake in " + marker + ":3", marker + " is missing", "AKIA..ZANZ is off", "arn:aws:iam::111122223333:user/" + marker, `"` + marker + "\n"} {
		for _, is := range []decide.State{decide.StateOK, decide.StateBlocked, decide.StateOverlap, decide.StateSkipped, decide.State(text)} {
			l := key(is, 3, text)
			fill(reflect.ValueOf(&l).Elem(), text)
			l.State, l.NeedsPerson = is, true
			status := state.Status{Written: now, SettingsErr: text, Notes: []string{text}, Files: []string{text}, Process: text, Keys: []state.KeyStatus{l}}
			demandNameless(t, s, fleet.Make(fleet.Source{Status: status, Settings: settings.Default(), Release: text, Now: now}), marker, "ZANZ", "arn:", "111122223333", "AKIA")
		}
	}
	for _, release := range []string{"keyd v1.0.0 abcdef go1.26", "/opt/" + marker, "1.0.0 " + marker, "v1/" + marker, "1.0\n" + marker, strings.Repeat("1", 65)} {
		if got := fleet.Make(fleet.Source{Settings: settings.Default(), Release: release}).Release; got != "unknown" {
			t.Errorf("the release %q is %q", release, got)
		}
	}
	for _, release := range []string{"1.0.0", "v0.9.1", "v0.0.0-20261123100000-0123456789ab+dirty", "1.0.0-rc.1"} {
		if got := fleet.Make(fleet.Source{Settings: settings.Default(), Release: release}).Release; got != release {
			t.Errorf("the release %q is %q", release, got)
		}
	}
}

// fill puts a text into every string below a value.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				fill(field, text)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.ValueOf([]string{text}).Convert(v.Type()))
		}
	case reflect.String:
		v.SetString(text)
	}
}

// demandNameless checks a record against the schema, and for texts that must not be in it.
func demandNameless(t *testing.T, s schema, r fleet.Record, forbidden ...string) {
	t.Helper()
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	demandText(t, s, text, forbidden...)
}

func demandText(t *testing.T, s schema, text []byte, forbidden ...string) {
	t.Helper()
	for _, wrong := range s.check(text) {
		t.Errorf("%s: %s", wrong, text)
	}
	for _, word := range forbidden {
		if strings.Contains(string(text), word) {
			t.Errorf("%q is in %s", word, text)
		}
	}
	if long := regexp.MustCompile(`AKIA|ASIA|[A-Z2-7]{16}|\d{12}|[/\\]`).Find(text); long != nil {
		t.Errorf("%s is in %s", long, text)
	}
}

// readFile returns the fleet.json of a laptop; nil when there is none.
func readFile(t *testing.T, l *lab.Lab) []byte {
	t.Helper()
	path := state.FleetPath(l.Rotator.StateDir)
	text, err := atomicfile.Tail(l.Sys, path, atomicfile.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lab.Must(t, err)
	if info, err := l.Sys.Lstat(path); err != nil || info.Mode.Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("fleet.json has the mode %v, %v", info.Mode, err)
	}
	return text
}

// TestFileOfEveryState lets the daemon write fleet.json through whole rotations and
// through what goes wrong: it is right, fits the schema, and names nobody.
func TestFileOfEveryState(t *testing.T) {
	s := readSchema(t)
	seen := map[string]bool{}
	for name, play := range map[string]func(t *testing.T, l *lab.Lab){
		"a rotation": func(*testing.T, *lab.Lab) {},
		"second key": func(_ *testing.T, l *lab.Lab) { l.User.AddKey(300 * settings.Day) },
		"inactive second key": func(_ *testing.T, l *lab.Lab) {
			l.User.AddInactiveKey(300 * settings.Day)
		},
		"denied":  func(_ *testing.T, l *lab.Lab) { l.User.DenyAction("CreateAccessKey", awssim.ExplicitDeny) },
		"deleted": func(t *testing.T, l *lab.Lab) { lab.Must(t, l.User.DeleteKey(l.OldKey.ID)) },
		"mfa":     func(t *testing.T, l *lab.Lab) { lab.Must(t, l.User.GuardWithMFA()) },
		"hold": func(t *testing.T, l *lab.Lab) {
			l.Pass(rotate.Request{})
			_, err := l.Rotator.Hold(t.Context(), "work")
			lab.Must(t, err)
		},
		"third key": func(t *testing.T, l *lab.Lab) {
			l.Pass(rotate.Request{})
			l.WriteFile("credentials", "[default]\naws_access_key_id = AKIAZZZZZZZZZZZZZZZZ\naws_secret_access_key = x\n")
		},
		"a second profile": func(_ *testing.T, l *lab.Lab) {
			l.Pass(rotate.Request{})
			l.AddProfile("zanzibar-prod", 100*settings.Day)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab.NewLab(t, awssim.Lag{}, 100*settings.Day)
				l.Rotator.Settings.FleetFile, l.Rotator.Process, l.Rotator.Release = true, "run", "v1.0.0"
				play(t, l)
				for end := time.Now().Add(10 * settings.Day); time.Now().Before(end); time.Sleep(12 * time.Hour) {
					results, err := l.Rotator.Pass(t.Context(), rotate.Request{})
					lab.Must(t, err)
					text := readFile(t, l)
					demandText(t, s, text, "default", "work", "zanzibar", "alice", lab.Account, l.Home, "arn", "credentials")
					var r fleet.Record
					lab.Must(t, json.Unmarshal(text, &r))
					needy, skipped := 0, 0
					for _, one := range results {
						seen[string(one.State)] = true
						if one.NeedsPerson {
							needy++
						}
						if one.State == decide.StateSkipped {
							skipped++
						}
					}
					if r.NeedsPerson != needy || r.Keys != len(results)-skipped || r.LastPassUnix != time.Now().Unix() || !r.DaemonAlive || (len(r.Reasons) > 0) != (needy > 0) || slices.Contains(r.Reasons, "other") {
						t.Errorf("%d keys, %d need a person: %s", len(results), needy, text)
					}
				}
			})
		})
	}
	for _, want := range []decide.State{decide.StateOK, decide.StateOverlap, decide.StateQuarantine, decide.StateHeld, decide.StateBlocked} {
		if !seen[string(want)] {
			t.Errorf("no key was in the state %s", want)
		}
	}
}

// TestFileFollowsTheSetting: without the setting there is no file, a dry run writes none, one
// that was written goes with the setting, and stays while no settings are known.
func TestFileFollowsTheSetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewLab(t, awssim.Lag{}, 3*settings.Day)
		for i, step := range []struct{ on, unknown, dry, want bool }{
			{}, {on: true, dry: true}, {on: true, want: true}, {unknown: true, want: true}, {dry: true, want: true}, {},
		} {
			l.Rotator.Settings.FleetFile, l.Rotator.Settings.Unknown = step.on, step.unknown
			l.PassOnce(rotate.Request{DryRun: step.dry})
			if text := readFile(t, l); (text != nil) != step.want {
				t.Errorf("step %d: fleet.json has %q", i, text)
			}
		}
	})
}

// TestFileThatCannotBeWritten: the pass does its work, and the log says what is wrong.
func TestFileThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lab.NewOnDisk(t, awssim.Lag{}, 100*settings.Day)
		l.PassOnce(rotate.Request{DryRun: true}) // makes the state folder
		lab.Must(t, l.Sys.Mkdir(state.FleetPath(l.Rotator.StateDir), 0o700))
		l.Rotator.Settings.FleetFile = true
		if r := l.Pass(rotate.Request{}); r.State != decide.StateOverlap || r.Err != nil || !strings.Contains(l.Log.String(), "fleet: fleet.json: ") {
			t.Errorf("%s, %v\n%s", r.State, r.Err, l.Log.String())
		}
	})
}
