package settings

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keyd/credfile"
)

// FuzzManaged joins any managed settings with any keyd.ini. What is in force is never weaker
// than what is managed, can be kept, and is within the ranges; a keyd.ini that is good by
// itself is never a mistake within managed settings; and every line that has no effect is a
// line of keyd.ini.
func FuzzManaged(f *testing.F) {
	for _, pair := range [][2]string{
		{"", ""}, {"rotate_after = 40d\n", "rotate_after = 400d\n"}, {"max_age = 90d", "overlap = 40d\nquarantine = 40d\nrotate_after=1d"},
		{"rotate_after = 40d\n[profile \"x\"]\nrotate_after=50d", "[profile x]\nrotate = never\n[profile '\"x\"']\nrotate_after = 60d"},
		{"rotate_after = 40d\n[profile x]\nrotate=never", "[profile '\"x\"']\nrotate = never\n[profile y]\nrotate = never"},
		{"[profile '\"x\"']\nrotate_after=30d", "[profile x]\nrotate = never"},
		{"[profile a]\nrotate_after = 65d", "quarantine = 12d"}, {"allow_never = true\nrotate_after = 40d", "[profile x]\nrotate = never\nnever_accounts"},
		{"allow_never = true\nnever_accounts = 111122223333", "never_accounts = 444455556666\nunused = report"}, {"unused = rotate\nnotify = desktop\nfleet_file=true\ndescribe_keys=false", "unused = report\nnotify = none\nfleet_file = false"},
		{"on_event = a\n[hook x]\ncommand = b", "on_event = c\n[hook x]\ncommand = d\n[hook y]\ncommand = e\n[link ~/f]"}, {"prune_inactive_after = 30d\ncheck_every=1h", "overlap = 30d\nrotate_after = 30d\ncheck_every = 1d"},
		{"overlap = 5d1ns", "overlap = 5d"}, {"rotate_after = 36500d\nmax_age = 36500d", ""}, {"[link ~/a]", ""}, {"rotate_after = 40d", "max_age = 36500d\noverlap = 10000d\nunused = report"}, {"[profile x]\nrotate_after=40d", "rotate_after = 300d\nmax_age = 400d"}, {"quarantine = 5d", "quarantine = 36500d\nmax_age=36500d\nrotate_after=36500d\noverlap=36500d"},
	} {
		f.Add([]byte(pair[0]), []byte(pair[1]))
	}
	f.Fuzz(func(t *testing.T, managed, own []byte) {
		rules, err := ParseManaged("/etc/m.ini", managed)
		if err != nil {
			return
		}
		alone, bad := Parse("keyd.ini", own)
		before := rules.Texts()
		s, err := File{Home: writtenHome}.parse(&rules, "keyd.ini", own)
		if !reflect.DeepEqual(rules.Texts(), before) || len(rules.Managed.Ignored) > 0 {
			t.Fatal("the managed settings were changed")
		}
		if err != nil {
			if bad == nil {
				t.Fatalf("%v, and without managed settings it is none", err)
			}
			return
		}
		inRange(t, s)
		if c, found := s.findClash(); found {
			t.Errorf("cannot be kept: %+v", c)
		}
		demandNotWeaker(t, rules, s)
		for _, i := range s.Managed.Ignored {
			line, found := strings.CutPrefix(i.Line, "keyd.ini:")
			if !found || line == "0" || i.Text == "" || strings.HasPrefix(line, "-") {
				t.Errorf("no line of keyd.ini: %+v", i)
			}
		}
		if bad == nil && len(rules.lines) == 0 && len(s.Managed.Ignored) > 0 {
			t.Errorf("managed settings that say nothing leave out %v of %+v", s.Managed.Ignored, alone)
		}
	})
}

// demandNotWeaker demands that s is not weaker than the managed settings, setting by setting
// and profile by profile. It knows nothing of the table.
func demandNotWeaker(t *testing.T, managed, s Settings) {
	t.Helper()
	said := func(name string) bool { return managed.From("", name) != "" }
	for name, weaker := range map[string]bool{
		"rotate_after":         s.RotateAfter > managed.RotateAfter,
		"max_age":              s.MaxAge > managed.MaxAge,
		"overlap":              s.Overlap != managed.Overlap,
		"quarantine":           s.Quarantine < managed.Quarantine,
		"unused":               managed.Unused == "rotate" && s.Unused != "rotate",
		"check_every":          s.CheckEvery > managed.CheckEvery,
		"notify":               managed.Notify == "desktop" && s.Notify != "desktop",
		"on_event":             len(managed.OnEvent) > 0 && !slices.ContainsFunc(s.EventPrograms(), func(p EventProgram) bool { return slices.Equal(p.Command, managed.OnEvent) }),
		"fleet_file":           managed.FleetFile && !s.FleetFile,
		"describe_keys":        managed.DescribeKeys && !s.DescribeKeys,
		"prune_inactive_after": s.PruneInactiveAfter != managed.PruneInactiveAfter,
		"never_accounts":       slices.ContainsFunc(managed.NeverAccounts, func(a string) bool { return !slices.Contains(s.NeverAccounts, a) }),
	} {
		if said(name) && weaker {
			t.Errorf("%s is weaker: %v, managed %v", name, s.Texts()[name], managed.Texts()[name])
		}
	}
	limited := said("rotate_after") || said("max_age")
	for _, after := range managed.ProfileRotateAfter {
		limited = limited || after != Never
	}
	mayExclude := said("allow_never") && managed.AllowNever || !said("allow_never") && !limited
	if limited && !mayExclude && managed.Unused == "rotate" && s.Unused != "rotate" {
		t.Errorf("keys that no one uses are left alone: unused = %s", s.Unused)
	}
	if limited && s.MaxAge > managed.MaxAge {
		t.Errorf("max_age = %s, and without keyd.ini %s", FormatDuration(s.MaxAge), FormatDuration(managed.MaxAge))
	}
	if !mayExclude && len(s.NeverAccounts) > len(managed.NeverAccounts) {
		t.Errorf("accounts are excluded: %v", s.NeverAccounts)
	}
	names := map[string]bool{"another": true}
	for _, name := range slices.Concat(s.sectionsOfProfiles(), managed.sectionsOfProfiles()) {
		for _, other := range []string{name, credfile.ProfileName(name), `"` + name + `"`, "'" + name + "'"} {
			names[other] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		after, limit := s.RotateAfterFor([]string{name}), managed.RotateAfterFor([]string{name})
		_, section := managed.ProfileRotateAfter[name]
		_, plain := managed.ProfileRotateAfter[credfile.ProfileName(name)]
		switch {
		case after == Never && limit != Never && !mayExclude:
			t.Errorf("%q is excluded, managed %s", name, limit)
		case after != Never && limit != Never && after > limit && (section || plain || said("rotate_after")):
			t.Errorf("%q has %s, managed %s", name, after, limit)
		case after != Never && limited && addUp(after, s.Overlap) >= managed.MaxAge:
			t.Errorf("the old key of %q is usable for %s, managed %s", name, addUp(after, s.Overlap), managed.MaxAge)
		}
	}
	for _, h := range managed.Hooks {
		if now := s.FindHook(h.Name); now == nil || now.Digest() != h.Digest() || now.Required != h.Required || now.Timeout != h.Timeout {
			t.Errorf("the hook %s is another: %+v", h.Name, now)
		}
	}
}
