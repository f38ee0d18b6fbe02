package install

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kardianos/service"
)

// unitText is a user unit. What differs from the default of kardianos/service:
// default.target, the one that a user manager has; a restart after 5 s and not
// after 2 minutes; quotes, so that a path may hold blanks and percent signs; no
// Condition line, which would make a program that is missing for a moment look
// like a success.
//
// The sandbox is what a user manager can do everywhere. Mount options
// (ProtectSystem, PrivateTmp and so on) do nothing at all in it before systemd
// 257 and keep the unit from starting where user namespaces are forbidden;
// MemoryDenyWriteExecute and SystemCallFilter break the programs that on_event
// starts, which inherit them.
const unitText = `[Unit]
Description=%[1]s
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
ExecStart=%[2]s
Restart=on-failure
RestartSec=5
WatchdogSec=120
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
MemoryMax=256M
TasksMax=64
Nice=5

[Install]
WantedBy=default.target
`

// renderUnit fills the unit in.
func renderUnit(c *service.Config) []byte {
	var start, env strings.Builder
	start.WriteString(quoteUnit(c.Executable))
	for _, arg := range c.Arguments {
		start.WriteString(" " + strings.ReplaceAll(quoteUnit(arg), "$", "$$"))
	}
	for _, v := range sortedVariables(c) {
		fmt.Fprintf(&env, "Environment=%s\n", quoteUnit(v.String()))
	}
	return fmt.Appendf(nil, unitText, c.Description, start.String(), env.String())
}

// quoteUnit makes one word of systemd's of any text without control characters.
// The path of a program knows no $VARIABLES, its arguments do.
func quoteUnit(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(text) + `"`
}

// unitProgram reads the program back.
func unitProgram(definition []byte) string {
	found := regexp.MustCompile(`(?m)^ExecStart="((?:[^"\\]|\\.)*)"`).FindSubmatch(definition)
	if found == nil {
		return ""
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `%%`, `%`).Replace(string(found[1]))
}
