package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/hint"
	"keyd/daemon/state"
)

// fileChecks look at the files themselves, and not at what is in them.
var fileChecks = []Check{
	{Name: "readable-by-others", Group: GroupFiles, Why: "whoever can read a file with a secret can use the key", Find: findReadable},
	{Name: "writable-by-others", Group: GroupFiles, Why: "whoever can write the file can put another key there, or take yours out", Find: findWritable},
	{Name: "state-folder", Group: GroupFiles, Why: "keyd acts on what is in its state folder, up to writing a key into your files", Find: findStateFolder},
	{Name: "links", Group: GroupFiles, Why: "a link that leads nowhere looks like a file that is empty", Find: findDangling},
	{Name: "folders", Group: GroupFiles, Why: "no program can create a file in a folder that is not there", Find: findMissingFolder},
	{Name: "credentials-file", Group: GroupFiles, Why: "without a key there is nothing to rotate", Find: findNoKey},
	{Name: "no-regular-file", Group: GroupFiles, Why: "AWS tools read nothing from it", Find: findSkipped},
	{Name: "editable", Group: GroupFiles, Why: "a rotation would be refused before a new key exists", Find: findUneditable},
	{Name: "other-texts", Group: GroupFiles, Why: "another program wrote the file in the same moment as keyd, and its text has no place yet", Find: findDisplaced},
}

// findReadable looks for files with a secret that others can read.
func findReadable(ctx context.Context, p *Patient) (all []Finding) {
	if p.sys().Euid() < 0 {
		return nil // access lists, which no mode tells
	}
	for _, path := range p.awsFiles() {
		if path == p.awsFiles()[1] && !p.holdsSecret(ctx, path) {
			continue
		}
		if f, ok := p.checkReaders(path, path); ok {
			all = append(all, f)
		}
	}
	for _, l := range p.Rotator.Settings.Links {
		if f, ok := p.checkReaders(l.Path, l.Path); ok {
			f.Why = "the linked file holds a key"
			all = append(all, f)
		}
	}
	return slices.Concat(all, p.checkCaches(), p.checkStateFiles())
}

// holdsSecret reports whether a file holds a key.
func (p *Patient) holdsSecret(ctx context.Context, path string) bool {
	return slices.ContainsFunc(p.profiles(ctx), func(profile credfile.Profile) bool {
		return profile.Path == path && (!profile.Key.IsZero() || len(profile.IDs) > 0)
	})
}

// findWritable looks for AWS files that others may write, or own.
func findWritable(_ context.Context, p *Patient) (all []Finding) {
	var blamed []string
	for _, path := range p.awsFiles() {
		untrusted, ok := errors.AsType[*atomicfile.Untrusted](atomicfile.CheckTrust(p.sys(), path, p.Home))
		if !ok || slices.Contains(blamed, untrusted.Path) {
			continue // reading the file reports any other error
		}
		blamed = append(blamed, untrusted.Path)
		all = append(all, p.blame(untrusted))
	}
	return all
}

// blame returns the finding about a file that another user owns or may write.
func (p *Patient) blame(u *atomicfile.Untrusted) Finding {
	f := wrong(strings.TrimSuffix(u.Error(), "; it was left as it is"), "", "")
	words, operand := u.Repair()
	switch {
	case operand == "":
		f.Ask = words
	case strings.HasPrefix(words, "chmod ") || strings.HasPrefix(words, "sudo "):
		f.Run = hint.Command(words, operand)
	default:
		f.Ask = hint.Command(words, operand)
	}
	if words == "chmod go-w" && !u.IsForeign() {
		f.mend = p.mendMode(u.Path, 0o022)
	}
	return f
}

// findStateFolder looks at keyd's own folder.
func findStateFolder(_ context.Context, p *Patient) []Finding {
	err := state.CheckFolder(p.sys(), p.Rotator.StateDir, p.Home)
	if err == nil {
		return nil
	}
	if untrusted, ok := errors.AsType[*atomicfile.Untrusted](err); ok {
		return []Finding{p.blame(untrusted)}
	}
	run, ask := adviseOn(err, nil)
	if refused, ok := errors.AsType[*atomicfile.Refused](err); ok && ask == "" {
		ask = refused.Remedy
	}
	return []Finding{wrong(describe(err), run, ask)}
}

// findDangling looks for links that lead nowhere.
func findDangling(_ context.Context, p *Patient) (all []Finding) {
	for _, path := range append(p.awsFiles(), p.Settings.Path, p.Rotator.StateDir) {
		_, err := atomicfile.Resolve(p.sys(), path)
		if refused, ok := errors.AsType[*atomicfile.Refused](err); ok {
			all = append(all, wrong(refused.Path+": "+refused.Why, p.show(path), refused.Remedy))
		}
	}
	return all
}

// findMissingFolder looks for a folder that a variable names and that does not exist.
func findMissingFolder(_ context.Context, p *Patient) (all []Finding) {
	for i, name := range []string{"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"} {
		dir := filepath.Dir(p.awsFiles()[i])
		if p.getenv(name) == "" {
			continue
		}
		if _, err := atomicfile.Resolve(p.sys(), dir); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		f := wrong(fmt.Sprintf("%s names a file in %s, which does not exist", name, dir), p.makeFolder(dir), "unless its disk is not mounted: then mount it instead")
		f.mend = func(context.Context) (string, error) {
			return "created " + dir, atomicfile.MkdirAll(p.sys(), dir, 0o700)
		}
		all = append(all, f)
	}
	return all
}

// asNoKey returns err as the error of files without a key, or nil.
func asNoKey(err error) *credfile.NoKeyError {
	keyless, _ := errors.AsType[*credfile.NoKeyError](err)
	return keyless
}

// findNoKey says that there is no key, or that the files cannot be read.
func findNoKey(ctx context.Context, p *Patient) []Finding {
	_, err := p.snapshot(ctx)
	switch keyless := asNoKey(err); {
	case err == nil:
		return nil
	case keyless != nil && len(keyless.Profiles) > 0:
		return nil // every profile signs in without a key: the safest state
	case keyless != nil:
		return []Finding{note(describe(err), "", keyless.Hint())}
	case errors.Is(err, context.DeadlineExceeded):
		return []Finding{unknown(p.awsFiles()[0]+" is being written by another program, so it could not be read", "try again in a moment")}
	}
	if refused, ok := errors.AsType[*atomicfile.Refused](err); ok {
		run, ask := adviseRefused(refused)
		return []Finding{wrong(refused.Path+": "+refused.Why, run, ask)}
	}
	run, ask := adviseOn(err, nil)
	return []Finding{wrong(describe(err), run, ask)}
}

// findSkipped looks for what stands in the place of a file.
func findSkipped(ctx context.Context, p *Patient) (all []Finding) {
	snapshot, _ := p.snapshot(ctx)
	if snapshot == nil {
		return nil
	}
	for _, s := range snapshot.Skipped {
		all = append(all, wrong(s.Path+": "+s.Text, p.show(s.Path), s.Remedy))
	}
	return all
}

// findUneditable tries every part of an edit that can be refused, without changing a file.
func findUneditable(ctx context.Context, p *Patient) (all []Finding) {
	groups := p.keyGroups(ctx)
	failures := make([]error, len(groups))
	err := p.Rotator.AtRest(ctx, func() error { // the check of the locks reports why it cannot be taken
		for i, g := range groups {
			within, cancel := context.WithTimeout(ctx, readLimit)
			failures[i] = p.Rotator.Store.Check(within, g.Holders[0].Key)
			cancel()
		}
		return nil
	})
	if err != nil && len(groups) > 0 {
		return []Finding{unknown("whether the files can be edited is not known: it can be tried only while no other keyd works on them, and keyd can use its folder", "")}
	}
	for i, g := range groups {
		err := failures[i]
		if err == nil {
			continue
		}
		run, ask := adviseOn(err, g.Names)
		if refused, ok := errors.AsType[*atomicfile.Refused](err); ok {
			err = errors.New(refused.Path + ": " + refused.Why)
			run, ask = adviseRefused(refused)
		}
		f := wrong(describe(err), run, ask)
		f.Profiles = g.Names
		all = append(all, f)
	}
	return all
}

// adviseRefused returns what helps with a file that the system does not let keyd write.
func adviseRefused(r *atomicfile.Refused) (run, ask string) {
	if r.Remedy == "run chmod u+w on it or its directory" {
		return hint.Command("chmod u+w", r.Path, filepath.Dir(r.Path)), ""
	}
	return "", r.Remedy
}

// findDisplaced looks for texts of other programs that keyd has saved.
func findDisplaced(_ context.Context, p *Patient) (all []Finding) {
	paths, _ := p.Rotator.Store.DisplacedFiles()
	for _, path := range paths {
		all = append(all, wrong("the text of another program is in "+path, p.show(path), "put back what is missing in your file, then remove it"))
	}
	return all
}

// describe returns an error without the names of packages.
func describe(err error) string { return hint.StripPackages(err.Error()) }
