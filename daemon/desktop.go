package daemon

import (
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// desktop returns the command that shows words on the screen; none where there
// is no desktop to show them on.
func (o *outbox) desktop(words string, urgent bool) command {
	c := notification(runtime.GOOS, words, urgent)
	if len(c.argv) == 0 || runtime.GOOS == "linux" && !o.hasBus() {
		return command{}
	}
	if _, err := exec.LookPath(c.argv[0]); err != nil {
		return command{}
	}
	return c
}

// hasBus reports whether the session has a message bus, without which
// notify-send can only fail.
func (o *outbox) hasBus() bool {
	if o.getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	dir := o.getenv("XDG_RUNTIME_DIR")
	_, err := os.Stat(filepath.Join(dir, "bus"))
	return dir != "" && err == nil
}

// notification is the program of each system that shows words. They reach it as
// an argument or a variable, never as part of a script: profiles are named by
// whoever writes the file.
func notification(goos, words string, urgent bool) command {
	c := command{name: "notify", limit: desktopLimit, quietly: true}
	switch goos {
	case "linux":
		urgency := "normal"
		if urgent {
			urgency = "critical"
		}
		c.argv = []string{"notify-send", "--app-name=keyd", "--urgency=" + urgency, "--", "keyd", html.EscapeString(words)}
	case "darwin":
		script := `display notification (item 1 of argv) with title "keyd"`
		if urgent {
			script += ` sound name "Basso"`
		}
		c.argv = []string{"/usr/bin/osascript", "-e", "on run argv", "-e", script, "-e", "end run", "--", words}
	case "windows":
		c.argv = []string{"powershell.exe", "-NoProfile", "-NonInteractive", "-WindowStyle", "Hidden", "-Command", toast}
		c.env = []string{"KEYD_WORDS=" + words, "KEYD_SCENARIO=default"}
		if urgent {
			c.env[1] = "KEYD_SCENARIO=reminder"
		}
	}
	return c
}

// toast shows KEYD_WORDS in the name of PowerShell, the one sender that is
// registered on every Windows.
const toast = `$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$xml = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent([Windows.UI.Notifications.ToastTemplateType]::ToastText02)
$text = $xml.GetElementsByTagName('text')
$null = $text.Item(0).AppendChild($xml.CreateTextNode('keyd'))
$null = $text.Item(1).AppendChild($xml.CreateTextNode($env:KEYD_WORDS))
$xml.DocumentElement.SetAttribute('scenario', $env:KEYD_SCENARIO)
$sender = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\WindowsPowerShell\v1.0\powershell.exe'
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($sender).Show([Windows.UI.Notifications.ToastNotification]::new($xml))`
