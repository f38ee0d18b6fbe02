package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/copies/shadow"
	"keyd/daemon/hint"
	"keyd/daemon/settings"
)

// shadowChecks look for what programs take a key from before they look into the files.
var shadowChecks = []Check{
	{Name: "exported-keys", Group: GroupShadows, Why: "programs take AWS_ACCESS_KEY_ID before they look into the files: a rotation has no effect on them", Find: findExported},
	{Name: "processes", Group: GroupShadows, Why: "a program keeps the key with which it was started, and fails when that is retired", Find: findProcesses},
	{Name: "other-files", Group: GroupShadows, Why: "programs without your variables read the usual files: a rotation would not change the key there, so keyd creates no new one", Find: findOtherFiles},
	{Name: "named-files", Group: GroupShadows, Why: "AWS tools read nothing, and say nothing about it", Find: findNamedFiles},
	{Name: "profile-variable", Group: GroupShadows, Why: "AWS tools started from this shell fail, because the profile does not exist", Find: findProfileVariable},
}

// around looks at start files, sessions and processes. It costs some milliseconds.
func (p *Patient) around(ctx context.Context) shadow.Report {
	lookup := func(name string) (string, bool) {
		value := p.getenv(name)
		return value, value != ""
	}
	o := shadow.Standard(p.Home, p.Dir, lookup, p.ids(ctx)...)
	o.System, o.Proc = p.Machine.System, p.Machine.Proc
	return shadow.Find(ctx, o)
}

// pairVariables hold a pair.
var pairVariables = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}

// findExported looks for key ids that the environment sets.
func findExported(ctx context.Context, p *Patient) (all []Finding) {
	ids := p.ids(ctx)
	around := p.around(ctx)
	for _, s := range around.Shadows {
		severity, what := Wrong, "sets "+s.Variable
		switch {
		case s.IsOneOf(ids...):
			what += " to the key " + credfile.Short(s.KeyID) + " of the files"
		case strings.HasPrefix(s.KeyID, "ASIA"):
			severity, what = Note, what+" to temporary credentials, as aws-vault does" // on purpose, and they end by themselves
		case s.KeyID != "":
			what += " to another key, " + credfile.Short(s.KeyID)
		case s.Computed:
			what += " to what another program or variable says"
		}
		f := Finding{Severity: severity, Found: s.Place() + " " + what, Ask: s.Remedy(p.profileOf(ctx, s.KeyID))}
		switch {
		case s.Kind == shadow.ThisProcess:
			f.Run, f.Ask = p.unset(pairVariables...), ""
		case s.Kind == shadow.UserManager:
			f.Run, f.Ask = "systemctl --user unset-environment "+strings.Join(pairVariables, " "), "then start again what was started from there"
		case s.Path != "":
			f.Run = editCommand(s.Path, s.Line, p.GOOS)
		}
		all = append(all, f)
	}
	for _, text := range around.Unseen {
		all = append(all, Finding{Severity: Unknown, Found: "not looked at: " + text, Usual: true})
	}
	return all
}

// findProcesses looks for running programs that hold a key.
func findProcesses(ctx context.Context, p *Patient) (all []Finding) {
	around := p.around(ctx)
	for _, process := range around.Processes {
		profile := p.profileOf(ctx, process.KeyID)
		f := note(fmt.Sprintf("%s was started with %s in its environment", process, credfile.Short(process.KeyID)), hint.Command("keyd where", profile),
			"let it read the profile instead, or start it again after each rotation")
		f.Profiles = []string{profile}
		all = append(all, f)
	}
	if around.MoreProcesses > 0 {
		all = append(all, note(settings.FormatCount(around.MoreProcesses, "more program was started with a key in its environment", "more programs were started with a key in their environment"), "keyd where", ""))
	}
	if around.Denied > 0 {
		all = append(all, Finding{Severity: Unknown, Found: "not allowed to be read: the environments of " + settings.FormatCount(around.Denied, "program of yours", "programs of yours"), Usual: true})
	}
	return all
}

// findProfileVariable looks for a variable that names no profile.
func findProfileVariable(ctx context.Context, p *Patient) (all []Finding) {
	if _, err := p.snapshot(ctx); err != nil && asNoKey(err) == nil {
		return nil
	}
	var names []string
	for _, profile := range p.profiles(ctx) {
		names = append(names, profile.Name)
	}
	for _, variable := range []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE"} {
		name, known := p.getenv(variable), false
		for _, other := range names {
			known = known || other == name || credfile.ProfileName(other) == name
		}
		if name == "" || known {
			continue
		}
		f := wrong(fmt.Sprintf("%s is %q, and the files have no such profile", variable, name), p.unset(variable), "")
		if near := hint.Nearest(name, names); near != "" {
			f.Ask = fmt.Sprintf("did you mean %s?", near)
		}
		all = append(all, f)
	}
	return all
}

// findOtherFiles looks for keys that stand in the usual files as well, while variables name
// others.
func findOtherFiles(ctx context.Context, p *Patient) (all []Finding) {
	for _, path := range p.Rotator.OtherFiles {
		data, err := atomicfile.Peek(p.sys(), path)
		if err != nil || p.Rotator.Store.HasFile(path) {
			continue
		}
		file := credfile.Lex(path, credfile.Credentials, data)
		for _, id := range p.ids(ctx) {
			if !file.MayHold(id) {
				continue
			}
			f := wrong(fmt.Sprintf("%s shows %s too, and the AWS variables of this shell name other files", path, credfile.Short(id)), editCommand(path, 0, p.GOOS), "take the key out of one of the two files, or unset AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE")
			f.Profiles = []string{p.profileOf(ctx, id)}
			all = append(all, f)
		}
	}
	return all
}

// findNamedFiles looks for files that variables name and that do not exist.
func findNamedFiles(_ context.Context, p *Patient) (all []Finding) {
	for i, variable := range []string{"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"} {
		path := p.awsFiles()[i]
		if p.getenv(variable) == "" {
			continue
		}
		_, err := atomicfile.Resolve(p.sys(), path)
		_, noFolder := atomicfile.Resolve(p.sys(), filepath.Dir(path))
		if _, dangling := errors.AsType[*atomicfile.Refused](err); errors.Is(err, fs.ErrNotExist) && !dangling && noFolder == nil {
			all = append(all, note(fmt.Sprintf("%s names %s, which does not exist", variable, path), p.unset(variable), "or put the file there"))
		}
	}
	return all
}
