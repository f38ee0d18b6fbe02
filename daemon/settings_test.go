package daemon

import (
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSettings(t *testing.T) {
	good := map[string]func(Settings) bool{
		"on_event =    ; a command":                          func(s Settings) bool { return len(s.OnEvent) == 0 },
		"never_accounts = # none of them":                    func(s Settings) bool { return len(s.NeverAccounts) == 0 },
		"":                                                   func(s Settings) bool { return s.RotateAfter == 60*day && s.DescribeKeys && s.PruneInactiveAfter == 0 },
		"rotate_after = 30d ; younger":                       func(s Settings) bool { return s.RotateAfter == 30*day },
		"overlap = 1d12h\nquarantine=0h":                     func(s Settings) bool { return s.Overlap == 36*time.Hour && s.Quarantine == 0 },
		"prune_inactive_after = 90d":                         func(s Settings) bool { return s.PruneInactiveAfter == 90*day },
		"describe_keys = false\nnotify = none":               func(s Settings) bool { return !s.DescribeKeys && s.Notify == "none" },
		"on_event = /usr/bin/logger -t keyd":                 func(s Settings) bool { return slices.Equal(s.OnEvent, []string{"/usr/bin/logger", "-t", "keyd"}) },
		`on_event = "/opt/my tools/x"`:                       func(s Settings) bool { return slices.Equal(s.OnEvent, []string{"/opt/my tools/x"}) },
		`on_event = C:\Tools\x.exe 'a  b' ""c "" `:           func(s Settings) bool { return slices.Equal(s.OnEvent, []string{`C:\Tools\x.exe`, "a  b", "c", ""}) },
		"on_event =":                                         func(s Settings) bool { return len(s.OnEvent) == 0 },
		`notify = "none"`:                                    func(s Settings) bool { return s.Notify == "none" },
		"never_accounts = 111122223333, 012345678901 ; ours": func(s Settings) bool { return slices.Equal(s.NeverAccounts, []string{"111122223333", "012345678901"}) },
		"[profile legacy]\nrotate = never":                   func(s Settings) bool { return s.RotateAfterFor([]string{"default", "legacy"}) == Never },
		"[profile a.b]\nrotate_after = 10d": func(s Settings) bool {
			return s.RotateAfterFor([]string{"a.b"}) == 10*day && s.RotateAfterFor([]string{"a"}) == 60*day && s.RotateAfterFor([]string{"a", "a.b"}) == 10*day
		},
	}
	for text, ok := range good {
		s, err := Parse("keyd.ini", []byte(text))
		if err != nil || !ok(s) {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	bad := []struct{ text, says, hint string }{
		{"rotate_atfer = 30d", "keyd.ini:1: unknown setting \"rotate_atfer\"", "did you mean rotate_after?"},
		{"\n\nquarantin = 1d", "keyd.ini:3: ", "did you mean quarantine?"},
		{"rotate_after = 2 months", "keyd.ini:1: rotate_after = \"2 months\"", ""},
		{"overlap = -1d", "keyd.ini:1: ", ""},
		{"rotate_after = 1h", "at least 1d", ""},
		{"check_every = 1s", "at least 1m", ""},
		{"rotate_after = 85d", "beyond max_age = 90d", ""},
		{"notify = sms", "one of desktop, none", ""},
		{"[profile legacy]\nrotate = nevr", "keyd.ini:2: ", "did you mean rotate = never?"},
		{"[profile legacy]\nrotat = never", "keyd.ini:2: unknown setting \"rotat\" in [profile legacy]", "did you mean rotate?"},
		{"[profil legacy]\nrotate = never", "keyd.ini:1: unknown section [profil legacy]", "did you mean [profile legacy]?"},
		{"[legacy]\nrotate = never", "unknown section [legacy]", "did you mean [profile legacy]?"},
		{"no sense", "keyd.ini: ", ""},
		{"never_accounts = 1111-2222-3333", "keyd.ini:1: never_accounts: \"1111-2222-3333\" is not an account id", ""},
		{"never_accounts = 111122223333,", "is not an account id", ""},
		{"on_event = x 'a b", "keyd.ini:1: on_event = x 'a b: a quotation mark is not closed", ""},
		{"never_account = 111122223333", "unknown setting", "did you mean never_accounts?"},
	}
	for _, c := range bad {
		_, err := Parse("keyd.ini", []byte(c.text))
		mistake, ok := errors.AsType[*Error](err)
		if !ok || !strings.Contains(err.Error(), c.says) || mistake.Hint() != c.hint {
			t.Errorf("%q: %v, hint %q", c.text, err, Hint(err))
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte("rotate_after = 60d\n[profile a]\nrotate = never\n"))
	f.Add([]byte("overlap = 1d12h ; c\n[DEFAULT]\nx\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("keyd.ini", data)
		if err == nil && (s.RotateAfter < day || s.CheckEvery < time.Minute || s.Overlap < 0 || s.RotateAfter+s.Overlap > s.MaxAge) {
			t.Errorf("accepted: %+v", s)
		}
	})
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"60d": 60 * day, "24h": day, "90m": 90 * time.Minute, "1d12h": 36 * time.Hour, "0h": 0} {
		if d, err := parseDuration(text); err != nil || d != want {
			t.Errorf("%q: %s, %v", text, d, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1y", "60", "1d-2h", "99999999999d", "1h1d"} {
		if d, err := parseDuration(text); err == nil {
			t.Errorf("%q is accepted as %s", text, d)
		}
	}
	for d, want := range map[time.Duration]string{60 * day: "60d", 36 * time.Hour: "36h", 10 * time.Minute: "10m", time.Minute: "1m", 0: "0s"} {
		if got := formatDuration(d); got != want {
			t.Errorf("%d prints as %q, want %q", d, got, want)
		}
	}
}

func TestFolders(t *testing.T) {
	cases := []struct {
		goos            string
		env             map[string]string
		settings, state string
	}{
		{"linux", map[string]string{"HOME": "/h"}, "/h/.config/keyd-aws/keyd.ini", "/h/.local/state/keyd-aws"},
		{"linux", map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}, "/c/keyd-aws/keyd.ini", "/s/keyd-aws"},
		{"linux", map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "relative"}, "/h/.config/keyd-aws/keyd.ini", "/h/.local/state/keyd-aws"},
		{"darwin", map[string]string{"HOME": "/h"}, "/h/Library/Application Support/keyd-aws/keyd.ini", "/h/Library/Application Support/keyd-aws"},
		{"windows", map[string]string{"APPDATA": "/a", "LOCALAPPDATA": "/l"}, "/a/keyd-aws/keyd.ini", "/l/keyd-aws"},
		{"linux", map[string]string{"KEYD_SETTINGS": "/k.ini", "KEYD_STATE_DIR": "/k"}, "/k.ini", "/k"},
	}
	for _, c := range cases {
		if runtime.GOOS == "windows" && c.env["XDG_CONFIG_HOME"] == "/c" {
			continue // which is no absolute path there
		}
		f, err := FindFolders(func(v string) string { return c.env[v] }, c.goos)
		if err != nil || filepath.ToSlash(f.SettingsFile) != c.settings || filepath.ToSlash(f.StateDir) != c.state {
			t.Errorf("%s %v: %+v, %v", c.goos, c.env, f, err)
		}
	}
	if _, err := FindFolders(func(string) string { return "" }, "linux"); err == nil {
		t.Error("folders are found without a home")
	}
}

// A guess that is far off is worse than none: it is obeyed.
func TestNearestIsWhatWasMeantOrNothing(t *testing.T) {
	commands := []string{"hold", "install", "logs", "prune", "restart", "resume", "run", "start", "status", "stop", "uninstall"}
	for _, tc := range []struct {
		text  string
		known []string
		want  string
	}{
		{"stauts", commands, "status"},
		{"staus", commands, "status"},
		{"strat", commands, "start"},
		{"hlod", commands, "hold"},
		{"ru", commands, "run"},
		{"instal", commands, "install"},
		{"bsh", []string{"zsh", "fish", "bash"}, "bash"}, // people rarely miss the first letter
		{"dev2", []string{"dev", "dev1", "dev11"}, "dev1"},
		{"defualt", []string{"work", "default"}, "default"},
		{"nope", []string{"default", "work"}, ""},
		{"nosuch", commands, ""},
		{"", []string{"default"}, ""},
		{"x", nil, ""},
	} {
		if got := Nearest(tc.text, tc.known); got != tc.want {
			t.Errorf("%q of %q: %q, want %q", tc.text, tc.known, got, tc.want)
		}
	}
}
