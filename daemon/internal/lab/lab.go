// Package lab is the test bench of keyd: one user's laptop, with the AWS files and
// keyd on it, and a simulated AWS. A test lets time pass in it and then checks the
// promises that must hold in every state.
package lab

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/credfile/deeptest"
	"keyd/daemon/awssim"
	"keyd/daemon/iam"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

// Account is the account of the user.
const Account = "111122223333"

// Lab is one user's laptop and AWS. It runs in a synctest bubble: time is fake.
// Files are in memory, and real in deep tests and in a lab of NewOnDisk.
type Lab struct {
	T       *testing.T
	Cloud   *awssim.Cloud
	User    *awssim.User
	OldKey  credfile.Key
	Home    string
	Rotator *rotate.Rotator
	HTTP    iam.Doer
	Sys     atomicfile.Sys
	disk    *atomicfiletest.Disk // holds the files, unless they are real
	Now     func() time.Time
	Shown   []awssim.ShownPair // which pairs the file has shown, and since when
	Log     bytes.Buffer
	Events  []string
	Seed    uint64 // of AWS's chances; 0 means 7
	seen    string // the credentials file when Watch last read it

	watching     sync.Mutex // held while Shown and seen are written: keys take their steps side by side
	Installation string     // of its keyd; "" means the id that keyd makes in its state folder
	fullProofs   bool       // see ProveFully
}

// cephAccount is the account of the user where Ceph stands in for AWS.
const cephAccount = "RGW33567154695143645"

// OtherConfig is a config file whose profile default names an IAM that is not AWS's, as that of
// the lab's other profile must.
const OtherConfig = "[default]\nregion = us-east-1\nservices = store\n[profile work]\nservices = store\n[services store]\niam =\n  endpoint_url = https://rgw.example.org\ns3 =\n  endpoint_url = https://rgw.example.org\n"

// UseDialect fills an empty home, and an empty cloud that speaks as another IAM than AWS's: the
// profiles name its endpoint.
func (l *Lab) UseDialect(o awssim.Options, age time.Duration) {
	l.T.Helper()
	l.UseCloud(awssim.New(o), age)
	l.WriteFile("config", OtherConfig)
}

// NewLab returns a lab with one user with one key of the given age, in [default] and [work].
func NewLab(t *testing.T, lag awssim.Lag, age time.Duration) *Lab {
	t.Helper()
	if deeptest.On() {
		return NewOnDisk(t, lag, age)
	}
	l := NewInMemory(t, time.Now)
	l.SetUp(lag, age)
	return l
}

// SetUp fills an empty home and an empty AWS, whose chances come from l.Seed.
func (l *Lab) SetUp(lag awssim.Lag, age time.Duration) {
	l.T.Helper()
	l.UseCloud(awssim.New(awssim.Options{Now: l.Now, Seed: cmp.Or(l.Seed, 7), Lag: lag, Regions: []string{"eu-west-1", "us-east-1"}}), age)
}

// UseCloud fills an empty home and cloud, which is empty, as SetUp does.
func (l *Lab) UseCloud(cloud *awssim.Cloud, age time.Duration) {
	l.T.Helper()
	l.Cloud, l.Shown, l.seen = cloud, nil, ""
	account := Account
	if cloud.Dialect() == awssim.Ceph {
		account = cephAccount
	}
	l.User = l.Cloud.AddUser(account, "/", "alice")
	id, secret := l.User.AddKey(age)
	l.OldKey = credfile.Key{ID: id, Secret: credfile.NewSecret(secret)}
	l.WriteFile("credentials", fmt.Sprintf("# mine\r\n[default]\r\naws_access_key_id = %s\r\naws_secret_access_key\t=\t%s\r\n\r\n[work]\r\naws_secret_access_key=%s\r\nAWS_ACCESS_KEY_ID=%s # shared\r\n",
		id, secret, secret, id))
	l.WriteFile("config", "[default]\nregion = eu-west-1\n")
	l.Restart()
	l.RecordShown()
}

// CopyTo returns a second laptop with copies of the files, a state of its own, and the
// same user at the same AWS.
func (l *Lab) CopyTo(name string) *Lab {
	l.T.Helper()
	home := filepath.Join(filepath.Dir(l.Home), name)
	twin := &Lab{T: l.T, Cloud: l.Cloud, User: l.User, OldKey: l.OldKey, Home: home, Now: l.Now}
	if l.disk == nil {
		twin.Home, twin.Sys = deeptest.Folder(l.T), l.Sys
	} else {
		twin.disk = atomicfiletest.NewDisk(time.Now, home)
		twin.Sys = twin.disk
	}
	twin.HTTP = Watcher{Lab: twin}
	twin.WriteFile("credentials", l.ReadCredentials())
	twin.WriteFile("config", "[default]\nregion = eu-west-1\n")
	twin.Restart()
	twin.RecordShown()
	return twin
}

// Restart replaces keyd by a new process on the same disk.
func (l *Lab) Restart() {
	paths := credfile.Paths{Credentials: filepath.Join(l.Home, "credentials"), Config: filepath.Join(l.Home, "config")}
	state := filepath.Join(l.Home, "state")
	l.Rotator = &rotate.Rotator{
		Store:    &credfile.Store{Paths: paths, Sys: l.Sys},
		StateDir: state, Sys: l.Sys, Settings: settings.Default(), HTTP: l.HTTP, Now: l.Now,
		Getenv: func(string) string { return "" }, Log: slog.New(slog.NewTextHandler(&l.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Process: "test", Installation: l.Installation, OnEvent: func(e rotate.Event) { l.Events = append(l.Events, e.Verb+" "+e.Text); l.RecordShown() },
	}
	if !l.fullProofs && !deeptest.On() {
		l.Rotator.ProofRounds, l.Rotator.ProofPause = 2, 3*time.Second
	}
	l.Rotator.Settings.CheckEvery = settings.Day // fewer passes in which nothing is due; what waits is looked at daily
	l.Rotator.Settings.Overlap = settings.Day
}

// ProveFully makes keyd prove new keys as it does for its users, for a test whose promise is
// about proofs, calls or durations. In other tests proofs are shorter, which saves a third of
// their processor time, unless everything is to be tried.
func (l *Lab) ProveFully() {
	l.fullProofs, l.Rotator.ProofRounds, l.Rotator.ProofPause = true, 0, 0
}

// AddProfile adds a user with one key of the given age, in a profile with the name of
// the user, and returns the id of the key.
func (l *Lab) AddProfile(user string, age time.Duration) (id string) {
	l.T.Helper()
	id, secret := l.Cloud.AddUser(Account, "/", user).AddKey(age)
	l.WriteFile("credentials", l.ReadCredentials()+fmt.Sprintf("\n[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", user, id, secret))
	return id
}

// UseOtherFile moves keyd into a shell whose AWS_SHARED_CREDENTIALS_FILE names
// another file, with the key of another person.
func (l *Lab) UseOtherFile() {
	id, secret := l.Cloud.AddUser(Account, "/", "bob").AddKey(settings.Day)
	l.WriteFile("elsewhere", fmt.Sprintf("[personal]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret))
	l.Rotator.Store.Paths.Credentials = filepath.Join(l.Home, "elsewhere")
}

// AllowAll makes the user an administrator.
func (l *Lab) AllowAll() {
	l.T.Helper()
	if err := l.User.AllowPolicy(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`); err != nil {
		l.T.Fatal(err)
	}
}

// WriteFile writes a file in the home folder.
func (l *Lab) WriteFile(name, text string) {
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

// ReadCredentials returns the text of the credentials file.
func (l *Lab) ReadCredentials() string {
	if l.disk != nil {
		return string(l.disk.Data(filepath.Join(l.Home, "credentials")))
	}
	data, err := os.ReadFile(filepath.Join(l.Home, "credentials"))
	if err != nil {
		l.T.Fatal(err)
	}
	return string(data)
}

// Watcher sends requests to the lab's AWS. Before each one it notes which pair
// the file shows: between two requests the file changes at most once.
type Watcher struct{ Lab *Lab }

// Do notes the pair in the file and answers the request.
func (w Watcher) Do(r *http.Request) (*http.Response, error) {
	w.Lab.RecordShown()
	return w.Lab.Cloud.Do(r)
}

// RecordShown notes the pair that [default] shows now.
func (l *Lab) RecordShown() {
	l.watching.Lock()
	defer l.watching.Unlock()
	text := l.ReadCredentials()
	if text == l.seen && len(l.Shown) > 0 {
		return
	}
	l.seen = text
	k, err := credfile.ReadPair([]byte(text), credfile.Credentials, "default")
	if err != nil {
		l.T.Fatalf("the file cannot be read back: %v", err)
	}
	if n := len(l.Shown); n == 0 || l.Shown[n-1].ID != k.ID || l.Shown[n-1].Secret != k.Secret.Reveal() {
		l.Shown = append(l.Shown, awssim.ShownPair{At: l.Now(), ID: k.ID, Secret: k.Secret.Reveal()})
	}
}

// UsePair does what a program on the laptop does that works with [default]: it calls EC2
// in a region, signed with the pair that the file shows. The error is EC2's refusal.
func (l *Lab) UsePair(region string) error {
	l.RecordShown()
	pair := l.Shown[len(l.Shown)-1]
	return l.Cloud.AskEC2(pair.ID, pair.Secret, region)
}

// ShownID returns the key id that the file showed last.
func (l *Lab) ShownID() string { return l.Shown[len(l.Shown)-1].ID }

// ShownKeys returns the pairs that the file has shown.
func (l *Lab) ShownKeys() []credfile.Key {
	var keys []credfile.Key
	for _, h := range l.Shown {
		keys = append(keys, credfile.Key{ID: h.ID, Secret: credfile.NewSecret(h.Secret)})
	}
	return keys
}

// PruneByID does what "keyd prune default ID" does once the person has agreed.
func (l *Lab) PruneByID(id string, active bool) {
	l.T.Helper()
	p, err := l.Rotator.FindSecondKey(l.T.Context(), "default", id)
	if err != nil || p.KeyID != id || p.Active != active || !p.Suspect || p.LastUse == nil {
		l.T.Fatalf("%+v, %v", p, err)
	}
	Must(l.T, l.Rotator.Prune(l.T.Context(), p))
}

// EditJournal edits the journal of the only rotation.
func (l *Lab) EditJournal(edit func(*journal.Rotation)) {
	l.T.Helper()
	rotations, errs := l.Rotator.JournalDir().Load(l.T.Context())
	if len(rotations) != 1 || len(errs) > 0 {
		l.T.Fatalf("%d journals, %v", len(rotations), errs)
	}
	edit(rotations[0])
	if err := l.Rotator.JournalDir().Save(rotations[0]); err != nil {
		l.T.Fatal(err)
	}
}

// JournalPaths returns the paths of the journals. The test fails if there is none.
func (l *Lab) JournalPaths() []string {
	paths, err := filepath.Glob(filepath.Join(l.Home, "state", "rotations", "*.json"))
	if err != nil || len(paths) == 0 {
		l.T.Errorf("no journal: %v", err)
	}
	return paths
}
