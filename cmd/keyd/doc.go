// Keyd replaces the access keys in ~/.aws/credentials before they get old,
// without ever locking their owner out.
//
// This package is what a person types and sees: it turns a command line into one call of the
// packages below daemon, credfile and install, and prints what comes back. It decides nothing
// about keys. A command has a file of its name, with the cobra command at its top; files that
// belong to one command begin with its name.
//
// Where to find what:
//
//	main.go                what a command gets from outside, and its start
//	app.go                 app, which the commands are methods of, and where the files are
//	root.go                the list of the commands
//	exit.go                the exit codes, and how an error ends a command
//	signals.go             Ctrl-C, SIGTERM, SIGHUP, and a reader that has gone
//	usage.go, topics.go    help, and its topics
//	suggest.go             what was probably meant by a misspelt word
//	complete.go            what the shell offers at Tab
//	name.go, version.go    what the program is called, and which one it is
//	man.go                 the man pages, for the packages
//	owners.go              whose home and state folders these are
//	dump_*.go              no secret in a core dump
//
// What a person looks at:
//
//	status.go              keyd status
//	status_report.go       what it shows, as a table or as JSON
//	status_lines.go        a line for each key, and for each rotation that no file shows
//	status_links.go        the linked files of a key
//	status_warnings.go     what is wrong in the AWS files
//	status_details.go      below the table: why a key needs a person, and what helps
//	status_summary.go      how many keys stand how
//	status_watch.go        --watch
//	status_prompt.go       --format prompt
//	status_fleet.go        --format fleet, --format prometheus
//	table*.go              the table of keys, which other commands print as well
//	explain*.go            keyd explain: one key, its life, and what to do
//	keyid.go               which key a typed id means
//	history.go, logs.go    what keyd did
//	evidence*.go           keyd report
//	where*.go              keyd where: the places in which a key stands
//	doctor*.go             keyd doctor
//	config.go              keyd config
//	policy*.go             keyd policy: what IAM must allow
//
// What a person does:
//
//	rotate.go              keyd rotate
//	rotate_narrator.go     tells what a pass does while it does it
//	rotate_preview.go      --dry-run: what happens afterwards
//	rotate_closing.go      the last line about a key
//	rotate_tally.go        the last line about all keys
//	keyless.go             files without any key to rotate
//	mfa.go                 who gives MFA codes
//	retire.go, prune.go    how an old or a second key ends
//	hold.go, resume.go     a rotation that waits for a person
//	credentials.go         keyd credentials, which hands a key to programs
//	credentials_setup.go   the profile that calls it
//	link.go, hook.go       other files and programs that follow a rotation
//	demo*.go               keyd demo: a home, a clock and an AWS of its own
//
// The service:
//
//	run.go                 keyd run, and the daemon's log
//	install.go             keyd install, with a preview
//	uninstall.go           keyd uninstall
//	service.go             keyd start, stop, restart
//	background.go          is a daemon running, and is it this keyd
//
// The screen. How text fits into lines is in layout.
//
//	terminal.go            terminal, the only one who prints
//	terminal_screen.go     lines and screens that are redrawn
//	terminal_ask.go        questions
//	terminal_busy.go       what keyd waits for
//	terminal_colour.go     colours
//	terminal_paragraph.go  sentences
//	terminal_*.go          what a console has to be told
//	jobs_*.go              Ctrl-Z
//	text.go                times and names in words
package main
