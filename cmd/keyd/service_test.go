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

// keydOnMac is keyd as it runs on a Mac, for a user who is not root. What
// launchd would do is made up by launchctl below, so the stories are about what
// a person sees; the real thing is tested in package install.
func keydOnMac() {
	os.Exit(executeKeyd(os.Args[1:], process{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, goos: "darwin", now: time.Now,
		host: func() (install.Host, error) {
			return install.Host{
				GOOS: "darwin", Getenv: getenvOnMac, Home: os.Getenv("HOME"), UID: "501", Login: "alice",
				Executable: "/bin/sh", Argv0: "sh", // any program that is there to stay
			}, nil
		},
	}))
}

// getenvOnMac hides the folder of the test's commands: its link to /bin/sh, if
// any, is not there to stay.
func getenvOnMac(name string) string {
	if name == "PATH" {
		return "/bin"
	}
	return os.Getenv(name)
}

// launchctl is a launchd with one agent. It writes down what it is asked to do,
// in $HOME/launchctl.
func launchctl() {
	loaded := filepath.Join(os.Getenv("HOME"), "loaded")
	code := 0
	switch args := os.Args[1:]; args[0] {
	case "print":
		if _, err := os.Stat(loaded); err != nil && strings.Contains(args[1], "local.keyd-aws") {
			code = 113
		}
	case "bootstrap":
		code = failed(os.WriteFile(loaded, nil, 0o600))
	case "bootout":
		code = failed(os.Remove(loaded))
	}
	if !strings.HasPrefix(os.Args[1], "print") {
		f, err := os.OpenFile(filepath.Join(os.Getenv("HOME"), "launchctl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = fmt.Fprintln(f, strings.Join(os.Args[1:], " "))
		}
		code = max(code, failed(err))
	}
	os.Exit(code)
}

func failed(err error) int {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	return 1
}
