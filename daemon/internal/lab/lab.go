package lab

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/decide"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
	"keyd/daemon/state"
)

// Elsewhere is keyd in a shell whose AWS_SHARED_CREDENTIALS_FILE names another
// file, with the key of another person.
func (l *Lab) Elsewhere() {
	id, secret := l.Cloud.AddUser(Account, "/", "bob").AddKey(settings.Day)
	l.Write("elsewhere", fmt.Sprintf("[personal]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret))
	l.D.Store.Paths.Credentials = filepath.Join(l.Home, "elsewhere")
}

// Passes is one pass with every key's result.
func (l *Lab) Passes(req rotate.Request) []rotate.Result {
	l.T.Helper()
	results, err := l.D.Pass(l.T.Context(), req)
	if err != nil {
		l.T.Fatal(err)
	}
	return results
}

// AllowAll makes an administrator of the user.
func (l *Lab) AllowAll() {
	l.T.Helper()
	if err := l.User.AllowPolicy(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`); err != nil {
		l.T.Fatal(err)
	}
}

// Rewrite edits the journal.
func (l *Lab) Rewrite(edit func(*journal.Rotation)) {
	l.T.Helper()
	rotations, errs := l.D.JournalDir().Load(l.T.Context())
	if len(rotations) != 1 || len(errs) > 0 {
		l.T.Fatalf("%d journals, %v", len(rotations), errs)
	}
	edit(rotations[0])
	if err := l.D.JournalDir().Save(rotations[0]); err != nil {
		l.T.Fatal(err)
	}
}

const Account = "111122223333"

// Lab is one user's laptop and AWS. It runs in a synctest bubble: time is fake.
// Files are in memory, and real in deep tests and in a lab of NewOnDisk.
type Lab struct {
	T     *testing.T
	Cloud *awssim.Cloud
	User  *awssim.User
	Old   credfile.Key
	Home  string
	D     *rotate.Rotator
	HTTP  iam.Doer
	Sys   atomicfile.Sys
	disk  *atomicfiletest.Disk // holds the files, unless they are real
	Now   func() time.Time
	Held  []awssim.ShownPair // which pair the file showed since when
	Log   bytes.Buffer
	Said  []string
	seen  string // the credentials file when Watch last read it
}

// Unsynced is the real file system without its slow syncs.
type Unsynced struct{ atomicfile.OS }

func (d Unsynced) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	f, err := d.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

func (Unsynced) SyncDir(string) error { return nil }

func (d Unsynced) CopyMeta(from, to atomicfile.File) error {
	return d.OS.CopyMeta(from.(unsyncedFile).File, to.(unsyncedFile).File)
}

type unsyncedFile struct{ atomicfile.File }

func (unsyncedFile) Sync() error { return nil }

// NewLab has one user with one key of the given age, in [default] and [work].
func NewLab(t *testing.T, lag awssim.Lag, age time.Duration) *Lab {
	t.Helper()
	if deeptest.On() {
		return NewOnDisk(t, lag, age)
	}
	home, err := filepath.Abs("/home/alice")
	Must(t, err)
	l := &Lab{T: t, Home: home, disk: atomicfiletest.NewDisk(time.Now, home), Now: time.Now}
	l.Sys = l.disk
	l.HTTP = Watcher{Lab: l}
	l.Start(lag, age)
	return l
}

// NewOnDisk is NewLab with real files, for a test that reads or changes them itself.
func NewOnDisk(t *testing.T, lag awssim.Lag, age time.Duration) *Lab {
	t.Helper()
	l := &Lab{T: t, Home: t.TempDir(), Sys: Unsynced{}, Now: time.Now}
	l.HTTP = Watcher{Lab: l}
	l.Start(lag, age)
	return l
}

// Start fills an empty home, and AWS.
func (l *Lab) Start(lag awssim.Lag, age time.Duration) {
	l.T.Helper()
	l.Cloud = awssim.New(awssim.Options{Now: l.Now, Seed: 7, Lag: lag, Regions: []string{"eu-west-1", "us-east-1"}})
	l.User = l.Cloud.AddUser(Account, "/", "alice")
	id, secret := l.User.AddKey(age)
	l.Old = credfile.Key{ID: id, Secret: credfile.NewSecret(secret)}
	l.Write("credentials", fmt.Sprintf("# mine\r\n[default]\r\naws_access_key_id = %s\r\naws_secret_access_key\t=\t%s\r\n\r\n[work]\r\naws_secret_access_key=%s\r\nAWS_ACCESS_KEY_ID=%s # shared\r\n",
		id, secret, secret, id))
	l.Write("config", "[default]\nregion = eu-west-1\n")
	l.Restart()
	l.Watch()
}

// Watcher notes which pair the file shows whenever a request is made: between
// two requests the file changes at most once, and notes are made after it too.
type Watcher struct{ Lab *Lab }

func (l *Lab) Write(name, text string) {
	l.T.Helper()
	path := filepath.Join(l.Home, name)
	if l.disk != nil {
		l.disk.Put(path, []byte(text), false)
		return
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.T.Fatal(err)
	}
}

func (l *Lab) Text() string {
	if l.disk != nil {
		return string(l.disk.Data(filepath.Join(l.Home, "credentials")))
	}
	data, err := os.ReadFile(filepath.Join(l.Home, "credentials"))
	if err != nil {
		l.T.Fatal(err)
	}
	return string(data)
}

// Restart is a new process on the same disk.
func (l *Lab) Restart() {
	paths := credfile.Paths{Credentials: filepath.Join(l.Home, "credentials"), Config: filepath.Join(l.Home, "config")}
	state := filepath.Join(l.Home, "state")
	l.D = &rotate.Rotator{
		Store:    &credfile.Store{Paths: paths, Sys: l.Sys},
		StateDir: state, Sys: l.Sys, Settings: settings.Default(), HTTP: l.HTTP, Now: l.Now,
		Getenv: func(string) string { return "" }, Log: slog.New(slog.NewTextHandler(&l.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Process: "test", OnEvent: func(e rotate.Event) { l.Said = append(l.Said, e.Verb+" "+e.Text); l.Watch() },
	}
	l.D.Settings.CheckEvery = 12 * time.Hour // fewer passes in which nothing is due
}

// Watch notes the pair that [default] shows now.
func (l *Lab) Watch() {
	text := l.Text()
	if text == l.seen && len(l.Held) > 0 {
		return
	}
	l.seen = text
	k, err := credfile.ReadPair([]byte(text), credfile.Credentials, "default")
	if err != nil {
		l.T.Fatalf("the file cannot be read back: %v", err)
	}
	if n := len(l.Held); n == 0 || l.Held[n-1].ID != k.ID || l.Held[n-1].Secret != k.Secret.Reveal() {
		l.Held = append(l.Held, awssim.ShownPair{At: l.Now(), ID: k.ID, Secret: k.Secret.Reveal()})
	}
}

func (l *Lab) Shows() string { return l.Held[len(l.Held)-1].ID }

// Pass does one pass and returns the result for [default].
func (l *Lab) Pass(req rotate.Request) rotate.Result {
	l.T.Helper()
	results, err := l.D.Pass(l.T.Context(), req)
	if err != nil {
		l.T.Fatalf("pass: %v", err)
	}
	l.Watch()
	for _, r := range results {
		if r.Profiles[0] == "default" {
			return r
		}
	}
	l.T.Fatal("the pass has no result for default")
	return rotate.Result{}
}

// Live lets days go by, with a pass whenever one is due, until ok.
func (l *Lab) Live(limit time.Duration, ok func(rotate.Result) bool) rotate.Result {
	l.T.Helper()
	for end := time.Now().Add(limit); ; {
		r := l.Pass(rotate.Request{})
		if ok(r) {
			return r
		}
		if time.Now().After(end) {
			l.T.Fatalf("not there after %s: %s, %s (%v)\n%s", limit, r.State, r.Why, r.Err, strings.Join(l.Said, "\n"))
		}
		time.Sleep(l.D.TimeToNextPass([]rotate.Result{r}))
	}
}

// Settled reports a key that waits for its next birthday with nothing open.
func Settled(r rotate.Result) bool { return r.State == decide.StateOK && r.Rotation == nil }

// Safe checks the promises that hold in every state.
func (l *Lab) Safe() {
	l.T.Helper()
	l.Watch()
	if out := l.Cloud.Outage(l.Held, time.Now()); out > 0 {
		l.T.Errorf("the pair in the file was refused for %s", out)
	}
	for _, c := range l.Cloud.ForeignCalls() {
		l.T.Errorf("a foreign key was touched: %s %s", c.Action, c.Target)
	}
	l.signedAfterSwap()
	for _, k := range append([]credfile.Key{l.Old}, l.Secrets()...) {
		if bytes.Contains(l.Log.Bytes(), []byte(k.Secret.Reveal())) || strings.Contains(strings.Join(l.Said, "\n"), k.Secret.Reveal()) {
			l.T.Errorf("the secret of %s was printed", k)
		}
	}
}

func (l *Lab) Secrets() []credfile.Key {
	var keys []credfile.Key
	for _, h := range l.Held {
		keys = append(keys, credfile.Key{ID: h.ID, Secret: credfile.NewSecret(h.Secret)})
	}
	return keys
}

// signedAfterSwap checks that nothing signs with a key that the file has left.
func (l *Lab) signedAfterSwap() {
	l.T.Helper()
	for i, h := range l.Held[1:] {
		if h.ID == l.Old.ID { // put back, or reverted by hand
			return
		}
		for _, c := range l.Cloud.Calls() {
			if c.KeyID == l.Held[i].ID && c.At.After(h.At) {
				l.T.Errorf("%s was signed with %s, %s after the swap", c.Action, c.KeyID, c.At.Sub(h.At))
			}
		}
	}
}

// OneKey checks that the user has exactly the key that the file shows, Active.
func (l *Lab) OneKey() {
	l.T.Helper()
	keys := l.Cloud.Keys(l.User)
	if len(keys) != 1 || keys[0].ID != l.Shows() || keys[0].Status != "Active" {
		l.T.Errorf("the file shows %s, AWS has %+v", l.Shows(), keys)
	}
}

// OnlyValues checks that nothing but ids and secrets has changed since start.
func (l *Lab) OnlyValues(start string) {
	l.T.Helper()
	now := l.Held[len(l.Held)-1]
	want := strings.NewReplacer(l.Old.ID, now.ID, l.Old.Secret.Reveal(), now.Secret).Replace(start)
	if l.Text() != want {
		l.T.Errorf("other bytes changed:\n%q\nwant\n%q", l.Text(), want)
	}
}

func (l *Lab) Count(action string) int {
	n := 0
	for _, c := range l.Cloud.Calls() {
		if c.Action == action {
			n++
		}
	}
	return n
}

// Lines does a pass and returns the lines of the status, by key.
func (l *Lab) Lines() map[string]state.KeyStatus {
	l.T.Helper()
	time.Sleep(time.Minute)
	if _, err := l.D.Pass(l.T.Context(), rotate.Request{}); err != nil {
		l.T.Fatal(err)
	}
	status, err := state.LoadStatus(l.D.StateDir)
	if err != nil {
		l.T.Fatal(err)
	}
	status.PID = 0 // of another process, as far as a test can tell
	if err := status.Save(l.Sys, l.D.StateDir); err != nil {
		l.T.Fatal(err)
	}
	all := map[string]state.KeyStatus{}
	for _, line := range status.Keys {
		all[line.KeyID] = line
	}
	return all
}

// Pruned does what keyd prune default ID does after it has asked.
func (l *Lab) Pruned(id string, active bool) {
	l.T.Helper()
	p, err := l.D.FindSecondKey(l.T.Context(), "default", id)
	if err != nil || p.KeyID != id || p.Active != active || !p.Suspect || p.LastUse == nil {
		l.T.Fatalf("%+v, %v", p, err)
	}
	Must(l.T, l.D.Prune(l.T.Context(), p))
}

func (l *Lab) Statuses() map[string]string {
	all := map[string]string{}
	for _, k := range l.Cloud.Keys(l.User) {
		all[k.ID] = k.Status
	}
	return all
}

// AsBefore checks that nothing has changed: not the file, not the keys, and
// nothing is remembered.
func (l *Lab) AsBefore(start string, keys []awssim.KeyState) {
	l.T.Helper()
	l.Safe()
	if l.Text() != start || l.Count("DeleteAccessKey") > 0 || l.Count("CreateAccessKey") > 0 {
		l.T.Error("the rehearsal changed something")
	}
	now := l.Cloud.Keys(l.User)
	for i, k := range keys {
		if len(now) != len(keys) || now[i].ID != k.ID || now[i].Status != k.Status {
			l.T.Errorf("the keys were %+v and are %+v", keys, now)
		}
	}
	for _, path := range []string{state.StatusPath(l.D.StateDir), state.HistoryPath(l.D.StateDir)} {
		if _, err := os.Stat(path); err == nil {
			l.T.Errorf("the rehearsal wrote %s", path)
		}
	}
}

func (w Watcher) Do(r *http.Request) (*http.Response, error) {
	w.Lab.Watch()
	return w.Lab.Cloud.Do(r)
}

// IsTorn requires that the test has torn a pair at all.
func (l *Lab) IsTorn(text string) {
	l.T.Helper()
	for _, k := range l.Cloud.Keys(l.User) {
		secret := l.Cloud.Secrets()[k.ID]
		if strings.Count(text, k.ID) == 2 && strings.Count(text, secret) == 2 {
			l.T.Fatalf("nothing is torn: %q", text)
		}
	}
}

// Mended checks what must hold from then on, and that no request was ever signed
// with anything but a pair of the user's.
func (l *Lab) Mended() {
	l.T.Helper()
	l.Safe()
	for _, c := range l.Cloud.Calls() {
		if l.Cloud.Secrets()[c.KeyID] == "" || c.Code == "SignatureDoesNotMatch" {
			l.T.Errorf("%s was signed with %s: %s", c.Action, c.KeyID, c.Code)
		}
	}
}

func (l *Lab) Journals() []string {
	paths, err := filepath.Glob(filepath.Join(l.Home, "state", "rotations", "AKIA*.json"))
	if err != nil || len(paths) == 0 {
		l.T.Errorf("no journal: %v", err)
	}
	return paths
}

// Must fails the test when err is not nil.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
