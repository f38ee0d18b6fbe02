package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"keyd/credfile/deeptest"
)

// observer reads the command lines and environments of a process and all its
// descendants, as ps does.
type observer struct {
	stop, done chan struct{}
	seen       map[string]bool
}

// startObserver begins to observe a process. It tells a stranger that runs recordingScript in
// this home when it has been observed.
func startObserver(pid int, home string) *observer {
	o := &observer{stop: make(chan struct{}), done: make(chan struct{}), seen: map[string]bool{}}
	go func() {
		defer close(o.done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			for _, p := range listFamily(pid) {
				_, err := os.Stat(filepath.Join(home, "told."+p)) // a process that has only been forked has the words of its parent
				line, _ := os.ReadFile(filepath.Join("/proc", p, "cmdline"))
				environ, _ := os.ReadFile(filepath.Join("/proc", p, "environ")) // only root may read it if p has turned off dumps
				o.seen[strings.ReplaceAll(string(line)+"\n"+string(environ), "\x00", "\n")] = true
				if err == nil {
					_ = os.WriteFile(filepath.Join(home, "observed."+p), nil, 0o644)
				}
			}
			select {
			case <-tick.C:
			case <-o.stop:
				return
			}
		}
	}()
	return o
}

// text stops the observer, and returns everything that it saw.
func (o *observer) text() string {
	close(o.stop)
	<-o.done
	var b strings.Builder
	for text := range o.seen {
		b.WriteString(text + "\n")
	}
	return b.String()
}

// listFamily returns a process and its descendants.
func listFamily(pid int) []string {
	all := []string{strconv.Itoa(pid)}
	for i := 0; i < len(all); i++ {
		threads, _ := filepath.Glob(filepath.Join("/proc", all[i], "task", "*", "children"))
		for _, path := range threads {
			children, _ := os.ReadFile(path)
			all = append(all, strings.Fields(string(children))...)
		}
	}
	return all
}

// recordingScript takes the place of notify-send and of the on_event program. It writes
// everything it gets to a file, and runs until it has been observed, or for two seconds.
const recordingScript = `#!/bin/sh
{ echo "$0 $*"; env; cat; echo; } >> "$HOME/told.$$"
n=0
while [ ! -e "$HOME/observed.$$" ] && [ $n -lt 100 ]; do sleep 0.02; n=$((n+1)); done
`

// TestProcessesShowNoSecret runs the daemon, which rotates one key and reports that
// another one needs a person. It searches everything that other processes can see:
// what the daemon starts, prints, logs and stores, and what the kernel shows.
func TestProcessesShowNoSecret(t *testing.T) {
	program := readyProgram(t)
	for _, name := range []string{"keyd", "keyd-mac"} { // the first logs to the journal, the second to a file
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, program)
			h.writeFile("tmp/x", "", 0o600)
			h.writeFile("bin/notify-send", recordingScript, 0o755)
			h.writeFile("bin/event", recordingScript, 0o755)
			h.writeFile("keyd.ini", "notify = desktop\non_event = event --of \"a key\"\n", 0o600)
			h.addKey("alice", 70)
			h.addKey("bob", 70)
			h.writeFile(".aws/config", "[profile bob]\nregion = nowhere-1x\n", 0o600) // only a person can correct it
			keyd := h.startProgram([]string{"DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere"}, name, "run")
			o := startObserver(keyd.Process.Pid, h.home)
			told := h.awaitWords("needs_person\":true", "notify-send --app-name", "\"event\":\"validated\"")
			h.demandClosed(keyd.Process.Pid)
			status := h.startProgram(nil, name, "status", "--json")
			_ = status.Wait()
			_ = keyd.Process.Signal(syscall.SIGQUIT)
			_ = keyd.Wait()
			seen := o.text()
			for _, want := range []string{name + "\nrun\n", "--of\na key\n", "--urgency=critical\n", "HOME=" + h.home} {
				if !strings.Contains(seen, want) && (!strings.HasPrefix(want, "HOME=") || h.seesEnvironments()) {
					t.Errorf("ps did not see %q", want)
				}
			}
			if !strings.Contains(keyd.err.String(), "SIGQUIT") || !strings.Contains(keyd.err.String(), "goroutine ") {
				t.Errorf("there is no stack trace:\n%s", keyd.err.String())
			}
			logs := h.startProgram(nil, name, "logs")
			_ = logs.Wait()
			if text := logs.out.String() + keyd.err.String(); !strings.Contains(text, "msg=swapped") {
				t.Errorf("nothing was logged:\n%s", text)
			}
			h.demandNoSecret(map[string]string{"ps": seen, "what the programs received": told, "standard error": keyd.err.String(), "standard output": keyd.out.String(),
				"the status": status.out.String() + status.err.String(), "the logs": logs.out.String() + logs.err.String()})
		})
	}
}

// awaitWords returns what the strangers received, once it contains all these words and they
// have been observed.
func (h *house) awaitWords(words ...string) string {
	h.t.Helper()
	var all []byte
	for range 2000 {
		all = nil
		paths, _ := filepath.Glob(filepath.Join(h.home, "told.*"))
		for _, path := range paths {
			text, _ := os.ReadFile(path)
			all = append(all, text...)
		}
		observed, _ := filepath.Glob(filepath.Join(h.home, "observed.*"))
		missing := len(observed) < len(paths)
		for _, w := range words {
			missing = missing || !bytes.Contains(all, []byte(w))
		}
		if !missing {
			return string(all)
		}
		time.Sleep(5 * time.Millisecond)
	}
	h.t.Fatalf("the programs did not receive all of %q within 10 s:\n%s", words, all)
	return ""
}

// seesEnvironments reports whether this process may read the environments of the
// processes in the house. Without CAP_SYS_PTRACE, root in a container may not: they
// belong to another user.
func (h *house) seesEnvironments() bool {
	h.t.Helper()
	open, err := h.startNeighbour()
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = errors.Join(open.Process.Kill(), open.Wait()) }()
	if _, err = os.ReadFile(fmt.Sprintf("/proc/%d/environ", open.Process.Pid)); err != nil {
		h.t.Logf("environments were not searched: %v", err)
	}
	return err == nil
}

// startNeighbour starts another program of the user, which hides nothing and runs until it
// is killed. neighbour waits for its first output: the kernel does not show the
// environment of a process that has only just started.
func (h *house) startNeighbour() (*exec.Cmd, error) {
	open := exec.CommandContext(h.t.Context(), "cat")
	open.SysProcAttr = &syscall.SysProcAttr{Credential: h.user}
	in, err := open.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := open.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := open.Start(); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(in, "x"); err != nil {
		return nil, err
	}
	_, err = io.ReadFull(out, make([]byte, 1))
	return open, err
}

// demandClosed demands that a process leaves no core dump, and that no other process of the
// same user can read its memory or environment.
func (h *house) demandClosed(pid int) {
	h.t.Helper()
	open, err := h.startNeighbour()
	if err != nil {
		h.t.Error(err)
		return
	}
	defer func() { _ = errors.Join(open.Process.Kill(), open.Wait()) }()
	if limit := coreLimit(pid); limit != "0 0" {
		h.t.Errorf("the limits for a core dump are not zero: %s", limit)
	}
	if coreLimit(open.Process.Pid) == "0 0" {
		h.t.Log("this machine allows no core dumps: whether keyd forbids them itself was not tested")
	}
	for _, name := range []string{"environ", "maps"} {
		if !h.canRead(open.Process.Pid, name) {
			h.t.Errorf("the check proves nothing: not even the %s of cat can be read", name)
		}
		if h.canRead(pid, name) {
			h.t.Errorf("other processes of the same user can read keyd's %s", name)
		}
	}
}

// coreLimit returns the soft and hard limits for a process's core dump, in bytes.
func coreLimit(pid int) string {
	limits, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	_, rest, _ := strings.Cut(string(limits), "Max core file size")
	return strings.Join(strings.Fields(rest + " none none")[:2], " ")
}

// canRead reports whether another process of the same user can read a file of a
// process in /proc.
func (h *house) canRead(pid int, name string) bool {
	read := exec.CommandContext(h.t.Context(), "head", "-c", "1", fmt.Sprintf("/proc/%d/%s", pid, name))
	read.SysProcAttr = &syscall.SysProcAttr{Credential: h.user}
	text, err := read.Output()
	return err == nil && len(text) > 0
}

// TestDumpsShowNoSecret makes keyd rotate die of a signal, with the most detailed stack
// traces that Go's runtime can print, while it waits for an answer and right after one.
// No trace shows a secret, and no process leaves a core dump. Unless the tests are deep,
// each kind of trace is tried once.
func TestDumpsShowNoSecret(t *testing.T) {
	program := readyProgram(t)
	deaths := map[int]string{2: "single", 4: "all", 5: "system", 6: "crash", 7: "crash", 9: "all", 14: "system", 16: "crash"}
	if !deeptest.On() {
		deaths = map[int]string{2: "single", 5: "system", 9: "all", 16: "crash"}
	}
	for n, traceback := range deaths {
		t.Run(fmt.Sprintf("%s at request %d", traceback, n), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, program)
			h.addKey("alice", 70)
			var pid atomic.Int64
			started, over := make(chan struct{}), make(chan struct{})
			h.before = func(at int) {
				<-started
				if at == n {
					h.demandClosed(int(pid.Load()))
				}
				if at == n && n%2 == 0 {
					_ = syscall.Kill(int(pid.Load()), syscall.SIGQUIT)
				}
				if at > n || at == n && n%2 == 0 { // keyd must not exit for another reason, however late the signal is
					<-over
				}
			}
			h.after = func(at int) {
				if at == n && n%2 == 1 {
					_ = syscall.Kill(int(pid.Load()), syscall.SIGQUIT)
				}
			}
			keyd := h.startProgram([]string{"GOTRACEBACK=" + traceback}, "keyd", "rotate", "--force", "alice")
			pid.Store(int64(keyd.Process.Pid))
			close(started)
			err := keyd.Wait()
			close(over)
			if err == nil {
				t.Errorf("keyd did not die: %s", keyd.out.String())
			}
			if !strings.Contains(keyd.err.String(), "goroutine ") {
				t.Errorf("there is no stack trace (%v):\n%s", err, keyd.err.String())
			}
			if cores, _ := filepath.Glob(filepath.Join(h.home, "core*")); len(cores) > 0 {
				t.Errorf("a core dump was left: %q", cores)
			}
			h.demandNoSecret(map[string]string{"standard error": keyd.err.String(), "standard output": keyd.out.String()})
		})
	}
}

// TestObserverFindsLeaks runs a program that leaks its secret in every way.
func TestObserverFindsLeaks(t *testing.T) {
	h := newHouse(t, readyProgram(t))
	h.writeFile("tmp/x", "", 0o600)
	leaky := h.startProgram([]string{"LEAK=" + plantedSecret, "GOTRACEBACK=all"}, "keyd-leaky")
	o := startObserver(leaky.Process.Pid, h.home)
	_ = leaky.Wait()
	marks := marksOf(map[string]string{plantedID: plantedSecret})
	seen := o.text()
	for name, text := range map[string]string{"a child's arguments": lineAfter(seen, "sleep 0.1; true\n"), "an environment": lineAfter(seen, "LEAK="),
		"a stack trace": leaky.err.String()} {
		if len(marksIn([]byte(text), marks)) != 1 && (name != "an environment" || h.seesEnvironments()) {
			t.Errorf("a secret in %s is not found:\n%s", name, text)
		}
	}
}

// lineAfter returns the rest of the line after the first occurrence of word.
func lineAfter(text, word string) string {
	_, rest, _ := strings.Cut(text, word)
	line, _, _ := strings.Cut(rest, "\n")
	return line
}
