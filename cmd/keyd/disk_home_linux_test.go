package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
)

// diskHome is a home on real disks, with a simulated AWS on loopback that reads the
// credentials file at every request.
type diskHome struct {
	t      *testing.T
	home   string
	uid    int // of the user who runs keyd
	server *httptest.Server
	cloud  *awssim.Cloud
	user   *awssim.User

	old  credfile.Key
	text string // of the credentials file at the start
	mode fs.FileMode

	mu   sync.Mutex
	when stage
	harm change // made once, at stage when; nil once it has been made
	made []credfile.Key
	held []awssim.ShownPair
	said []string // everything that keyd has printed
}

// change changes something on a disk. It may run in the goroutine of a request.
type change func(*diskHome) error

// stage is when a change is made.
type stage string

const (
	before   stage = "before the rotation"
	creating stage = "while CreateAccessKey is under way"
	proving  stage = "while the new key is proven"
	swapped  stage = "after the swap"
	overlaps stage = "in the overlap"
)

func newDiskHome(t *testing.T, uid int) *diskHome {
	h := &diskHome{t: t, home: t.TempDir(), uid: uid, cloud: awssim.New(awssim.Options{Seed: 1, Regions: []string{"us-east-1"}})}
	h.user = h.cloud.AddUser(account, "/", "alice")
	id, secret := h.user.AddKey(70 * day)
	h.old = credfile.Key{ID: id, Secret: credfile.NewSecret(secret)}
	h.text = fmt.Sprintf("# mine\n[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret)
	h.server = httptest.NewServer(h)
	t.Cleanup(h.server.Close)
	for _, err := range []error{
		os.Chmod(filepath.Dir(h.home), 0o755), os.Chown(h.home, uid, uid),
		os.Mkdir(h.path(".aws"), 0o700), os.Mkdir(h.path("state"), 0o700),
		os.WriteFile(h.path("keyd.ini"), []byte("notify = none\n"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *diskHome) path(name string) string { return filepath.Join(h.home, name) }

func (h *diskHome) file() string { return h.path(".aws/credentials") }

// write writes the credentials file, as it was at the start, under a name.
func (h *diskHome) write(name string) error { return os.WriteFile(h.path(name), []byte(h.text), 0o600) }

// chownHome hands everything in the home to the user who runs keyd.
func (h *diskHome) chownHome() error {
	return filepath.WalkDir(h.home, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || h.uid == os.Geteuid() {
			return err
		}
		return os.Lchown(path, h.uid, h.uid)
	})
}

// readCredentials returns the text of the credentials file, or a nil info if there is none.
func (h *diskHome) readCredentials() (text string, info fs.FileInfo) {
	info, err := os.Stat(h.file())
	if err != nil || !info.Mode().IsRegular() {
		return "", nil
	}
	data, err := os.ReadFile(h.file())
	if err != nil {
		h.t.Errorf("the credentials file: %v", err)
	}
	return string(data), info
}

// ServeHTTP makes the change when its stage has come, records what the file shows,
// and remembers the pairs that AWS creates.
func (h *diskHome) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		h.t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	h.checkCredentials("at a request")
	if h.harm != nil && h.stageOf(form.Get("Action"), r.Header.Get("Authorization")) == h.when {
		if err := h.harm(h); err != nil {
			h.t.Errorf("%s: %v", h.when, err)
		}
		h.harm = nil
	}
	answer := httptest.NewRecorder()
	h.cloud.ServeHTTP(answer, r)
	h.rememberPair(answer.Body.Bytes())
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (h *diskHome) stageOf(action, signature string) stage {
	switch {
	case action == "CreateAccessKey":
		return creating
	case len(h.made) == 0 || strings.Contains(signature, h.old.ID):
		return before
	case h.held[len(h.held)-1].ID == h.old.ID:
		return proving
	}
	return swapped
}

func (h *diskHome) rememberPair(answer []byte) {
	var created struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	if xml.Unmarshal(answer, &created) == nil && created.Secret != "" {
		h.made = append(h.made, credfile.Key{ID: created.ID, Secret: credfile.NewSecret(created.Secret)})
	}
}

// checkCredentials demands that the file, if there is one, is the old or the new one to the byte
// and shows a pair that AWS accepts.
func (h *diskHome) checkCredentials(when string) {
	text, info := h.readCredentials()
	if info == nil {
		return
	}
	i := slices.IndexFunc(h.allPairs(), func(k credfile.Key) bool { return text == h.textWith(k) })
	if i < 0 {
		h.t.Errorf("%s the file is neither the old nor the new one:\n%s", when, text)
		return
	}
	k := h.allPairs()[i]
	if !h.cloud.IsUsable(k.ID, k.Secret.Reveal()) {
		h.t.Errorf("%s AWS refuses the pair in the file, %s", when, k)
	}
	if n := len(h.held); n == 0 || h.held[n-1].ID != k.ID {
		h.held = append(h.held, awssim.ShownPair{At: time.Now(), ID: k.ID, Secret: k.Secret.Reveal()})
	}
}

func (h *diskHome) allPairs() []credfile.Key { return append([]credfile.Key{h.old}, h.made...) }

func (h *diskHome) textWith(k credfile.Key) string {
	return strings.NewReplacer(h.old.ID, k.ID, h.old.Secret.Reveal(), k.Secret.Reveal()).Replace(h.text)
}

func (h *diskHome) environment() map[string]string {
	return map[string]string{"HOME": h.home, "KEYD_STATE_DIR": h.path("state"), "KEYD_SETTINGS": h.path("keyd.ini"),
		"AWS_ENDPOINT_URL": h.server.URL, "NO_PROXY": "*", "TZ": "UTC"}
}

// keydCommand runs the real thing, as the user of this home.
func (h *diskHome) keydCommand(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(h.t.Context(), processLimit)
	h.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Args[0] = "keyd"
	cmd.Dir = "/"
	for name, value := range h.environment() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if h.uid != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(h.uid), Gid: uint32(h.uid)}}
	}
	return cmd
}

// runKeyd runs a command to its end, and demands an exit code and lines of output that
// match the patterns in told.
func (h *diskHome) runKeyd(exit int, told []string, args ...string) {
	h.t.Helper()
	code, out := h.ends(args)
	h.t.Logf("keyd %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	if code != exit {
		h.t.Errorf("keyd %s exits with %d, want %d", strings.Join(args, " "), code, exit)
	}
	h.checkOutput(out, told)
}

// ends runs a command to its end.
func (h *diskHome) ends(args []string) (exit int, said string) {
	h.t.Helper()
	if !deeptest.On() && h.uid == os.Geteuid() {
		env := h.environment()
		exit, stdout, stderr := runHere(func(name string) string { return env[name] }, args)
		return exit, stdout + stderr
	}
	out, err := h.keydCommand(args...).CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		exit = failed.ExitCode()
	} else if err != nil {
		h.t.Fatal(err)
	}
	return exit, string(out)
}

func (h *diskHome) checkOutput(out string, told []string) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, out)
	for _, pattern := range told {
		if !regexp.MustCompile("(?m)" + pattern).MatchString(out) {
			h.t.Errorf("no line matches %q in\n%s", pattern, out)
		}
	}
	h.checkInvariants()
}

// checkInvariants demands what must be true whenever keyd has exited.
func (h *diskHome) checkInvariants() {
	h.t.Helper()
	h.checkCredentials("at the end")
	kept := h.storedSecrets()
	if lost := h.cloud.Orphans(append(kept, "none")...); len(lost) > 0 {
		h.t.Errorf("the secret of %v is lost", lost)
	}
	for _, c := range h.cloud.ForeignCalls() {
		h.t.Errorf("a foreign key was touched: %s %s", c.Action, c.Target)
	}
	for _, k := range h.allPairs() {
		for _, m := range marksIn([]byte(strings.Join(h.said, "\n")), marksOf(map[string]string{k.ID: k.Secret.Reveal()})) {
			h.t.Errorf("%s was printed", m)
		}
	}
	if _, info := h.readCredentials(); info != nil && h.mode != 0 && info.Mode() != h.mode {
		h.t.Errorf("the mode of the file was %v and is now %v", h.mode, info.Mode())
	}
}

// storedSecrets searches the whole home, and returns the ids of the new keys whose secret
// is in the credentials file or in the journal. A secret anywhere else is an error.
func (h *diskHome) storedSecrets() (ids []string) {
	h.t.Helper()
	_, credentials := h.readCredentials()
	err := filepath.WalkDir(h.home, func(path string, entry fs.DirEntry, err error) error {
		if path == h.path("gone") { // represents a volume that is not mounted
			return fs.SkipDir
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if strings.Contains(path, ".keyd-") {
			h.t.Errorf("a temporary file was left: %s", path)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, k := range h.allPairs() {
			if len(marksIn(data, marksOf(map[string]string{k.ID: k.Secret.Reveal()}))) == 0 {
				continue
			}
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			journal := strings.HasSuffix(filepath.Dir(path), "/state/rotations")
			if journal && info.Mode() != 0o600 || !journal && !os.SameFile(info, credentials) {
				h.t.Errorf("the secret of %s is in %s, %v", k, path, info.Mode())
			}
			if i > 0 && bytes.Contains(data, []byte(k.Secret.Reveal())) {
				ids = append(ids, k.ID)
			}
		}
		return nil
	})
	if err != nil {
		h.t.Errorf("looking for secrets: %v", err)
	}
	return ids
}

// demandOver demands that the rotation is over: one key, and no journal.
func (h *diskHome) demandOver() {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	text, info := h.readCredentials()
	keys := h.cloud.Keys(h.user)
	if info == nil || len(keys) != 1 || !strings.Contains(text, keys[0].ID) || keys[0].ID == h.old.ID || keys[0].Status != "Active" {
		h.t.Errorf("AWS has %+v, and the file shows\n%s", keys, text)
	}
	if left, _ := filepath.Glob(h.path("state/rotations/*")); len(left) > 0 {
		h.t.Errorf("a journal was left: %v", left)
	}
	if out := h.cloud.Outage(h.held, time.Now()); out > 0 {
		h.t.Errorf("the pair in the file was refused for %s", out)
	}
	if info, err := os.Stat(h.file()); err == nil {
		if uid := int(info.Sys().(*syscall.Stat_t).Uid); uid != h.uid {
			h.t.Errorf("the file belongs to %d", uid)
		}
	}
}
