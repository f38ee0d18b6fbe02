package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// setup is what the flags of keyd credentials ask for.
type setup struct {
	on, undo, write bool
	as              string // the profile that gets the pair; "" for the usual name
}

// arrange shows, and with --write makes, the change after which programs that use a
// profile ask keyd for its key, or the change back.
func (a *app) arrange(ctx context.Context, profile string, want setup) error {
	d, loc, err := a.openDaemon("credentials")
	if err != nil {
		return err
	}
	change, err := a.planArrangement(ctx, d, loc, profile, want)
	if err != nil {
		return err
	}
	a.term.print(a.term.describeArrangement(change, want))
	if !want.write {
		a.term.printHint(hint.Command("keyd credentials "+setupFlags(want)+"--write", profile))
		return nil
	}
	locked := profile
	if want.undo {
		locked = change.KeyProfile
	}
	err = d.Arrange(ctx, locked, func(ctx context.Context) error {
		now, err := a.planArrangement(ctx, d, loc, profile, want)
		if err != nil {
			return err
		}
		if !slices.Equal(now.Changes, change.Changes) {
			return hintedError("look at it again: "+hint.Command("keyd credentials "+setupFlags(want), profile), "another program has changed %s meanwhile: it was left as it is", now.Path)
		}
		note, err := now.Write(ctx)
		if note != "" {
			a.term.printNote("%s", note)
		}
		return err
	})
	if err != nil {
		return err
	}
	if want.undo {
		a.term.printf("done: %s holds the pair again\n", profile)
		return nil
	}
	a.term.printf("done; programs that run now keep the pair that they have until they are restarted, once\nto undo it: %s\n", hint.Command("keyd credentials --undo --write", profile))
	return nil
}

// setupFlags returns the flags that were given, apart from --write.
func setupFlags(want setup) string {
	text := "--setup "
	if want.undo {
		text = "--undo "
	}
	if want.as != "" {
		text += "--as " + want.as + " "
	}
	return text
}

// planArrangement computes the change from what the files show now, and refuses it where it
// would change more than who asks whom.
func (a *app) planArrangement(ctx context.Context, d *rotate.Rotator, loc locations, profile string, want setup) (*credfile.Arrangement, error) {
	snapshot, err := loc.store.Read(ctx)
	if err != nil {
		return nil, err
	}
	if _, ok := snapshot.FindProfile(profile); !ok {
		names := profileNames(snapshot.Profiles)
		return nil, &rotate.UnknownProfileError{Name: profile, Known: slices.Compact(names), Paths: loc.store.Paths}
	}
	var change *credfile.Arrangement
	if want.undo {
		change, err = snapshot.Unarrange(profile)
	} else {
		change, err = a.planSetup(snapshot, profile, want)
	}
	if err != nil {
		return nil, err
	}
	if d.Settings.Overlap < handoutLife && !want.undo {
		return nil, hintedError(lengthenOverlap(d.Settings), "overlap in %s is shorter than the %s for which programs may keep an old pair: nothing was changed", d.Settings.FileOf("", "overlap"), formatDuration(handoutLife))
	}
	from, to := profile, change.KeyProfile
	if want.undo {
		from, to = to, from
	}
	var before, after []string
	for _, p := range snapshot.ProfilesHolding(change.Key.ID) {
		before, after = append(before, p.Name), append(after, p.Name)
		if p.Name == from {
			after[len(after)-1] = to
		}
	}
	if d.Settings.RotateAfterFor(before) != d.Settings.RotateAfterFor(after) {
		return nil, hintedError(copySection(d.Settings, from, to), "a setting for one profile says when this key is rotated, and the key would move from profile %s to %s: nothing was changed", from, to)
	}
	for _, h := range d.Settings.Hooks {
		if h.IsForAny(before) != h.IsForAny(after) {
			return nil, hintedError(addToHook(d.Settings, h.Name, to), "hook %s is for profile %s, and the key would be in profile %s: nothing was changed", h.Name, from, to)
		}
	}
	return change, change.CheckWritable()
}

// lengthenOverlap says how overlap gets long enough for programs that ask keyd.
func lengthenOverlap(s settings.Settings) string {
	return s.EditHint(s.FileOf("", "overlap"), "set overlap = 1h or more in keyd.ini")
}

// copySection says how the settings of one profile come to apply to another one.
func copySection(s settings.Settings, from, to string) string {
	for _, profile := range []string{from, to} {
		for _, name := range []string{"rotate", "rotate_after"} {
			if section := "profile " + profile; s.IsManaged(section, name) {
				return s.EditHint(s.FileOf(section, name), "")
			}
		}
	}
	return fmt.Sprintf("write [profile %s] with the same lines as [profile %s] into keyd.ini first", to, from)
}

// addToHook says how a hook comes to run for a profile.
func addToHook(s settings.Settings, hook, profile string) string {
	if s.IsManagedHook(hook) {
		return fmt.Sprintf("ask whoever manages this machine to add %s to the profiles of [hook %s] in %s", profile, hook, s.Managed.Path)
	}
	return fmt.Sprintf("add %s to the profiles of [hook %s] in keyd.ini first", profile, hook)
}

// planSetup finds out what programs have to run.
func (a *app) planSetup(snapshot *credfile.Snapshot, profile string, want setup) (*credfile.Arrangement, error) {
	program, err := a.lastingProgram()
	if err != nil {
		return nil, err
	}
	key := cmp.Or(want.as, profile+"-key")
	command, err := credentialCommand(program, key)
	if err != nil {
		return nil, err
	}
	return snapshot.Arrange(profile, key, command)
}

// lastingProgram returns the path of keyd that survives its upgrades, and that no one else
// may write: programs give the key to whoever put it there.
func (a *app) lastingProgram() (string, error) {
	if a.program != "" {
		return a.program, nil
	}
	if a.host == nil {
		return "", hintedError("run it on the machine itself", "the path of keyd is unknown")
	}
	host, err := a.host()
	if err != nil {
		return "", err
	}
	return host.Program()
}

// credentialCommand returns the line that starts keyd credentials from every SDK. It refuses
// a path or a name with a character that one of them reads differently, since there is no
// quoting that all of them understand: botocore splits the line as a POSIX shell does, and on
// Windows as programs there do; Go, JavaScript, Java, Rust, Ruby and C++ give it to sh or to
// cmd.exe; minio-go splits it at blanks and knows no quotes. And the readers of the file take
// some characters for comments or quotes.
// Source: botocore, compat.py, compat_shell_split; aws-sdk-go-v2, processcreds; JavaScript
// v3, resolveProcessCredentials; minio-go, file_aws_credentials.go.
func credentialCommand(program, profile string) (string, error) {
	plain := func(more string) func(rune) bool {
		return func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(more, r)
		}
	}
	if strings.ContainsFunc(program, plain(`/\:._+-@,`)) {
		return "", hintedError("make a link to it at a path of letters, digits and - _ . alone, and run that", "programs read the path %q in different ways: nothing was changed", program)
	}
	if profile == "" || strings.HasPrefix(profile, "-") || strings.ContainsFunc(profile, plain("._+-@")) {
		return "", hintedError("choose a name of letters, digits and - _ . with --as", "programs read the profile name %q in different ways: nothing was changed", profile)
	}
	return program + " credentials " + profile, nil
}

// describeArrangement shows the lines that change, and what that means for programs.
func (t *terminal) describeArrangement(change *credfile.Arrangement, want setup) string {
	var b strings.Builder
	b.WriteString(t.shortenHome(change.Path) + "\n")
	for _, c := range change.Changes {
		for _, line := range []struct{ mark, text string }{{"-", c.Old}, {"+", c.New}} {
			if line.text != "" {
				b.WriteString(fmt.Sprintf("%6d %s %s\n", c.Line, line.mark, maskURL(line.text)))
			}
		}
	}
	b.WriteString("every other byte stays as it is\n")
	if want.undo {
		b.WriteString(fmt.Sprintf("\nprograms that run and ask keyd for %s have the pair for up to 20 minutes more, and then fail until they are restarted\n", change.KeyProfile))
		return b.String()
	}
	b.WriteString(fmt.Sprintf("\nprograms that use %s ask keyd from their next start on, by the rules of the AWS CLI and of the SDKs for Python, Go, JavaScript, Java and Rust\n", change.Profile))
	if len(change.Sources) > 0 {
		b.WriteString(fmt.Sprintf("so do those that assume the roles of %s with it\n", joinNames(change.Sources)))
	}
	for _, reader := range change.Blind {
		b.WriteString(fmt.Sprintf("except that %s cannot read these files or this pair, now or then\n", reader))
	}
	b.WriteString(fmt.Sprintf("s3cmd, s3fs, gsutil and other programs that look for the pair in the file themselves, and the SDK for C++, find none in %s: let them use %s\n", change.Profile, change.KeyProfile))
	return b.String()
}

// maskURL hides what may be a password in the line of a copied setting.
func maskURL(line string) string {
	if name, value, ok := strings.Cut(line, " = "); ok && strings.Contains(value, "://") && strings.Contains(value, "@") {
		return name + " = ****"
	}
	return line
}
