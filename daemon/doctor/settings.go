package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

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
	{Name: "managed-settings", Group: GroupSettings, Why: "an administrator has set limits for all users of this machine", Find: findManaged},
	{Name: "unkept-settings", Group: GroupSettings, Why: "the key is replaced later than the line says", Find: findRemarks},
}

// findMistakes reads keyd.ini.
func findMistakes(_ context.Context, p *Patient) []Finding {
	_, err := p.Settings.Read()
	if _, managed := errors.AsType[*settings.ManagedError](err); err == nil || managed { // that has a check of its own
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
	check := func(what string, argv []string, required, managed bool) {
		if _, err := p.lookPath(argv[0]); err == nil {
			return
		}
		f := wrong(fmt.Sprintf("%s is to run %s, which is not here", what, argv[0]), editCommand(p.Settings.Path, 0, p.GOOS), "write the whole path of the program, or install it")
		if managed {
			f.Run, f.Ask = "", "ask whoever manages this machine to correct "+s.Managed.Path+", or to install the program"
		}
		if !required {
			f.Severity = Note
		}
		all = append(all, f)
	}
	for _, program := range s.EventPrograms() {
		check("on_event", program.Command, true, program.Managed)
	}
	for _, h := range s.Hooks {
		check("hook "+h.Name, h.Command, h.Required, s.IsManagedHook(h.Name))
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

// findManaged looks at the settings of an administrator: whether they can be used, and what in
// keyd.ini has no effect for them.
func findManaged(_ context.Context, p *Patient) (all []Finding) {
	s, err := p.Settings.Read()
	failed, ok := errors.AsType[*settings.ManagedError](err)
	if !ok && err == nil {
		failed, ok = errors.AsType[*settings.ManagedError](s.ManagedProblem())
	}
	if ok {
		all = append(all, wrong(failed.Error(), "", failed.Hint()))
	}
	if s.Managed == nil {
		return all
	}
	for _, i := range s.Managed.Ignored {
		file, line := splitLine(i.Line)
		all = append(all, note(i.String(), editCommand(file, line, p.GOOS), ""))
	}
	return all
}

// splitLine splits file:line.
func splitLine(at string) (file string, line int) {
	i := strings.LastIndexByte(at, ':')
	line, _ = strconv.Atoi(at[i+1:])
	return at[:max(i, 0)], line
}

// findRemarks reports what keyd.ini asks for and keyd cannot do; see settings.Remarks.
func findRemarks(_ context.Context, p *Patient) (all []Finding) {
	s := p.Rotator.Settings
	for _, text := range s.Remarks() {
		f := note(text, editCommand(p.Settings.Path, 0, p.GOOS), "")
		if s.IsManaged("", "overlap") && s.IsManaged("", "quarantine") { // users may not shorten them
			f.Run, f.Ask = "", s.EditHint(s.FileOf("", "overlap"), "")
		}
		all = append(all, f)
	}
	return all
}
