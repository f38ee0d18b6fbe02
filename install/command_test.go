package install

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRunCommandKeepsWhatAProgramSays starts real processes; every other test uses
// stand-ins for them.
func TestRunCommandKeepsWhatAProgramSays(t *testing.T) {
	skipOnWindows(t)
	bin := t.TempDir()
	script := "#!/bin/sh\n[ \"$1\" = fail ] || { echo \"$1 $KEYD_TEST\"; exit 0; }\necho out\n[ \"$2\" ] || { echo a >&2; echo '  b' >&2; }\nexit 3\n"
	if err := writeProgram(filepath.Join(bin, "manager"), script); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("KEYD_TEST", "own")
	for _, test := range []struct {
		env  []string
		args []string
		out  string
		err  string
	}{
		{nil, []string{"word"}, "word own\n", ""},
		{[]string{"KEYD_TEST=other"}, []string{"word"}, "word other\n", ""},
		{nil, []string{"fail"}, "out\n", "manager fail: a b (exit status 3)"},
		{nil, []string{"fail", "quietly"}, "out\n", "manager fail quietly: out (exit status 3)"},
	} {
		out, err := new(Host).runCommand(test.env, "manager", test.args...)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if out != test.out || text != test.err {
			t.Errorf("manager %s: printed %q, error %q; want %q, %q", strings.Join(test.args, " "), out, text, test.out, test.err)
		}
		exit, ok := errors.AsType[*exec.ExitError](err)
		if ok != (test.err != "") || ok && exit.ExitCode() != 3 {
			t.Errorf("manager %s: error %v does not hold the exit code", strings.Join(test.args, " "), err)
		}
	}
	if _, err := runCommand(nil, "no-such-manager"); !commandNotFound(err) {
		t.Errorf("error %v of a missing program is not recognised", err)
	}
}

// writeProgram writes a program. No process is forked meanwhile: it would hold the file open
// for writing until it starts its own program, and until then this one is "text file busy".
func writeProgram(path, text string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, []byte(text), 0o700)
}
