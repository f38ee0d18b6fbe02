package main

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyd/credfile/copies"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// adviceOnSettings are the texts of the program that name a line of keyd.ini, each with the
// reason why it stays true where an administrator has managed settings. daemon/settings is left
// out: its errors are about the lines of one file, which they name.
var adviceOnSettings = map[string]string{
	"set overlap = 1h or more in keyd.ini":                                               "lengthenOverlap",
	"write [profile %s] with the same lines as [profile %s] into keyd.ini first":         "copySection",
	"add %s to the profiles of [hook %s] in keyd.ini first":                              "addToHook",
	"correct the program in [hook %s] of keyd.ini; a service finds it by its whole path": "hookRunHint",
	"^mistake in keyd.ini$": "no advice",
	"mistake in keyd.ini":   "no advice",
	"with a mistake in keyd.ini keyd uses the last good settings, or starts nothing": "no advice",
	"rotate = never":                                                                     "no advice: what excludes a key, with the file that says so",
	"to {}, take this out of keyd.ini: {}":                                               "Settings.EditHint",
	"excluded by rotate = never in {}":                                                   "no advice",
	"{}: it is left alone, as unused = report in {} says":                                "no advice",
	"%s; to continue without it: required = false in [hook %s] of keyd.ini":              "hookHint asks Settings.IsManagedHook",
	"in [hook %s] of keyd.ini: profiles = %s":                                            "unclearHint asks Settings.IsManagedHook",
	"set on_event in keyd.ini to a command that tells you; if no one has to be told: {}": "the commands of both files run",
	"set notify = none there":                                                            "Settings.EditHint",
	"correct %s of profile %s, in %s; or leave its key alone: rotate = never below [profile %[2]s] in keyd.ini": "endpointHint asks Settings.MayExclude",
	"correct the program in [hook %s] of keyd.ini, with its whole path, or set required = false; then: %s":      "checkHooks asks Settings.IsManagedHook",
	"write form = %s %s into the link of this file":                                                             "links are in keyd.ini alone",
	"the settings say form = %s, and no SMTP password of that region stands in this file":                       "links are in keyd.ini alone",
	"write form = ses-smtp REGION into the link of this file, with the region of the SMTP endpoint":             "links are in keyd.ini alone",
}

// TestAdviceOnSettingsIsJudged demands that somebody has thought of managed settings wherever
// the program advises a line of keyd.ini: it may have no effect there, see Settings.MayExclude,
// IsManaged and EditHint.
func TestAdviceOnSettingsIsJudged(t *testing.T) {
	var names []string
	for _, d := range settings.Describe(settings.Default()) {
		names = append(names, d.Name)
	}
	names = append(names, "rotate", "required", "timeout", "secrets", "format", "profiles", "command", "form", "mfa_serial")
	names = slices.DeleteFunc(names, func(name string) bool { return strings.ContainsAny(name, " [") })
	advises := regexp.MustCompile(`\b(` + strings.Join(names, "|") + `) = |\b(write|set|add|correct|shorten|lengthen|take|name|edit)\b.* keyd\.ini`)
	left := maps.Clone(adviceOnSettings)
	file := ""
	for line := range strings.Lines(gatherMessages(t)) {
		line = strings.TrimRight(line, "\n")
		text, isMessage := strings.CutPrefix(line, "- ")
		switch {
		case strings.HasSuffix(line, ".go"):
			file = line
		case !isMessage || strings.HasPrefix(file, "daemon/settings/") || !advises.MatchString(text):
		case adviceOnSettings[text] == "":
			t.Errorf("%s: %q names a setting: is it true where managed settings forbid that? say so in adviceOnSettings", file, text)
		}
		delete(left, text)
	}
	for text := range left {
		t.Errorf("no message says %q any more", text)
	}
}

// TestAdviceUnderManagedSettings: what a user may not write is not advised.
func TestAdviceUnderManagedSettings(t *testing.T) {
	const path = "/etc/keyd-aws/keyd.ini"
	managed, err := settings.ParseManaged(path, []byte("rotate_after = 40d\noverlap = 30m\n[profile work]\nrotate_after = 20d\n[hook gh]\ncommand = /bin/gh\n"))
	if err != nil {
		t.Fatal(err)
	}
	own := settings.Default()
	own.Hooks = []settings.Hook{{Name: "gh"}}
	failed := rotate.HookOutcome{Definite: true, Err: errors.New("not there")}
	for name, advise := range map[string]func(s settings.Settings) string{
		"a short overlap":        lengthenOverlap,
		"a section of a profile": func(s settings.Settings) string { return copySection(s, "work", "work-key") },
		"the other section":      func(s settings.Settings) string { return copySection(s, "other", "work") },
		"a hook for a profile":   func(s settings.Settings) string { return addToHook(s, "gh", "work") },
		"a hook that fails":      func(s settings.Settings) string { return hookRunHint(s.FindHook("gh"), "work", failed, s) },
		"a key of Terraform's": func(s settings.Settings) string {
			return adviseFor(copies.FindKind("terraform-state"), []string{"work"}, s).Text
		},
		"a profile to exclude": func(s settings.Settings) string { return s.ExcludeHint("work") },
	} {
		if got := advise(own); !strings.Contains(got, "keyd.ini") || strings.Contains(got, "manages this machine") {
			t.Errorf("%s: without managed settings: %q", name, got)
		}
		if got := advise(managed); strings.Contains(strings.ReplaceAll(got, path, ""), "keyd.ini") || !strings.Contains(got, "ask whoever manages this machine") {
			t.Errorf("%s: with managed settings: %q", name, got)
		}
	}
}
