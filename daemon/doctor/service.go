package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"keyd/credfile"
	"keyd/daemon/hint"
	"keyd/daemon/journal"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// serviceChecks look at keyd as a service.
var serviceChecks = []Check{
	{Name: "service", Group: GroupService, Why: "without a service nothing is rotated by itself, and a rotation in progress does not end", Find: findNoService},
	{Name: "service-program", Group: GroupService, Why: "the service cannot start, or does something else than this program says", Find: findServiceProgram},
	{Name: "service-version", Group: GroupService, Why: "the older program runs until it is started again", Find: findOldDaemon},
	{Name: "service-definition", Group: GroupService, Why: "what the service may do and when it starts again is as an older keyd wanted it", Find: findStaleDefinition},
	{Name: "service-variables", Group: GroupService, Why: "the service may read other files, or ask elsewhere, than the commands of this shell", Find: findDiffering},
	{Name: "service-asleep", Group: GroupService, Why: "a daemon that does not look rotates nothing", Find: findAsleep},
	{Name: "linger", Group: GroupService, Why: "the service ends when you log out, and your keys age meanwhile", Find: findNoLinger},
	{Name: "notifications", Group: GroupService, Why: "no one is told when a key needs a person", Find: findNoNotifications},
}

// isRunning reports whether a daemon is at work on the state folder.
func (p *Patient) isRunning() bool { return state.DaemonRunning(p.Rotator.StateDir) }

// findNoService looks at whether a service is there and runs.
func findNoService(_ context.Context, p *Patient) []Finding {
	s, running := p.Service, p.isRunning()
	switch {
	case running && (!s.Installed || s.Enabled || s.Detail != "" && !s.Running):
		return nil
	case running && s.Running && !s.Enabled:
		return []Finding{wrong("the service runs now, and does not start at the next login", "keyd install", "")}
	case running:
		return nil
	case !s.Installed && p.hasRotation():
		f := wrong("a rotation is in progress, and keyd is not running in the background to finish it", "keyd install", "or run keyd rotate from time to time")
		if s.Refused != nil {
			f.Run, f.Ask = "keyd rotate", "from time to time; "+hint.Hint(s.Refused)
		}
		return []Finding{f}
	case s.Installed:
		text := "the service is installed, and does not run"
		if s.Detail != "" {
			text += ": " + s.Detail
		}
		return []Finding{wrong(text, "keyd start", "keyd logs shows why it ended")}
	case s.Refused != nil:
		run, ask := adviseOn(s.Refused, nil)
		return []Finding{note("keyd is not running in the background: "+strings.TrimSuffix(describe(s.Refused), ": nothing was changed"), run, ask)}
	}
	return []Finding{note("keyd is not installed as a service and is not running in the background", "keyd install", "it shows what it would do, and asks")}
}

// hasRotation reports whether a rotation is in progress.
func (p *Patient) hasRotation() bool {
	dir := p.Rotator.JournalDir()
	dir.ReadOnly = true
	rotations, _ := dir.Load(context.Background())
	return len(rotations) > 0
}

// findServiceProgram looks at what the service starts.
func findServiceProgram(_ context.Context, p *Patient) []Finding {
	s := p.Service
	switch {
	case !s.Installed || s.Program == "":
		return nil
	case s.ProgramMissing:
		return []Finding{wrong(fmt.Sprintf("the service starts %s, which no longer exists", s.Program), "keyd install", "")}
	case s.OtherBuild:
		text := fmt.Sprintf("the service starts %s, which is another build than this one", s.Program)
		if s.Version != "" {
			text += ", version " + s.Version
		}
		return []Finding{wrong(text, "keyd install", "run it with the program that you want to keep")}
	}
	return nil
}

// findOldDaemon looks for a daemon that an earlier program has started.
func findOldDaemon(ctx context.Context, p *Patient) []Finding {
	info := state.LoadDaemonInfo(p.Rotator.StateDir)
	if info == nil || info.Release == "" || p.Release == "" || info.Release == p.Release || !p.isRunning() {
		return nil
	}
	f := wrong(fmt.Sprintf("the daemon that is running (pid %d) is %s, and this program is %s", info.PID, info.Release, p.Release), "keyd restart", "")
	switch s := p.Service; {
	case s.OtherBuild || s.ProgramMissing:
		f.Run, f.Ask = "keyd install", "the service starts another program than this one"
	case !s.Installed || s.Restart == nil:
		f.Run, f.Ask = "", "start it again the way it was started"
	default:
		f.mend = func(context.Context) (string, error) { return p.restartDaemon(ctx) }
	}
	return []Finding{f}
}

// restartDaemon restarts the service between two steps: not while a pass takes one, and not
// while a hook runs.
func (p *Patient) restartDaemon(ctx context.Context) (string, error) {
	if err := p.Rotator.AtRest(ctx, func() error { return p.checkHooksAtRest(ctx) }); err != nil {
		return "", err
	}
	if err := p.Service.Restart(); err != nil {
		return "", err
	}
	for range restartPolls { // the new daemon says what it is as soon as it works
		if info := state.LoadDaemonInfo(p.Rotator.StateDir); info != nil && info.Release == p.Release || ctx.Err() != nil {
			break
		}
		time.Sleep(restartPoll)
	}
	return "restarted the service", nil
}

// How often, and how long apart, the doctor looks whether the new daemon works.
const (
	restartPolls = 100
	restartPoll  = 50 * time.Millisecond
)

// checkHooksAtRest returns an error while a hook may be running.
func (p *Patient) checkHooksAtRest(ctx context.Context) error {
	dir := p.Rotator.JournalDir()
	dir.ReadOnly = true
	rotations, errs := dir.Load(ctx)
	if len(errs) > 0 {
		return fmt.Errorf("a journal could not be read: %w", errs[0])
	}
	for _, r := range rotations {
		for _, h := range r.Hooks {
			if runningHook(h, p) {
				return fmt.Errorf("hook %s is running: when it has ended, keyd restart", h.Name)
			}
		}
		if r.New.ID == "" {
			return fmt.Errorf("a key may just have been created: when that is settled, keyd restart")
		}
	}
	return nil
}

// runningHook reports whether a hook may be running.
func runningHook(h journal.HookState, p *Patient) bool {
	return !h.RunsUntil.IsZero() && p.now().Before(h.RunsUntil)
}

// findStaleDefinition looks for a definition of an older keyd.
func findStaleDefinition(_ context.Context, p *Patient) []Finding {
	if !p.Service.Installed || !p.Service.Stale {
		return nil
	}
	return []Finding{note("an older keyd has written "+p.Service.File+": this one would write it in another way", "keyd install", "")}
}

// findDiffering tells of variables of this shell that the service does not have.
func findDiffering(_ context.Context, p *Patient) []Finding {
	var names []string
	for _, v := range p.Service.Differing {
		names = append(names, v.Name)
	}
	if len(names) == 0 || !p.Service.Installed {
		return nil
	}
	return []Finding{note("the service does not have the value that this shell has for "+credfile.JoinWords(names), "keyd install", "it writes the variables of this shell into the service; or unset them here")}
}

// asleepAfter is how much later than planned a pass may be: a machine that has just woken
// needs a moment.
const asleepAfter = 15 * time.Minute

// findAsleep looks for a daemon that does not do what it has planned.
func findAsleep(_ context.Context, p *Patient) []Finding {
	info := state.LoadDaemonInfo(p.Rotator.StateDir)
	if info == nil || info.NextPass.IsZero() || !p.isRunning() {
		return nil
	}
	late := p.now().Sub(info.NextPass)
	if late < asleepAfter {
		return nil
	}
	return []Finding{wrong(fmt.Sprintf("the daemon (pid %d) was to look at the keys %s ago, and has not", info.PID, settings.FormatAge(late)), "keyd restart", "keyd logs shows what it did last")}
}

// findNoLinger looks for a service that ends with the session, on a machine where nobody
// sits at the screen.
func findNoLinger(_ context.Context, p *Patient) []Finding {
	if !p.Service.Installed || p.Service.Linger == nil || *p.Service.Linger || p.hasScreen() {
		return nil
	}
	return []Finding{note("the service stops when you log out of this machine", "sudo loginctl enable-linger \"$(id -un)\"", "where you may not use sudo, ask who runs the machine")}
}

// hasScreen reports whether this is a session at a screen.
func (p *Patient) hasScreen() bool {
	return p.GOOS != "linux" || p.getenv("DISPLAY")+p.getenv("WAYLAND_DISPLAY") != ""
}

// findNoNotifications looks for a way in which keyd could reach a person.
func findNoNotifications(_ context.Context, p *Patient) []Finding {
	s := p.Rotator.Settings
	if s.Notify != "desktop" || len(s.OnEvent) > 0 || s.Unknown || !p.Service.Installed && !p.isRunning() {
		return nil
	}
	instead := "set on_event in keyd.ini to a command that tells you; if no one has to be told: " + s.EditHint(s.FileOf("", "notify"), "set notify = none there")
	switch {
	case p.GOOS == "linux" && !p.hasScreen():
		return []Finding{note("there is no desktop in this session, so keyd cannot show notifications", hint.Command("keyd help settings"), instead)}
	case p.GOOS == "linux":
		if _, err := p.lookPath("notify-send"); err != nil {
			return []Finding{note("keyd shows notifications with notify-send, which is not here", hint.Command("keyd help settings"), "install it (Debian: libnotify-bin, Fedora: libnotify), or "+instead)}
		}
	}
	return nil
}
