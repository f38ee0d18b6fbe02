package settings

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
)

// machine is a machine with managed settings and one user.
type machine struct {
	*testing.T
	file  File
	owned *atomicfiletest.Owned
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no numeric owners")
	}
	root := t.TempDir()
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	m := &machine{T: t, owned: &atomicfiletest.Owned{Sys: atomicfile.OS{}, Me: 1000, Owners: map[string]atomicfiletest.Owner{}}}
	home, dir := filepath.Join(root, "home"), filepath.Join(root, "etc", "keyd-aws")
	if err := errors.Join(os.MkdirAll(home, 0o700), os.MkdirAll(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	m.file = File{Path: filepath.Join(home, "keyd.ini"), Copy: filepath.Join(home, "settings.good"), Sys: m.owned, Home: home,
		Managed: ManagedFile{Path: filepath.Join(dir, "keyd.ini"), Copy: filepath.Join(home, "managed.good"), Root: root}}
	for _, path := range []string{root, filepath.Dir(dir), dir} {
		m.owned.SetOwner(path, atomicfiletest.Owner{Mode: 0o755})
	}
	m.owned.SetOwner(m.file.Managed.Path, atomicfiletest.Owner{Mode: 0o644})
	return m
}

// write writes a file, or removes it if the text is "-".
func (m *machine) write(path, text string) {
	m.Helper()
	err := os.RemoveAll(path)
	if text != "-" && err == nil {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err != nil {
		m.Fatal(err)
	}
}

// TestManagedSettingsThatCannotBeUsedAreNotNone spoils the managed settings in every way: the
// last good ones stay in force, and without any there are no settings.
func TestManagedSettingsThatCannotBeUsedAreNotNone(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(m *machine)
		says  string
		hint  string // "": to correct the file
	}{
		{"a mistake", func(m *machine) { m.write(m.file.Managed.Path, "\nrotate_aftr = 1d\n") }, `keyd.ini:2: unknown setting "rotate_aftr"`, ""},
		{"what cannot be", func(m *machine) { m.write(m.file.Managed.Path, "max_age = 10d\n") }, "an old key would reach max_age = 10d", ""},
		{"half a file", func(m *machine) { m.write(m.file.Managed.Path, "rotate_after = 4") }, `rotate_after = "4"`, ""},
		{"a folder", func(m *machine) {
			m.write(m.file.Managed.Path, "-")
			_ = os.Mkdir(m.file.Managed.Path, 0o700)
		}, "is a directory", ""},
		{"a link to nowhere", func(m *machine) {
			m.write(m.file.Managed.Path, "-")
			_ = os.Symlink(filepath.Join(m.file.Home, "nowhere"), m.file.Managed.Path)
		}, "no such file", ""},
		{"a file in the place of the folder", func(m *machine) {
			m.write(filepath.Dir(m.file.Managed.Path), "x")
		}, "not a directory", ""},
		{"a user's file", func(m *machine) { m.owned.SetOwner(m.file.Managed.Path, atomicfiletest.Owner{UID: 1000, Mode: 0o644}) }, "belongs to user 1000", "run: chown root "},
		{"a file for everybody", func(m *machine) { m.owned.SetOwner(m.file.Managed.Path, atomicfiletest.Owner{Mode: 0o666}) }, "may be written by every user", "run: chmod go-w "},
		{"a user's folder", func(m *machine) {
			m.owned.SetOwner(filepath.Dir(m.file.Managed.Path), atomicfiletest.Owner{UID: 1234, Mode: 0o755})
		}, "belongs to user 1234", "run: chown root "},
	} {
		for _, known := range []bool{true, false} {
			m := newMachine(t)
			m.write(m.file.Managed.Path, "rotate_after = 40d\n")
			m.write(m.file.Path, "rotate_after = 50d\noverlap = 3d\n")
			if known {
				if s, err := m.file.Load(); err != nil || s.RotateAfter != 40*Day || s.Managed.Problem != "" {
					t.Fatalf("%+v, %v", s, err)
				}
			}
			c.spoil(m)
			s, err := m.file.Load()
			if known {
				if err != nil || s.RotateAfter != 40*Day || s.Overlap != 3*Day || len(s.IgnoredLines()) != 1 {
					t.Errorf("%s: %+v, %v", c.name, s, err)
				}
				err = s.ManagedProblem()
			} else if !s.Unknown {
				t.Errorf("%s: %+v is in force", c.name, s)
			}
			failed, ok := errors.AsType[*ManagedError](err)
			if !ok || !strings.HasPrefix(err.Error(), "the managed settings: ") || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%s, known %v: %v", c.name, known, err)
			}
			if !strings.HasPrefix(failed.Hint(), "ask whoever manages this machine to ") || !strings.Contains(failed.Hint(), c.hint) {
				t.Errorf("%s: hint %q", c.name, failed.Hint())
			}
			if again, err := m.file.Read(); known != (err == nil) || again.RotateAfter != s.RotateAfter && known {
				t.Errorf("%s, known %v: a command has %+v, %v", c.name, known, again, err)
			}
		}
	}
}

// TestMistakeOfAUserStopsNoManagedRotation: a keyd.ini that cannot be used and was never good
// is no way out of a managed age. Where the managed settings let users exclude keys, which
// ones is not known, and nothing starts.
func TestMistakeOfAUserStopsNoManagedRotation(t *testing.T) {
	for _, c := range []struct {
		managed        string
		copied         bool // keyd.ini was good once
		unknown, alone bool
	}{
		{"-", false, true, false},
		{"notify = none\n", false, true, false},
		{"rotate_after = 40d\nallow_never = true\n", false, true, false},
		{"rotate_aftr = 40d\n", false, true, false},
		{"rotate_after = 40d\n", true, false, false},
		{"rotate_after = 40d\n", false, false, true},
		{"max_age = 85d\nrotate_after = 40d\n", false, false, true},
		{"rotate_after = 40d\nallow_never = false\n", false, false, true},
	} {
		m := newMachine(t)
		m.write(m.file.Managed.Path, c.managed)
		if c.copied {
			m.write(m.file.Path, "quarantine = 9d\n")
			if _, err := m.file.Load(); err != nil {
				t.Fatal(err)
			}
		}
		m.write(m.file.Path, "notfy = none\n[profile x]\nrotate = never\n")
		s, err := m.file.Load()
		if err == nil || s.Unknown != c.unknown || s.OwnUnknown != c.alone {
			t.Errorf("%q: unknown %v, alone %v, %v", c.managed, s.Unknown, s.OwnUnknown, err)
		}
		if !c.unknown && (s.RotateAfterFor([]string{"x"}) != 40*Day || s.Managed == nil || s.Managed.SHA256 == "") {
			t.Errorf("%q: %+v", c.managed, s)
		}
	}
}

// TestLacksManaged tells a broken keyd.ini from managed settings that cannot be used: the last
// good ones of those can still be in force.
func TestLacksManaged(t *testing.T) {
	m := newMachine(t)
	m.write(m.file.Managed.Path, "notify = none\n")
	m.write(m.file.Path, "notfy = none\n")
	_, _ = m.file.Load()
	m.write(m.file.Managed.Path, "notfy = none\n")
	if s := m.file.Effective(); !s.Unknown || s.ManagedProblem() == nil || s.LacksManaged() {
		t.Errorf("keyd.ini is to blame: %+v", s.Managed)
	}
	m.write(m.file.Managed.Copy, "-")
	if s := m.file.Effective(); !s.Unknown || s.ManagedProblem() == nil || !s.LacksManaged() {
		t.Errorf("the managed settings are to blame: %+v", s.Managed)
	}
}

// TestManagedSettingsAreFollowed changes both files, as the daemon reads them before each
// pass.
func TestManagedSettingsAreFollowed(t *testing.T) {
	m := newMachine(t)
	m.write(m.file.Path, "rotate_after = 50d\n")
	step := func(after string, ignored int, mistake bool) Settings {
		t.Helper()
		s, err := m.file.Load()
		if (err != nil) != mistake || s.Unknown || FormatDuration(s.RotateAfter) != after || len(s.IgnoredLines()) != ignored || s.ManagedProblem() != nil {
			t.Errorf("rotate_after is %s, %q, %v", FormatDuration(s.RotateAfter), s.IgnoredLines(), err)
		}
		return s
	}
	if s := step("50d", 0, false); s.Managed != nil {
		t.Error("there are none")
	}
	m.write(m.file.Managed.Path, "rotate_after = 40d\n")
	first := step("40d", 1, false)
	m.write(m.file.Path, "rotate_aftr = 45d\n") // the last good keyd.ini says 50d
	step("40d", 1, true)
	m.write(m.file.Managed.Path, "rotate_after = 30d\n") // while keyd.ini has a mistake
	if s := step("30d", 1, true); s.Managed.SHA256 == first.Managed.SHA256 {
		t.Error("another file has the same digest")
	}
	m.write(m.file.Path, "rotate_after = 20d\n")
	step("20d", 0, false)
	m.write(m.file.Path, "-")
	step("30d", 0, false)
	m.write(m.file.Managed.Path, "-") // the administrator takes them back
	step("60d", 0, false)
	if _, err := os.Stat(m.file.Managed.Copy); err == nil {
		t.Error("the copy of what is no longer managed is there")
	}
}

// TestLinksAreWrittenWithinManagedSettings adds a link to a keyd.ini that is a mistake by
// itself, and not within managed settings.
func TestLinksAreWrittenWithinManagedSettings(t *testing.T) {
	m := newMachine(t)
	m.write(m.file.Managed.Path, "rotate_after = 40d\n")
	m.write(m.file.Path, "rotate_after = 400d\n")
	link := Link{Path: filepath.Join(m.file.Home, ".env")}
	if err := m.file.AddLinks(t.Context(), []Link{link}); err != nil {
		t.Fatal(err)
	}
	if s, err := m.file.Read(); err != nil || s.FindLink(link.Path) == nil || s.RotateAfter != 40*Day {
		t.Errorf("%+v, %v", s, err)
	}
	if err := m.file.RemoveLink(t.Context(), link.Path); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(m.file.Path); string(data) != "rotate_after = 400d\n" {
		t.Errorf("%q", data)
	}
}

// TestManagedEventProgramRunsToo: neither program takes the place of the other.
func TestManagedEventProgramRunsToo(t *testing.T) {
	s := joined(t, "on_event = /opt/all -x\n", "on_event = mine\n")
	got := s.EventPrograms()
	if len(got) != 2 || !slices.Equal(got[0].Command, []string{"/opt/all", "-x"}) || !got[0].Managed || !slices.Equal(got[1].Command, []string{"mine"}) || got[1].Managed {
		t.Errorf("%+v", got)
	}
	if got := joined(t, "notify = none", "on_event = mine\n").EventPrograms(); len(got) != 1 || got[0].Managed {
		t.Errorf("%+v", got)
	}
	rows := Describe(s)
	i := slices.IndexFunc(rows, func(d Described) bool { return d.Name == "on_event" })
	if rows[i].From != "/etc/keyd-aws/keyd.ini:1" || !rows[i].Managed || rows[i+1].Name != "user_on_event" || rows[i+1].Value != "mine" || rows[i+1].From != "keyd.ini:1" || rows[i+1].Line != 1 {
		t.Errorf("%+v", rows[i:i+2])
	}
}
