// Package shadow finds what outranks the AWS files: an exported AWS_ACCESS_KEY_ID. Every
// AWS tool takes the pair in its environment before the one in the files. A person who
// has exported a key once believes in a rotation whose result is not used.
//
// It looks at files that set the environment (of shells, direnv, PAM, systemd, launchd,
// PowerShell), at the environment of this process, at sessions that hand theirs on (tmux,
// screen, the systemd user manager), and at the running processes of this user. It starts
// no program, opens regular files only, and names variables, key ids, processes and
// lines; it never returns the value of a variable.
//
// # Where to find what
//
//	report.go           Find, and what it returns
//	remedy.go           the line that takes the place of an exported key
//	startfile.go        which files set the environment, and in which syntax
//	read.go             reads them, line by line, with the files that they source
//	assign.go           what a line assigns, in each syntax
//	plist.go            property lists of launchd
//	environ.go          the ids and variables in the environment of a process
//	process.go          the processes of this user, and which of them are sessions
//	process_linux.go    from /proc
//	process_darwin.go   from sysctl kern.procargs2
//	process_other.go    not looked at
//	procargs.go         the text that kern.procargs2 returns
//	registry_windows.go the environment that setx writes
//	registry_other.go   has none
//
// # What it cannot see
//
// /proc shows the environment with which a process was started. What tmux
// set-environment, systemctl --user set-environment or launchctl setenv have added later
// is in the programs that were started since, which are looked at, and in no file. Report.Unseen
// says so where it matters.
package shadow
