package settings

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzSettingsAgain parses any keyd.ini. Either the settings are within their ranges
// and stay the same when they are written and parsed again, or the error names the file
// and a line of it.
func FuzzSettingsAgain(f *testing.F) {
	for _, text := range []string{
		"", "rotate_after = 60d\nmax_age = 90d\n", "[profile legacy]\nrotate = never\n", "[profile  a b ]\nrotate_after=30d ; c\n",
		"on_event = /bin/sh -c 'echo \"a b\"'\n", "on_event = \"\"\"a\nb\"\"\"\n", "never_accounts = 111122223333, 444455556666\n", "rotate_after = 65535d2562047h\n",
		"overlap = 65535d2562047h47m16s\n", "overlap = 36500d\nmax_age = 36500d\nrotate_after = 36500d\n", "quarantine = 0s\noverlap=0d\n", "check_every = 1ns\n",
		"[profile x\nrotate", "\xff\xfe", "a = `b\n", "[]\n", "rotate_after\n", "rotate_after = 1d\nrotate_after = 2d\n", "prune_inactive_after = -1h\n", "notify = \"none\"\n",
		"[profile x]\nrotate = never\n[profile x]\nrotate_after = 1d\n", "describe_keys = %(x)s\nx = %(x)s\n", "[link ~/a]\nform = ses-smtp eu-west-1\n[link '/b c']\n", "on_event = # c\n", "prune_inactive_after = 0d\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("keyd.ini", data)
		if err != nil {
			wrong, ok := errors.AsType[*Error](err)
			if !ok || wrong.Path != "keyd.ini" || wrong.Line < 0 || wrong.Line > bytes.Count(data, []byte("\n"))+1 || wrong.Text == "" {
				t.Fatalf("%T %+v", err, err)
			}
			return
		}
		inRange(t, s)
		text, ok := rewrite(s)
		if !ok {
			return
		}
		again, err := Parse("keyd.ini", []byte(text))
		for _, links := range [][]Link{s.Links, again.Links} {
			for i := range links {
				links[i].Line = ""
			}
		}
		again.lines, s.lines = nil, nil
		if again.ProfileLines, s.ProfileLines = nil, nil; err != nil || !reflect.DeepEqual(again, s) { // the sections are on other lines now
			t.Fatalf("%v\n%+v\n%+v\n%s", err, s, again, text)
		}
	})
}

// inRange checks what Parse promises of settings that it accepts.
func inRange(t *testing.T, s Settings) {
	t.Helper()
	spans := map[string][2]time.Duration{
		"rotate_after": {s.RotateAfter, Day}, "check_every": {s.CheckEvery, time.Minute}, "overlap": {s.Overlap, 0}, "quarantine": {s.Quarantine, 0},
		"prune_inactive_after": {s.PruneInactiveAfter, 0}, "max_age": {s.MaxAge, max(s.RotateAfter, s.Overlap)},
	}
	for name, after := range s.ProfileRotateAfter {
		if after != Never {
			spans["of "+name] = [2]time.Duration{after, Day}
		}
	}
	for name, span := range spans {
		if span[0] < span[1] {
			t.Errorf("%s is %s and must be at least %s", name, span[0], span[1])
		}
	}
	if s.Notify != "desktop" && s.Notify != "none" {
		t.Errorf("notify is %q", s.Notify)
	}
	for _, account := range s.NeverAccounts {
		if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
			t.Errorf("account %q", account)
		}
	}
}

// rewrite returns a keyd.ini with the settings s. It returns false when a word in it
// has no form of which a test would know more than the parser.
func rewrite(s Settings) (string, bool) {
	var b strings.Builder
	odd := func(text string) bool {
		return strings.ContainsAny(text, "\r\n\x00`#;\\\"'[]") || strings.TrimSpace(text) != text
	}
	if slices.ContainsFunc(s.OnEvent, odd) || slices.Contains(s.OnEvent, "") || odd(s.MFAProcess) {
		return "", false
	}
	for _, r := range table {
		into := r.field(&s)
		text := into.String()
		if d, ok := into.(*duration); ok {
			text = time.Duration(*d).String() // to the nanosecond
		}
		if d, ok := into.(*durationOrNever); ok && *d != 0 {
			text = time.Duration(*d).String()
		}
		fmt.Fprintf(&b, "%s=%s\n", r.name, text)
	}
	for _, name := range s.sectionsOfProfiles() {
		mfa := s.ProfileMFA[name]
		if odd(name) || odd(mfa.Serial) || odd(mfa.Process) {
			return "", false
		}
		fmt.Fprintf(&b, "[profile %s]\n", name)
		switch after, said := s.ProfileRotateAfter[name]; {
		case said && after == Never:
			b.WriteString("rotate=never\n")
		case said:
			fmt.Fprintf(&b, "rotate_after=%s\n", after)
		}
		if mfa.Serial != "" {
			fmt.Fprintf(&b, "mfa_serial=%s\n", mfa.Serial)
		}
		if mfa.Process != "" {
			fmt.Fprintf(&b, "mfa_process=%s\n", mfa.Process)
		}
	}
	for _, l := range s.Links {
		if odd(l.Path) {
			return "", false
		}
		fmt.Fprintf(&b, "[link %s]\nform=%s\n", l.Path, l.Form)
	}
	return b.String(), true
}
