package main

import (
	"os"
	"time"

	"keyd/install"
)

// keydOnMac runs keyd as on a Mac, for a user who is not root. The program launchctl
// below imitates launchd, so the stories test only what a person sees; package install
// tests the rest.
func keydOnMac() {
	os.Exit(executeKeyd(os.Args[1:], process{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, goos: "darwin", now: time.Now, hurry: true,
		host: func() (install.Host, error) {
			return install.Host{
				GOOS: "darwin", Getenv: getenvOnMac, Home: os.Getenv("HOME"), UID: "501", Login: "alice",
				Executable: "/bin/sh", Argv0: "sh", // any program with a permanent path
			}, nil
		},
	}))
}

// getenvOnMac hides the folder of the test's commands from PATH: a link to /bin/sh in it
// would not be a permanent path.
func getenvOnMac(name string) string {
	if name == "PATH" {
		return "/bin"
	}
	return os.Getenv(name)
}

// launchctl imitates a launchd with one agent. It writes the commands it gets to
// $HOME/launchctl. It is a shell script, since a shell starts in a tenth of the time of
// the test program.
const launchctl = `#!/bin/sh
code=0
case $1 in
print)
	case $2 in *local.keyd-aws*) [ -e "$HOME/loaded" ] || code=113 ;; esac
	exit $code
	;;
bootstrap) : >"$HOME/loaded" || code=1 ;;
bootout) rm -f "$HOME/loaded" || code=1 ;;
esac
echo "$*" >>"$HOME/launchctl" || code=1
exit $code
`
