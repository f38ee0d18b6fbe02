package main

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"keyd/daemon"
	"keyd/install"
)

const installLong = `Start keyd run now and at every login, as a service of this user: a systemd user
unit, a LaunchAgent on macOS, a logon task on Windows. It needs no root, and
concerns no other user.

Before anything is installed it is shown which keys would be replaced and when,
and which are left alone and why. What can be tried of a rotation is tried: the
files, and what the key may do at AWS. Nothing is changed by that, and no key is
made. Then it asks.

The variables of this shell that say which files and endpoints to use are written
into the service. Over an older installation it takes its place. Exit code 3
means that it is installed, and a key needs a person.`

func newInstallCommand(u *ui) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "install",
		Short: "run keyd at every login; shows what it would do and asks",
		Long:  installLong,
		Args:  limitArgs(0, 0, ""),
		RunE:  func(cmd *cobra.Command, _ []string) error { return u.installService(cmd.Context(), yes) },
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func (u *ui) installService(ctx context.Context, yes bool) error {
	d, s, err := u.openDaemon("install")
	if err != nil {
		return err
	}
	service, err := u.openService(s)
	if err != nil {
		return err
	}
	plan, err := service.Plan()
	if err != nil {
		return err
	}
	needed, err := u.showOutlook(ctx, d, s)
	if err != nil {
		return err
	}
	u.printPlan(plan, s)
	if err := u.requireYes(ctx, yes, "install it?"); err != nil {
		return err
	}
	if plan, err = service.Install(); err != nil {
		return err
	}
	u.printf("installed: %s, and it runs\n", u.shortenHome(plan.File))
	if needed {
		return exitError(exitPerson)
	}
	return nil
}

// showOutlook shows what keyd would do with every key, and reports whether one of
// them needs a person.
func (u *ui) showOutlook(ctx context.Context, d *daemon.Daemon, s locations) (needed bool, err error) {
	if err := u.noteEndpoints(ctx, s, nil); err != nil {
		return false, err
	}
	u.noteUnknownProfiles(ctx, s, d.Settings)
	all, err := d.Rehearse(ctx)
	if err != nil {
		return false, err
	}
	if len(all) == 0 {
		u.printf("no profile in %s yet: keyd waits for one\n", u.shortenHome(s.store.Paths.Credentials))
		return false, nil
	}
	rows := []tableRow{{profiles: "PROFILE", key: "KEY", age: "AGE", next: "NEXT", state: "KEYD WOULD", paint: plain, paintAge: plain}}
	for _, r := range all {
		rows = append(rows, u.outlookRow(r, d.Settings))
		needed = needed || r.NeedsPerson
	}
	var b strings.Builder
	u.writeRows(&b, rows)
	u.print(b.String() + "\n")
	return needed, nil
}

// outlookRow is one line of the outlook. Where the rehearsal failed nothing is
// promised.
func (u *ui) outlookRow(r daemon.Rehearsal, settings daemon.Settings) tableRow {
	w := u.keyRow(r.KeyLine, &report{Now: u.now(), settings: settings})
	w.lines, w.paint = nil, plain
	switch {
	case r.Err != nil && r.NeedsPerson:
		w.next, w.state, w.paint = "needs you", "not be able to replace it: "+stripPackages(r.Err.Error()), u.red
	case r.Err != nil:
		w.next, w.state, w.paint = "-", "replace it when AWS can be asked; now: "+stripPackages(r.Err.Error()), u.yellow
	case r.NeedsPerson:
		w.state, w.paint = "leave it alone: "+stripPackages(r.Why), u.red
	case r.Do == daemon.Skip:
		w.state, w.paint = "leave it alone: "+stripPackages(r.Why), u.dim
	case r.Rotation != nil:
		w.state = "go on with its rotation: " + stripPackages(r.Why)
	case r.Ready && r.State == daemon.OK:
		w.state = "replace it then: the file can be edited, the key may deactivate its old one"
	case r.Ready:
		w.next, w.state = "now", "replace it at once: the file can be edited, the key may deactivate its old one"
	default:
		w.state = "wait: " + stripPackages(r.Why)
	}
	if run := cmp.Or(r.Run, daemon.HintFor(r.Err, r.Profiles)); run != "" && (r.NeedsPerson || r.Err != nil) {
		w.lines = []string{u.shortenHome(formatHint(run))}
	}
	return w
}

// printPlan tells what would be installed.
func (u *ui) printPlan(p install.Plan, s locations) {
	u.printf("%s\nwould start now and at every login: %s run\n", u.shortenHome(p.File), u.shortenHome(p.Program))
	for i, v := range p.Env {
		lead := "  with "
		if i > 0 {
			lead = "       "
		}
		u.printf("%s%s, as in this shell\n", lead, u.shortenHome(v.String()))
	}
	for _, name := range p.Secret {
		u.printNote("%s holds a user or a password: it is not written into the service, which goes without it", name)
	}
	u.printf("  keeps its state in %s, reads %s\n", u.shortenHome(s.folders.State+string(filepath.Separator)), u.shortenHome(s.store.Paths.Credentials))
}
