package install

import (
	"encoding/xml"
	"fmt"
	"html"
	"regexp"
	"strings"

	"github.com/kardianos/service"
)

// agentText is the template of the LaunchAgent. Without LimitLoadToSessionType, an
// agent belongs to the session at the screen, and launchd does not load it for a user
// who comes by ssh: that is the session type Background.
// Source: launchd.plist(5), Apple TN2083.
//
// launchd restarts the agent when it fails, at most once in 10 s, for as long as it
// takes. An agent that ended by itself, because another daemon runs already, starts
// again after 15 minutes. An agent that was stopped is not loaded, and does neither.
//
// Standard error goes to a file in the state folder. The daemon keeps its own log, so
// that file holds only what a crash prints. Umask 63 is 0077.
const agentText = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>%[1]s</string>
	<key>ProgramArguments</key>
	<array>
%[2]s	</array>
%[3]s	<key>LimitLoadToSessionType</key>
	<array>
		<string>Aqua</string>
		<string>Background</string>
	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>StartInterval</key>
	<integer>900</integer>
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
