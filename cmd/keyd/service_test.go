package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"keyd/install"
)

// keydOnMac runs keyd as on a Mac, for a user who is not root. The program launchctl
// below imitates launchd, so the stories test only what a person sees; package install
// tests the rest.
func keydOnMac() {
	os.Exit(executeKeyd(os.Args[1:], process{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, goos: "darwin", now: time.Now,
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
// $HOME/launchctl.
func launchctl() {
	loaded := filepath.Join(os.Getenv("HOME"), "loaded")
	code := 0
	switch args := os.Args[1:]; args[0] {
	case "print":
		if _, err := os.Stat(loaded); err != nil && strings.Contains(args[1], "local.keyd-aws") {
			code = 113
		}
	case "bootstrap":
		code = exitStatus(os.WriteFile(loaded, nil, 0o600))
	case "bootout":
		code = exitStatus(os.Remove(loaded))
	}
	if !strings.HasPrefix(os.Args[1], "print") {
		f, err := os.OpenFile(filepath.Join(os.Getenv("HOME"), "launchctl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = fmt.Fprintln(f, strings.Join(os.Args[1:], " "))
		}
		code = max(code, exitStatus(err))
	}
	os.Exit(code)
}

func exitStatus(err error) int {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	return 1
}
