//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"keyd/daemon/awssim"
)

// sharedWorld is a home in which other programs run next to keyd, in real time.
type sharedWorld struct {
	*killHome
	cloud      *awssim.Cloud
	alice, bob *awssim.User
	server     *killServer
	creating   atomic.Int64 // CreateAccessKey calls in flight
	most       atomic.Int64 // the most calls in flight at one time
}

func newSharedWorld(t *testing.T) *sharedWorld {
	w := &sharedWorld{cloud: awssim.New(awssim.Options{Seed: 1, Regions: []string{"eu-west-1", "us-east-1"}})}
	w.alice, w.bob = w.cloud.AddUser(account, "/", "alice"), w.cloud.AddUser(account, "/", "bob")
	var pairs [2][2]string
	for i, user := range []*awssim.User{w.alice, w.bob} {
		pairs[i][0], pairs[i][1] = user.AddKey(12 * day)
	}
	w.killHome = newKillHome(t, pairs, time.Now)
	w.server = newKillServer(t, killAWS{Handler: w.cloud}, newKillClock(), w.slowDownCreation)
	return w
}

// slowDownCreation makes each CreateAccessKey take long enough that a second one would
// overlap it.
func (w *sharedWorld) slowDownCreation(action string, served bool) {
	switch {
	case action != "CreateAccessKey":
	case served:
		w.creating.Add(-1)
	default:
		n := w.creating.Add(1)
		for most := w.most.Load(); n > most && !w.most.CompareAndSwap(most, n); most = w.most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (w *sharedWorld) keydCommand(args ...string) *exec.Cmd {
	cmd := exec.Command("keyd", args...)
	cmd.Env = w.environment(w.server.URL)
	return cmd
}

// runKeyd runs keyd, and returns its exit code and its output.
func (w *sharedWorld) runKeyd(args ...string) (int, string) {
	out, err := w.keydCommand(args...).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		return -1, err.Error()
	}
	return 0, string(out)
}

// demandOneKey demands that one Active key, the one in the file, is all that the
// rotations left behind.
func (w *sharedWorld) demandOneKey(id string) {
	w.t.Helper()
	keys := w.cloud.Keys(w.alice)
	if len(keys) != 1 || keys[0].ID != id || keys[0].Status != "Active" {
		w.t.Errorf("the file shows %s, and AWS has %+v", id, keys)
	}
	if left := w.temporaryFiles(); len(left)+len(w.openRotations()) > 0 {
		w.t.Errorf("left behind: temporary files %v, %d journals", left, len(w.openRotations()))
	}
	for _, c := range w.cloud.Calls() {
		if c.Action == "CreateAccessKey" && c.Code != "" {
			w.t.Errorf("CreateAccessKey was sent when it could not succeed: %s", c.Code)
		}
	}
	if most := w.most.Load(); most != 1 {
		w.t.Errorf("%d CreateAccessKey calls at one time", most)
	}
}

// daemonProcess is one keyd run process.
type daemonProcess struct {
	cmd  *exec.Cmd
	said bytes.Buffer
	end  chan error
}

func (w *sharedWorld) startDaemon() *daemonProcess {
	w.t.Helper()
	d := &daemonProcess{cmd: w.keydCommand("run"), end: make(chan error, 1)}
	d.cmd.Stdout, d.cmd.Stderr = &d.said, &d.said
	if err := d.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() { d.end <- d.cmd.Wait() }()
	w.t.Cleanup(func() { _ = d.cmd.Process.Kill() }) // does nothing if it has exited
	return d
}

const sharedCredentials = `# mine
[default]
aws_access_key_id = %s
aws_secret_access_key = %s

[stand-in]
aws_session_token = %d
# the end
`

var sharedShape = regexp.MustCompile(`^# mine\n\[default\]\naws_access_key_id = (\S+)\naws_secret_access_key = (\S+)\n\n\[stand-in\]\naws_session_token = (\d+)\n# the end\n$`)

// sharedText is the parsed contents of a whole file.
type sharedText struct {
	id, secret string
	counter    int
}

func parseShared(data []byte) (x sharedText, err error) {
	m := sharedShape.FindSubmatch(data)
	if m == nil {
		return x, fmt.Errorf("the file is torn: %d bytes", len(data))
	}
	_, err = fmt.Sscan(string(m[3]), &x.counter)
	x.id, x.secret = string(m[1]), string(m[2])
	return x, err
}

func (x sharedText) String() string {
	return fmt.Sprintf(sharedCredentials, x.id, x.secret, x.counter)
}

func (w *sharedWorld) readText() sharedText {
	w.t.Helper()
	data, err := os.ReadFile(w.path())
	if err != nil {
		w.t.Fatal(err)
	}
	x, err := parseShared(data)
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}
