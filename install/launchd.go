package install

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kardianos/service"

	"keyd/credfile/atomicfile"
)

// launchdSystem is launchd, in the domain of one user.
type launchdSystem struct{ host *Host }

// String names it.
func (launchdSystem) String() string { return "launchd (user agent)" }

// Detect reports whether this is a machine with launchd.
func (s launchdSystem) Detect() bool {
	_, err := exec.LookPath("launchctl")
	return s.host.GOOS == "darwin" && err == nil
}

// Interactive reports whether launchd did not start this process.
func (launchdSystem) Interactive() bool { return os.Getppid() != 1 }

// New returns the agent.
func (s launchdSystem) New(i service.Interface, c *service.Config) (service.Service, error) {
	return &agent{baseService: baseService{Config: c, program: i, host: s.host, platform: s.String()}, pollEvery: 100 * time.Millisecond}, nil
}

// agent is local.keyd-aws.
type agent struct {
	baseService
	pollEvery time.Duration // between two looks at whether launchd has let go of it
}

// Run is for programs that kardianos/service drives.
func (a *agent) Run() error { return a.run(a) }

func (a *agent) definitionPath() string {
	return a.host.homePath("Library", "LaunchAgents", agentLabel+".plist")
}

func (a *agent) parseProgram(definition []byte) string { return agentProgram(definition) }

func launchctl(args ...string) (string, error) { return runCommand("launchctl", args...) }

// sessionDomain is where the agents of the session are: gui/UID at a screen, user/UID
// in an ssh session of someone who is not logged in at the screen.
func (a *agent) sessionDomain() (string, error) {
	gui := "gui/" + a.host.UID
	if _, err := launchctl("print", gui); err == nil {
		return gui, nil
	}
	background := "user/" + a.host.UID
	if _, err := launchctl("print", background); err != nil {
		return "", refuse("log in at the screen and try again", "launchd knows no session of this user (%v): nothing was changed", err)
	}
	return background, nil
}

// printAgent reports whether launchd has the agent, and what it says of it.
func printAgent(domain string) (string, bool) {
	says, err := launchctl("print", domain+"/"+agentLabel)
	return says, err == nil
}

// Install writes the plist and loads it, which also starts it. A person may have
// switched the agent off in the system settings: installing it is asking for
// it.
func (a *agent) Install() error {
	domain, err := a.sessionDomain()
	if err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(atomicfile.OS{}, a.host.State, 0o700); err != nil {
		return err
	}
	_, was := printAgent(domain)
	undo, err := placeDefinition(a.definitionPath(), renderAgent(a.Config, a.crashLog()))
	if err != nil {
		return err
	}
	if err := a.loadAgent(domain); err != nil {
		return a.rollBack(err, domain, undo, was)
	}
	return nil
}

// crashLog is where a crash prints.
func (a *agent) crashLog() string { return filepath.Join(a.host.State, "stderr.log") }

func (a *agent) loadAgent(domain string) error {
	if err := a.unloadAgent(domain); err != nil {
		return err
	}
	if _, err := launchctl("enable", domain+"/"+agentLabel); err != nil {
		return err
	}
	_, err := launchctl("bootstrap", domain, a.definitionPath())
	return err
}

// unloadAgent has launchd let go of the agent. bootout returns before it has, and a
// bootstrap that comes too early fails with "5: Input/output error".
func (a *agent) unloadAgent(domain string) error {
	if _, is := printAgent(domain); !is {
		return nil
	}
	_, failed := launchctl("bootout", domain+"/"+agentLabel)
	for end := time.Now().Add(commandTimeout); time.Now().Before(end); time.Sleep(a.pollEvery) {
		if _, is := printAgent(domain); !is {
			return nil
		}
		if failed != nil && !strings.Contains(failed.Error(), "in progress") {
			return failed
		}
	}
	return fmt.Errorf("launchd does not let go of %s after %s", agentLabel, commandTimeout)
}

// rollBack makes a failed installation undone.
func (a *agent) rollBack(err error, domain string, undo func() (bool, error), was bool) error {
	unloaded := a.unloadAgent(domain)
	before, undone := undo()
	if before && was && unloaded == nil && undone == nil {
		_, undone = launchctl("bootstrap", domain, a.definitionPath())
	}
	if undone != nil || unloaded != nil {
		return errors.Join(err, unloaded, undone)
	}
	return errors.Join(err, describeLeftover(before))
}

// Uninstall stops the agent and removes the plist.
func (a *agent) Uninstall() error {
	if err := a.Stop(); err != nil {
		return err
	}
	if err := removeFile(a.definitionPath()); err != nil {
		return err
	}
	return removeFile(a.crashLog())
}

// Start starts the agent, and loads it before if it was stopped.
func (a *agent) Start() error { return a.startAgent() }

// Restart ends the agent if it runs, and starts it.
func (a *agent) Restart() error { return a.startAgent("-k") }

func (a *agent) startAgent(flags ...string) error {
	domain, err := a.sessionDomain()
	if err != nil {
		return err
	}
	if _, is := printAgent(domain); !is {
		_, err := launchctl("bootstrap", domain, a.definitionPath())
		return err
	}
	_, err = launchctl(append(append([]string{"kickstart"}, flags...), domain+"/"+agentLabel)...)
	return err
}

// Stop unloads the agent: one that launchd keeps loaded may be started again by
// it. The plist stays, so the next login loads it.
func (a *agent) Stop() error {
	domain, err := a.sessionDomain()
	if err != nil {
		return err
	}
	return a.unloadAgent(domain)
}

// Status is running while there is a process.
func (a *agent) Status() (service.Status, error) {
	var state State
	a.queryState(&state)
	_, err := os.Stat(a.definitionPath())
	switch {
	case state.Running:
		return service.StatusRunning, nil
	case err != nil && !state.Installed:
		return service.StatusUnknown, service.ErrNotInstalled
	}
	return service.StatusStopped, nil
}

var (
	agentPID      = regexp.MustCompile(`(?m)^\tpid = (\d+)$`)
	agentExitCode = regexp.MustCompile(`(?m)^\tlast exit code = (.+)$`)
)

// queryState reads launchctl print, whose format Apple does not promise: what cannot
// be found is left open.
func (a *agent) queryState(state *State) {
	domain, err := a.sessionDomain()
	if err != nil {
		state.Detail = err.Error()
		return
	}
	disabled, _ := launchctl("print-disabled", domain)
	off := regexp.MustCompile(`"` + regexp.QuoteMeta(agentLabel) + `" => (disabled|true)`).MatchString(disabled)
	says, is := printAgent(domain)
	state.Installed = state.Installed || is
	state.Enabled = state.Installed && !off
	if found := agentPID.FindStringSubmatch(says); is && found != nil {
		state.Running = true
		state.PID, _ = strconv.Atoi(found[1])
		return
	}
	switch found := agentExitCode.FindStringSubmatch(says); {
	case off:
		state.Detail = "switched off in the system settings, login items"
	case found != nil:
		state.Detail = "last exit code " + found[1]
	case state.Installed && !is:
		state.Detail = "not loaded"
	}
}
