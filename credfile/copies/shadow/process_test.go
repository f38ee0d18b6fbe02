package shadow

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"keyd/credfile/deeptest"
)

// TestChildWithOldKey starts a program with the old id in its environment, and finds it by
// name and pid, and not this test, which has it too.
func TestChildWithOldKey(t *testing.T) {
	if runtime.GOOS == "windows" {
		r := Find(t.Context(), Options{Proc: "/proc", IDs: []string{oldID}})
		if len(r.Unseen) != 1 || !strings.Contains(r.Unseen[0], "not looked at") {
			t.Errorf("%+v: Windows shows no environments, and that must be said", r)
		}
		return
	}
	t.Setenv("SYNC_KEY", oldID)
	child := exec.Command("cat")
	child.Env = []string{"AWS_ACCESS_KEY_ID=" + oldID, "AWS_SECRET_ACCESS_KEY=marked-secret", "AIRFLOW_CONN_AWS=aws://" + oldID + ":marked-secret@/", "OTHER=" + otherID}
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stdin.Close(); _ = child.Wait() }()

	// The kernel shows the environment of this process as it was when it started, so
	// its own exclusion is checked below, with a folder that stands in for /proc.
	r := Find(t.Context(), Options{Proc: "/proc", IDs: []string{oldID, newID}})
	var found *Process
	for i, p := range r.Processes {
		if p.PID == child.Process.Pid {
			found = &r.Processes[i]
		}
	}
	want := Process{Name: "cat", PID: child.Process.Pid, Parent: os.Getpid(), KeyID: oldID, Variables: []string{"AWS_ACCESS_KEY_ID", "AIRFLOW_CONN_AWS"}}
	if found == nil || !reflect.DeepEqual(*found, want) || found.String() != fmt.Sprintf("cat (pid %d)", child.Process.Pid) {
		t.Errorf("found %+v, want %+v", found, want)
	}
	text, err := json.Marshal(r)
	if err != nil || strings.Contains(string(text), "marked-secret") {
		t.Errorf("%v: %s", err, text)
	}
}

// TestScanEnviron reads environments in pieces of every size, with variables that are
// longer than what is in memory at once.
func TestScanEnviron(t *testing.T) {
	long := strings.Repeat("x", chunk-10) + oldID + strings.Repeat("y", 3*chunk) + newID
	text := "PATH=/bin\x00AWS_ACCESS_KEY_ID=" + otherID + "\x00LONG=" + long + "\x00\x00broken\x00=" + oldID + "\x00TF_VAR_\x1b[31mkey=" + newID + "\x00AWS_ACCESS_KEY=\x00AIRFLOW=aws://" + oldID + ":s@"
	want := map[string][]string{oldID: {"LONG", "", "AIRFLOW"}, newID: {"LONG", "TF_VAR_?[31mkey"}}
	for _, r := range []*bytes.Reader{bytes.NewReader([]byte(text))} {
		h, err := scanEnviron(r, []string{oldID, newID, ""})
		if err != nil || !reflect.DeepEqual(h.ids, want) || len(h.sets) != 1 || h.sets["AWS_ACCESS_KEY_ID"] != otherID {
			t.Errorf("%v: %+v", err, h)
		}
	}
	h, err := scanEnviron(iotest.OneByteReader(strings.NewReader(text)), []string{oldID, newID})
	if err != nil || !reflect.DeepEqual(h.ids, want) {
		t.Errorf("byte by byte: %v: %+v", err, h)
	}
	if _, err := scanEnviron(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(text))), nil); err == nil {
		t.Error("an error of the reader is lost")
	}
}

// TestProcArguments splits what kern.procargs2 returns on macOS.
func TestProcArguments(t *testing.T) {
	text := binary.NativeEndian.AppendUint32(nil, 2)
	text = append(text, "/usr/bin/tmux\x00\x00\x00\x00tmux: server\x00new\x00AWS_ACCESS_KEY_ID="+oldID+"\x00PATH=/bin\x00\x00"...)
	command, environ := splitArguments(text)
	h, err := scanArguments(text, []string{oldID, newID})
	if command != "tmux: server new" || !strings.HasPrefix(string(environ), "AWS_ACCESS_KEY_ID=") || err != nil || len(h.ids) != 1 || h.sets["AWS_ACCESS_KEY_ID"] != oldID {
		t.Errorf("%q, %q, %v, %+v", command, environ, err, h)
	}
	for cut := range text { // what another kernel might return is no reason to crash
		splitArguments(text[:cut])
	}
	binary.NativeEndian.PutUint32(text, 1<<31)
	if _, environ := splitArguments(text); environ != nil {
		t.Errorf("%q", environ)
	}
}

// TestSessions recognizes sessions that hand their environment on, in a folder that
// stands in for /proc.
func TestSessions(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/proc is Linux's")
	}
	proc := deeptest.Folder(t)
	put := func(pid int, name, command, environ string) {
		folder := filepath.Join(proc, fmt.Sprint(pid))
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"stat": fmt.Sprintf("%d (%s) S 7 1 1 0", pid, name), "cmdline": command,
			"environ": environ, "status": fmt.Sprintf("Name:\tx\nUid:\t%d\t%d\t%[1]d\t%[1]d\n", os.Geteuid(), os.Geteuid())} {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	const holds = "AWS_ACCESS_KEY_ID="
	put(10, "tmux: server", "tmux\x00new\x00", holds+otherID+"\x00")
	put(11, "screen", "SCREEN\x00-S\x00x\x00", holds+oldID+"\x00AWS_SECRET_ACCESS_KEY=s\x00")
	put(12, "systemd", "/usr/lib/systemd/systemd\x00--user\x00", holds+oldID+"\x00")
	put(13, "(odd) \x1b name", "x\x00", "A="+newID+"\x00")
	put(14, "python3", "python3\x00--secret\x00", holds+"$(broken)\x00")
	put(os.Getpid(), "shadow.test", "x\x00", holds+oldID+"\x00") // this process
	put(15, "tmux", "tmux\x00", holds+otherID+"\x00")            // a client
	put(16, "gone", "x\x00", "")
	if err := os.Remove(filepath.Join(proc, "16", "environ")); err != nil { // it ended in between
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(proc, "17"), 0o700); err != nil { // and this one before
		t.Fatal(err)
	}
	r := Find(t.Context(), Options{Proc: proc, IDs: []string{oldID, newID}})
	wantShadows := []Shadow{
		{Kind: Tmux, Process: "tmux: server", PID: 10, Variable: "AWS_ACCESS_KEY_ID", KeyID: otherID},
		{Kind: Screen, Process: "screen", PID: 11, Variable: "AWS_ACCESS_KEY_ID", KeyID: oldID},
		{Kind: UserManager, Process: "systemd", PID: 12, Variable: "AWS_ACCESS_KEY_ID", KeyID: oldID},
	}
	wantProcesses := []Process{
		{Name: "screen", PID: 11, Parent: 7, KeyID: oldID, Variables: []string{"AWS_ACCESS_KEY_ID"}},
		{Name: "systemd", PID: 12, Parent: 7, KeyID: oldID, Variables: []string{"AWS_ACCESS_KEY_ID"}},
		{Name: "(odd) ? name", PID: 13, Parent: 7, KeyID: newID, Variables: []string{"A"}},
	}
	if !reflect.DeepEqual(r.Shadows, wantShadows) || !reflect.DeepEqual(r.Processes, wantProcesses) || r.Denied != 0 || len(r.Unseen) != 3 {
		t.Errorf("%+v", r)
	}
	for pid := 1000; pid < 1000+MaxProcesses; pid++ {
		put(pid, "many", "x\x00", holds+oldID+"\x00")
	}
	if r := Find(t.Context(), Options{Proc: proc, IDs: []string{oldID, newID}}); len(r.Processes) != MaxProcesses || r.MoreProcesses != 3 {
		t.Errorf("%d processes and %d more", len(r.Processes), r.MoreProcesses)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if r := Find(ended, Options{Proc: proc, IDs: []string{oldID}}); len(r.Processes) > 0 || !strings.Contains(strings.Join(r.Unseen, ""), "the time was over") {
		t.Errorf("%+v: a search that was ended must not look like one that found nothing", r)
	}
}

// deniedTable is a table whose processes do not let themselves be inspected, as ssh-agent
// and sudo do not, or have ended.
type deniedTable struct{}

func (deniedTable) pids() []int { return []int{2, 3, 4} }
func (deniedTable) describe(pid int) (running, bool) {
	return running{pid: pid, name: "ssh-agent"}, true
}
func (deniedTable) environ(pid int, _ []string) (held, error) {
	if pid == 4 {
		return held{}, fs.ErrNotExist
	}
	return held{}, &fs.PathError{Op: "open", Path: "environ", Err: fs.ErrPermission}
}

// TestDeniedProcesses counts what may not be read, and is silent about what has ended.
func TestDeniedProcesses(t *testing.T) {
	var r Report
	r.readProcesses(t.Context(), deniedTable{}, []string{oldID})
	if r.Denied != 2 || len(r.Unseen) != 1 || !strings.Contains(r.Unseen[0], "2 of your processes") {
		t.Errorf("%+v", r)
	}
}

// TestThisProcess finds an exported key in the environment of this very process, also one
// of another key.
func TestThisProcess(t *testing.T) {
	for value, id := range map[string]string{oldID: oldID, otherID: otherID, "wJalrXUtnFEMI/K7MDENG": ""} {
		look := func(name string) (string, bool) {
			return map[string]string{"AWS_ACCESS_KEY_ID": value}[name], name == "AWS_ACCESS_KEY_ID"
		}
		r := Find(t.Context(), Options{LookupEnv: look, IDs: []string{oldID}})
		if len(r.Shadows) != 1 || r.Shadows[0].KeyID != id || r.Shadows[0].IsOneOf(oldID) != (value == oldID) || !strings.HasPrefix(r.Shadows[0].Remedy("work"), "in this shell: unset AWS_ACCESS_KEY_ID") {
			t.Errorf("%q: %+v", value, r)
		}
	}
}
