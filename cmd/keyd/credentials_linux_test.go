package main

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openScreen opens a new pseudo-terminal and returns the side on which programs print, and
// the one on which their screen appears.
func openScreen(t *testing.T) (program, screen *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("left out: no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return program, screen
}

// TestCredentialsRefusesATerminal tries one that calls itself dumb as well.
func TestCredentialsRefusesATerminal(t *testing.T) {
	for _, kind := range []string{"xterm", "dumb"} {
		p, _, errs := handoutProcess(t, handoutHome(t))
		program, screen := openScreen(t)
		p.out = program
		getenv := p.getenv
		p.getenv = func(name string) string {
			if name == "TERM" {
				return kind
			}
			return getenv(name)
		}
		exit := executeKeyd([]string{"credentials", "work-key"}, p)
		if exit != exitUsage || !strings.Contains(errs.String(), "standard output is a terminal: nothing was printed") || !strings.Contains(errs.String(), "keyd: hint: write it into ~/.aws/config as credential_process") {
			t.Errorf("TERM=%s: exit code %d: %s", kind, exit, errs)
		}
		if n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCINQ); err != nil || n != 0 {
			t.Errorf("TERM=%s: %d bytes appeared on the screen, %v", kind, n, err)
		}
	}
}
