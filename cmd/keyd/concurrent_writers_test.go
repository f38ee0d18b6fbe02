//go:build unix

package main

import (
	"flag"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyd/daemon/awssim"
)

var (
	beside    = flag.Int("beside", 1, "number of rotations of TestProgramsWriteDuringRotations next to each program")
	besideAWS = flag.Int("beside-aws", 0, "number of rotations of TestProgramsWriteDuringRotations next to the AWS CLI; needs aws")
)

// TestProgramsWriteDuringRotations rotates while programs that know nothing of
// keyd's lock write the same file: none of their updates is lost, no file is torn,
// and the key is rotated.
//
// Three things cannot be guaranteed:
//
// A program that has read the file before the swap and writes its whole text
// afterwards puts the old key back; the last writer wins. keyd notices when it looks
// again, at once if a daemon is running, and puts the new key in again together with
// the other program's change: "the next pass mends it". Until then the old key must
// work, and the overlap exists for that. With --delete-now there is no overlap, and
// a text that is older than the deletion locks its writer out.
//
// A file that takes the name in the microseconds between keyd's last comparison and
// its rename is lost if the system cannot exchange two names.
//
// A program that rewrites the file every few milliseconds, without a pause, keeps
// keyd from swapping: keyd says so, leaves the file alone, and tries again later.
func TestProgramsWriteDuringRotations(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(path, text string) error{"truncating": writeTruncating, "renaming": writeRenaming} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newSharedWorld(t)
			o := w.startWriter(replace, 15*time.Millisecond)
			for range *beside {
				w.rotateWithWriter(o)
			}
			w.writeStaleText(o)
			w.demandBothTexts(o)
		})
	}
	t.Run("aws configure set", func(t *testing.T) {
		if *besideAWS == 0 {
			t.Skip("left out: go test ./cmd/keyd -run TestProgramsWriteDuringRotations -beside-aws 20 -v")
		}
		if _, err := exec.LookPath("aws"); err != nil {
			t.Skip(err)
		}
		w := newSharedWorld(t)
		o := w.startWriter(w.awsConfigure, 0)
		for range *besideAWS {
			w.rotateWithWriter(o)
		}
		w.demandBothTexts(o)
	})
}

// awsConfigure lets the AWS CLI make the change. The CLI reads the file itself, later
// than the writer did.
func (w *sharedWorld) awsConfigure(_, text string) error {
	x, err := parseShared([]byte(text))
	if err != nil {
		return err
	}
	cmd := exec.Command("aws", "configure", "set", "aws_session_token", strconv.Itoa(x.counter), "--profile", "stand-in")
	cmd.Env = append(w.environment(w.server.URL), "AWS_SHARED_CREDENTIALS_FILE="+w.path())
	return cmd.Run()
}

// startWriter writes the file that the other programs change too, and starts one of
// them.
func (w *sharedWorld) startWriter(replace func(path, text string) error, rest time.Duration) *writer {
	w.t.Helper()
	id, secret := w.filePair()
	if err := os.WriteFile(w.path(), []byte(sharedText{id: id, secret: secret}.String()), w.mode); err != nil {
		w.t.Fatal(err)
	}
	o := &writer{t: w.t, path: w.path(), replace: replace, rest: rest}
	o.start()
	return o
}

// filePair returns the pair in the file.
func (w *sharedWorld) filePair() (id, secret string) {
	w.readCredentials()
	return w.lastPair().ID, w.lastPair().Secret
}

// rotateWithWriter runs one rotation, with as many passes as the other program makes
// necessary.
func (w *sharedWorld) rotateWithWriter(o *writer) {
	w.t.Helper()
	code, out := exitFailed, ""
	for range 6 {
		if code, out = w.runKeyd("rotate", "default", "--force", "--yes"); code != exitFailed || len(w.openRotations()) > 0 {
			break
		}
	}
	w.awaitNewKey(o, code, out)
	w.finishRotation(o)
}

// awaitNewKey runs passes until the file shows the new key between two changes of the
// other program. If that program puts the old key back in the moment between the swap
// and the validation, keyd gives the rotation up, and the next pass starts another one.
func (w *sharedWorld) awaitNewKey(o *writer, code int, out string) {
	w.t.Helper()
	for range 6 {
		open := w.openRotations()
		if len(open) == 0 && code == exitFailed && strings.Contains(out, "put back") {
			code, out = w.runKeyd("rotate", "default", "--force", "--yes")
			continue
		}
		if len(open) != 1 {
			w.t.Fatalf("%d rotations are in progress; exit code %d\n%s", len(open), code, out)
		}
		if shown := w.usableText(o); shown.id == open[0].New.ID && code == exitDone {
			return
		}
		code, out = w.runKeyd("rotate", "default")
	}
	w.t.Fatalf("the file does not show the new key after 6 passes: exit code %d\n%s", code, out)
}

// usableText returns what the file shows between two changes, and demands that AWS
// accepts the pair.
func (w *sharedWorld) usableText(o *writer) sharedText {
	w.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	x := w.readText()
	if !w.cloud.IsUsable(x.id, x.secret) {
		w.t.Errorf("AWS refuses %s, which is in the file", x.id)
	}
	return x
}

// finishRotation finishes the rotation. Everything that the other program writes from now on
// it has read after the swap.
func (w *sharedWorld) finishRotation(o *writer) {
	w.t.Helper()
	code, out := exitFailed, ""
	for range 6 {
		if code, out = w.runKeyd("rotate", "default", "--delete-now", "--yes"); code == exitDone {
			break
		}
	}
	if code != exitDone || len(w.openRotations()) > 0 {
		w.t.Fatalf("retiring: exit code %d\n%s", code, out)
	}
	w.usableText(o)
}

// writeStaleText lets the other program read the file before a swap and write its text
// after the swap. The file then shows the old key again until the next pass.
func (w *sharedWorld) writeStaleText(o *writer) {
	w.t.Helper()
	o.mu.Lock()
	held, ok := o.readUpdate()
	code, out := w.runKeyd("rotate", "default", "--force", "--yes")
	if !ok || code != exitDone || w.readText().id == held.id {
		w.t.Errorf("rotate: exit code %d\n%s", code, out)
	}
	o.writeUpdate(held)
	if w.readText().id != held.id {
		w.t.Error("the text from before the swap was not written")
	}
	o.mu.Unlock()
	code, out = w.runKeyd("rotate", "default")
	w.awaitNewKey(o, code, out)
	w.finishRotation(o)
}

// demandBothTexts demands that the file holds what both keyd and the other program wrote
// last.
func (w *sharedWorld) demandBothTexts(o *writer) {
	w.t.Helper()
	o.stop()
	x := w.readText()
	for _, lost := range o.lost {
		w.t.Errorf("an update of the other program: %s", lost)
	}
	if x.counter != o.wrote || o.wrote == 0 {
		w.t.Errorf("the file has %d, but %d was written last", x.counter, o.wrote)
	}
	w.demandOneKey(x.id)
	judgeCloud(w.t, w.cloud, w.bob, []awssim.ShownPair{{At: time.Now(), ID: x.id, Secret: x.secret}})
	w.t.Logf("%d changes during %d rotations; %d of them wrote a text from before the swap, which keyd mended; %d were overwritten in the last moment",
		o.wrote, w.countCreations(), o.stale, o.excused)
}

func (w *sharedWorld) countCreations() (n int) {
	for _, c := range w.cloud.Calls() {
		if c.Action == "CreateAccessKey" {
			n++
		}
	}
	return n
}
