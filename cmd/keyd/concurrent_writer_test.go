//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// writer is another program that changes its own property in the file, again and
// again: it reads the file, makes its change, and writes the whole text back.
type writer struct {
	t       *testing.T
	path    string
	replace func(path, text string) error
	rest    time.Duration // between two changes

	mu       sync.Mutex // held from reading until writing
	wrote    int        // the counter that it wrote last
	at       time.Time  // when it wrote that counter
	stale    int        // texts from before a swap that it wrote after the swap
	lost     []string   // updates that were overwritten without an excuse
	excused  int        // updates that disappeared in the last moment before a swap: see lastMoment
	quit, ok chan struct{}
}

// writeTruncating writes as the AWS CLI and most editors do: for some milliseconds the
// file is empty or incomplete.
func writeTruncating(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	for len(text) > 0 {
		n := min(40, len(text))
		if _, err := f.WriteString(text[:n]); err != nil {
			return err
		}
		text = text[n:]
		time.Sleep(500 * time.Microsecond)
	}
	return f.Close()
}

// writeRenaming replaces the file by a new one.
func writeRenaming(path, text string) error {
	temp := filepath.Join(filepath.Dir(path), "new-credentials")
	if err := os.WriteFile(temp, []byte(text), 0o640); err != nil {
		return err
	}
	time.Sleep(2 * time.Millisecond)
	return os.Rename(temp, path)
}

func (w *writer) start() {
	w.quit, w.ok = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(w.ok)
		for {
			w.mu.Lock()
			if x, ok := w.readUpdate(); ok {
				w.writeUpdate(x)
			}
			w.mu.Unlock()
			select {
			case <-time.After(w.rest):
			case <-w.quit:
				return
			}
		}
	}()
}

func (w *writer) stop() {
	close(w.quit)
	<-w.ok
}

// lastMoment is how long before keyd's swap an update may be written that a reader
// then does not find. Immediately before the swap, keyd compares the file with what
// it has read. If another file takes the name in the microseconds after that, keyd
// puts it back in the next few microseconds, so only a reader in between misses it.
// Where the system cannot exchange two names, that file is overwritten. The kernel's
// clock for files advances in steps of up to 10 ms, so this test cannot demand more;
// TestReplaceLosesNothing in atomicfile does.
const lastMoment = 12 * time.Millisecond

// readUpdate reads the file and checks whether the last update is still there.
func (w *writer) readUpdate() (sharedText, bool) {
	data, err := os.ReadFile(w.path)
	x, torn := parseShared(data)
	if err != nil || torn != nil {
		w.lost = append(w.lost, fmt.Sprintf("a reader saw: %v, %v", err, torn))
		return x, false
	}
	switch {
	case x.counter == w.wrote:
	case changeTime(w.t, w.path).Sub(w.at).Abs() < lastMoment:
		w.excused++
	default:
		w.lost = append(w.lost, fmt.Sprintf("the file has %d, but %d was written", x.counter, w.wrote))
	}
	w.wrote = x.counter
	return x, true
}

// writeUpdate writes the text that was read with one change, and records whether the text
// was out of date by then.
func (w *writer) writeUpdate(x sharedText) {
	x.counter++
	if now, err := os.ReadFile(w.path); err == nil {
		if y, err := parseShared(now); err == nil && y.id != x.id {
			w.stale++
		}
	}
	if err := w.replace(w.path, x.String()); err != nil {
		w.lost = append(w.lost, err.Error())
		return
	}
	w.wrote, w.at = x.counter, time.Now()
}

// changeTime returns the file's ctime, which is set when the file takes its name.
func changeTime(t *testing.T, path string) time.Time {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Error(err)
	}
	return ctime(&st)
}
