package install

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kardianos/service"

	"keyd/credfile/atomicfile"
)

// taskSystem is the task scheduler of Windows, for one user. The service control
// manager is not used: it starts a service for a user only with that user's
// password, and without one it starts a service with another home folder. Where
// there is no task scheduler, or its use is forbidden, the Run key of the registry
// starts keyd.
func taskSystem(h *Host) loginSystem {
	return loginSystem{
		host: h, platform: "Windows task scheduler (logon task)",
		detect: func() bool { return h.GOOS == "windows" },
		create: func(b baseService) loginService {
			return &task{baseService: b, daemonTimeout: 30 * time.Second, pollEvery: 100 * time.Millisecond}
		},
	}
}

// task is the logon task keyd-aws-DOMAIN-user. Its name holds the user, because
// all users of a machine share the names of tasks.
type task struct {
	baseService
	daemonTimeout time.Duration // how long the daemon may take to start or to end
	pollEvery     time.Duration // how long to wait before looking again
}

// runKeyPath is the registry key that Windows reads at every logon for the
// programs to start.
const runKeyPath = `HKCU\Software\Microsoft\Windows\CurrentVersion\Run`

func (t *task) schtasks(args ...string) error {
	_, err := t.host.runCommand(nil, "schtasks", args...)
	return err
}

func (t *task) taskName() string {
	return "keyd-aws-" + strings.Map(func(r rune) rune {
		if strings.ContainsRune(`\/:*?"<>| .&%`, r) {
			return '-'
		}
		return r
	}, t.host.Login)
}

// definitionPath returns where Windows keeps the task. The owner of a task may
// read it there.
func (t *task) definitionPath() string {
	return filepath.Join(t.host.Getenv("SystemRoot"), "System32", "Tasks", t.taskName())
}

// Install registers the task and starts it. When the task scheduler refuses,
// Install uses the Run key of the registry to start keyd at logon. In that case
// nothing restarts the daemon when it fails.
func (t *task) Install() error {
	if line := t.Executable + logonArguments(t.Config); strings.Count(line, "%") > 1 {
		return refuse("move keyd or its files to a folder without percent signs", "Windows would expand the text between two percent signs in %q as a variable: nothing was changed", line)
	}
	older, _ := os.ReadFile(t.definitionPath())
	was := t.isRunning()
	if err := t.stopDaemon(); err != nil { // the trigger cannot start it again before the new task is in place
		return err
	}
	if err := t.registerTask(renderTask(t.Config, t.host.Login)); err != nil {
		if fallback := t.installRunKey(); fallback != nil {
			return errors.Join(err, fallback, describeLeftover(older != nil))
		}
		return nil
	}
	if err := removeRunKey(); err != nil { // left by an older installation, it would start a second daemon
		return t.rollBack(err, older, was)
	}
	if err := t.startTask(); err != nil {
		return t.rollBack(err, older, was)
	}
	return nil
}

// registerTask registers a definition with the task scheduler, which accepts it
// only as a file.
func (t *task) registerTask(definition []byte) error {
	if err := atomicfile.MkdirAll(atomicfile.OS{}, t.host.StateDir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(t.host.StateDir, "task.xml")
	if err := atomicfile.Write(atomicfile.OS{}, file, definition, 0o600); err != nil {
		return err
	}
	return errors.Join(t.schtasks("/create", "/tn", t.taskName(), "/xml", file, "/f"), removeFile(file))
}

// rollBack undoes a failed installation. It returns err, and what is left of the
// installation. older is the definition of the older task, nil for none, and was says
// whether it ran.
func (t *task) rollBack(err error, older []byte, was bool) error {
	var undone error
	switch {
	case older != nil && was:
		undone = errors.Join(t.registerTask(older), t.schtasks("/run", "/tn", t.taskName()))
	case older != nil:
		undone = t.registerTask(older)
	default:
		undone = errors.Join(t.endDaemon(), t.schtasks("/delete", "/tn", t.taskName(), "/f"))
	}
	if undone != nil {
		return errors.Join(err, undone)
	}
	return errors.Join(err, describeLeftover(older != nil))
}

// installRunKey writes the Run key and starts keyd as a logon would.
func (t *task) installRunKey() error {
	older, before := readRunKey()
	if err := writeRunKey(quoteWindows(t.Executable) + " " + logonArguments(t.Config)); err != nil {
		return err
	}
	t.platform = "Windows registry (Run key)"
	if err := t.startTask(); err != nil {
		if before {
			return errors.Join(err, writeRunKey(older))
		}
		return errors.Join(err, removeRunKey())
	}
	return nil
}

// Uninstall stops the daemon and removes the task and the Run key.
func (t *task) Uninstall() error {
	_ = t.enable(false) // keeps the trigger away until the task is gone, unless it fires in the next second
	if err := t.stopDaemon(); err != nil {
		return err
	}
	if err := removeRunKey(); err != nil {
		return err
	}
	if !t.isRegistered() {
		return nil
	}
	return t.schtasks("/delete", "/tn", t.taskName(), "/f")
}

// isRegistered reports whether the task exists. It looks for the definition, and
// asks the task scheduler where the folder of tasks cannot be seen. The task
// scheduler answers in the language of the machine, so only its exit code counts.
func (t *task) isRegistered() bool {
	if _, err := os.Stat(t.definitionPath()); err == nil {
		return true
	}
	_, err := os.Stat(filepath.Dir(t.definitionPath()))
	return err != nil && t.schtasks("/query", "/tn", t.taskName()) == nil
}

// Start switches the task on, starts the daemon and waits until it runs.
func (t *task) Start() error {
	if err := t.enable(true); err != nil {
		return err
	}
	return t.startTask()
}

// startTask starts the daemon and waits until it runs.
func (t *task) startTask() error {
	if t.isRunning() {
		return nil
	}
	if err := t.startDaemon(); err != nil {
		return err
	}
	return t.awaitDaemon(true)
}

func (t *task) startDaemon() error {
	if t.isRegistered() {
		return t.schtasks("/run", "/tn", t.taskName())
	}
	line, ok := readRunKey()
	if !ok {
		return refuse("keyd install", "neither a task nor a Run key starts keyd")
	}
	return startCommandLine(line)
}

// Stop switches the task off, since its trigger would start the daemon again, and ends
// the daemon. When the task cannot be switched off, Stop fails and the daemon runs on.
func (t *task) Stop() error {
	if err := t.enable(false); err != nil {
		return fmt.Errorf("%w: the task could not be switched off, so keyd runs on", err)
	}
	return t.stopDaemon()
}

func (t *task) isRunning() bool {
	_, lives := t.host.Daemon()
	return lives
}

// stopDaemon ends the daemon at once, because Windows cannot ask a program without a
// window to end. The next daemon continues what this one was doing.
func (t *task) stopDaemon() error {
	if !t.isRunning() {
		return nil
	}
	if err := t.endDaemon(); err != nil {
		return err
	}
	return t.awaitDaemon(false)
}

func (t *task) endDaemon() error {
	if t.isRegistered() {
		return t.schtasks("/end", "/tn", t.taskName())
	}
	pid, lives := t.host.Daemon()
	line, ok := readRunKey()
	if !lives || !ok {
		return nil
	}
	return endProcess(pid, line)
}

// Restart stops the daemon and starts it again. It also starts one that was stopped.
func (t *task) Restart() error {
	if err := t.stopDaemon(); err != nil {
		return err
	}
	return t.Start()
}

// awaitDaemon waits until a daemon runs, or until none runs.
func (t *task) awaitDaemon(want bool) error {
	for end := time.Now().Add(t.daemonTimeout); ; time.Sleep(t.pollEvery) {
		if t.isRunning() == want {
			return nil
		}
		if time.Now().After(end) {
			if want {
				return fmt.Errorf("the daemon was not running %s after its start; see keyd logs", t.daemonTimeout)
			}
			return fmt.Errorf("the daemon was still running %s after the attempt to end it", t.daemonTimeout)
		}
	}
}

// Status returns StatusRunning while a daemon runs.
func (t *task) Status() (service.Status, error) { return statusOf(t) }

// queryState asks the daemon's lock whether the daemon runs: the task scheduler
// answers that only in words, which it translates.
func (t *task) queryState(state *State) error {
	if line, ok := readRunKey(); ok && !state.Installed {
		state.Installed, state.Program, state.File = true, firstWord(line), runKeyPath
	}
	state.Installed = state.Installed || t.isRegistered()
	definition, _ := os.ReadFile(t.definitionPath())
	state.Enabled = state.Installed && !isDisabled(definition)
	if state.Installed && !state.Enabled {
		state.Detail = "switched off, by keyd stop or in the task scheduler; keyd start switches it on"
	}
	if pid, lives := t.host.Daemon(); lives && state.Installed {
		state.Running, state.PID = true, pid
	}
	return nil
}

// firstWord returns the program of a command line.
func firstWord(line string) string {
	if quoted, ok := strings.CutPrefix(line, `"`); ok {
		program, _, _ := strings.Cut(quoted, `"`)
		return program
	}
	program, _, _ := strings.Cut(line, " ")
	return program
}
