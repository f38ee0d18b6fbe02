package notify

import (
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Desktop returns the program that shows words as a desktop notification, or a Program
// without Argv when there is no desktop.
func (o *Outbox) Desktop(words string, urgent bool) Program {
	c := desktopProgram(runtime.GOOS, words, urgent)
	if len(c.Argv) == 0 || runtime.GOOS == "linux" && !o.hasSessionBus() {
		return Program{}
	}
	if _, err := exec.LookPath(c.Argv[0]); err != nil {
		return Program{}
	}
	return c
}

// hasSessionBus reports whether the session has a message bus. Without one notify-send
// always fails.
func (o *Outbox) hasSessionBus() bool {
	if o.getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	dir := o.getenv("XDG_RUNTIME_DIR")
	_, err := os.Stat(filepath.Join(dir, "bus"))
	return dir != "" && err == nil
}

// desktopProgram returns the program that shows words on the operating system goos. It
// passes words as an argument or a variable, never as part of a script, because they
// contain profile names and anyone who writes the credentials file chooses those.
func desktopProgram(goos, words string, urgent bool) Program {
	c := Program{Name: "notify", Limit: desktopLimit, IgnoreFailure: true}
	switch goos {
	case "linux":
		urgency := "normal"
		if urgent {
			urgency = "critical"
		}
		c.Argv = []string{"notify-send", "--app-name=keyd", "--urgency=" + urgency, "--", "keyd", html.EscapeString(words)}
	case "darwin":
		script := `display notification (item 1 of argv) with title "keyd"`
		if urgent {
			script += ` sound name "Basso"`
		}
		c.Argv = []string{"/usr/bin/osascript", "-e", "on run argv", "-e", script, "-e", "end run", "--", words}
	case "windows":
		c.Argv = []string{"powershell.exe", "-NoProfile", "-NonInteractive", "-WindowStyle", "Hidden", "-Command", toastScript}
		c.Env = []string{"KEYD_WORDS=" + words, "KEYD_SCENARIO=default"}
		if urgent {
			c.Env[1] = "KEYD_SCENARIO=reminder"
		}
	}
	return c
}

// toastScript shows KEYD_WORDS under the name of PowerShell, the only sender that is
// registered on every Windows.
const toastScript = `$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$xml = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent([Windows.UI.Notifications.ToastTemplateType]::ToastText02)
$text = $xml.GetElementsByTagName('text')
$null = $text.Item(0).AppendChild($xml.CreateTextNode('keyd'))
$null = $text.Item(1).AppendChild($xml.CreateTextNode($env:KEYD_WORDS))
$xml.DocumentElement.SetAttribute('scenario', $env:KEYD_SCENARIO)
$sender = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\WindowsPowerShell\v1.0\powershell.exe'
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($sender).Show([Windows.UI.Notifications.ToastNotification]::new($xml))`
