package daemon

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/awssim"
	"keyd/daemon/iam"
)

const account = "111122223333"

// lab is one user's laptop and AWS. It runs in a synctest bubble: time is fake,
// files are real.
type lab struct {
	t     *testing.T
	cloud *awssim.Cloud
	user  *awssim.User
	old   credfile.Key
	home  string
	d     *Rotator
	http  iam.Doer
	sys   atomicfile.Sys
	now   func() time.Time
	held  []awssim.ShownPair // which pair the file showed since when
	log   bytes.Buffer
	said  []string
}

// unsynced is the real file system without its slow syncs.
type unsynced struct{ atomicfile.OS }

func (d unsynced) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	f, err := d.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

func (unsynced) SyncDir(string) error { return nil }

func (d unsynced) CopyMeta(from, to atomicfile.File) error {
	return d.OS.CopyMeta(from.(unsyncedFile).File, to.(unsyncedFile).File)
}

type unsyncedFile struct{ atomicfile.File }

func (unsyncedFile) Sync() error { return nil }

// newLab has one user with one key of the given age, in [default] and [work].
func newLab(t *testing.T, lag awssim.Lag, age time.Duration) *lab {
	t.Helper()
	l := &lab{t: t, home: t.TempDir(), sys: unsynced{}, now: time.Now}
	l.http = watcher{l}
	l.start(lag, age)
	return l
}

// start fills an empty home, and AWS.
func (l *lab) start(lag awssim.Lag, age time.Duration) {
	l.t.Helper()
	l.cloud = awssim.New(awssim.Options{Now: l.now, Seed: 7, Lag: lag, Regions: []string{"eu-west-1", "us-east-1"}})
	l.user = l.cloud.AddUser(account, "/", "alice")
	id, secret := l.user.AddKey(age)
	l.old = credfile.Key{ID: id, Secret: credfile.NewSecret(secret)}
	l.write("credentials", fmt.Sprintf("# mine\r\n[default]\r\naws_access_key_id = %s\r\naws_secret_access_key\t=\t%s\r\n\r\n[work]\r\naws_secret_access_key=%s\r\nAWS_ACCESS_KEY_ID=%s # shared\r\n",
		id, secret, secret, id))
	l.write("config", "[default]\nregion = eu-west-1\n")
	l.restart()
	l.watch()
}

// watcher notes which pair the file shows whenever a request is made: between
// two requests the file changes at most once, and notes are made after it too.
type watcher struct{ l *lab }

func (l *lab) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.home, name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) text() string {
	data, err := os.ReadFile(filepath.Join(l.home, "credentials"))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(data)
}

// restart is a new process on the same disk.
func (l *lab) restart() {
	paths := credfile.Paths{Credentials: filepath.Join(l.home, "credentials"), Config: filepath.Join(l.home, "config")}
	state := filepath.Join(l.home, "state")
	l.d = &Rotator{
		Store:    &credfile.Store{Paths: paths, Sys: l.sys},
		StateDir: state, Sys: l.sys, Settings: Default(), HTTP: l.http, Now: l.now,
		Getenv: func(string) string { return "" }, Log: slog.New(slog.NewTextHandler(&l.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Process: "test", OnEvent: func(e Event) { l.said = append(l.said, e.Verb+" "+e.Text); l.watch() },
	}
	l.d.Settings.CheckEvery = 12 * time.Hour // fewer passes in which nothing is due
}

// watch notes the pair that [default] shows now.
func (l *lab) watch() {
	k, err := credfile.ReadPair([]byte(l.text()), credfile.Credentials, "default")
	if err != nil {
		l.t.Fatalf("the file cannot be read back: %v", err)
	}
	if n := len(l.held); n == 0 || l.held[n-1].ID != k.ID || l.held[n-1].Secret != k.Secret.Reveal() {
		l.held = append(l.held, awssim.ShownPair{At: l.now(), ID: k.ID, Secret: k.Secret.Reveal()})
	}
}

func (l *lab) shows() string { return l.held[len(l.held)-1].ID }

// pass does one pass and returns the result for [default].
func (l *lab) pass(req Request) Result {
	l.t.Helper()
	results, err := l.d.Pass(l.t.Context(), req)
	if err != nil {
		l.t.Fatalf("pass: %v", err)
	}
	l.watch()
	for _, r := range results {
		if r.Profiles[0] == "default" {
			return r
		}
	}
	l.t.Fatal("the pass has no result for default")
	return Result{}
}

// live lets days go by, with a pass whenever one is due, until ok.
func (l *lab) live(limit time.Duration, ok func(Result) bool) Result {
	l.t.Helper()
	for end := time.Now().Add(limit); ; {
		r := l.pass(Request{})
		if ok(r) {
			return r
		}
		if time.Now().After(end) {
			l.t.Fatalf("not there after %s: %s, %s (%v)\n%s", limit, r.State, r.Why, r.Err, strings.Join(l.said, "\n"))
		}
		time.Sleep(l.d.timeToNextPass([]Result{r}))
	}
}

// settled reports a key that waits for its next birthday with nothing open.
func settled(r Result) bool { return r.State == StateOK && r.Rotation == nil }

// safe checks the promises that hold in every state.
func (l *lab) safe() {
	l.t.Helper()
	l.watch()
	if out := l.cloud.Outage(l.held, time.Now()); out > 0 {
		l.t.Errorf("the pair in the file was refused for %s", out)
	}
	for _, c := range l.cloud.ForeignCalls() {
		l.t.Errorf("a foreign key was touched: %s %s", c.Action, c.Target)
	}
	l.signedAfterSwap()
	for _, k := range append([]credfile.Key{l.old}, l.secrets()...) {
		if bytes.Contains(l.log.Bytes(), []byte(k.Secret.Reveal())) || strings.Contains(strings.Join(l.said, "\n"), k.Secret.Reveal()) {
			l.t.Errorf("the secret of %s was printed", k)
		}
	}
}

func (l *lab) secrets() []credfile.Key {
	var keys []credfile.Key
	for _, h := range l.held {
		keys = append(keys, credfile.Key{ID: h.ID, Secret: credfile.NewSecret(h.Secret)})
	}
	return keys
}

// signedAfterSwap checks that nothing signs with a key that the file has left.
func (l *lab) signedAfterSwap() {
	l.t.Helper()
	for i, h := range l.held[1:] {
		if h.ID == l.old.ID { // put back, or reverted by hand
			return
		}
		for _, c := range l.cloud.Calls() {
			if c.KeyID == l.held[i].ID && c.At.After(h.At) {
				l.t.Errorf("%s was signed with %s, %s after the swap", c.Action, c.KeyID, c.At.Sub(h.At))
			}
		}
	}
}

// oneKey checks that the user has exactly the key that the file shows, Active.
func (l *lab) oneKey() {
	l.t.Helper()
	keys := l.cloud.Keys(l.user)
	if len(keys) != 1 || keys[0].ID != l.shows() || keys[0].Status != "Active" {
		l.t.Errorf("the file shows %s, AWS has %+v", l.shows(), keys)
	}
}

// onlyValues checks that nothing but ids and secrets has changed since start.
func (l *lab) onlyValues(start string) {
	l.t.Helper()
	now := l.held[len(l.held)-1]
	want := strings.NewReplacer(l.old.ID, now.ID, l.old.Secret.Reveal(), now.Secret).Replace(start)
	if l.text() != want {
		l.t.Errorf("other bytes changed:\n%q\nwant\n%q", l.text(), want)
	}
}

func (l *lab) count(action string) int {
	n := 0
	for _, c := range l.cloud.Calls() {
		if c.Action == action {
			n++
		}
	}
	return n
}
