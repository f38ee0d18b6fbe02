package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"keyd/credfile/atomicfile"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
)

// settingsChecks look at keyd.ini.
var settingsChecks = []Check{
	{Name: "settings", Group: GroupSettings, Why: "with a mistake in keyd.ini keyd uses the last good settings, or starts nothing", Find: findMistakes},
	{Name: "unknown-profiles", Group: GroupSettings, Why: "the section applies to no key", Find: findUnknownProfiles},
	{Name: "programs", Group: GroupSettings, Why: "keyd cannot start the program when it is needed", Find: findMissingPrograms},
	{Name: "linked-files", Group: GroupSettings, Why: "keyd cannot keep the file up to date, and creates no new key for it", Find: findMissingLinks},
	{Name: "managed-settings", Group: GroupSettings, Why: "an administrator has set limits that this keyd does not know", Find: findManaged},
}

// findMistakes reads keyd.ini.
func findMistakes(_ context.Context, p *Patient) []Finding {
	_, err := p.Settings.Read()
	if err == nil {
		return nil
	}
	if untrusted, ok := errors.AsType[*atomicfile.Untrusted](err); ok {
		return []Finding{p.blame(untrusted)}
	}
	f := wrong(describe(errors.New(trimReading(err))), "", hint.Hint(err))
	if mistake, ok := errors.AsType[*settings.Error](err); ok {
		f.Run = editCommand(mistake.Path, mistake.Line, p.GOOS)
	}
	return []Finding{f}
}

// trimReading returns an error about keyd.ini without the words about the reading.
func trimReading(err error) string {
	if mistake, ok := errors.AsType[*settings.Error](err); ok {
		return mistake.Error()
	}
	return err.Error()
}

// findUnknownProfiles looks for sections of profiles that do not exist.
func findUnknownProfiles(ctx context.Context, p *Patient) (all []Finding) {
	if _, err := p.snapshot(ctx); err != nil && asNoKey(err) == nil {
		return nil
	}
	var names []string
	for _, profile := range p.profiles(ctx) {
		names = append(names, profile.Name)
	}
	for _, text := range p.Rotator.Settings.UnknownProfiles(names) {
		all = append(all, note(text, editCommand(p.Settings.Path, 0, p.GOOS), ""))
	}
	return all
}

// findMissingPrograms looks for the programs that keyd.ini names.
func findMissingPrograms(_ context.Context, p *Patient) (all []Finding) {
	s := p.Rotator.Settings
	check := func(what string, argv []string, required bool) {
		if len(argv) == 0 {
			return
		}
		if _, err := p.lookPath(argv[0]); err == nil {
			return
		}
		f := wrong(fmt.Sprintf("%s is to run %s, which is not here", what, argv[0]), editCommand(p.Settings.Path, 0, p.GOOS), "write the whole path of the program, or install it")
		if !required {
			f.Severity = Note
		}
		all = append(all, f)
	}
	check("on_event", s.OnEvent, true)
	for _, h := range s.Hooks {
		check("hook "+h.Name, h.Command, h.Required)
	}
	return all
}

// findMissingLinks looks for linked files that are not there.
func findMissingLinks(_ context.Context, p *Patient) (all []Finding) {
	for _, l := range p.Rotator.Settings.Links {
		if _, err := atomicfile.Resolve(p.sys(), l.Path); errors.Is(err, fs.ErrNotExist) {
			all = append(all, wrong("the linked file "+l.Path+" does not exist", hint.Command("keyd unlink", l.Path), "if it no longer needs the key; otherwise mount its disk, or put it back"))
		}
	}
	return all
}

// managedPath returns where an administrator puts settings for all users.
func (p *Patient) managedPath() string {
	switch p.GOOS {
	case "darwin":
		return filepath.Join(p.Root, "Library", "Application Support", "keyd-aws", "keyd.ini")
	case "windows":
		if dir := p.getenv("ProgramData"); dir != "" {
			return filepath.Join(dir, "keyd-aws", "keyd.ini")
		}
		return ""
	}
	return filepath.Join(p.Root, "etc", "keyd-aws", "keyd.ini")
}

// findManaged tells of managed settings, which this keyd does not read: that must not look
// as if they were obeyed.
func findManaged(_ context.Context, p *Patient) []Finding {
	path := p.managedPath()
	if path == "" {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	return []Finding{wrong(path+" exists, and this keyd does not read managed settings", hint.Command("keyd config"), "it shows what is in force; ask who wrote that file for a keyd that reads it")}
}
