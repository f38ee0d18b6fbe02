package settings

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"keyd/daemon/hint"
)

func TestParseReadsEverySetting(t *testing.T) {
	good := map[string]func(Settings) bool{
		"on_event =    ; a command":    func(s Settings) bool { return len(s.OnEvent) == 0 },
		"never_accounts = # a comment": func(s Settings) bool { return len(s.NeverAccounts) == 0 },
		"": func(s Settings) bool {
			return s.RotateAfter == 60*Day && s.Overlap == 7*Day && s.Quarantine == 7*Day && s.Unused == "rotate" && s.DescribeKeys && !s.FleetFile && s.PruneInactiveAfter == 0
		},
		"unused = report":                                    func(s Settings) bool { return s.Unused == UnusedReport },
		"rotate_after = 30d ; younger":                       func(s Settings) bool { return s.RotateAfter == 30*Day },
		"overlap = 1d12h\nquarantine=1h":                     func(s Settings) bool { return s.Overlap == 36*time.Hour && s.Quarantine == time.Hour },
		"prune_inactive_after = 30d":                         func(s Settings) bool { return s.PruneInactiveAfter == 30*Day },
		"prune_inactive_after = 90d":                         func(s Settings) bool { return s.PruneInactiveAfter == 90*Day },
		"fleet_file = true":                                  func(s Settings) bool { return s.FleetFile },
		"describe_keys = false\nnotify = none":               func(s Settings) bool { return !s.DescribeKeys && s.Notify == "none" },
		"on_event = /usr/bin/logger -t keyd":                 func(s Settings) bool { return slices.Equal(s.OnEvent, []string{"/usr/bin/logger", "-t", "keyd"}) },
		`on_event = "/opt/my tools/x"`:                       func(s Settings) bool { return slices.Equal(s.OnEvent, []string{"/opt/my tools/x"}) },
		`on_event = C:\Tools\x.exe 'a  b' ""c "" `:           func(s Settings) bool { return slices.Equal(s.OnEvent, []string{`C:\Tools\x.exe`, "a  b", "c", ""}) },
		"on_event =":                                         func(s Settings) bool { return len(s.OnEvent) == 0 },
		`notify = "none"`:                                    func(s Settings) bool { return s.Notify == "none" },
		"never_accounts = 111122223333, 012345678901 ; ours": func(s Settings) bool { return slices.Equal(s.NeverAccounts, []string{"111122223333", "012345678901"}) },
		"[profile legacy]\nrotate = never":                   func(s Settings) bool { return s.RotateAfterFor([]string{"default", "legacy"}) == Never },
		"[profile a.b]\nrotate_after = 10d": func(s Settings) bool {
			return s.RotateAfterFor([]string{"a.b"}) == 10*Day && s.RotateAfterFor([]string{"a"}) == 60*Day && s.RotateAfterFor([]string{"a", "a.b"}) == 10*Day
		},
	}
	for text, names := range map[string][]string{
		`[profile "a b"]`:         {"a b", `"a b"`},
		`[profile 'a b']`:         {"a b"},
		`[profile a\ b]`:          {"a b", `a\ b`},
		`[profile a b]`:           {"a b"},
		"[profile\tlegacy]":       {"legacy", `"legacy"`, "'legacy'"},
		`[ profile  "legacy" ]`:   {"legacy", `"legacy"`},
		`[profile '"legacy"']`:    {`"legacy"`},
		`[profile legacy] ; mine`: {"legacy"},
	} {
		good[text+"\nrotate = never"] = func(s Settings) bool {
			return !slices.ContainsFunc(names, func(name string) bool { return s.RotateAfterFor([]string{name}) != Never }) &&
				s.RotateAfterFor([]string{"Legacy"}) == 60*Day && len(s.UnknownProfiles(names[:1])) == 0
		}
	}
	for text, ok := range good {
		s, err := Parse("keyd.ini", []byte(text))
		if err != nil || !ok(s) {
			t.Errorf("Parse(%q) = %+v, %v", text, s, err)
		}
	}
}

func TestParseRefusesMistakes(t *testing.T) {
	bad := []struct{ text, says, hint string }{
		{"rotate_atfer = 30d", "keyd.ini:1: unknown setting \"rotate_atfer\"", "did you mean rotate_after?"},
		{"\n\nquarantin = 1d", "keyd.ini:3: ", "did you mean quarantine?"},
		{"rotate_after = 2 months", "keyd.ini:1: rotate_after = \"2 months\"", ""},
		{"overlap = -1d", "keyd.ini:1: ", ""},
		{"rotate_after = 1h", "at least 1d", ""},
		{"check_every = 1s", "at least 1m", ""},
		{"quarantine = 0s", "keyd.ini:1: quarantine = 0s: must be at least 1h", ""},
		{"quarantine = 59m59s", "must be at least 1h", ""},
		{"prune_inactive_after = 1s", "keyd.ini:1: prune_inactive_after = 1s: must be at least 30d", ""},
		{"prune_inactive_after = 0d", "keyd.ini:1: prune_inactive_after = 0d: write a duration such as 90d, or never", "did you mean prune_inactive_after = never?"},
		{"prune_inactive_after = 30d\noverlap = 20d\nquarantine = 15d\nmax_age=200d", "keyd.ini:1: prune_inactive_after = 30d is shorter than overlap = 20d and quarantine = 15d together", "lengthen prune_inactive_after in keyd.ini"},
		{"rotate_after = 30d\noverlap = 40d", "keyd.ini:2: overlap = 40d and quarantine = 7d have to end before the next rotation begins, and come again in it, which makes 94d: an old key would reach max_age = 90d", "shorten overlap or quarantine in keyd.ini"},
		{"rotate_after = 36500d\noverlap = 36500d\nquarantine = 36500d\nmax_age = 36500d", "keyd.ini:1: rotate_after = 36500d +10 %", "shorten one of the three in keyd.ini"}, // more than 292 years
		{"\n[profile \"ci\"]\nrotate_after = 80d", "keyd.ini:3: rotate_after = 80d", "shorten one of the three in keyd.ini"},
		{"rotate_after = 85d", "keyd.ini:1: rotate_after = 85d +10 %, overlap = 7d and quarantine = 7d add up to 107d: an old key would reach max_age = 90d", "shorten one of the three in keyd.ini"},
		{"\nquarantine = 30d", "keyd.ini:2: ", "shorten one of the three in keyd.ini"},
		{"max_age = 80d", "keyd.ini:1: ", "shorten one of the three in keyd.ini"}, // exactly as long
		{"\n[profile ci]\nrotate_after = 80d", "keyd.ini:3: rotate_after = 80d", "shorten one of the three in keyd.ini"},
		{"unused = reprot", "must be rotate or report", "did you mean report?"},
		{"notify = sms", "must be desktop or none", ""},
		{"[profile legacy]\nrotate = nevr", "keyd.ini:2: ", "did you mean rotate = never?"},
		{"[profile legacy]\nrotat = never", "keyd.ini:2: unknown setting \"rotat\" in [profile legacy]", "did you mean rotate?"},
		{"[profil legacy]\nrotate = never", "keyd.ini:1: unknown section [profil legacy]", "did you mean [profile legacy]?"},
		{"[legacy]\nrotate = never", "unknown section [legacy]", "did you mean [profile legacy]?"},
		{"[DEFAULT]\nrotate_after = 10d", "keyd.ini:1: unknown section [DEFAULT]", "did you mean [profile DEFAULT]?"},
		{"[Profile legacy]\nrotate = never", "keyd.ini:1: unknown section [Profile legacy]", "did you mean [profile legacy]?"},
		{"[profile]\nrotate = never", "keyd.ini:1: unknown section [profile]", "did you mean [profile NAME]?"},
		{"[profile \"\"]\nrotate = never", "keyd.ini:1: unknown section", "did you mean [profile NAME]?"},
		{"overlap = 10s", "keyd.ini:1: overlap = 10s: must be at least 10m", ""},
		{"[profile \"a b\"]\nrotate_after = 1h", "keyd.ini:2: rotate_after = 1h: must be at least 1d", ""},
		{"no sense", "keyd.ini:1: ", ""},
		{"rotate_after = 50d\n[profile legacy\nrotate = never", "keyd.ini:2: unclosed section: [profile legacy", ""},
		{"[keyd]\nrotate_after = 50d\nnotify = none", "keyd.ini:1: unknown section [keyd]", "use [profile NAME], [link FILE] or [hook NAME]; settings for every key stand above the first of them"},
		{"never_accounts = 1111-2222-3333", "keyd.ini:1: never_accounts: \"1111-2222-3333\" is not an account id", ""},
		{"never_accounts = 111122223333,", "is not an account id", ""},
		{"on_event = x 'a b", "keyd.ini:1: on_event = x 'a b: a quotation mark is not closed", ""},
		{"never_account = 111122223333", "unknown setting", "did you mean never_accounts?"},
	}
	for _, c := range bad {
		_, err := Parse("keyd.ini", []byte(c.text))
		mistake, ok := errors.AsType[*Error](err)
		if !ok || !strings.Contains(err.Error(), c.says) || mistake.Hint() != cmp.Or(c.hint, "keyd help settings") {
			t.Errorf("Parse(%q): %v, hint %q", c.text, err, hint.Hint(err))
		}
	}
}

// A section that applies to no key is named, with the profile that it was probably meant for.
func TestUnknownProfilesNameTheNearest(t *testing.T) {
	s, err := Parse("keyd.ini", []byte("[profile PROD]\nrotate = never\n[profile \"my work\"]\nrotate = never\n[profile 'legacy']\nrotate = never\n"))
	if err != nil {
		t.Fatal(err)
	}
	notes := s.UnknownProfiles([]string{"prod", "my-work", `"legacy"`, "other"})
	if len(notes) != 2 || !strings.Contains(notes[0], "no profile PROD") || !strings.HasSuffix(notes[0], "did you mean prod?") || !strings.HasSuffix(notes[1], "did you mean my-work?") {
		t.Errorf("got %q", notes)
	}
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte("rotate_after = 60d\n[profile a]\nrotate = never\n"))
	f.Add([]byte("overlap = 1d12h ; c\n[DEFAULT]\nx\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("keyd.ini", data)
		if err == nil && (s.RotateAfter < Day || s.CheckEvery < time.Minute || s.Overlap < 0 || s.RotateAfter+s.Overlap+s.Quarantine > s.MaxAge) {
			t.Errorf("Parse accepted %+v", s)
		}
	})
}

func TestDurationsOfKeydIni(t *testing.T) {
	for text, want := range map[string]time.Duration{"60d": 60 * Day, "24h": Day, "90m": 90 * time.Minute, "1d12h": 36 * time.Hour, "0h": 0} {
		if d, err := ParseDuration(text); err != nil || d != want {
			t.Errorf("ParseDuration(%q) = %s, %v", text, d, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1y", "60", "1d-2h", "99999999999d", "1h1d"} {
		if d, err := ParseDuration(text); err == nil {
			t.Errorf("%q is accepted as %s", text, d)
		}
	}
	for d, want := range map[time.Duration]string{60 * Day: "60d", 36 * time.Hour: "36h", 10 * time.Minute: "10m", time.Minute: "1m", 0: "0s"} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%d prints as %q, want %q", d, got, want)
		}
	}
}

func TestSplitWordsKeepsQuotedWords(t *testing.T) {
	for _, text := range []string{`a "b`, `a 'b`, `"`} {
		if words, err := splitWords(text); err == nil {
			t.Errorf("splitWords(%s) = %q, want an error", text, words)
		}
	}
	words, err := splitWords(` a	b "c d"e 'f "g' "" \n $HOME `)
	if want := `["a" "b" "c de" "f \"g" "" "\\n" "$HOME"]`; err != nil || fmt.Sprintf("%q", words) != want {
		t.Errorf("splitWords returns %q, %v", words, err)
	}
}

func TestDurationsForPeople(t *testing.T) {
	for _, tc := range []struct {
		d         time.Duration
		span, age string
	}{
		{0, "0s", "0s"},
		{90 * time.Second, "1m", "1m"},
		{3*time.Hour + 12*time.Minute, "3h 12m", "3h"},
		{Day, "1d", "1d"},
		{27 * time.Hour, "1d 3h", "1d"},
		{-61 * Day, "61d", "61d"},
	} {
		if span, age := FormatSpan(tc.d), FormatAge(tc.d); span != tc.span || age != tc.age {
			t.Errorf("%s prints as %q and %q, want %q and %q", tc.d, span, age, tc.span, tc.age)
		}
	}
}

// TestReadmeShowsEverySetting compares the keyd.ini of the README with the table.
func TestReadmeShowsEverySetting(t *testing.T) {
	var want strings.Builder
	for _, r := range table {
		want.WriteString(readmeLine(r, 12, r.standard))
	}
	want.WriteString("\n[profile legacy]\n" + readmeLine(profileTable[0], 0, "never"))
	want.WriteString("\n[link ~/.config/rclone/rclone.conf]\n")
	for _, r := range linkTable {
		want.WriteString(readmeLine(r, 0, r.standard))
	}
	want.WriteString("\n[hook github]\n")
	for _, r := range hookTable {
		text := r.standard
		if r.name == "command" { // a hook without one is a mistake
			text = "/opt/to-github"
		}
		want.WriteString(readmeLine(r, 8, text))
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "```ini\nrotate_after")
	block, _, _ = strings.Cut("rotate_after"+block, "```")
	if block != want.String() {
		t.Errorf("the README shows\n%s\nand the table says\n%s", block, want.String())
	}
}

// readmeLine returns the line of the README for a setting. It pads the name to width.
func readmeLine(r row, width int, text string) string {
	return fmt.Sprintf("%-30s; %s\n", fmt.Sprintf("%-*s = %s", width, r.name, text), r.doc)
}

func TestEveryStandardValueIsValid(t *testing.T) {
	for _, r := range table {
		if err := r.field(new(Settings)).parse(r.name, r.standard); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
	if got, err := Parse("keyd.ini", nil); err != nil || !reflect.DeepEqual(got, Default()) {
		t.Errorf("an empty keyd.ini means %+v, %v", got, err)
	}
}

// TestTextsAreWhatKeydIniSays writes the settings again as keyd.ini would.
func TestTextsAreWhatKeydIniSays(t *testing.T) {
	text := "overlap = 1d12h\non_event = /bin/x 'a b' \"it's\"\nnever_accounts = 111122223333,444455556666\nnotify = none\n" +
		"[profile legacy]\nrotate = never\n[profile often]\nrotate_after = 36h\n"
	s, err := Parse("keyd.ini", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"rotate_after": "60d", "max_age": "90d", "overlap": "36h", "quarantine": "7d", "unused": "rotate", "check_every": "15m", "notify": "none",
		"on_event": `/bin/x 'a b' 'it'"'"'s'`, "fleet_file": "false", "describe_keys": "true", "prune_inactive_after": "never",
		"never_accounts": "111122223333, 444455556666", "mfa_process": "",
		"profile legacy": map[string]string{"rotate": "never"}, "profile often": map[string]string{"rotate_after": "36h"},
	}
	if got := s.Texts(); !reflect.DeepEqual(got, want) {
		t.Errorf("Texts returns %q", got)
	}
	again, err := Parse("keyd.ini", []byte("on_event = "+want["on_event"].(string)))
	if err != nil || !slices.Equal(again.OnEvent, s.OnEvent) {
		t.Errorf("the printed on_event reads as %q, %v", again.OnEvent, err)
	}
	if got := (Settings{Unknown: true}).Texts(); got != nil {
		t.Errorf("unknown settings print as %q", got)
	}
}

// TestMFAOfProfiles reads how the codes of a profile are had. A section without a
// rotate_after leaves the age to the setting for every key.
func TestMFAOfProfiles(t *testing.T) {
	const serial = "arn:aws:iam::111122223333:mfa/alice"
	s, err := Parse("keyd.ini", []byte("mfa_process = pass otp aws | head -1\n[profile work]\nmfa_serial = "+serial+"\n[profile \"old\"]\nmfa_process = 'my otp' --for \"x\"\nrotate_after = 30d\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s.MFAProcess != "pass otp aws | head -1" {
		t.Errorf("mfa_process is %q", s.MFAProcess)
	}
	if got, want := s.MFAFor([]string{"work"}), (MFA{Serial: serial}); got != want {
		t.Errorf("work has %+v", got)
	}
	if got, want := s.MFAFor([]string{"other", "old", "work"}), (MFA{Serial: serial, Process: `'my otp' --for "x"`}); got != want {
		t.Errorf("the three have %+v", got)
	}
	if got := s.RotateAfterFor([]string{"work"}); got != 60*Day {
		t.Errorf("work is rotated after %s", got)
	}
	if got := s.RotateAfterFor([]string{"work", "old"}); got != 30*Day {
		t.Errorf("both are rotated after %s", got)
	}
	want := map[string]string{"rotate_after": "30d", "mfa_process": `'my otp' --for "x"`}
	if got := s.Texts()["profile old"]; !reflect.DeepEqual(got, want) {
		t.Errorf("the section is %q", got)
	}
	if notes := s.UnknownProfiles([]string{"old"}); len(notes) != 1 || !strings.Contains(notes[0], "work") {
		t.Errorf("notes %q", notes)
	}
	for _, odd := range []string{"a b", "arn", strings.Repeat("x", 300), "ärn:aws:iam::111122223333:mfa/alice"} {
		if _, err := Parse("keyd.ini", []byte("[profile work]\nmfa_serial = "+odd+"\n")); err == nil {
			t.Errorf("mfa_serial = %s is accepted", odd)
		}
	}
}

// TestRemarks names an age that cannot be kept although nothing about it is unsafe.
func TestRemarks(t *testing.T) {
	s, err := Parse("keyd.ini", []byte("rotate_after = 10d\n[profile ci]\nrotate_after = 1d\n[profile a]\nrotate_after = 20d\n[profile b]\nrotate = never\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := s.Remarks()
	if len(got) != 2 || !strings.HasPrefix(got[0], "rotate_after = 10d is shorter than") || !strings.HasPrefix(got[1], "[profile ci] rotate_after = 1d") || !strings.HasSuffix(got[1], "has ended, 14d after it began") {
		t.Errorf("%q", got)
	}
	if got := Default().Remarks(); len(got) != 0 {
		t.Errorf("the defaults: %q", got)
	}
}
