package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

const rotateLong = `Run one pass now, in this process: look at every key, or at the keys of the
named profiles, and do what is due. Profiles that share a key change together.

A key that is due is replaced: a new one is created, proven, written into the
files and validated. The old key stays usable for the overlap, and until no one
has used it for as long as that. It is then deactivated, and deleted after the
quarantine, either by keyd run or by the passes of later keyd rotate commands.

--retire-now ends the overlap: the old key is deactivated at once. It is deleted
after the quarantine, and keyd hold makes it usable again until then. After a
leak, this is the command: keyd rotate --force --retire-now PROFILE

--delete-now ends the quarantine as well: the old key is deleted at once, and
nothing can bring it back.

Where a policy asks for MFA, keyd asks for a code on the terminal, or takes one
with --mfa-code, or from mfa_process: keyd help settings. One code does for a
rotation whose overlap is at most a day, and a second one ends a longer overlap.
The old key is deleted with the next code.`

const rotateExample = `  keyd rotate --dry-run work              show what would change
  keyd rotate work                        replace the key if it is due
  keyd rotate --force work                replace it now
  keyd rotate --force --retire-now work   after a leak: the old key ends at once
  keyd rotate --mfa-code 123456 work      in a script, where AWS asks for MFA`

type rotateFlags struct {
	dryRun, force, retireNow, deleteNow, yes bool
	mfaCode                                  string
}

// commandLine returns the command with its flags, for the history.
func (f rotateFlags) commandLine() string {
	var text strings.Builder
	text.WriteString("keyd rotate")
	for _, flag := range []struct {
		set  bool
		name string
	}{{f.force, " --force"}, {f.retireNow, " --retire-now"}, {f.deleteNow, " --delete-now"}} {
		if flag.set {
			text.WriteString(flag.name)
		}
	}
	return text.String()
}

func newRotateCommand(a *app) *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:               "rotate [PROFILE...]",
		Short:             "replace the keys that are due, now",
		Long:              rotateLong,
		Example:           rotateExample,
		Args:              limitArgs(0, -1, ""),
		ValidArgsFunction: a.completeProfiles(-1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.rotateKeys(cmd.Context(), args, f)
		},
	}
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be done and which values would change; change nothing")
	cmd.Flags().BoolVar(&f.force, "force", false, "also replace keys that are not due yet")
	cmd.Flags().BoolVar(&f.retireNow, "retire-now", false, "deactivate the old key at once, without an overlap; keyd hold brings it back until the quarantine is over")
	cmd.Flags().BoolVar(&f.deleteNow, "delete-now", false, "deactivate and delete the old key at once, without overlap and quarantine")
	cmd.Flags().StringVar(&f.mfaCode, "mfa-code", "", "the `CODE` of an MFA device, where AWS asks for one; without it, a terminal is asked")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "answer yes to every question")
	return cmd
}

func (a *app) rotateKeys(ctx context.Context, names []string, f rotateFlags) error {
	d, loc, err := a.openDaemon("rotate")
	if err != nil {
		return err
	}
	if err := giveCode(d, f.mfaCode); err != nil {
		return err
	}
	if selected := a.getenv("AWS_PROFILE"); selected != "" && len(names) == 0 {
		a.term.printNote("AWS_PROFILE selects no key here: keyd looks at every profile; for that one alone: %s", hint.Command("keyd rotate", selected))
	}
	if err := a.confirmRotate(ctx, loc, names, f); err != nil {
		return err
	}
	d.Command = f.commandLine()
	n := a.newNarrator(d.Settings)
	n.named, n.flags = len(names) > 0, f
	busy := a.startBusy()
	defer busy.stop()
	busy.wait("reading the AWS files, which another program may be writing")
	err = a.noteEndpoints(ctx, loc, names)
	busy.wait("")
	if err != nil {
		if skipped := a.skipKeyless(d, err, names); len(skipped) > 0 {
			return n.printSkipped(ctx, skipped)
		}
		return err
	}
	d.OnWait = busy.wait
	d.OnEvent = func(e rotate.Event) { busy.aside(func() { n.printEvent(e) }) }
	if !f.dryRun {
		defer state.BeginWork(loc.sys, loc.folders.StateDir, state.Work{Command: d.Command, Since: a.now(), Profiles: names})()
	}
	results, err := d.Pass(ctx, rotate.Request{
		Options:  decide.Options{Manual: true, Force: f.force, RetireNow: f.retireNow || f.deleteNow, DeleteNow: f.deleteNow},
		Profiles: names, DryRun: f.dryRun,
	})
	busy.stop()
	if results == nil && err != nil {
		return err
	}
	if !f.dryRun { // a dry run saves no status
		a.printStatusNotes(loc)
	}
	a.noteUnknownProfiles(ctx, loc, d.Settings, results...)
	code, open := exitDone, false
	var count tally
	for i, r := range results {
		n.places[joinNames(r.Profiles)], n.keys = i+1, len(results)
		one := n.printResult(ctx, r)
		code = worseCode(code, one)
		count.add(n.tallyWord(r, one))
		open = open || r.Rotation != nil && r.Rotation.Held.IsZero() && !r.NeedsPerson
	}
	if ctx.Err() == nil && len(results) > 0 {
		n.printTally(&count)
	}
	a.noteExportedKey(results)
	if open && ctx.Err() == nil && !f.dryRun {
		a.hintDaemon(loc)
	}
	switch {
	case err != nil:
		return err
	case len(results) == 0:
		return hintedError("aws configure", "there is no profile in %s", loc.store.Paths.Credentials)
	case ctx.Err() != nil:
		return n.interruptedError(ctx, results, code)
	case code != exitDone:
		return exitError(code)
	}
	return nil
}

// noteExportedKey says that this shell exports a key that is being replaced, or would be: what
// is started in it takes that key and not the one in the files.
func (a *app) noteExportedKey(results []rotate.Result) {
	exported := a.getenv("AWS_ACCESS_KEY_ID")
	for _, r := range results {
		old := r.KeyID
		if r.Rotation != nil {
			old = r.Rotation.Old.ID
		}
		if exported == "" || old != exported || r.Rotation == nil && r.Do != decide.DoCreate {
			continue
		}
		unset := "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN"
		if a.goos == "windows" {
			unset = "Remove-Item Env:AWS_ACCESS_KEY_ID, Env:AWS_SECRET_ACCESS_KEY"
		}
		a.term.printNote("AWS_ACCESS_KEY_ID in this shell is %s: what is started here uses that key, whatever the files show, and fails when it is deactivated", shortID(exported))
		a.term.printHint("to use the files again: " + unset)
	}
}

// printStatusNotes prints what the last pass found that concerns no single key.
func (a *app) printStatusNotes(loc locations) {
	status, err := state.LoadStatus(loc.folders.StateDir)
	if err != nil {
		return // the pass has just written the status; its own error says more
	}
	for _, text := range status.Notes {
		a.term.printNote("%s", stripPackages(text))
	}
}

// confirmRotate asks before a command that may do more than the person expects.
func (a *app) confirmRotate(ctx context.Context, loc locations, names []string, f rotateFlags) error {
	switch {
	case f.dryRun:
		return nil
	case f.deleteNow:
		return a.term.requireYes(ctx, f.yes, "--delete-now deletes "+a.nameOldKeys(ctx, loc, names, f)+" at once, even if programs still use it, and nothing brings it back: continue?")
	case f.retireNow:
		return a.term.requireYes(ctx, f.yes, "--retire-now deactivates "+a.nameOldKeys(ctx, loc, names, f)+" at once, even if programs still use it: continue?")
	case f.force && len(names) == 0:
		return a.term.requireYes(ctx, f.yes, "--force without a profile replaces every key in the files: continue?")
	}
	return nil
}

// nameOldKeys names the old keys that a pass over these profiles would end, with what is known
// of their use. A pass that also replaces keys ends the old ones of those as well.
func (a *app) nameOldKeys(ctx context.Context, loc locations, names []string, f rotateFlags) string {
	const unnamed, most = "the old key", 3
	rotations, problems := loc.openJournal().Load(ctx)
	if f.force || len(problems) > 0 {
		return unnamed
	}
	var keys, covered []string
	for _, r := range rotations {
		profiles := r.Profiles()
		if r.IsRetirement() || len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(profiles, name) }) {
			continue
		}
		use := ""
		if r.UsedByOthers() {
			use = "; " + describeLastUse(r.LastUse, a.now())
		}
		keys, covered = append(keys, shortID(r.Old.ID)+" ("+joinNames(profiles)+use+")"), append(covered, profiles...)
	}
	if len(keys) == 0 {
		return unnamed
	}
	text := joinNames(keys[:min(len(keys), most)])
	if more := len(keys) - most; more > 0 {
		text += " and " + settings.FormatNumber(int64(more)) + " more"
	}
	if len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(covered, name) }) {
		text += ", and each key that this pass replaces,"
	}
	return text
}
