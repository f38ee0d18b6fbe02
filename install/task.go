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
// manager is not used: what it starts for a user needs that user's password,
// and what it starts without one has another home.
type taskSystem struct{ host *Host }

// String names it.
func (taskSystem) String() string { return "Windows task scheduler (logon task)" }

// Detect reports whether this is Windows. Where there is no task scheduler, or
// it is forbidden, the Run key of the registry takes its place.
func (s taskSystem) Detect() bool { return s.host.GOOS == "windows" }

// Interactive is always true: a logon task runs in the user's session.
func (taskSystem) Interactive() bool { return true }

// New returns the task.
func (s taskSystem) New(i service.Interface, c *service.Config) (service.Service, error) {
	return &task{baseService: baseService{Config: c, program: i, host: s.host, platform: s.String()}, daemonTimeout: 30 * time.Second, pollEvery: 100 * time.Millisecond}, nil
}

// task is keyd-aws-DOMAIN-user: names of tasks are the machine's, not the
// user's.
type task struct {
	baseService
	daemonTimeout, pollEvery time.Duration // for the daemon to come and go
}

// Run is for programs that kardianos/service drives.
func (t *task) Run() error { return t.run(t) }

func schtasks(args ...string) error {
	_, err := runCommand("schtasks", args...)
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

// definitionPath is where Windows keeps its tasks. The owner of a task may read it there.
func (t *task) definitionPath() string {
	return filepath.Join(t.host.Getenv("SystemRoot"), "System32", "Tasks", t.taskName())
}

func (t *task) parseProgram(definition []byte) string { return taskProgram(definition) }

// Install registers the task and starts it. Where the task scheduler refuses,
// the Run key of the registry starts keyd at logon; nothing then starts it
// again when it fails.
func (t *task) Install() error {
	if line := t.Executable + logonArguments(t.Config); strings.Count(line, "%") > 1 {
		return refuse("move keyd or its files to a folder without percent signs", "Windows would take what stands between two percent signs of %q for a variable", line)
	}
	if err := t.Stop(); err != nil {
		return err
	}
	older, _ := os.ReadFile(t.definitionPath())
	if err := t.registerTask(renderTask(t.Config, t.host.Login)); err != nil {
		if fallback := t.installRunKey(); fallback != nil {
			return errors.Join(err, fallback, describeLeftover(older != nil))
		}
		return nil
	}
	if err := removeRunKey(); err != nil { // of an installation before; two starts would be one too many
		return t.rollBack(err, older)
	}
	if err := t.Start(); err != nil {
		return t.rollBack(err, older)
	}
	return nil
}

// registerTask hands the definition to the task scheduler, which takes it from a
// file only.
func (t *task) registerTask(definition []byte) error {
	if err := atomicfile.MkdirAll(atomicfile.OS{}, t.host.State, 0o700); err != nil {
		return err
	}
	file := filepath.Join(t.host.State, "task.xml")
	if err := atomicfile.Write(atomicfile.OS{}, file, definition, 0o600); err != nil {
		return err
	}
	return errors.Join(schtasks("/create", "/tn", t.taskName(), "/xml", file, "/f"), removeFile(file))
}

// rollBack makes a failed installation undone.
func (t *task) rollBack(err error, older []byte) error {
	var undone error
	if older != nil {
		undone = errors.Join(t.registerTask(older), schtasks("/run", "/tn", t.taskName()))
	} else {
		undone = errors.Join(t.endDaemon(), schtasks("/delete", "/tn", t.taskName(), "/f"))
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
	if err := t.Start(); err != nil {
		if before {
			return errors.Join(err, writeRunKey(older))
		}
		return errors.Join(err, removeRunKey())
	}
	return nil
}

// Uninstall stops the daemon and removes task and Run key.
func (t *task) Uninstall() error {
	if err := t.Stop(); err != nil {
		return err
	}
	if err := removeRunKey(); err != nil {
		return err
	}
	if !t.isRegistered() {
		return nil
	}
	return schtasks("/delete", "/tn", t.taskName(), "/f")
}

// isRegistered asks the task scheduler, which answers in the language of the
// machine: only its exit code counts.
func (t *task) isRegistered() bool {
	if _, err := os.Stat(t.definitionPath()); err == nil {
		return true
	}
	_, err := os.Stat(filepath.Dir(t.definitionPath()))
	return err != nil && schtasks("/query", "/tn", t.taskName()) == nil
}

// Start has the daemon run, and waits until it does.
func (t *task) Start() error {
	if _, lives := t.host.Daemon(); lives {
		return nil
	}
	if err := t.startDaemon(); err != nil {
		return err
	}
	return t.awaitDaemon(true)
}

func (t *task) startDaemon() error {
	if t.isRegistered() {
		return schtasks("/run", "/tn", t.taskName())
	}
	line, ok := readRunKey()
	if !ok {
		return refuse("keyd install", "neither a task nor a Run key starts keyd")
	}
	return startCommandLine(line)
}

// Stop ends the daemon, at once: Windows cannot ask a program without a window
// to end. Whatever it was doing, the next one goes on with.
func (t *task) Stop() error {
	if _, lives := t.host.Daemon(); !lives {
		return nil
	}
	if err := t.endDaemon(); err != nil {
		return err
	}
	return t.awaitDaemon(false)
}

func (t *task) endDaemon() error {
	if t.isRegistered() {
		return schtasks("/end", "/tn", t.taskName())
	}
	pid, lives := t.host.Daemon()
	line, ok := readRunKey()
	if !lives || !ok {
		return nil
	}
	return endProcess(pid, line)
}

// Restart does both.
func (t *task) Restart() error {
	if err := t.Stop(); err != nil {
		return err
	}
	return t.Start()
}

// awaitDaemon waits until the daemon lives, or does not any more.
func (t *task) awaitDaemon(want bool) error {
	for end := time.Now().Add(t.daemonTimeout); ; time.Sleep(t.pollEvery) {
		if _, lives := t.host.Daemon(); lives == want {
			return nil
		}
		if time.Now().After(end) {
			if want {
				return fmt.Errorf("the daemon does not run %s after its start; see keyd logs", t.daemonTimeout)
			}
			return fmt.Errorf("the daemon still runs %s after its end was asked for", t.daemonTimeout)
		}
	}
}

// Status is running while a daemon is: the task scheduler says so only in words
// that it translates.
func (t *task) Status() (service.Status, error) {
	var state State
	t.queryState(&state)
	switch {
	case !state.Installed:
		return service.StatusUnknown, service.ErrNotInstalled
	case state.Running:
		return service.StatusRunning, nil
	}
	return service.StatusStopped, nil
}

func (t *task) queryState(state *State) {
	if line, ok := readRunKey(); ok && !state.Installed {
		state.Installed, state.Program, state.File = true, firstWord(line), runKeyPath
	}
	state.Installed = state.Installed || t.isRegistered()
	state.Enabled = state.Installed
	if pid, lives := t.host.Daemon(); lives && state.Installed {
		state.Running, state.PID = true, pid
	}
}

// firstWord is the program of a command line.
func firstWord(line string) string {
	if quoted, ok := strings.CutPrefix(line, `"`); ok {
		program, _, _ := strings.Cut(quoted, `"`)
		return program
	}
	program, _, _ := strings.Cut(line, " ")
	return program
}
