package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keyd/credfile/atomicfile"
	"keyd/daemon/decide"
	"keyd/daemon/state"
)

// idleFor is how long an idle daemon is watched: as long as it takes until the files are
// compared again.
const idleFor = time.Minute

// BenchmarkIdle measures keyd run while nothing is due: what it holds in memory, how often its
// threads wake, and what it writes, between two passes. A program that waits for a signal is
// the limit of the first, and none of the others has to be more than nothing.
func BenchmarkIdle(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc")
	}
	folder := b.TempDir()
	keyd, waiting := buildProgram(b, folder, "keyd", ""), buildProgram(b, folder, "waiting", waitingProgram)
	for b.Loop() {
		limit := startIdle(b, exec.Command(waiting))
		daemons := map[int]*idleProcess{}
		for _, n := range []int{60, 1000} {
			daemons[n] = startDaemon(b, keyd, b.TempDir(), n)
		}
		time.Sleep(idleFor)
		for n, p := range daemons {
			used := p.readUsage(b)
			b.ReportMetric(used["VmRSS"]*1024/1e6, fmt.Sprintf("MB-%d", n))
			b.ReportMetric(used["RssAnon"]*1024/1e6, fmt.Sprintf("MB-own-%d", n))
			b.ReportMetric((used["voluntary_ctxt_switches"]-p.before["voluntary_ctxt_switches"])/idleFor.Seconds(), fmt.Sprintf("wakes/s-%d", n))
			b.ReportMetric(used["wchar"]-p.before["wchar"], fmt.Sprintf("bytes-written-%d", n))
			p.stop()
		}
		b.ReportMetric(limit.readUsage(b)["VmRSS"]*1024/1e6, "MB-limit")
		limit.stop()
	}
}

// waitingProgram does nothing until a signal ends it.
const waitingProgram = "package main\nimport (\"os\"; \"os/signal\")\nfunc main() { c := make(chan os.Signal, 1); signal.Notify(c, os.Interrupt); <-c }\n"

// idleProcess is a process that is watched.
type idleProcess struct {
	cmd    *exec.Cmd
	before map[string]float64
}

func startIdle(b *testing.B, cmd *exec.Cmd) *idleProcess {
	b.Helper()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p := &idleProcess{cmd: cmd}
	b.Cleanup(p.stop)
	return p
}

// stop ends the process, if it has not been stopped.
func (p *idleProcess) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// startDaemon starts keyd run for n profiles, and returns when it has made its first pass and
// has come to rest.
func startDaemon(b *testing.B, keyd, home string, n int) *idleProcess {
	b.Helper()
	environment := writeYoungHome(b, home, n)
	stateDir := environment["KEYD_STATE_DIR"]
	rememberLooks(b, stateDir)
	cmd := exec.Command(keyd, "run")
	cmd.Env = append(environ(environment), "HTTPS_PROXY=http://127.0.0.1:1") // nothing is due, so there is no call
	var log bytes.Buffer
	cmd.Stderr = &log
	p := startIdle(b, cmd)
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if info := state.LoadDaemonInfo(stateDir); info != nil && !info.NextPass.IsZero() {
			break
		}
		if time.Since(began) > time.Minute {
			b.Fatalf("no pass within a minute: %s", log.String())
		}
	}
	time.Sleep(3 * time.Second)
	p.before = p.readUsage(b)
	return p
}

// rememberLooks writes what a pass an hour ago has seen of each key: it was a day old.
func rememberLooks(b *testing.B, stateDir string) {
	b.Helper()
	status, err := state.LoadStatus(stateDir)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now().UTC()
	for i := range status.Keys {
		l := &status.Keys[i]
		l.Created = now.Add(-day)
		l.Seen = &decide.Seen{At: now.Add(-time.Hour), Account: "123456789012", ARN: "arn:aws:iam::123456789012:user/" + l.Profiles[0], User: l.Profiles[0], UserID: "AIDAIOSFODNN" + l.Profiles[0],
			Keys: []decide.ListedKey{{ID: l.KeyID, Active: true, Status: "Active", Created: l.Created, Since: now.Add(-time.Hour)}}}
		l.SetDecision(decide.WaitUntil(decide.StateOK, now.Add(60*day), "1d old, replaced at 61d"))
	}
	status.Written = now.Add(-time.Hour)
	if err := status.Save(atomicfile.OS{}, stateDir); err != nil {
		b.Fatal(err)
	}
}

// readUsage returns the numbers in /proc of the process, with those of its threads added up
// where they are for one thread.
func (p *idleProcess) readUsage(b *testing.B) map[string]float64 {
	b.Helper()
	folder := fmt.Sprintf("/proc/%d", p.cmd.Process.Pid)
	tasks, err := filepath.Glob(folder + "/task/*/status")
	if err != nil || len(tasks) == 0 {
		b.Fatal("no threads: the process has ended")
	}
	used := map[string]float64{}
	for _, file := range append(tasks, folder+"/io") {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a thread has ended
		}
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ":")
			number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
			if n, err := strconv.ParseFloat(number, 64); err == nil && strings.HasSuffix(name, "ctxt_switches") {
				used[name] += n
			} else if err == nil {
				used[name] = n
			}
		}
	}
	return used
}
