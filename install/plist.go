package install

import (
	"encoding/xml"
	"fmt"
	"html"
	"regexp"
	"strings"

	"github.com/kardianos/service"
)

// agentText is a LaunchAgent. launchd starts it again when it fails, not when it
// has been told to end, and never more often than every 10 s. Standard error
// goes to a file in the state folder: the daemon keeps its own log, so only what
// a crash prints gets there. Umask 63 is 0077.
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

// renderAgent fills the LaunchAgent in. errors is the file for what a crash
// prints.
func renderAgent(c *service.Config, errors string) []byte {
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
	return fmt.Appendf(nil, agentText, agentLabel, args.String(), env.String(), escapeXML(errors))
}

// escapeXML makes text safe inside an XML element.
func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}

// agentProgram reads the program back.
func agentProgram(definition []byte) string {
	found := regexp.MustCompile(`(?s)<key>ProgramArguments</key>\s*<array>\s*<string>(.*?)</string>`).FindSubmatch(definition)
	if found == nil {
		return ""
	}
	return html.UnescapeString(string(found[1]))
}
