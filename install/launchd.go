package install

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html"
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

func launchctl(args ...string) (string, error) { return runCommand("launchctl", args...) }

// sessionDomain returns the domain of the agents in this session: gui/UID at a
// screen, user/UID in an ssh session of a user who is not logged in at the
// screen.
func (a *agent) sessionDomain() (string, error) {
	gui := "gui/" + a.host.UID
	if _, err := launchctl("print", gui); err == nil {
		return gui, nil
	}
	background := "user/" + a.host.UID
	if _, err := launchctl("print", background); err != nil {
		return "", refuse("log in at the screen and try again", "launchd has no session of this user (%v): nothing was changed", err)
	}
	return background, nil
}

// printAgent returns what launchctl prints about the agent, and whether launchd
// has loaded it.
func printAgent(domain string) (printed string, loaded bool) {
	printed, err := launchctl("print", domain+"/"+agentLabel)
	return printed, err == nil
}

// Install writes the plist and loads it, which also starts the agent. It enables
// an agent that a person has switched off in System Settings: that person now
// asks for it.
func (a *agent) Install() error {
	domain, err := a.sessionDomain()
	if err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(atomicfile.OS{}, a.host.StateDir, 0o700); err != nil {
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

// unloadAgent has launchd unload the agent, and waits until it has. bootout
// returns earlier, and a bootstrap that comes too early fails with
// "5: Input/output error".
func (a *agent) unloadAgent(domain string) error {
	if _, loaded := printAgent(domain); !loaded {
		return nil
	}
	_, failed := launchctl("bootout", domain+"/"+agentLabel)
	for end := time.Now().Add(commandTimeout); time.Now().Before(end); time.Sleep(a.pollEvery) {
		if _, loaded := printAgent(domain); !loaded {
			return nil
		}
		if failed != nil && !strings.Contains(failed.Error(), "in progress") {
			return failed
		}
	}
	return fmt.Errorf("launchd still has %s loaded %s after bootout", agentLabel, commandTimeout)
}

// rollBack undoes a failed installation. It returns err, and what is left of the
// installation. was says whether launchd had loaded an older agent.
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
	domain, err := a.sessionDomain()
	if err != nil {
		return err
	}
	if _, loaded := printAgent(domain); !loaded {
		_, err := launchctl("bootstrap", domain, a.definitionPath())
		return err
	}
	_, err = launchctl(append(append([]string{"kickstart"}, flags...), domain+"/"+agentLabel)...)
	return err
}

// Stop unloads the agent, because launchd may start a loaded one again. The plist
// stays, so the next login loads the agent.
func (a *agent) Stop() error {
	domain, err := a.sessionDomain()
	if err != nil {
		return err
	}
	return a.unloadAgent(domain)
}

// Status returns StatusRunning while the agent has a process.
func (a *agent) Status() (service.Status, error) { return statusOf(a) }

var (
	agentPID      = regexp.MustCompile(`(?m)^\tpid = (\d+)$`)
	agentExitCode = regexp.MustCompile(`(?m)^\tlast exit code = (.+)$`)
)

// queryState parses the output of launchctl print. Apple does not promise its
// format, so queryState leaves fields empty when it does not find them.
func (a *agent) queryState(state *State) error {
	domain, err := a.sessionDomain()
	if err != nil {
		return err
	}
	disabled, _ := launchctl("print-disabled", domain)
	off := regexp.MustCompile(`"` + regexp.QuoteMeta(agentLabel) + `" => (disabled|true)`).MatchString(disabled)
	printed, loaded := printAgent(domain)
	state.Installed = state.Installed || loaded
	state.Enabled = state.Installed && !off
	if found := agentPID.FindStringSubmatch(printed); loaded && found != nil {
		state.Running = true
		state.PID, _ = strconv.Atoi(found[1])
		return nil
	}
	switch found := agentExitCode.FindStringSubmatch(printed); {
	case off:
		state.Detail = "switched off in System Settings, Login Items"
	case found != nil:
		state.Detail = "last exit code " + found[1]
	case state.Installed && !loaded:
		state.Detail = "not loaded"
	}
	return nil
}

// agentText is the template of the LaunchAgent. launchd restarts the agent when
// it fails, but not when it was asked to end, and at most once in 10 s. Standard
// error goes to a file in the state folder. The daemon keeps its own log, so that
// file holds only what a crash prints. Umask 63 is 0077.
const agentText = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>%[1]s</string>
	<key>ProgramArguments</key>
	<array>
%[2]s	</array>
%[3]s	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>10</integer>
	<key>ExitTimeOut</key>
	<integer>60</integer>
	<key>ProcessType</key>
	<string>Background</string>
	<key>LowPriorityIO</key>
	<true/>
	<key>Umask</key>
	<integer>63</integer>
	<key>HardResourceLimits</key>
	<dict>
		<key>Core</key>
		<integer>0</integer>
	</dict>
	<key>StandardOutPath</key>
	<string>/dev/null</string>
	<key>StandardErrorPath</key>
	<string>%[4]s</string>
</dict>
</plist>
`

// renderAgent returns the LaunchAgent for a configuration. crashLog is the path
// of the file for what a crash prints.
func renderAgent(c *service.Config, crashLog string) []byte {
	var args, env strings.Builder
	for _, arg := range append([]string{c.Executable}, c.Arguments...) {
		fmt.Fprintf(&args, "\t\t<string>%s</string>\n", escapeXML(arg))
	}
	if len(c.EnvVars) > 0 {
		env.WriteString("\t<key>EnvironmentVariables</key>\n\t<dict>\n")
		for _, v := range sortedVariables(c) {
			fmt.Fprintf(&env, "\t\t<key>%s</key>\n\t\t<string>%s</string>\n", escapeXML(v.Name), escapeXML(v.Value))
		}
		env.WriteString("\t</dict>\n")
	}
	return fmt.Appendf(nil, agentText, agentLabel, args.String(), env.String(), escapeXML(crashLog))
}

// escapeXML makes text safe inside an XML element.
func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder never fails
	return b.String()
}

// parseProgram returns the path of the program in a plist.
func (*agent) parseProgram(definition []byte) string {
	found := regexp.MustCompile(`(?s)<key>ProgramArguments</key>\s*<array>\s*<string>(.*?)</string>`).FindSubmatch(definition)
	if found == nil {
		return ""
	}
	return html.UnescapeString(string(found[1]))
}
