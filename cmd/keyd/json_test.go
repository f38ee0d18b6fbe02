package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/deeptest"
)

// jsonCommands are the commands that print JSON for programs.
var jsonCommands = []string{
	"status --json", "status --json --needs-me", "status --format fleet", "history --json", "where --json", "doctor --json --offline --no-search",
	"config --json", "report --format json", "report --verify --offline --format json",
}

// harms are what may be wrong while a program asks. Each one changes a home in which all is
// well.
var harms = map[string]func(home string) error{
	"nothing is wrong":  func(string) error { return nil },
	"no AWS files":      func(home string) error { return os.RemoveAll(filepath.Join(home, ".aws")) },
	"credentials empty": func(home string) error { return os.WriteFile(filepath.Join(home, ".aws", "credentials"), nil, 0o600) },
	"credentials are no text": func(home string) error {
		return os.WriteFile(filepath.Join(home, ".aws", "credentials"), []byte("\x00\xff[a\x1b[31m]\nx"), 0o600)
	},
	"credentials are a folder": func(home string) error {
		path := filepath.Join(home, ".aws", "credentials")
		if err := os.Remove(path); err != nil {
			return err
		}
		return os.Mkdir(path, 0o700)
	},
	"a mistake in keyd.ini": func(home string) error {
		return os.WriteFile(filepath.Join(home, "keyd.ini"), []byte("overlop = 3d\n"), 0o600)
	},
	"the state folder is a file": func(home string) error { return os.WriteFile(filepath.Join(home, "state"), nil, 0o600) },
	"a damaged status": func(home string) error {
		return writeState(home, "status.json", "{\"version\": 1, \"keys\": [{")
	},
	"a damaged history":     func(home string) error { return writeState(home, "history.jsonl", "{\"did\": \"created\"\n\n}}\n") },
	"a history of a folder": func(home string) error { return os.MkdirAll(filepath.Join(home, "state", "history.jsonl"), 0o700) },
}

func writeState(home, name, text string) error {
	if err := os.MkdirAll(filepath.Join(home, "state"), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(home, "state", name), []byte(text), 0o600)
}

// TestJSONIsWholeOrAbsent: whatever is wrong, a program that reads standard output gets one
// JSON object, or nothing and an exit code. What went wrong is on standard error.
func TestJSONIsWholeOrAbsent(t *testing.T) {
	printed := map[string]bool{}
	for name, harm := range harms {
		home := deeptest.Folder(t)
		text := "[default]\naws_access_key_id = AKIAY34FZKBOKMUTVV7A\naws_secret_access_key = aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb\n"
		if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, ".aws", "credentials"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := harm(home); err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) { // keyd waits until no program is writing the file
			for _, line := range jsonCommands {
				for _, more := range []string{"", " nobody", " --nothing", " interrupted"} {
					checkJSON(t, home, name, line, more, printed)
				}
			}
		})
	}
	for _, line := range jsonCommands {
		if !printed[line] {
			t.Errorf("keyd %s never printed JSON", line)
		}
	}
}

// checkJSON runs one command; more is added to its line, or says that it is interrupted.
func checkJSON(t *testing.T, home, name, line, more string, printed map[string]bool) {
	t.Helper()
	ctx := t.Context()
	args := strings.Fields(line + more)
	if more == " interrupted" {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		cancel(&interruptedError{os.Interrupt})
		args = strings.Fields(line)
	}
	env := map[string]string{"HOME": home, "USERPROFILE": home, "KEYD_STATE_DIR": filepath.Join(home, "state"), "KEYD_SETTINGS": filepath.Join(home, "keyd.ini")}
	var out, errs bytes.Buffer
	a := newApp(process{in: strings.NewReader(""), out: &out, err: &errs, goos: runtime.GOOS, now: func() time.Time { return handoutTime }, http: noHTTP{t}, root: home,
		getenv: func(name string) string { return env[name] }})
	root := newRootCommand(a, args)
	root.SetArgs(args)
	code := a.reportError(root.ExecuteContext(ctx))
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(out.Bytes()))
	switch err := decoder.Decode(&object); {
	case out.Len() == 0 && (code == exitDone || !strings.Contains(errs.String(), "keyd: error: ")):
		t.Errorf("%s: keyd %s: nothing is printed, exit code %d, %q", name, line+more, code, errs.String())
	case out.Len() == 0:
	case err != nil:
		t.Errorf("%s: keyd %s: %v in %q", name, line+more, err, out.String())
	default:
		if _, err := decoder.Token(); err != io.EOF || code == exitUsage {
			t.Errorf("%s: keyd %s: exit code %d, and this is not one object: %q", name, line+more, code, out.String())
		}
		printed[line] = true
	}
}
