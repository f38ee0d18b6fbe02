package main

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keyd/credfile/deeptest"
)

// watcher is keyd status --watch as a job of its own, on a terminal.
type watcher struct {
	*screen // what it shows
	t       *testing.T
	cmd     *exec.Cmd
	window  *os.File // of the terminal
}

const (
	screenOpens  = "\x1b[?1049h\x1b[?25l"
	screenCloses = "\x1b[?25h\x1b[?1049l"
)

func startWatcher(t *testing.T) *watcher {
	t.Helper()
	if signal.Ignored(syscall.SIGTSTP) {
		t.Skip("whoever started this test has it ignore Ctrl-Z, and so would keyd")
	}
	program, window := openScreen(t)
	if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 5, Col: 20}); err != nil {
		t.Fatal(err)
	}
	home := deeptest.Folder(t)
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "[default]\naws_access_key_id = AKIAY34FZKBOKMUTVV7A\naws_secret_access_key = aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb\n"
	if err := os.WriteFile(filepath.Join(home, ".aws", "credentials"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &watcher{screen: &screen{wrote: make(chan struct{}, 1)}, t: t, window: window, cmd: exec.Command("keyd", "status", "--watch")}
	w.cmd.Env = []string{"HOME=" + home, "TERM=xterm", "PATH=" + os.Getenv("PATH"), "KEYD_STATE_DIR=" + filepath.Join(home, "state"), "KEYD_SETTINGS=" + filepath.Join(home, "keyd.ini")}
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = program, program, program
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a job, as a shell makes them
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	program.Close() // so that the window tells when keyd has ended
	go func() {
		part := make([]byte, 4096)
		for {
			n, err := window.Read(part)
			_, _ = w.Write(part[:n])
			if err != nil {
				return
			}
		}
	}()
	w.awaitAfter("", "1 key")
	return w
}

// shown returns what the watcher has shown so far.
func (w *watcher) shown() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// awaitAfter waits until the watcher has shown a text after what it had shown before.
func (w *watcher) awaitAfter(before, text string) {
	w.t.Helper()
	limit := time.After(30 * time.Second)
	for !strings.Contains(strings.TrimPrefix(w.shown(), before), text) {
		select {
		case <-w.wrote:
		case <-limit:
			w.t.Fatalf("it does not show %q: %q", text, w.shown())
		}
	}
}

// await sends a signal and returns how the process stands then: stopped, or ended.
func (w *watcher) await(s syscall.Signal) (status syscall.WaitStatus) {
	w.t.Helper()
	if err := w.cmd.Process.Signal(s); err != nil {
		w.t.Fatal(err)
	}
	limit := time.AfterFunc(time.Minute, func() { _ = w.cmd.Process.Kill() })
	defer limit.Stop()
	for {
		_, err := syscall.Wait4(w.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if err != syscall.EINTR {
			if err != nil {
				w.t.Fatal(err)
			}
			return status
		}
	}
}

// TestWatchStopsAndContinues: Ctrl-Z gives back the terminal as it was, fg draws the table
// again, and when the window is closed keyd ends. The window has 5 rows of 20 columns.
func TestWatchStopsAndContinues(t *testing.T) {
	w := startWatcher(t)
	for range 2 {
		if status := w.await(syscall.SIGTSTP); !status.Stopped() || status.StopSignal() != syscall.SIGSTOP {
			t.Fatalf("Ctrl-Z does not stop it: %x", status)
		}
		w.awaitAfter("", screenCloses)
		before := w.shown()
		if !strings.HasSuffix(before, screenCloses) {
			t.Errorf("it stops with a screen of its own: %q", before)
		}
		if err := w.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		w.awaitAfter(before, "1 key")
		if again := strings.TrimPrefix(w.shown(), before); !strings.HasPrefix(again, screenOpens) {
			t.Errorf("it draws on the screen of the shell: %q", again)
		}
		w.mu.Lock()
		w.text.Reset()
		w.mu.Unlock()
	}
	if status := w.await(syscall.SIGHUP); !status.Exited() || status.ExitStatus() != 129 {
		t.Errorf("it ends with %x", status)
	}
	if w.awaitAfter("", "closed"); !strings.Contains(w.shown(), screenCloses) {
		t.Errorf("it leaves the screen: %q", w.shown())
	}
}

// TestWatchEndsWithoutATerminal: no process stays when the window has gone without a signal,
// as after nohup.
func TestWatchEndsWithoutATerminal(t *testing.T) {
	w := startWatcher(t)
	began := time.Now()
	_ = w.window.Close()
	if err := w.cmd.Wait(); err != nil || time.Since(began) > time.Minute {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}
