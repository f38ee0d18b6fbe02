package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"keyd/daemon/awssim"
)

// searchedT is the T of the stories. Log gets everything that their commands print, in
// the foreground or the background, and searches it for secrets.
type searchedT struct {
	*testing.T
	world *world
}

// Run runs one story with a T of this type.
func (o *searchedT) Run(name string, f func(testscript.T)) {
	o.T.Run(name, func(t *testing.T) { f(&searchedT{T: t}) })
}

// Verbose makes testscript keep the output of the phases that are over.
func (o *searchedT) Verbose() bool { return true }

// Log gets the whole output of a story at its end. It prints the output when a T would
// have printed it.
func (o *searchedT) Log(args ...any) {
	o.Helper()
	if o.world != nil && !o.Failed() {
		for _, wrong := range o.world.findPrinted(fmt.Sprint(args...)) {
			o.Error(wrong)
		}
	}
	if testing.Verbose() || o.Failed() {
		o.T.Log(args...)
	}
}

// findPrinted returns the errors in the output of a story's commands.
func (w *world) findPrinted(text string) (wrong []string) {
	if last := strings.ReplaceAll(w.last, w.home, "$WORK"); !strings.Contains(text, last) {
		wrong = append(wrong, "the log lacks some of the output")
	}
	for _, m := range marksIn([]byte(text), marksOf(w.knownSecrets())) {
		wrong = append(wrong, m.String()+" was printed")
	}
	return wrong
}

// listenToStory makes a story fail at its end if its folder, its output or its requests to AWS
// contain a secret that must not be there.
func (w *world) listenToStory(env *testscript.Env) {
	t, ok := env.T().(*searchedT)
	if !ok {
		panic("the T of a story is not an overheard")
	}
	t.world, w.home, w.ears.home = w, env.WorkDir, env.WorkDir
	w.own = []string{filepath.Join(w.home, ".aws", "credentials"), filepath.Join(w.home, ".aws", "config")}
	err := filepath.WalkDir(w.home, func(path string, entry fs.DirEntry, err error) error {
		w.own = append(w.own, path) // the story itself brought the file
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	env.Defer(func() {
		secrets := w.knownSecrets()
		journals, _ := filepath.Glob(filepath.Join(w.home, "state", "rotations", "*.json"))
		searchSecrets(t, w.home, secrets, w.secretPlaces(len(journals) > 0))
		for _, wrong := range w.ears.findWrong(secrets) {
			t.Error(wrong)
		}
	})
}

// secretPlaces returns where secrets may be in a story.
func (w *world) secretPlaces(open bool) places {
	return places{own: w.own, state: filepath.Join(w.home, "state"), open: open}
}

// knownSecrets returns the secrets of AWS, and any others that the files hold.
func (w *world) knownSecrets() map[string]string {
	secrets := w.cloud.Secrets()
	for _, path := range w.own {
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue // no such file, or a FIFO in its place
		}
		text, _ := os.ReadFile(path)
		for i, secret := range secretsIn(text) {
			if !strings.HasPrefix(secret, "${") {
				secrets[fmt.Sprintf("number %d of %s", i+1, filepath.Base(path))] = secret
			}
		}
	}
	return secrets
}

// requestLog records what keyd sends to AWS.
type requestLog struct {
	home string

	mu    sync.Mutex
	heard bytes.Buffer // every request, whole
	late  []string     // requests that an old key signed while the files showed its successor
}

// record records a request, and leaves its body readable.
func (e *requestLog) record(cloud *awssim.Cloud, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client disconnected while it was still sending
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	e.mu.Lock()
	defer e.mu.Unlock()
	fmt.Fprintf(&e.heard, "%s %s %s %s\n", r.Method, r.Host, r.RequestURI, r.URL)
	heads := r.Header.Clone()
	heads.Del("X-Amz-Security-Token") // the only place where a session's token belongs
	_ = heads.Write(&e.heard)
	e.heard.Write(append(body, '\n'))
	if next := e.findSuccessor(cloud, signingKey(r)); next != "" {
		e.late = append(e.late, fmt.Sprintf("%s signed %q while the files showed %s", signingKey(r), body, next))
	}
}

// findSuccessor returns the key that this key created and that has replaced it in the
// files, or "" if there is none. From then on the old key must sign nothing.
func (e *requestLog) findSuccessor(cloud *awssim.Cloud, id string) string {
	var files []byte
	for _, name := range []string{"credentials", "config"} {
		path := filepath.Join(e.home, ".aws", name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			text, _ := os.ReadFile(path)
			files = append(files, text...)
		}
	}
	if id == "" || strings.HasPrefix(id, "ASIA") || bytes.Contains(files, []byte(id)) { // a session is not the key that opened it
		return ""
	}
	for _, call := range cloud.Calls() {
		if call.Action == "CreateAccessKey" && call.Effect && call.KeyID == id && bytes.Contains(files, []byte(call.Target)) {
			return call.Target
		}
	}
	return ""
}

// signingKey returns the id of the key that signed a request.
func signingKey(r *http.Request) string {
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	id, _, _ := strings.Cut(rest, "/")
	return id
}

// findWrong returns what was sent and must not have been.
func (e *requestLog) findWrong(secrets map[string]string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	wrong := slices.Clone(e.late)
	for _, m := range marksIn(e.heard.Bytes(), marksOf(secrets)) {
		wrong = append(wrong, m.String()+" was sent to AWS")
	}
	return wrong
}

// TestRequestsAreSearched sends secrets that must not be sent, and checks that they are
// found.
func TestRequestsAreSearched(t *testing.T) {
	secrets := map[string]string{plantedID: plantedSecret}
	for name, r := range map[string]*http.Request{
		"the URL":    newRequest(t, "/?secret="+shapesOf(plantedSecret)["URL-escaped"], "", ""),
		"a header":   newRequest(t, "/", "X-Amz-Meta", plantedSecret[:20]),
		"the body":   newRequest(t, "/", "", "SecretAccessKey="+shapesOf(plantedSecret)["URL-escaped"]),
		"basic auth": newRequest(t, "/", "Authorization", "Basic "+shapesOf("AKIA:" + plantedSecret)["in base64 (0)"]),
	} {
		e := &requestLog{home: t.TempDir()}
		e.record(awssim.New(awssim.Options{}), r)
		if len(e.findWrong(secrets)) != 1 {
			t.Errorf("a secret in %s is not found", name)
		}
		if len(e.findWrong(map[string]string{"AKIAOTHER": strings.Repeat("another/+", 5)})) != 0 {
			t.Errorf("%s: another secret is found", name)
		}
	}
}

// TestStoryOutputIsSearched searches the output of a story that prints a secret.
func TestStoryOutputIsSearched(t *testing.T) {
	w := newWorld()
	w.home = "/home/alice"
	_, secret := w.cloud.AddUser(account, "/", "alice").AddKey(0)
	for text, want := range map[string]int{"[stdout]\nall is well\n": 0, "[background]\n[stderr]\nkey=" + secret[20:] + "\n": 1} {
		if wrong := w.findPrinted(text); len(wrong) != want {
			t.Errorf("%q", wrong)
		}
	}
	if w.last = "something else"; len(w.findPrinted("all is well")) != 1 {
		t.Error("output that the log lacks is not reported")
	}
}

// newRequest returns a request as a server gets it. Without the name of a header, value
// is the body.
func newRequest(t *testing.T, uri, header, value string) *http.Request {
	t.Helper()
	body := value
	if header != "" {
		body = ""
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1"+uri, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.RequestURI = uri
	if header != "" {
		r.Header.Set(header, value)
	}
	return r
}
