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
)

// observer looks at the command line and the environment of a process and of
// all that come from it, as ps does.
type observer struct {
	stop, done chan struct{}
	seen       map[string]bool
}

func observe(pid int) *observer {
	o := &observer{stop: make(chan struct{}), done: make(chan struct{}), seen: map[string]bool{}}
	go func() {
		defer close(o.done)
		tick := time.NewTicker(4 * time.Millisecond)
		defer tick.Stop()
		for {
			for _, p := range family(pid) {
				line, _ := os.ReadFile(filepath.Join("/proc", p, "cmdline"))
				environ, _ := os.ReadFile(filepath.Join("/proc", p, "environ")) // only root may, when p wants no dumps
				o.seen[strings.ReplaceAll(string(line)+"\n"+string(environ), "\x00", "\n")] = true
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

// text is all that was seen.
func (o *observer) text() string {
	close(o.stop)
	<-o.done
	var b strings.Builder
	for text := range o.seen {
		b.WriteString(text + "\n")
	}
	return b.String()
}

// family returns a process and its descendants.
func family(pid int) []string {
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

// stranger stands for notify-send and for the program of on_event: it writes
// down all that it gets, and stays to be seen.
const stranger = `#!/bin/sh
{ echo "$0 $*"; env; cat; echo; } >> "$HOME/told.$$"
sleep 0.05
`

// TestProcessesTellNothing runs the daemon, lets it rotate one key and ask a
// person about another one, and looks at all that other processes can see of
// it: what it starts, prints, logs and leaves, and what the kernel shows.
func TestProcessesTellNothing(t *testing.T) {
	program := readyProgram(t)
	for _, name := range []string{"keyd", "keyd-mac"} { // the journal, and a log file
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, program)
			h.write("tmp/x", "", 0o600)
			h.write("bin/notify-send", stranger, 0o755)
			h.write("bin/event", stranger, 0o755)
			h.write("keyd.ini", "notify = desktop\non_event = event --of \"a key\"\n", 0o600)
			h.key("alice", 70)
			h.key("bob", 70)
			h.users["bob"].AddKey(20 * day) // nobody knows whose it is
			keyd := h.start([]string{"DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere"}, name, "run")
			o := observe(keyd.Process.Pid)
			told := h.await("needs_person\":true", "notify-send --app-name", "\"event\":\"validated\"")
			h.closed(keyd.Process.Pid)
			status := h.start(nil, name, "status", "--json")
			_ = status.Wait()
			_ = keyd.Process.Signal(syscall.SIGQUIT)
			_ = keyd.Wait()
			seen := o.text()
			for _, want := range []string{name + "\nrun\n", "--of\na key\n", "--urgency=critical\n", "HOME=" + h.home} {
				if !strings.Contains(seen, want) && (!strings.HasPrefix(want, "HOME=") || h.seesEnvironments()) {
					t.Errorf("ps has not seen %q", want)
				}
			}
			if !strings.Contains(keyd.err.String(), "SIGQUIT") || !strings.Contains(keyd.err.String(), "goroutine ") {
				t.Errorf("no stack trace came:\n%s", keyd.err.String())
			}
			logs := h.start(nil, name, "logs")
			_ = logs.Wait()
			if text := logs.out.String() + keyd.err.String(); !strings.Contains(text, "msg=swapped") {
				t.Errorf("nothing was logged:\n%s", text)
			}
			h.silent(map[string]string{"ps": seen, "what was told": told, "standard error": keyd.err.String(), "standard output": keyd.out.String(),
				"the status": status.out.String() + status.err.String(), "the logs": logs.out.String() + logs.err.String()})
		})
	}
}

// await returns what the strangers were told, once it holds these words.
func (h *house) await(words ...string) string {
	h.t.Helper()
	var all []byte
	for range 2000 {
		all = nil
		paths, _ := filepath.Glob(filepath.Join(h.home, "told.*"))
		for _, path := range paths {
			text, _ := os.ReadFile(path)
			all = append(all, text...)
		}
		missing := false
		for _, w := range words {
			missing = missing || !bytes.Contains(all, []byte(w))
		}
		if !missing {
			return string(all)
		}
		time.Sleep(5 * time.Millisecond)
	}
	h.t.Fatalf("not all of %q was told within 10 s:\n%s", words, all)
	return ""
}

// seesEnvironments reports whether this process may read those of the house. A
// container's root may not, without CAP_SYS_PTRACE: the house is another user's.
func (h *house) seesEnvironments() bool {
	h.t.Helper()
	open, err := h.neighbour()
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = errors.Join(open.Process.Kill(), open.Wait()) }()
	if _, err = os.ReadFile(fmt.Sprintf("/proc/%d/environ", open.Process.Pid)); err != nil {
		h.t.Logf("what stands in environments was not looked at: %v", err)
	}
	return err == nil
}

// neighbour starts another program of the user's, which hides nothing and runs
// until it is killed. It has answered: the kernel shows no environment of one
// that has only just begun.
func (h *house) neighbour() (*exec.Cmd, error) {
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

// closed demands that a process leaves no core and lets no other one of the
// same user read its memory or environment.
func (h *house) closed(pid int) {
	h.t.Helper()
	open, err := h.neighbour()
	if err != nil {
		h.t.Error(err)
		return
	}
	defer func() { _ = errors.Join(open.Process.Kill(), open.Wait()) }()
	if limit := coreLimit(pid); limit != "0 0" {
		h.t.Errorf("a core of so many bytes may be dumped: %s", limit)
	}
	if coreLimit(open.Process.Pid) == "0 0" {
		h.t.Log("this machine lets nobody dump cores: that keyd forbids them itself was not seen")
	}
	for _, name := range []string{"environ", "maps"} {
		if !h.readable(open.Process.Pid, name) {
			h.t.Errorf("the check of %s is blind: it cannot even be read of cat", name)
		}
		if h.readable(pid, name) {
			h.t.Errorf("other processes of the same user can read its %s", name)
		}
	}
}

// coreLimit is how large a core of a process may be: soft and hard, in bytes.
func coreLimit(pid int) string {
	limits, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	_, rest, _ := strings.Cut(string(limits), "Max core file size")
	return strings.Join(strings.Fields(rest + " none none")[:2], " ")
}

// readable reports whether another process of the user can read a file of /proc.
func (h *house) readable(pid int, name string) bool {
	read := exec.CommandContext(h.t.Context(), "head", "-c", "1", fmt.Sprintf("/proc/%d/%s", pid, name))
	read.SysProcAttr = &syscall.SysProcAttr{Credential: h.user}
	text, err := read.Output()
	return err == nil && len(text) > 0
}

// TestDumpsTellNothing lets keyd rotate die of a signal with a stack trace, in
// the most talkative ways of Go's runtime, while it waits for an answer and
// right after one: no trace shows a secret, and none of them leaves a core.
func TestDumpsTellNothing(t *testing.T) {
	program := readyProgram(t)
	for n, traceback := range map[int]string{2: "single", 4: "all", 5: "system", 6: "crash", 7: "crash", 9: "all", 14: "system", 16: "crash"} {
		t.Run(fmt.Sprintf("%s at request %d", traceback, n), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, program)
			h.key("alice", 70)
			var pid atomic.Int64
			started, over := make(chan struct{}), make(chan struct{})
			h.before = func(at int) {
				<-started
				if at == n {
					h.closed(int(pid.Load()))
				}
				if at == n && n%2 == 0 {
					_ = syscall.Kill(int(pid.Load()), syscall.SIGQUIT)
				}
				if at > n || at == n && n%2 == 0 { // nothing else may end it, however late the signal is
					<-over
				}
			}
			h.after = func(at int) {
				if at == n && n%2 == 1 {
					_ = syscall.Kill(int(pid.Load()), syscall.SIGQUIT)
				}
			}
			keyd := h.start([]string{"GOTRACEBACK=" + traceback}, "keyd", "rotate", "--force", "alice")
			pid.Store(int64(keyd.Process.Pid))
			close(started)
			err := keyd.Wait()
			close(over)
			if err == nil {
				t.Errorf("it lives on: %s", keyd.out.String())
			}
			if !strings.Contains(keyd.err.String(), "goroutine ") {
				t.Errorf("no stack trace came (%v):\n%s", err, keyd.err.String())
			}
			if cores, _ := filepath.Glob(filepath.Join(h.home, "core*")); len(cores) > 0 {
				t.Errorf("a core was left: %q", cores)
			}
			h.silent(map[string]string{"standard error": keyd.err.String(), "standard output": keyd.out.String()})
		})
	}
}

// TestObserversSee runs a program that does all of it wrong.
func TestObserversSee(t *testing.T) {
	h := newHouse(t, readyProgram(t))
	h.write("tmp/x", "", 0o600)
	leaky := h.start([]string{"LEAK=" + plantedSecret, "GOTRACEBACK=all"}, "keyd-leaky")
	o := observe(leaky.Process.Pid)
	_ = leaky.Wait()
	marks := marksOf(map[string]string{plantedID: plantedSecret})
	seen := o.text()
	for name, text := range map[string]string{"a child's arguments": lineAfter(seen, "sleep 0.1; true\n"), "an environment": lineAfter(seen, "LEAK="),
		"a stack trace": leaky.err.String()} {
		if len(marksIn([]byte(text), marks)) != 1 && (name != "an environment" || h.seesEnvironments()) {
			t.Errorf("a secret in %s is not seen:\n%s", name, text)
		}
	}
}

// lineAfter is the line that begins with a word.
func lineAfter(text, word string) string {
	_, rest, _ := strings.Cut(text, word)
	line, _, _ := strings.Cut(rest, "\n")
	return line
}
