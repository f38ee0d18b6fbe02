package rotate_test

import (
	"flag"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/daemon/awssim"
	"keyd/daemon/internal/lab"
	"keyd/daemon/journal"
	"keyd/daemon/rotate"
	"keyd/daemon/settings"
)

var everyLie = flag.Int("lies", 0, "try every nth of all lies in the journal; 1 means all, 0 every 331st in deep tests and every 1324th in others")

// fuse kills the process after a number of effects: calls to AWS, and changes
// of names on the disk, because a write takes effect when a file gets its
// name. Calls burn it down side by side where nothing kills the process any more.
type fuse struct{ left atomic.Int32 }

// blownFuse is the panic that ends a process whose fuse has blown.
type blownFuse struct{}

// burnDown counts one effect, and panics if it was the last one.
func (f *fuse) burnDown() {
	if f.left.Add(-1) == 0 {
		panic(blownFuse{})
	}
}

// fusedCloud is the AWS of a process with a fuse.
type fusedCloud struct {
	lab.Watcher
	*fuse
}

func (c fusedCloud) Do(r *http.Request) (*http.Response, error) {
	resp, err := c.Watcher.Do(r)
	c.burnDown()
	return resp, err
}

// fusedDisk is the file system of a process with a fuse. It syncs nothing,
// because a process that is killed loses no write.
type fusedDisk struct {
	atomicfile.OS
	*fuse
}

func (d fusedDisk) Rename(from, to string) error {
	err := d.OS.Rename(from, to)
	d.burnDown()
	return err
}

func (d fusedDisk) Exchange(a, b string) error {
	err := d.OS.Exchange(a, b)
	d.burnDown()
	return err
}

func (d fusedDisk) Remove(name string) error {
	err := d.OS.Remove(name)
	d.burnDown()
	return err
}

func (fusedDisk) SyncDir(string) error { return nil }

func (d fusedDisk) OpenFile(name string, flag int, perm fs.FileMode) (atomicfile.File, error) {
	f, err := d.OS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return quickFile{f}, nil
}

func (d fusedDisk) CopyMeta(from, to atomicfile.File) error {
	return d.OS.CopyMeta(unwrapQuick(from), unwrapQuick(to))
}

// unwrapQuick returns the file in a quickFile.
func unwrapQuick(f atomicfile.File) atomicfile.File {
	if quick, ok := f.(quickFile); ok {
		return quick.File
	}
	return f
}

// quickFile is a file that is never synced.
type quickFile struct{ atomicfile.File }

func (quickFile) Sync() error { return nil }

// rotateUntilBlown runs passes until the fuse blows or the rotation is over.
func (v *victim) rotateUntilBlown() {
	defer func() {
		if r := recover(); r != nil && r != any(blownFuse{}) {
			panic(r)
		}
	}()
	for end := v.Now().Add(30 * settings.Day); v.Now().Before(end); {
		results, err := v.Rotator.Pass(v.T.Context(), rotate.Request{})
		if err != nil {
			v.T.Fatal(err)
		}
		v.RecordShown()
		if lab.Settled(results[0]) {
			return
		}
		time.Sleep(v.Rotator.TimeToNextPass(results))
	}
}

// victim is a lab with a fuse, and with keys of other people that keyd must
// leave alone.
type victim struct {
	*lab.Lab
	fuse          *fuse
	bob           *awssim.User
	others        map[string]string // secrets of the keys that keyd must leave alone, by id
	foreignBefore []awssim.KeyState // when the fuse blew
}

// newVictim returns a victim whose rotation was killed at effect number
// stage. With third, a person has created a key in the console since.
func newVictim(t *testing.T, stage uint8, third bool) *victim {
	v := &victim{Lab: lab.NewOnDisk(t, awssim.Lag{}, 70*settings.Day), others: map[string]string{}, fuse: &fuse{}}
	v.fuse.left.Store(int32(stage))
	v.bob = v.Cloud.AddUser(lab.Account, "/", "bob")
	for range 2 {
		id, secret := v.bob.AddKey(settings.Day)
		v.others[id] = secret
	}
	v.Installation = "0123456789ab" // otherwise the id's file is one more effect in the first pass
	v.HTTP, v.Sys = fusedCloud{lab.Watcher{Lab: v.Lab}, v.fuse}, fusedDisk{fuse: v.fuse}
	v.Restart()
	v.Rotator.StepOneByOne() // the process ends with the panic of its own goroutine
	v.Rotator.Settings.CheckEvery = 30 * settings.Day
	v.rotateUntilBlown()
	v.fuse.left.Store(0)
	v.RecordShown()
	if third {
		// A key that appears while keyd waits for the answer counts as the effect of
		// the call, so this key is created later.
		time.Sleep(37 * time.Minute)
		id, secret := v.User.CreateKey()
		v.others[id] = secret
		time.Sleep(41 * time.Minute)
	}
	v.foreignBefore = v.foreignKeys()
	return v
}

// newVictimWhen returns a victim whose rotation was killed at the first effect that
// leaves a journal which reached accepts.
func newVictimWhen(t *testing.T, third bool, reached func(*journal.Rotation) bool) *victim {
	t.Helper()
	for stage := range uint8(100) {
		v := newVictim(t, stage, third)
		if rotations, _ := v.Rotator.JournalDir().Load(t.Context()); len(rotations) > 0 && reached(rotations[0]) {
			return v
		}
	}
	t.Fatal("no kill leaves such a journal")
	return nil
}

// callUnknown accepts a journal that does not say what CreateAccessKey has done.
func callUnknown(r *journal.Rotation) bool { return r.New.ID == "" }

// keyUnproven accepts a journal with a new key that no file shows.
func keyUnproven(r *journal.Rotation) bool { return r.New.ID != "" && r.Swapped.IsZero() }

// foreignKeys returns the state of the keys that keyd must leave alone, as
// AWS knows it.
func (v *victim) foreignKeys() []awssim.KeyState {
	keys := append(v.Cloud.Keys(v.User), v.Cloud.Keys(v.bob)...)
	return slices.DeleteFunc(keys, func(k awssim.KeyState) bool { return v.others[k.ID] == "" })
}

// keepPassing runs passes as they become due, whatever comes of them. No pass
// may last longer than an hour, because it holds the lock.
func (v *victim) keepPassing(passes int) {
	for range passes {
		began := time.Now()
		results, _ := v.Rotator.Pass(v.T.Context(), rotate.Request{})
		if took := time.Since(began); took > time.Hour {
			v.T.Errorf("a pass took %s, want at most an hour", took)
		}
		v.RecordShown()
		time.Sleep(min(v.Rotator.TimeToNextPass(results), 3*settings.Day))
	}
}

// checkUnharmed checks that AWS accepted the pair in the file at every
// instant, that foreign keys and other bytes of the file are unchanged, and
// that no secret was printed. start is the first pair that the file showed.
func (v *victim) checkUnharmed(start awssim.ShownPair) {
	v.T.Helper()
	v.RecordShown()
	if out := v.Cloud.Outage(v.Shown, v.Now()); out > 0 {
		v.T.Errorf("the pair in the file was refused for %s", out)
	}
	if now := v.foreignKeys(); !slices.EqualFunc(now, v.foreignBefore, sameKey) {
		v.T.Errorf("foreign keys are %+v, want them unchanged: %+v", now, v.foreignBefore)
	}
	for _, c := range v.Cloud.ForeignCalls() {
		if v.others[c.Target] != "" {
			v.T.Errorf("a foreign key was touched: %s %s %s", c.Action, c.Target, c.Asked)
		}
	}
	now := v.Shown[len(v.Shown)-1]
	want := strings.NewReplacer(now.ID, start.ID, now.Secret, start.Secret).Replace(v.ReadCredentials())
	first := strings.NewReplacer(start.ID, now.ID, start.Secret, now.Secret).Replace(want)
	if v.ReadCredentials() != first || strings.Count(v.ReadCredentials(), now.ID) != 2 {
		v.T.Errorf("other bytes changed: %q", v.ReadCredentials())
	}
	for _, k := range append([]credfile.Key{v.OldKey}, v.ShownKeys()...) {
		if strings.Contains(v.Log.String()+strings.Join(v.Events, "\n"), k.Secret.Reveal()) {
			v.T.Errorf("the secret of %s was printed", k)
		}
	}
}

// sameKey reports whether two states have the same id and status.
func sameKey(a, b awssim.KeyState) bool { return a.ID == b.ID && a.Status == b.Status }
