package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile/deeptest"
)

// TestDemo runs the README's first command in a synctest bubble: the same code without
// the waiting.
func TestDemo(t *testing.T) {
	home := deeptest.Folder(t)
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		u := newApp(process{in: strings.NewReader(""), out: &out, err: &out, goos: "linux", now: time.Now,
			getenv: func(string) string { return "" }})
		began := time.Now()
		if err := u.runDemo(t.Context(), home); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("the demo takes %s", took)
		}
		for _, want := range []string{"default, work", "blocked: the user has a second active key", "temporary credentials",
			"accepted by sts eu-west-1 5/5, sts us-east-1 5/5, iam 5/5", "7d later: the overlap is over", "7d later: the quarantine is over", "(the new secret)",
			"0 ms of downtime", "is the only key"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the demo does not show %q", want)
			}
		}
		if n := strings.Count(out.String(), "\n> "); n != 4 {
			t.Errorf("%d lines changed, want 4", n)
		}
		if t.Failed() {
			t.Log(out.String())
		}
	})
	t.Run("prints no secret", func(t *testing.T) { demandSilentDemo(t, home, out.Bytes()) })
}

// TestDemoNoticesDamage changes what the demo must not change, and checks its verdict.
func TestDemoNoticesDamage(t *testing.T) {
	lies := map[string]func(*demoWorld){
		"a second key of alice": func(w *demoWorld) { w.users[0].CreateKey() },
		"bob's key deleted": func(w *demoWorld) {
			_ = w.users[1].DeleteKey(w.cloud.Keys(w.users[1])[0].ID)
		},
		"alice's key deactivated": func(w *demoWorld) { _ = w.users[0].SetStatus(w.old[0], "Inactive") },
	}
	for name, lie := range lies {
		w, err := newDemoWorld(t.TempDir(), false)
		if err != nil {
			t.Fatal(err)
		}
		o := watchFile(w)
		lie(w)
		if v := w.judgeDemo(o.stop()); len(v.wrong) < 2 { // one complaint is certain, because nothing was rotated
			t.Errorf("%s is not noticed: %q", name, v.wrong)
		}
	}
}

// TestDemoWaitsForAFileInUse lets Windows say that the file is in use, which it does while
// any file is replaced, and lets a disk fail, which the demo must not overlook.
func TestDemoWaitsForAFileInUse(t *testing.T) {
	w, err := newDemoWorld(t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(w.credentials())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		for name, tc := range map[string]struct {
			err        error
			times      int
			unreadable int
			inUse      bool
		}{
			"in use for a moment": {&os.PathError{Op: "open", Err: errInUse}, 3, 0, true},
			"in use for longer":   {&os.PathError{Op: "open", Err: errInUse}, 1 << 30, 1, true},
			"missing":             {os.ErrNotExist, 1, 1, false},
		} {
			o := &demoWatcher{world: w, read: func(string) ([]byte, error) {
				time.Sleep(10 * time.Millisecond)
				if tc.times--; tc.times >= 0 {
					return nil, tc.err
				}
				return text, nil
			}}
			o.readPair()
			if o.unreadable != tc.unreadable || o.inUse > 0 != tc.inUse {
				t.Errorf("%s: unreadable %d times, in use for %s", name, o.unreadable, o.inUse)
			}
		}
	})
}
