package install

import (
	"encoding/binary"
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode/utf16"

	"github.com/kardianos/service"
)

// taskText is the template of the logon task. A logon trigger and a principal
// without a user would be for every user, and only an administrator may ask for
// that. By default, a task ends after 72 hours and on battery power; this one does
// not.
//
// The task scheduler restarts only a task that it could not start, and not one whose
// program failed. So a second trigger starts the task every five minutes, without end,
// while the user is logged on; as long as the daemon runs, IgnoreNew leaves it alone.
// The trigger counts from a time in the past, so that it needs no logon first.
// Source: Microsoft, "Task Scheduler schema": restartType, repetitionType.
const taskText = `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>%[1]s</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>%[2]s</UserId>
    </LogonTrigger>
    <TimeTrigger>
      <Repetition>
        <Interval>PT5M</Interval>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
      <StartBoundary>2020-01-01T00:00:00</StartBoundary>
      <Enabled>true</Enabled>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>%[2]s</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>false</Hidden>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <WakeToRun>false</WakeToRun>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>7</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>%[3]s</Command>
      <Arguments>%[4]s</Arguments>
    </Exec>
  </Actions>
</Task>
`

// renderTask returns the task for a configuration, as UTF-16 with a byte order
// mark, because schtasks accepts nothing else. user is DOMAIN\name or a SID.
func renderTask(c *service.Config, user string) []byte {
	text := fmt.Sprintf(taskText, escapeXML(c.Description), escapeXML(user), escapeXML(c.Executable), escapeXML(logonArguments(c)))
	return encodeUTF16(strings.ReplaceAll(text, "\n", "\r\n"))
}

// logonArguments returns the arguments of the program that a logon starts. A task
// cannot set environment variables, so keyd logon takes them as arguments and
// becomes keyd run.
func logonArguments(c *service.Config) string {
	words := []string{"logon"}
	for _, v := range sortedVariables(c) {
		words = append(words, quoteWindows(v.String()))
	}
	return strings.Join(words, " ")
}

// quoteWindows quotes text as one argument for CommandLineToArgvW, where a
// backslash is an escape only before a quote.
func quoteWindows(text string) string {
	if text != "" && !strings.ContainsAny(text, " \t\"") {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, r := range text {
		switch r {
		case '\\':
			slashes++
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, 2*slashes+1))
		default:
			b.WriteString(strings.Repeat(`\`, slashes))
		}
		slashes = 0
		b.WriteRune(r)
	}
	b.WriteString(strings.Repeat(`\`, 2*slashes) + `"`)
	return b.String()
}

// parseProgram returns the path of the program in a task.
func (*task) parseProgram(definition []byte) string {
	found := regexp.MustCompile(`<Command>([^<]*)</Command>`).FindStringSubmatch(decodeUTF16(definition))
	if found == nil {
		return ""
	}
	return html.UnescapeString(strings.Trim(found[1], `"`))
}

// encodeUTF16 returns text as UTF-16 with a byte order mark.
func encodeUTF16(text string) []byte {
	data := []byte{0xff, 0xfe}
	for _, code := range utf16.Encode([]rune(text)) {
		data = binary.LittleEndian.AppendUint16(data, code)
	}
	return data
}

// decodeUTF16 decodes UTF-16 with a byte order mark, and returns other data
// unchanged.
func decodeUTF16(data []byte) string {
	if len(data) < 2 || data[0] != 0xff || data[1] != 0xfe {
		return string(data)
	}
	var codes []uint16
	for i := 2; i+1 < len(data); i += 2 {
		codes = append(codes, binary.LittleEndian.Uint16(data[i:]))
	}
	return string(utf16.Decode(codes))
}
