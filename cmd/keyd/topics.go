package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyd/cmd/keyd/layout"
	"keyd/daemon/settings"
	"keyd/daemon/state"
	"keyd/install"
)

// newTopics returns the help topics. They are made from the tables that the program
// itself uses.
func newTopics(a *app) []*cobra.Command {
	return []*cobra.Command{
		newTopic("settings", "what keyd.ini may contain", settingsTopic(a.term.settings, state.ManagedPath(a.root, a.goos))),
		newTopic("environment", "the variables that keyd reads", environmentTopic()),
		newTopic("exit-codes", "what the exit codes mean", exitTopic()),
		newTopic("safety", "what keyd never does, and how to go back", safetyTopic),
	}
}

func newTopic(name, short, long string) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, Long: strings.TrimSuffix(long, "\n")}
}

// settingsTopic describes every setting. path is that of keyd.ini, and managed that of an
// administrator's; "" if unknown.
func settingsTopic(path, managed string) string {
	var b strings.Builder
	b.WriteString("Every line of keyd.ini is optional. keyd config shows the settings in force.\n")
	if path != "" {
		b.WriteString("The file is " + path + "\n")
	}
	b.WriteString("\n")
	section := ""
	for _, s := range append(settings.Describe(settings.Default()), settings.DescribeSections()...) {
		if s.Section != section {
			section = s.Section
			b.WriteString("\n[" + section + "]\n")
		}
		writeSetting(&b, s)
	}
	b.WriteString(managedTopic(managed))
	b.WriteString("\nA duration is a number with s, m, h or d: 90m, 60d. A comment begins with ; or #\n" +
		"after a blank. What keyd does not understand, it refuses, with the line and the\n" +
		"nearest name; the service then keeps the last good settings.")
	return b.String()
}

// writeSetting writes the lines of one setting.
func writeSetting(b *strings.Builder, s settings.Described) {
	b.WriteString(strings.TrimRight(fmt.Sprintf("%-22s %s", s.Name, s.Standard), " ") + "\n")
	b.WriteString(fmt.Sprintf("%22s   %s\n", "", strings.Join(layout.Wrap(s.Doc, 54), "\n"+strings.Repeat(" ", 25))))
}

// managedTopic describes what an administrator may say for every user.
func managedTopic(path string) string {
	if path == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nManaged settings, for every user of the machine, are in\n" + path + "\n" +
		`An administrator writes that file. It may have all of the above but [link FILE], and
its values are the defaults of users who say nothing, and bounds for those who do:
ages and check_every at most, quarantine at least, overlap and prune_inactive_after
exactly. unused = rotate, notify = desktop, fleet_file = true and describe_keys =
true cannot be taken back; on_event, hooks and never_accounts of both files count. A
line of keyd.ini that is weaker has no effect: keyd config names it, with the line
that overrules it. Once an age is managed, users cannot exclude keys, unused = report
counts only in this file, and a max_age that it does not set is 90d at most. Only
this file may say:
` + "\n")
	for _, s := range settings.DescribeManaged() {
		writeSetting(&b, s)
	}
	return b.String()
}

// environmentTopic describes the variables that keyd reads.
func environmentTopic() string {
	var b strings.Builder
	b.WriteString("keyd install gives these to the service, as they are in the shell:\n\n")
	for _, v := range install.DescribeVariables() {
		b.WriteString(fmt.Sprintf("%s\n    %s\n", v.Name, v.Meaning))
	}
	b.WriteString(`
These matter to the terminal only:

NO_COLOR
    any value: print without colours

These are not used:

AWS_PROFILE
    keyd looks at every profile, because a key that no one selects gets old all
    the same. To choose, name the profile: keyd rotate PROFILE
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
    keyd signs only with the pairs that it reads from the files. Other tools
    prefer these variables to the files: where they hold a key that keyd
    replaces, those tools break when it is deactivated.
`)
	return b.String()
}

// exitTopic describes the exit codes.
func exitTopic() string {
	var b strings.Builder
	for _, c := range exitCodes {
		b.WriteString(fmt.Sprintf("%4d  %s\n", c.code, strings.Join(layout.Wrap(strings.ReplaceAll(c.meaning, "`", ""), 72), "\n      ")))
	}
	return b.String()
}

const safetyTopic = `What keyd never does:

  It never locks you out. Whatever crashes, and whenever, the file holds a pair
  that AWS accepts wherever it accepted the old one. A new key goes into the
  file only after AWS has accepted it five times in a row at every endpoint.
  It never touches a key that it did not create, other than the one that it
  replaces, unless you name that key.
  It changes no other byte of your files. A file that only some AWS tools read
  as keyd does is left alone, and you are told the line.
  It overwrites no key that someone else has put into the file meanwhile.
  It sends a secret to AWS only, and prints or logs none.

How to go back:

  while both keys work     keyd hold PROFILE pauses the rotation; both stay
  once the old key is off  keyd hold PROFILE makes the old key usable again
  if the new key is dead   keyd hold PROFILE puts the old pair into the file
  never for this profile   rotate = never below [profile PROFILE] in keyd.ini

Both secrets stay in the state folder, readable by you alone, until the old key
is deleted. keyd history shows each step, with AWS's request id.
`
