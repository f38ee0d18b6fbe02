package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// house is a home in which keyd runs as a separate process, with an AWS on loopback.
// If root runs the tests, the home belongs to user 65534: root may read everything, so
// it could not show what a user's other processes may read.
type house struct {
	*world
	t       *testing.T
	program string
	url     string
	user    *syscall.Credential // who runs keyd; nil: the user who runs the test
	open    func()              // lets AWS answer; before and after must not change from then on
	before  func(n int)         // called before the nth request is answered
	after   func(n int)         // called after the nth request is answered
	n       atomic.Int64
}

func newHouse(t *testing.T, program string) *house {
	t.Helper()
	h := &house{world: newWorld(), t: t, program: program, before: func(int) {}, after: func(int) {}}
	h.home = openFolder(t)
	h.ears.home = h.home
	h.own = []string{filepath.Join(h.home, ".aws", "credentials")}
	server := httptest.NewUnstartedServer(h)
	t.Cleanup(server.Close)
	h.url, h.open = "http://"+server.Listener.Addr().String(), sync.OnceFunc(server.Start)
	if os.Geteuid() == 0 {
		h.user = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	return h
}

// openFolder creates a folder that every user may enter, unlike t.TempDir.
func openFolder(t *testing.T) string {
	t.Helper()
	path, err := os.MkdirTemp("", "keyd-secrets")
	if err == nil {
		err = os.Chmod(path, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	return path
}

// readyProgram copies this binary to a place where every user may run it, and allows
// core dumps for the rest of the test. A separate process makes the copy: if this
// process opened the copy for writing, child processes of other tests could inherit
// it, and the copy could not be executed.
func readyProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(openFolder(t), "program")
	if os.Link(self, path) != nil { // another file system
		if text, err := exec.CommandContext(t.Context(), "cp", self, path).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	var limit syscall.Rlimit
	if err := errors.Join(os.Chmod(path, 0o755), syscall.Getrlimit(syscall.RLIMIT_CORE, &limit)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: limit.Max, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_CORE, &limit) })
	return path
}

func (h *house) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	n := int(h.n.Add(1))
	h.before(n)
	h.world.ServeHTTP(answer, r)
	_ = http.NewResponseController(answer).Flush()
	h.after(n)
}

// writeFile writes a file that belongs to the user.
func (h *house) writeFile(name, text string, mode fs.FileMode) {
	h.t.Helper()
	path := filepath.Join(h.home, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), mode)); err != nil {
		h.t.Fatal(err)
	}
	if h.user != nil {
		for ; len(path) >= len(h.home); path = filepath.Dir(path) {
			if err := os.Chown(path, int(h.user.Uid), int(h.user.Gid)); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

// addKey creates a user with a key of this age, in a profile of the same name.
func (h *house) addKey(name string, days int) (id string) {
	h.t.Helper()
	user := h.cloud.AddUser(account, "/", name)
	id, secret := user.AddKey(time.Duration(days) * day)
	text, _ := os.ReadFile(h.own[0])
	h.writeFile(".aws/credentials", fmt.Sprintf("%s[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", text, name, id, secret), 0o600)
	h.users[name] = user
	return id
}

// runningProgram is a process and its output.
type runningProgram struct {
	*exec.Cmd
	out, err bytes.Buffer
}

// startProgram starts one of the programs in this binary, by name.
func (h *house) startProgram(env []string, args ...string) *runningProgram {
	h.t.Helper()
	h.open()
	l := &runningProgram{Cmd: exec.CommandContext(h.t.Context(), h.program)}
	l.Args = args
	l.Dir, l.Stdout, l.Stderr = h.home, &l.out, &l.err
	l.SysProcAttr = &syscall.SysProcAttr{Credential: h.user}
	l.Env = append([]string{
		"HOME=" + h.home, "TMPDIR=" + filepath.Join(h.home, "tmp"), "PATH=" + filepath.Join(h.home, "bin") + ":" + os.Getenv("PATH"), "TZ=UTC", "NO_PROXY=*",
		"KEYD_STATE_DIR=" + filepath.Join(h.home, "state"), "KEYD_SETTINGS=" + filepath.Join(h.home, "keyd.ini"), "AWS_ENDPOINT_URL=" + h.url,
	}, env...)
	if err := l.Start(); err != nil {
		h.t.Fatal(err)
	}
	return l
}

// demandNoSecret demands that these texts, the home and the requests to AWS contain no secret.
func (h *house) demandNoSecret(texts map[string]string) {
	h.t.Helper()
	secrets := h.cloud.Secrets()
	for where, text := range texts {
		for _, m := range marksIn([]byte(text), marksOf(secrets)) {
			h.t.Errorf("%s is in %s", m, where)
		}
	}
	searchSecrets(h.t, h.home, secrets, h.secretPlaces(true))
	for _, wrong := range h.ears.findWrong(secrets) {
		h.t.Error(wrong)
	}
}
