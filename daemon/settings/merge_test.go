package settings

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// joined returns the settings in force where two texts meet.
func joined(t *testing.T, managed, own string) Settings {
	t.Helper()
	rules, err := ParseManaged("/etc/keyd-aws/keyd.ini", []byte(managed))
	if err != nil {
		t.Fatalf("the managed settings %q: %v", managed, err)
	}
	s, err := File{Home: "/home/me"}.parse(&rules, "keyd.ini", []byte(own))
	if err != nil {
		t.Fatalf("%q within %q: %v", own, managed, err)
	}
	return s
}

// TestUsersMayBeStricterNotWeaker says for every setting what a user may choose.
func TestUsersMayBeStricterNotWeaker(t *testing.T) {
	const rotate, rule = "rotate_after = 40d\n", "/etc/keyd-aws/keyd.ini"
	for _, c := range []struct {
		managed, own string
		want         string   // the setting in force, as name = value
		ignored      []string // parts of what has no effect, in order
	}{
		// what neither says, and one of them
		{"", "", "rotate_after = 60d", nil},
		{rotate, "", "rotate_after = 40d", nil},
		{"notify = none", "rotate_after = 65d", "rotate_after = 65d", nil},

		// at most
		{rotate, "rotate_after = 30d", "rotate_after = 30d", nil},
		{rotate, "rotate_after = 41d", "rotate_after = 40d", []string{"keyd.ini:1: rotate_after = 41d has no effect: " + rule + ":1 allows 40d at most"}},
		{rotate, "\nrotate_after = 400d\nquarantine = 100d", "rotate_after = 40d", []string{"keyd.ini:2: rotate_after = 400d", "keyd.ini:3: quarantine = 100d has no effect, 7d is in force: rotate_after = 40d +10 %"}},
		{"max_age = 85d", "max_age = 200d", "max_age = 85d", []string{"allows 85d at most"}},
		{"max_age = 85d", "max_age = 84d", "max_age = 84d", nil},
		{rotate, "max_age = 91d", "max_age = 90d", []string{"keyd.ini:1: max_age = 91d has no effect: " + rule + " limits the age of keys, and leaves max_age at 90d"}},
		{rotate, "max_age = 80d", "max_age = 80d", nil},
		{"[profile x]\nrotate_after = 40d", "max_age = 36500d", "max_age = 90d", []string{"leaves max_age at 90d"}},
		{"notify = none", "max_age = 36500d", "max_age = 36500d", nil},
		{"check_every = 1h", "check_every = 2h", "check_every = 1h", []string{"allows 1h at most"}},
		{"check_every = 1h", "check_every = 1m", "check_every = 1m", nil},

		// at least
		{"quarantine = 5d", "quarantine = 4d", "quarantine = 5d", []string{"wants 5d at least"}},
		{"quarantine = 5d", "quarantine = 9d", "quarantine = 9d", nil},

		// exactly
		{"overlap = 5d", "overlap = 4d", "overlap = 5d", []string{"sets it to 5d"}},
		{"overlap = 5d", "overlap = 6d", "overlap = 5d", []string{"sets it to 5d"}},
		{"overlap = 5d", "overlap = 120h", "overlap = 5d", nil},
		{"prune_inactive_after = 90d", "prune_inactive_after = never", "prune_inactive_after = 90d", []string{"sets it to 90d"}},
		{"prune_inactive_after = never", "prune_inactive_after = 90d", "prune_inactive_after = never", []string{"sets it to never"}},

		// of words, the first
		{"unused = rotate", "unused = report", "unused = rotate", []string{"sets it to rotate"}},
		{"unused = report", "unused = rotate", "unused = rotate", nil},
		{rotate, "\nunused = report", "unused = rotate", []string{"keyd.ini:2: unused = report has no effect: " + rule + " limits the age of keys, and does not say allow_never = true"}},
		{"max_age = 90d", "unused = report", "unused = rotate", []string{"limits the age of keys"}},
		{"[profile x]\nrotate_after = 40d", "unused = report", "unused = rotate", []string{"limits the age of keys"}},
		{rotate + "allow_never = false", "unused = report", "unused = rotate", []string{rule + ":2 says allow_never = false"}},
		{rotate + "allow_never = true", "unused = report", "unused = report", nil},
		{rotate + "unused = report", "unused = report", "unused = report", nil},
		{rotate + "unused = report", "unused = rotate", "unused = rotate", nil},
		{"notify = none", "unused = report", "unused = report", nil},
		{"notify = desktop", "notify = none", "notify = desktop", []string{"sets it to desktop"}},
		{"notify = none", "notify = desktop", "notify = desktop", nil},
		{"fleet_file = true", "fleet_file = false", "fleet_file = true", []string{"sets it to true"}},
		{"fleet_file = false", "fleet_file = true", "fleet_file = true", nil},
		{"describe_keys = true", "describe_keys = false", "describe_keys = true", []string{"sets it to true"}},

		// both, and neither
		{"on_event = /opt/all", "on_event = mine", "on_event = /opt/all", nil},
		{"on_event = /opt/all", "on_event = mine", "user_on_event = mine", nil},
		{"on_event = /opt/all", "on_event =", "on_event = /opt/all", nil},
		{"on_event =", "on_event = mine", "on_event = mine", nil},
		{"mfa_process = a", "mfa_process = b", "mfa_process = b", nil},
		{"never_accounts = 111122223333", "never_accounts = 444455556666, 111122223333", "never_accounts = 111122223333, 444455556666", nil},
		{rotate + "never_accounts = 111122223333", "never_accounts = 444455556666", "never_accounts = 111122223333", []string{"never_accounts has no effect for 444455556666: " + rule + " limits the age of keys, and does not say allow_never = true"}},
		{rotate, "never_accounts = 444455556666", "never_accounts = ", []string{"has no effect for 444455556666"}},
		{rotate + "allow_never = true", "never_accounts = 444455556666", "never_accounts = 444455556666", nil},
		{"allow_never = false", "never_accounts = 444455556666", "never_accounts = ", []string{rule + ":1 says allow_never = false"}},

		// combinations end, with what the user may have
		{rotate, "rotate_after = 30d\noverlap = 60d", "rotate_after = 30d", []string{"overlap = 60d has no effect, 7d is in force"}},
		{rotate, "overlap = 42d", "overlap = 7d", []string{"overlap = 42d has no effect, 7d is in force: rotate_after = 40d"}},
		{rotate, "max_age = 36500d\noverlap = 10000d", "overlap = 7d", []string{"keyd.ini:1: max_age = 36500d", "keyd.ini:2: overlap = 10000d has no effect, 7d is in force: rotate_after = 40d"}},
		{"[profile x]\nrotate_after = 40d", "max_age = 36500d\nrotate_after = 300d", "rotate_after = 60d", []string{"max_age = 36500d", "rotate_after = 300d has no effect, 60d is in force"}},
		{"max_age = 90d", "rotate_after = 80d", "rotate_after = 60d", []string{"rotate_after = 80d has no effect, 60d is in force"}},
		{"prune_inactive_after = 30d", "quarantine = 25d\nrotate_after=30d", "quarantine = 7d", []string{"quarantine = 25d has no effect, 7d is in force: prune_inactive_after = 30d is shorter"}},
		{"quarantine = 15d", "prune_inactive_after = 30d\noverlap = 20d\nrotate_after = 40d", "prune_inactive_after = never", []string{"prune_inactive_after = 30d has no effect, never is in force"}},
	} {
		s := joined(t, c.managed, c.own)
		name, value, _ := strings.Cut(c.want, " = ")
		if got := s.Texts()[name]; got != value {
			t.Errorf("%q within %q: %s is %v, want %s", c.own, c.managed, name, got, value)
		}
		got := s.IgnoredLines()
		if len(got) != len(c.ignored) || slices.ContainsFunc(c.ignored, func(part string) bool { return !strings.Contains(got[slices.Index(c.ignored, part)], part) }) {
			t.Errorf("%q within %q: without effect are %q, want %q", c.own, c.managed, got, c.ignored)
		}
	}
}

// TestFileOfAccount: who reads that an account is excluded has to find it in that file.
func TestFileOfAccount(t *testing.T) {
	const managed, own, both = "111122223333", "444455556666", "777788889999"
	s := joined(t, "rotate_after = 40d\nallow_never = true\nnever_accounts = "+managed+", "+both, "never_accounts = "+own+", "+both)
	if len(s.NeverAccounts) != 3 || s.FileOfAccount(managed) != managedFile || s.FileOfAccount(both) != managedFile || s.FileOfAccount(own) != "keyd.ini" {
		t.Errorf("%+v", s)
	}
	alone, err := Parse("keyd.ini", []byte("never_accounts = "+own))
	if err != nil || alone.FileOfAccount(own) != "keyd.ini" {
		t.Errorf("%+v, %v", alone, err)
	}
}

// TestProfilesWithinManagedSettings says what a user may choose for one profile.
func TestProfilesWithinManagedSettings(t *testing.T) {
	for _, c := range []struct {
		managed, own string
		want         time.Duration // the rotate_after of the profile x
		ignored      string        // a part of the only line without effect; "" for none
	}{
		{"rotate_after = 40d", "[profile x]\nrotate = never", 40 * Day, "keyd.ini:2: rotate = never has no effect in [profile x]"},
		{"max_age = 90d", "[profile x]\nrotate = never", 60 * Day, "limits the age of keys"},
		{"notify = none", "[profile x]\nrotate = never", Never, ""},
		{"rotate_after = 40d\nallow_never = true", "[profile x]\nrotate = never", Never, ""},
		{"allow_never = false", "[profile x]\nrotate = never", 60 * Day, ":1 says allow_never = false"},
		{"rotate_after = 40d\n[profile x]\nrotate = never", "", Never, ""},
		{"rotate_after = 40d\n[profile x]\nrotate = never", "[profile x]\nrotate = never", Never, ""},
		{"rotate_after = 40d\n[profile x]\nrotate = never", "[profile x]\nrotate_after = 30d", 30 * Day, ""},
		{"rotate_after = 40d\n[profile y]\nrotate = never", "[profile x]\nrotate = never", 40 * Day, "limits the age of keys"},
		{"[profile x]\nrotate_after = 30d", "[profile x]\nrotate = never", 30 * Day, "limits the age of keys"},
		{"rotate_after = 40d", "[profile x]\nrotate_after = 300d", 40 * Day, "rotate_after = 300d has no effect in [profile x]: /etc/keyd-aws/keyd.ini:1 allows 40d at most"},
		{"rotate_after = 40d", "[profile x]\nrotate_after = 20d", 20 * Day, ""},
		{"rotate_after = 40d\n[profile x]\nrotate_after = 50d", "[profile x]\nrotate_after = 45d", 45 * Day, ""},
		{"rotate_after = 40d\n[profile x]\nrotate_after = 50d", "rotate_after = 20d", 50 * Day, ""},
		{"rotate_after = 40d\n[profile x]\nrotate_after = 50d", "[profile x]\nrotate_after = 55d", 50 * Day, "/keyd.ini:3 allows 50d at most"},
		{"rotate_after = 40d\n[profile x]\nrotate_after = 30d", "[profile \"x\"]\nrotate_after = 35d", 30 * Day, ":3 allows 30d at most"},
		{"max_age = 90d", "[profile x]\nrotate_after = 80d", 60 * Day, "rotate_after = 80d has no effect in [profile x]: rotate_after = 80d +10 %"},
		{"rotate_after = 40d", "rotate_after = 30d\n[profile x]\nrotate = never", 30 * Day, "rotate = never"},
	} {
		s := joined(t, c.managed, c.own)
		if got := s.RotateAfterFor([]string{"x"}); got != c.want {
			t.Errorf("%q within %q: %s, want %s", c.own, c.managed, got, c.want)
		}
		if got := s.IgnoredLines(); len(got) > 1 || strings.Join(got, "") == "" != (c.ignored == "") || !strings.Contains(strings.Join(got, ""), c.ignored) {
			t.Errorf("%q within %q: without effect are %q, want %q", c.own, c.managed, got, c.ignored)
		}
	}
}

// TestSectionsWithinManagedSettings joins hooks, links and MFA devices, and tells nobody of a
// managed section for a profile that this machine has not.
func TestSectionsWithinManagedSettings(t *testing.T) {
	s := joined(t, "[hook all]\ncommand = /opt/all\n[profile x]\nmfa_process = code\nrotate_after = 30d\n[profile elsewhere]\nrotate = never\n",
		"[hook all]\ncommand = true\n[hook mine]\ncommand = /opt/mine\n[link "+filepath.Join(t.TempDir(), "a")+"]\n[profile x]\nmfa_serial = GAHT12345678\n")
	if len(s.Hooks) != 2 || s.FindHook("all").Command[0] != "/opt/all" || !s.IsManagedHook("all") || s.IsManagedHook("mine") || len(s.Links) != 1 {
		t.Errorf("%+v %+v", s.Hooks, s.Links)
	}
	if got := s.MFAFor([]string{"x"}); got != (MFA{"GAHT12345678", "code"}) || s.RotateAfterFor([]string{"x"}) != 30*Day {
		t.Errorf("%+v %s", got, s.RotateAfterFor([]string{"x"}))
	}
	if got := s.IgnoredLines(); len(got) != 1 || got[0] != "keyd.ini:1: [hook all] has no effect: /etc/keyd-aws/keyd.ini:1 has a hook of that name; give this one another" {
		t.Errorf("%q", got)
	}
	if notes := s.UnknownProfiles([]string{"x"}); len(notes) > 0 {
		t.Errorf("%q", notes)
	}
	want := map[string]any{"profile x": map[string]string{"rotate_after": "/etc/keyd-aws/keyd.ini:5", "mfa_serial": "keyd.ini:7", "mfa_process": "/etc/keyd-aws/keyd.ini:4"},
		"overlap": FromDefault, "allow_never": FromDefault}
	from := s.Origins()
	for name, where := range want {
		if !reflect.DeepEqual(from[name], where) {
			t.Errorf("%s comes from %v, want %v", name, from[name], where)
		}
	}
	if hook := from["hook all"].(map[string]string); hook["command"] != "/etc/keyd-aws/keyd.ini:2" || hook["timeout"] != FromDefault {
		t.Errorf("%v", hook)
	}
}

// TestMistakesInManagedSettings refuses what no administrator may say, and from a user what
// only one may say.
func TestMistakesInManagedSettings(t *testing.T) {
	for text, says := range map[string]string{
		"[link ~/a]\n":          "m.ini:1: managed settings have no [link FILE] section",
		"rotate_after = 80d\n":  "m.ini:1: rotate_after = 80d +10 %",
		"rotate_aftr = 80d\n":   "m.ini:1: unknown setting",
		"quarantine = 0s\n":     "m.ini:1: quarantine = 0s: must be at least 1h",
		"allow_never = maybe\n": "m.ini:1: allow_never",
		"max_age = 60d\n":       "m.ini:1: rotate_after = 60d +10 %",
	} {
		if _, err := ParseManaged("m.ini", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Parse("keyd.ini", []byte("\nallow_never = true\n")); err == nil || err.Error() != "keyd.ini:2: allow_never counts only in managed settings, which an administrator writes" {
		t.Error(err)
	}
}

// TestEveryRowJoins demands that each setting can be taken from either file.
func TestEveryRowJoins(t *testing.T) {
	for _, r := range table {
		from, into := Default(), Settings{}
		if d, ok := r.field(&from).(*durationOrNever); ok {
			*d = durationOrNever(90 * Day)
		}
		r.copyValue(&into, &from)
		if got, want := r.field(&into).String(), r.field(&from).String(); got != want {
			t.Errorf("%s is copied as %q, want %q", r.name, got, want)
		}
	}
}
