package main

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"keyd/daemon/decide"
	"keyd/daemon/hint"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/install"
)

const installLong = `Start keyd run now and at every login, as a service of this user: a systemd
user unit, a LaunchAgent on macOS, or a logon task on Windows. The service
needs no root and does not affect other users.

keyd first shows which keys it would replace and when, and which keys it would
skip and why. It tries what can be tried of a rotation without changing
anything or creating a key: whether the files can be edited, and what each key
may do at AWS. Then it asks.

The variables of this shell that say which files and endpoints to use are
written into the service. An older installation is replaced. Exit code 3 means
that keyd is installed and that a key needs a person.`

const installExample = `  keyd install         show what keyd would do, ask, and start it
  keyd install --yes   do not ask`

func newInstallCommand(a *app) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "install",
		Short:   "run keyd at every login; first show what it would do, and ask",
		Long:    installLong,
		Example: installExample,
		Args:    limitArgs(0, 0, ""),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.installService(cmd.Context(), yes) },
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func (a *app) installService(ctx context.Context, yes bool) error {
	d, loc, err := a.openDaemon("install")
	if err != nil {
		return err
	}
	service, err := a.openService(loc)
	if err != nil {
		return err
	}
	plan, err := service.Plan()
	if err != nil {
		return err
	}
	needsPerson, err := a.showOutlook(ctx, d, loc)
	if err != nil {
		return err
	}
	a.printPlan(plan, loc)
	a.term.printHint("to see whether anything else is in the way: keyd doctor")
	if err := a.term.requireYes(ctx, yes, "install it?"); err != nil {
		return err
	}
	if plan, err = service.Install(); err != nil {
		return err
	}
	a.term.printParagraph("installed: %s; keyd is running", a.term.shortenHome(plan.File))
	if needsPerson {
		return exitError(exitPerson)
	}
	return nil
}

// showOutlook prints what keyd would do with every key, and reports whether one of
// them needs a person.
func (a *app) showOutlook(ctx context.Context, d *rotate.Rotator, loc locations) (needsPerson bool, err error) {
	all := []rotate.Result(nil)
	if err := a.noteEndpoints(ctx, loc, nil); err == nil {
		a.noteUnknownProfiles(ctx, loc, d.Settings)
		busy := a.startBusy()
		d.OnWait = busy.wait
		all, err = d.Rehearse(ctx)
		busy.stop()
		if err != nil {
			return false, err
		}
	} else if all = a.skipKeyless(d, err, nil); len(all) == 0 {
		return false, err
	}
	if len(all) == 0 {
		a.term.printParagraph("no profile in %s yet: keyd waits for one", a.term.shortenHome(loc.store.Paths.Credentials))
		return false, nil
	}
	rows := []tableRow{tableHeading("PLAN")}
	for _, r := range all {
		rows = append(rows, a.outlookRow(r, d.Settings))
		needsPerson = needsPerson || r.NeedsPerson
	}
	var b strings.Builder
	a.term.writeRows(&b, rows)
	a.term.print(b.String() + "\n")
	return needsPerson, nil
}

// outlookRow returns one row of the outlook. It promises nothing for a key whose
// rehearsal failed.
func (a *app) outlookRow(r rotate.Result, settings settings.Settings) tableRow {
	w := a.term.keyRow(&r.KeyStatus, &report{Now: a.now(), settings: settings})
	w.lines, w.paint = nil, plainText
	switch {
	case r.Err != nil && r.NeedsPerson:
		w.next, w.state, w.paint = "needs you", "cannot replace it: "+stripPackages(r.Err.Error()), a.term.red
	case r.Err != nil:
		w.next, w.state, w.paint = "-", "replace it once AWS answers; now: "+stripPackages(r.Err.Error()), a.term.yellow
	case r.NeedsPerson && r.Rotation != nil:
		w.state, w.paint = "cannot continue its rotation: "+stripPackages(r.Why), a.term.red
	case r.NeedsPerson:
		w.state, w.paint = "cannot replace it: "+stripPackages(r.Why), a.term.red
	case r.Do == decide.DoSkip:
		w.state, w.paint = "skip: "+stripPackages(r.Why), a.term.dim
	case r.Rotation != nil:
		w.state = "continue its rotation: " + stripPackages(r.Why)
	case r.Ready && r.State == decide.StateOK:
		w.state = "replace it then: " + checkedText
	case r.Ready:
		w.next, w.state = "now", "replace it at once: "+checkedText
	default:
		w.state = "wait: " + stripPackages(r.Why)
	}
	if r.Ready && len(r.Links) > 0 {
		w.lines = []string{a.term.shortenHome("and with it the linked " + joinNames(r.Links))}
	}
	if run := cmp.Or(r.Hint, hint.HintFor(r.Err, r.Profiles)); run != "" && (r.NeedsPerson || r.Err != nil) {
		w.lines = []string{a.term.shortenHome(a.term.nameSettings(formatHint(run)))}
	}
	return w
}

// printPlan prints what would be installed.
func (a *app) printPlan(p install.Plan, loc locations) {
	short := a.term.shortenHome
	a.term.printf("%s\nwould start now and at every login: %s run\n", short(p.File), short(p.Program))
	for i, v := range p.Env {
		lead := "  with "
		if i > 0 {
			lead = "       "
		}
		a.term.printf("%s%s, as in this shell\n", lead, short(v.String()))
	}
	for _, left := range p.LeftOut {
		a.term.printNote("%s %s: it is not written into the service, which runs without it", left.Name, left.Why)
	}
	a.term.printParagraph("  keeps its state in %s, reads %s", short(loc.folders.StateDir+string(filepath.Separator)), short(loc.store.Paths.Credentials))
}
