package install

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/kardianos/service"
)

// unitText is the template of the user unit. It differs from the one of
// kardianos/service: it uses default.target, which is the one that a user manager
// has; it restarts the daemon for as long as it takes, at first within seconds instead of
// 2 minutes, but not when another daemon runs already; its quotes allow
// blanks and percent signs in a path; and it has no Condition line, because a
// program that is missing for a moment would then look like a success.
//
// The sandbox holds what a user manager can do everywhere. Mount options
// (ProtectSystem, PrivateTmp and so on) have no effect in a user manager before
// systemd 257, and keep the unit from starting where user namespaces are
// forbidden. MemoryDenyWriteExecute and SystemCallFilter would break the programs
// that on_event and hooks start, which inherit them. Memory and tasks are also for these
// programs: kubectl or the CLI of a cloud takes more of both than keyd. One that takes too
// much is killed, and the daemon continues.
const unitText = `[Unit]
Description=%[1]s
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart=%[2]s
Restart=on-failure
RestartPreventExitStatus=%[4]d
%[5]sWatchdogSec=120
TimeoutStopSec=60
%[3]sUMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
LimitCORE=0
MemoryMax=1G
TasksMax=512
OOMPolicy=continue
Nice=5

[Install]
WantedBy=default.target
`

// How long systemd waits before it restarts the daemon. Without an end, 5 s would
// be too often for a daemon that fails every time, so the delay grows to five minutes.
// It is short again after a start or a restart by a person, a login or a boot, and not
// before. A manager before version 254 does not know how to let it grow.
const (
	growingDelay  = "RestartSec=5\nRestartSteps=6\nRestartMaxDelaySec=300\n"
	constantDelay = "RestartSec=30\n"
	growingSince  = 254
)

// renderUnit returns the unit for a configuration and a version of systemd, which
// may be 0 for one that is not known.
func renderUnit(c *service.Config, version int) []byte {
	delay := constantDelay
	if version >= growingSince {
		delay = growingDelay
	}
	var start strings.Builder
	start.WriteString(quoteUnit(c.Executable))
	for _, arg := range c.Arguments {
		start.WriteString(" " + strings.ReplaceAll(quoteUnit(arg), "$", "$$"))
	}
	return fmt.Appendf(nil, unitText, c.Description, start.String(), renderVariables(c), ExitAlreadyRunning, delay)
}

// renderVariables returns the lines of a unit with the environment of a configuration.
func renderVariables(c *service.Config) string {
	var env strings.Builder
	for _, v := range sortedVariables(c) {
		fmt.Fprintf(&env, "Environment=%s\n", quoteUnit(v.String()))
	}
	return env.String()
}

// quoteUnit quotes any text without control characters as one word of a unit.
// systemd expands $VARIABLES in the arguments of a program, but not in its path,
// so renderUnit escapes dollar signs in arguments only.
func quoteUnit(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(text) + `"`
}

// parseProgram returns the path of the program in a unit. A drop-in names none: then it is
// that of the package's unit, or the one that the package had.
func (u *unit) parseProgram(definition []byte) string {
	if program := parseStart(definition); program != "" || !bytes.HasPrefix(definition, []byte(dropInHeader)) {
		return program
	}
	if _, program := u.packagedUnit(); program != "" {
		return program
	}
	return u.host.root + packagedProgram
}

// parseStart returns the path of the program in a unit, "" if the unit names none.
func parseStart(definition []byte) string {
	found := regexp.MustCompile(`(?m)^ExecStart="((?:[^"\\]|\\.)*)"`).FindSubmatch(definition)
	if found == nil {
		return ""
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `%%`, `%`).Replace(string(found[1]))
}
