package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"keyd/credfile"
	"keyd/daemon/awssim"
)

// demoWatcher reads the file every millisecond, as any of the user's programs
// might, and records which pair it shows and since when.
type demoWatcher struct {
	world      *demoWorld
	read       func(name string) ([]byte, error)
	held       []awssim.ShownPair
	unreadable int
	inUse      time.Duration // the longest time for which Windows said that the file is in use
	last       []byte        // the text whose pair was found last; nil after one that could not be read
	quit, done chan struct{}
}

func watchFile(w *demoWorld) *demoWatcher {
	o := &demoWatcher{world: w, read: os.ReadFile, quit: make(chan struct{}), done: make(chan struct{})}
	o.readPair()
	go func() {
		defer close(o.done)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				o.readPair()
			case <-o.quit:
				return
			}
		}
	}()
	return o
}

func (o *demoWatcher) readPair() {
	data, err := o.readFile()
	if err == nil && o.last != nil && bytes.Equal(data, o.last) {
		return
	}
	o.last = nil
	k, pairErr := credfile.ReadPair(data, credfile.Credentials, "default")
	if err != nil || pairErr != nil {
		o.unreadable++
		return
	}
	o.last = data
	now := awssim.ShownPair{At: o.world.clock.now(), ID: k.ID, Secret: k.Secret.Reveal()}
	if n := len(o.held); n == 0 || o.held[n-1].ID != now.ID || o.held[n-1].Secret != now.Secret {
		o.held = append(o.held, now)
	}
}

// errInUse is Windows' ERROR_SHARING_VIOLATION. Elsewhere no read of a file fails with
// this number, which is EPIPE.
const errInUse = syscall.Errno(32)

// inUseLimit is the time after which a file that is in use counts as one that cannot be
// read.
const inUseLimit = time.Second

// readFile reads the file, and again while Windows says that it is in use. Whoever renames
// a file there holds it with the right to delete it, and until that handle is closed,
// microseconds later, no program can open the file that does not share this right. Few
// programs do: Python, Node.js and Go do not. No way to replace a whole file avoids that.
// keyd's own reader shares it; see atomicfile.OS.
func (o *demoWatcher) readFile() ([]byte, error) {
	began, tries := time.Now(), 0
	for {
		data, err := o.read(o.world.credentials())
		tries++
		took := time.Since(began)
		if errors.Is(err, errInUse) && took < inUseLimit {
			continue
		}
		if tries > 1 {
			o.inUse = max(o.inUse, took)
		}
		return data, err
	}
}

func (o *demoWatcher) stop() *demoWatcher {
	close(o.quit)
	<-o.done
	o.readPair()
	return o
}

// demoVerdict says whether the demo showed what it promises.
type demoVerdict struct {
	diff, keys string
	outage     time.Duration
	wrong      []string
}

// judgeDemo examines the simulator and the disk. It does not trust what keyd says.
func (w *demoWorld) judgeDemo(o *demoWatcher) demoVerdict {
	v := demoVerdict{outage: w.cloud.Outage(o.held, w.clock.now())}
	last := o.held[len(o.held)-1]
	after, err := os.ReadFile(w.credentials())
	if err != nil {
		v.wrong = append(v.wrong, err.Error())
	}
	v.diff = w.diffFile(string(after), last)
	v.keys = w.listKeys()
	v.check(v.outage == 0, "the pair in the file was not usable for %s", v.outage)
	v.check(o.unreadable == 0, "%d reads of the file failed", o.unreadable)
	v.check(last.ID != w.old[0], "the old key is still in the file")
	want := strings.NewReplacer(w.old[0], last.ID, w.old[1], last.Secret).Replace(w.before)
	v.check(string(after) == want, "other bytes of the file changed")
	alice := w.cloud.Keys(w.users[0])
	v.check(len(alice) == 1 && alice[0].ID == last.ID && alice[0].Status == "Active", "alice should have just the key in the file")
	v.check(len(w.cloud.Keys(w.users[1])) == 1, "bob's young key should have been left alone")
	v.check(len(w.cloud.Keys(w.users[2])) == 2, "carol's two keys should have been left alone")
	v.check(len(w.cloud.ForeignCalls())+len(w.cloud.Orphans()) == 0, "a key was changed or left behind that should not have been")
	for _, c := range w.cloud.Calls() {
		v.check(len(o.held) < 2 || c.KeyID != w.old[0] || !c.At.After(o.held[1].At), "%s was signed with the old key after the swap", c.Action)
	}
	return v
}

func (v *demoVerdict) check(ok bool, format string, args ...any) {
	if !ok {
		v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
	}
}

// diffFile returns the lines that changed, with short ids and without secrets.
func (w *demoWorld) diffFile(after string, last awssim.ShownPair) string {
	mask := strings.NewReplacer(w.old[0], shortID(w.old[0]), last.ID, shortID(last.ID),
		w.old[1], "(the old secret)", last.Secret, "(the new secret)")
	now := strings.Split(after, "\n")
	var b strings.Builder
	for i, line := range strings.Split(w.before, "\n") {
		if i < len(now) && now[i] != line {
			b.WriteString(fmt.Sprintf("%dc%d\n< %s\n> %s\n", i+1, i+1, mask.Replace(line), mask.Replace(now[i])))
		}
	}
	return b.String()
}

func (w *demoWorld) listKeys() string {
	var b strings.Builder
	for _, user := range w.users {
		for _, k := range w.cloud.Keys(user) {
			b.WriteString(fmt.Sprintf("  %-6s  %s  %-8s  created %s\n", user.Name(), shortID(k.ID), k.Status, k.Created.Local().Format("2 Jan 2006")))
		}
	}
	return b.String()
}
