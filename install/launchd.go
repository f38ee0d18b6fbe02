package install

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kardianos/service"

	"keyd/credfile/atomicfile"
)

// launchdSystem is launchd, in the domain of one user.
func launchdSystem(h *Host) loginSystem {
	return loginSystem{
		host: h, platform: "launchd (user agent)",
		detect: func() bool {
			_, err := exec.LookPath("launchctl")
			return h.GOOS == "darwin" && err == nil
		},
		create: func(b baseService) loginService {
			return &agent{baseService: b, pollEvery: 100 * time.Millisecond}
		},
	}
}

// agent is the LaunchAgent local.keyd-aws.
type agent struct {
	baseService
	pollEvery time.Duration // how long to wait before asking again whether launchd has unloaded the agent
}

// definitionPath returns the path of the plist.
func (a *agent) definitionPath() string {
	return a.host.homePath("Library", "LaunchAgents", agentLabel+".plist")
}

// crashLog returns the path of the file for what a crash prints.
func (a *agent) crashLog() string { return filepath.Join(a.host.StateDir, "stderr.log") }

func (a *agent) launchctl(args ...string) (string, error) {
	return a.host.runCommand(nil, "launchctl", args...)
}

// domains returns those domains of the user that launchd has now: gui/UID while the
// user is logged in at the screen, and user/UID, which is also there in an ssh session.
// The one in which an agent should be loaded comes first. launchd itself loads the
// agent in both of them, each when it begins: the second daemon sees the first and
// ends.
func (a *agent) domains() ([]string, error) {
	var found []string
	var missing error
	for _, domain := range []string{"gui/" + a.host.UID, "user/" + a.host.UID} {
		if _, err := a.launchctl("print", domain); err != nil {
			missing = err
			continue
		}
		found = append(found, domain)
	}
	if len(found) == 0 {
		return nil, refuse("log in at the screen and try again", "launchd has no session of this user (%v): nothing was changed", missing)
	}
	return found, nil
}

// printAgent returns what launchctl prints about the agent, and whether launchd
// has loaded it.
func (a *agent) printAgent(domain string) (printed string, loaded bool) {
	printed, err := a.launchctl("print", domain+"/"+agentLabel)
	return printed, err == nil
}

// findAgent returns the domain in which the agent runs, or else the first one in which
// it is loaded, with what launchctl prints about it there. It returns "" when the agent
// is loaded in none.
func (a *agent) findAgent(domains []string) (domain, printed string) {
	for _, d := range domains {
		p, loaded := a.printAgent(d)
		switch {
		case loaded && agentPID().MatchString(p):
			return d, p
		case loaded && domain == "":
			domain, printed = d, p
		}
	}
	return domain, printed
}

// Install writes the plist and loads it, which also starts the agent. It enables
// an agent that a person has switched off in System Settings: that person now
// asks for it.
func (a *agent) Install() error {
	domains, err := a.domains()
	if err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(atomicfile.OS{}, a.host.StateDir, 0o700); err != nil {
		return err
	}
	was, _ := a.findAgent(domains)
	undo, err := placeDefinition(a.definitionPath(), renderAgent(a.Config, a.crashLog()))
	if err != nil {
		return err
	}
	if err := a.loadAgent(domains); err != nil {
		return a.rollBack(err, domains, undo, was)
	}
	return nil
}

func (a *agent) loadAgent(domains []string) error {
	if err := a.unloadEverywhere(domains); err != nil {
		return err
	}
	if _, err := a.launchctl("enable", domains[0]+"/"+agentLabel); err != nil {
		return err
	}
	return a.bootstrap(domains[0])
}

// bootstrap has launchd load the agent, which also starts it.
func (a *agent) bootstrap(domain string) error {
	_, err := a.launchctl("bootstrap", domain, a.definitionPath())
	return err
}

// unloadEverywhere has launchd unload the agent in every domain, and waits until it
// has.
func (a *agent) unloadEverywhere(domains []string) error {
	for _, domain := range domains {
		if err := a.unloadAgent(domain); err != nil {
			return err
		}
	}
	return nil
}

// unloadAgent has launchd unload the agent, and waits until it has. bootout
// returns earlier, and a bootstrap that comes too early fails with
// "5: Input/output error".
func (a *agent) unloadAgent(domain string) error {
	if _, loaded := a.printAgent(domain); !loaded {
		return nil
	}
	_, failed := a.launchctl("bootout", domain+"/"+agentLabel)
	for end := time.Now().Add(commandTimeout); time.Now().Before(end); time.Sleep(a.pollEvery) {
		if _, loaded := a.printAgent(domain); !loaded {
			return nil
		}
		if failed != nil && !strings.Contains(failed.Error(), "in progress") {
			return failed
		}
	}
	return fmt.Errorf("launchd still has %s loaded %s after bootout", agentLabel, commandTimeout)
}

// rollBack undoes a failed installation. It returns err, and what is left of the
// installation. was is the domain in which launchd had loaded an older agent, "" for
// none.
func (a *agent) rollBack(err error, domains []string, undo func() (bool, error), was string) error {
	unloaded := a.unloadEverywhere(domains)
	before, undone := undo()
	if before && was != "" && unloaded == nil && undone == nil {
		undone = a.bootstrap(was)
	}
	if undone != nil || unloaded != nil {
		return errors.Join(err, unloaded, undone)
	}
	return errors.Join(err, describeLeftover(before))
}

// Uninstall stops the agent and removes the plist and the crash log.
func (a *agent) Uninstall() error {
	if err := a.Stop(); err != nil {
		return err
	}
	if err := removeFile(a.definitionPath()); err != nil {
		return err
	}
	return removeFile(a.crashLog())
}

// Start starts the agent. It first loads an agent that was stopped.
func (a *agent) Start() error { return a.startAgent() }

// Restart ends the agent if it runs, and starts it.
func (a *agent) Restart() error { return a.startAgent("-k") }

func (a *agent) startAgent(flags ...string) error {
	domains, err := a.domains()
	if err != nil {
		return err
	}
	domain, _ := a.findAgent(domains)
	if domain == "" {
		return a.bootstrap(domains[0])
	}
	_, err = a.launchctl(append(append([]string{"kickstart"}, flags...), domain+"/"+agentLabel)...)
	return err
}

// Stop unloads the agent, because launchd may start a loaded one again. The plist
// stays, so the next login loads the agent.
func (a *agent) Stop() error {
	domains, err := a.domains()
	if err != nil {
		return err
	}
	return a.unloadEverywhere(domains)
}

// Status returns StatusRunning while the agent has a process.
func (a *agent) Status() (service.Status, error) { return statusOf(a) }

var (
	agentPID      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\tpid = (\d+)$`) })
	agentExitCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\tlast exit code = (.+)$`) })
)

// queryState parses the output of launchctl print. Apple does not promise its
// format, so queryState leaves fields empty when it does not find them.
func (a *agent) queryState(state *State) error {
	domains, err := a.domains()
	if err != nil {
		return err
	}
	disabled, _ := a.launchctl("print-disabled", domains[0])
	off := regexp.MustCompile(`"` + regexp.QuoteMeta(agentLabel) + `" => (disabled|true)`).MatchString(disabled)
	domain, printed := a.findAgent(domains)
	loaded := domain != ""
	state.Installed = state.Installed || loaded
	state.Enabled = state.Installed && !off
	if found := agentPID().FindStringSubmatch(printed); loaded && found != nil {
		state.Running = true
		state.PID, _ = strconv.Atoi(found[1])
		return nil
	}
	switch found := agentExitCode().FindStringSubmatch(printed); {
	case off:
		state.Detail = "switched off in System Settings, Login Items"
	case found != nil:
		state.Detail = "last exit code " + found[1]
	case state.Installed && !loaded:
		state.Detail = "not loaded"
	}
	return nil
}
