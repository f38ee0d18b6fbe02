package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"keyd/daemon/doctor"
)

const doctorLong = `Look at everything that is or will be wrong: the files and who may read them, what
programs read before them, the network and the clock, what each key may do at AWS,
the keys, their copies, the service and the settings. Each finding says what was
found, why it matters, and what helps, as a command where there is one.

AWS is asked with each key, as before a rotation: nothing is changed there, and no
key is created. The last use of a key is read before anything else is signed with
it, so that keyd's question does not hide who uses it. --offline makes no call.
The home folder is searched for copies for up to 20 seconds; --no-search leaves
that out.

--fix repairs what is certain to be harmless, and says what it did and what it left:
it makes modes of your own files stricter, creates a missing folder, removes what
killed processes of keyd have left, and restarts an older daemon between two steps.

wrong needs a person, note breaks nothing now, and unknown could not be found out.
When all is well, one line says so; --all shows every check. Exit code 3 means that
something is wrong that was not repaired.

--json prints one object with version (1), now, checks and findings. Each check has
check (its name), group, worst (fine, note, unknown or wrong) and skipped (why it
was not made). Each finding has check, group, severity, found, why, run (a command),
ask (what else helps), profiles, usual (no one can find it out, even where all is
well), fixable, fixed (what --fix did) and left (why it did not).`

const doctorExample = `  keyd doctor                         everything
  keyd doctor --offline --no-search   quick: no call to AWS, no search
  keyd doctor --fix                   repair what is safe`

func newDoctorCommand(a *app) *cobra.Command {
	var o doctor.Options
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "find what is or will be wrong, and repair what is safe",
		Long:    doctorLong,
		Example: doctorExample,
		Args:    limitArgs(0, 0, ""),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.examine(cmd.Context(), o, asJSON, all) },
	}
	cmd.Flags().BoolVar(&o.Fix, "fix", false, "repair what is safe to repair")
	cmd.Flags().BoolVar(&o.Offline, "offline", false, "make no call to AWS, and no connection")
	cmd.Flags().BoolVar(&o.NoSearch, "no-search", false, "do not search the home folder for copies of the keys")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "show every check, also where nothing was found")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// examine runs the doctor, and prints what it found.
func (a *app) examine(ctx context.Context, o doctor.Options, asJSON, all bool) error {
	p, err := a.openPatient()
	if err != nil {
		return err
	}
	if a.term.hasScreen() && !asJSON {
		a.term.redrawLine("looking ..")
	}
	r := doctor.Run(ctx, p, o)
	if asJSON {
		if err := a.term.printJSON(r); err != nil {
			return err
		}
	} else {
		a.term.print(a.term.formatDoctor(&r, all))
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case r.NeedsPerson():
		return exitError(exitPerson)
	}
	return nil
}

// openPatient returns what is to be examined. It refuses only a home folder that is none, or
// another user's: whatever else is wrong is for the doctor to find.
func (a *app) openPatient() (*doctor.Patient, error) {
	loc, err := a.findLocations()
	if err != nil {
		return nil, err
	}
	if err := a.checkHome(loc); err != nil {
		return nil, err
	}
	s, err := loc.settingsFile().Read()
	if err != nil {
		s = loc.settingsFile().Effective()
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = ""
	}
	root := "/"
	machine := a.machine(loc)
	if a.root != "" {
		root = a.root
		machine.System, machine.Proc = a.root, filepath.Join(a.root, "proc")
	}
	p := &doctor.Patient{
		Rotator: a.newDaemon(s, loc, "doctor"), Settings: loc.settingsFile(), Home: loc.tilde, Dir: dir, GOOS: a.goos, Root: root, Name: a.name,
		Program: a.programPath(), Release: buildVersion(), Machine: machine, Service: a.examineService(loc),
	}
	return p, nil
}

// programPath returns the path of this program, or "".
func (a *app) programPath() string {
	if a.program != "" {
		return a.program
	}
	path, err := os.Executable()
	if err != nil || a.root != "" { // a test's program is not keyd
		return ""
	}
	return path
}

// examineService returns what is known of the service. It asks the service manager.
func (a *app) examineService(loc locations) doctor.Service {
	if a.host == nil {
		return doctor.Service{} // the demo has no services
	}
	service, err := a.openService(loc)
	if err != nil {
		return doctor.Service{Refused: err}
	}
	found := doctor.Service{State: service.State(), Stale: service.IsStale(), Differing: service.Differing(), Linger: service.Linger()}
	if found.Installed {
		found.Restart = service.Restart
	}
	return found
}
