package rotate_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/internal/lab"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// leftBehind is a disk and an AWS as an earlier keyd, killed in the middle of a
// rotation, left them. The files are in testdata, in a folder named after the commit of
// that keyd; the secrets in them are the simulator's.
type leftBehind struct {
	At   time.Time // when the process was killed, in a synctest bubble
	Keys []struct {
		ID, Secret, Status string
		Created            time.Time
	}
	Files []struct{ Path, Text string }
}

func (l *leftBehind) text(path string) string {
	i := slices.IndexFunc(l.Files, func(f struct{ Path, Text string }) bool { return f.Path == path })
	if i < 0 {
		return ""
	}
	return l.Files[i].Text
}

// scene sets the clock of the bubble to the moment of the kill, and rebuilds the disk
// and AWS.
func (l *leftBehind) scene(t *testing.T) *scene {
	t.Helper()
	time.Sleep(time.Until(l.At))
	w := &scene{disk: atomicfiletest.NewDisk(time.Now, homeFolder), at: l.At}
	w.cloud = awssim.New(awssim.Options{Now: time.Now, Seed: 7, Lag: quick, Regions: []string{"us-east-1"}})
	alice := w.cloud.AddUser(lab.Account, "/", "alice") // the seed gives her the id that the journals name
	for i, k := range l.Keys {
		was := awssim.KeyState{ID: k.ID, Status: k.Status, Created: k.Created, CreatedBy: awssim.BySeed, Delivered: true}
		if i > 0 {
			was.CreatedBy = l.Keys[0].ID
		}
		alice.RestoreKey(was, k.Secret)
	}
	for _, dir := range []string{stateFolder, rotations} {
		lab.Must(t, w.disk.Mkdir(dir, 0o700))
	}
	for _, f := range l.Files {
		w.disk.Put(f.Path, []byte(f.Text), false)
	}
	return w
}

// TestEarlierInstallationContinues: this keyd finishes a rotation that an earlier
// keyd began, whatever the phase in which that one was killed. The pair in the file works
// at every request, nothing else in the file changes, the history is kept, and in the end
// the user has one key.
func TestEarlierInstallationContinues(t *testing.T) {
	if homeFolder != "/home/alice" {
		t.Skip("the journals name files as Unix does")
	}
	phases, err := filepath.Glob("testdata/a7a65c0/*.json")
	if err != nil || len(phases) < 20 {
		t.Fatalf("%d phases, %v", len(phases), err)
	}
	for _, path := range phases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(path)
			lab.Must(t, err)
			var left leftBehind
			lab.Must(t, json.Unmarshal(data, &left))
			synctest.Test(t, func(t *testing.T) { continueFrom(t, &left) })
		})
	}
}

func continueFrom(t *testing.T, left *leftBehind) {
	w := left.scene(t)
	shape := w.maskedText(credentials)
	d := &rotate.Rotator{
		Store:    &credfile.Store{Paths: credfile.Paths{Credentials: credentials, Config: configFile}, Sys: w.disk},
		StateDir: stateFolder, Sys: w.disk, Settings: settings.Default(), Now: time.Now,
		Getenv: func(string) string { return "" }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Process: "run",
	}
	dir := journal.Dir{Path: rotations, Sys: w.disk}
	open, problems := dir.Load(t.Context())
	if len(open) != 1 || len(problems) > 0 {
		t.Fatalf("%d journals can be read, %v", len(open), problems)
	}
	wasHeld := strings.Contains(t.Name(), "-held-")
	d.HTTP = doer(func(q *http.Request) (*http.Response, error) {
		if !w.isUsable(defaultPlace) {
			t.Errorf("the file shows a pair that AWS refuses, %s after the kill", time.Since(left.At))
		}
		return w.cloud.Do(q)
	})
	result := passFor(t, d)
	if wasHeld {
		if result.State != decide.StateHeld {
			t.Errorf("the hold is lost: %s: %s", result.State, result.Why)
		}
		_, err := d.Resume(t.Context(), "default")
		lab.Must(t, err)
	}
	for end := time.Now().Add(40 * settings.Day); !(result.State == decide.StateOK && result.Rotation == nil); result = passFor(t, d) {
		if time.Now().After(end) {
			t.Fatalf("not finished after 40 days: %s: %s (%v)", result.State, result.Why, result.Err)
		}
		if result.Do == decide.DoBlock {
			t.Fatalf("a person is needed: %s; %s", result.Why, result.Hint)
		}
		time.Sleep(max(time.Until(result.Until), time.Minute))
	}
	id, whole := w.shownKey(defaultPlace)
	if keys := w.cloud.Keys(w.user()); len(keys) != 1 || keys[0].ID != id || keys[0].Status != "Active" || !whole || id == left.Keys[0].ID {
		t.Errorf("the file shows %s (whole: %v), AWS has %+v", id, whole, keys)
	}
	if got := w.maskedText(credentials); got != shape {
		t.Errorf("other bytes changed:\n%q\nwant\n%q", got, shape)
	}
	history := filepath.Join(stateFolder, "history.jsonl")
	if !strings.HasPrefix(string(w.disk.Data(history)), left.text(history)) {
		t.Error("the history of the earlier keyd is gone")
	}
	if open, problems := dir.Load(t.Context()); len(open)+len(problems) > 0 {
		t.Errorf("%d journals are left, %v", len(open), problems)
	}
	for _, c := range w.cloud.ForeignCalls() {
		t.Errorf("%s touched %s, which is someone else's", c.Action, c.Target)
	}
}

// doer is an HTTP client.
type doer func(*http.Request) (*http.Response, error)

func (f doer) Do(q *http.Request) (*http.Response, error) { return f(q) }

// passFor runs one pass and returns the result for [default].
func passFor(t *testing.T, d *rotate.Rotator) rotate.Result {
	t.Helper()
	results, err := d.Pass(t.Context(), rotate.Request{})
	lab.Must(t, err)
	i := slices.IndexFunc(results, func(r rotate.Result) bool { return slices.Contains(r.Profiles, "default") })
	if i < 0 {
		t.Fatal("the pass has no result for default")
	}
	return results[i]
}
