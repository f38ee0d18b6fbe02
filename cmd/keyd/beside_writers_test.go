//go:build unix

package main

import (
	"flag"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"keyd/daemon/awssim"
)

var (
	beside    = flag.Int("beside", 1, "TestOthersWriteBeside rotates so often beside each program")
	besideAWS = flag.Int("beside-aws", 0, "TestOthersWriteBeside rotates so often beside the AWS CLI; it needs aws")
)

// TestOthersWriteBeside rotates beside programs that write the same file, and
// know nothing of keyd's lock: no update of theirs is lost, no file is torn, and
// the key is rotated.
//
// What cannot be guaranteed: a program that has read the file before the swap
// and writes its whole text afterwards puts the old key back; whoever writes
// last wins. keyd sees it when it looks again, at once where a daemon runs, and
// puts the new key in again, with the other program's change: "the next pass
// mends it". Until then the old key must work, which is what the overlap is
// for: with --retire-now there is none, and a text that is older than the
// deletion locks its writer out. And a file that takes the name in the
// microseconds between keyd's last comparison and its rename is lost where the
// system cannot exchange two names. And a
// program that rewrites the file every few milliseconds, without a rest, keeps
// keyd from swapping at all: it says so, leaves the file, and tries again later.
func TestOthersWriteBeside(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(path, text string) error{"truncating": truncating, "renaming": renaming} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBesideWorld(t)
			o := w.beside(replace, 15*time.Millisecond)
			for range *beside {
				w.rotateBeside(o)
			}
			w.heldText(o)
			w.settled(o)
		})
	}
	t.Run("aws configure set", func(t *testing.T) {
		if *besideAWS == 0 {
			t.Skip("left out: go test ./cmd/keyd -run TestOthersWriteBeside -beside-aws 20 -v")
		}
		if _, err := exec.LookPath("aws"); err != nil {
			t.Skip(err)
		}
		w := newBesideWorld(t)
		o := w.beside(w.configure, 0)
		for range *besideAWS {
			w.rotateBeside(o)
		}
		w.settled(o)
	})
}

// configure lets the AWS CLI make the change. It reads the file itself, later.
func (w *besideWorld) configure(_, text string) error {
	x, err := parseBeside([]byte(text))
	if err != nil {
		return err
	}
	cmd := exec.Command("aws", "configure", "set", "aws_session_token", strconv.Itoa(x.counter), "--profile", "stand-in")
	cmd.Env = append(w.environment(w.server.URL), "AWS_SHARED_CREDENTIALS_FILE="+w.path())
	return cmd.Run()
}

// beside writes the file that the others change too, and lets one begin.
func (w *besideWorld) beside(replace func(path, text string) error, rest time.Duration) *writer {
	w.t.Helper()
	id, secret := w.held0()
	if err := os.WriteFile(w.path(), []byte(besideText{id: id, secret: secret}.String()), w.mode); err != nil {
		w.t.Fatal(err)
	}
	o := &writer{t: w.t, path: w.path(), replace: replace, rest: rest}
	o.start()
	return o
}

// held0 is the pair in the file.
func (w *besideWorld) held0() (id, secret string) {
	w.look()
	return w.pair().ID, w.pair().Secret
}

// rotateBeside is one rotation, with as many passes as the others make it take.
func (w *besideWorld) rotateBeside(o *writer) {
	w.t.Helper()
	code, out := exitFailed, ""
	for range 6 {
		if code, out = w.keyd("rotate", "default", "--force", "--yes"); code != exitFailed || len(w.rotations()) > 0 {
			break
		}
	}
	w.mended(o, code, out)
	w.retire(o)
}

// mended does passes until the file shows the new key between two changes of the
// other program's.
func (w *besideWorld) mended(o *writer, code int, out string) {
	w.t.Helper()
	for range 6 {
		open := w.rotations()
		if len(open) != 1 {
			w.t.Fatalf("%d rotations go on; exit code %d\n%s", len(open), code, out)
		}
		if shown := w.usable(o); shown.id == open[0].New.ID && code == exitDone {
			return
		}
		code, out = w.keyd("rotate", "default")
	}
	w.t.Fatalf("the file does not show the new key after 6 passes: exit code %d\n%s", code, out)
}

// usable is what the file shows between two changes: a pair that AWS accepts.
func (w *besideWorld) usable(o *writer) besideText {
	w.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	x := w.text()
	if !w.cloud.Usable(x.id, x.secret) {
		w.t.Errorf("AWS refuses %s, which is in the file", x.id)
	}
	return x
}

// retire ends the rotation. Whatever the other program writes now, it has read
// since the swap.
func (w *besideWorld) retire(o *writer) {
	w.t.Helper()
	code, out := exitFailed, ""
	for range 6 {
		if code, out = w.keyd("rotate", "default", "--retire-now", "--yes"); code == exitDone {
			break
		}
	}
	if code != exitDone || len(w.rotations()) > 0 {
		w.t.Fatalf("retiring: exit code %d\n%s", code, out)
	}
	w.usable(o)
}

// heldText lets the other program hold a text all through a swap, and then write
// it: it shows the old key again until the next pass.
func (w *besideWorld) heldText(o *writer) {
	w.t.Helper()
	o.mu.Lock()
	held, ok := o.read()
	code, out := w.keyd("rotate", "default", "--force", "--yes")
	if !ok || code != exitDone || w.text().id == held.id {
		w.t.Errorf("rotate: exit code %d\n%s", code, out)
	}
	o.write(held)
	if w.text().id != held.id {
		w.t.Error("the text that was held has no effect")
	}
	o.mu.Unlock()
	code, out = w.keyd("rotate", "default")
	w.mended(o, code, out)
	w.retire(o)
}

// settled demands that both sides have what they wrote.
func (w *besideWorld) settled(o *writer) {
	w.t.Helper()
	o.stop()
	x := w.text()
	for _, lost := range o.lost {
		w.t.Errorf("an update of the other program's: %s", lost)
	}
	if x.counter != o.wrote || o.wrote == 0 {
		w.t.Errorf("the file has %d, %d was written last", x.counter, o.wrote)
	}
	w.oneKey(x.id)
	judgeCloud(w.t, w.cloud, w.bob, []awssim.Held{{At: time.Now(), ID: x.id, Secret: x.secret}})
	w.t.Logf("%d changes beside %d creations; %d wrote a text from before the swap, mended; %d overwritten in the last moment",
		o.wrote, w.created(), o.stale, o.excused)
}

func (w *besideWorld) created() (n int) {
	for _, c := range w.cloud.Calls() {
		if c.Action == "CreateAccessKey" {
			n++
		}
	}
	return n
}
