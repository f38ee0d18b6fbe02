package credfile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/credfile/deeptest"
)

// crash is the value of the panic that ends the process at a system call.
type crash struct{}

// runUntilCrash calls do and reports whether a crash ended it.
func runUntilCrash(sys *atomicfiletest.Faulty, do func()) (died bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, died = r.(crash); !died {
				panic(r)
			}
			sys.Die()
		}
	}()
	do()
	return false
}

// One run for each system call of a swap of two files: that call fails, or the process
// dies there. Each file then shows the old pair or the new one and nothing else. After
// an error both files show the old one. The next swap completes the work.
func TestSwapSurvivesEveryFault(t *testing.T) {
	was, is := pairText("default", oldKey), pairText("default", newKey)
	for i, tt := range []struct {
		name string
		err  error
	}{
		{"ENOSPC", syscall.ENOSPC},
		{"ENOSPC after half the bytes", &atomicfiletest.ShortWrite{Err: syscall.ENOSPC}},
		{"EIO", syscall.EIO},
		{"EROFS", syscall.EROFS},
		{"EBUSY", syscall.EBUSY},
		{"EACCES", syscall.EACCES},
		{"crash", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, "", "")
			reached := true
			first, step := deeptest.Steps(i, 6)
			for n := first; reached && !t.Failed(); n += step {
				writeFiles(t, s, was, was)
				synctest.Test(t, func(t *testing.T) {
					calls := 0
					var hit atomicfiletest.Call
					sys := &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Fast: true, Ask: func(c atomicfiletest.Call) error {
						if calls++; calls != n {
							return nil
						}
						hit = c
						if tt.err == nil {
							panic(crash{})
						}
						return tt.err
					}}
					s.Sys = sys
					var err error
					died := runUntilCrash(sys, func() { _, err = s.Swap(t.Context(), oldKey, newKey) })
					reached = hit.Op != ""
					credentials, config := readText(t, s.Paths.Credentials), readText(t, s.Paths.Config)
					switch {
					case (credentials != was && credentials != is) || (config != was && config != is):
						t.Errorf("a file shows neither the old pair nor the new one: %q, %q", credentials, config)
					case !died && err == nil && (credentials != is || config != is):
						t.Errorf("the swap succeeded, but the files show %q, %q", credentials, config)
					case !died && err != nil && (credentials != was || config != was):
						t.Errorf("the swap failed with %v, but the files show %q, %q", err, credentials, config)
					}
					s.Sys = &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Fast: true, Ask: func(atomicfiletest.Call) error { return nil }}
					if err := s.Sweep(); err != nil {
						t.Error(err)
					}
					if _, err := s.Swap(t.Context(), oldKey, newKey); err != nil {
						t.Error(err)
					}
					requireFiles(t, s, is, is)
					if t.Failed() {
						t.Logf("at call %d, %s %s", n, hit.Op, filepath.Base(hit.Name))
					}
				})
			}
		})
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

// When the second file cannot be written and another program has changed the first
// one meanwhile, the old pair returns and that change stays.
func TestSwapUndoKeepsOthersChanges(t *testing.T) {
	s := newStore(t, pairText("default", oldKey), pairText("default", oldKey))
	s.Sys = &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Ask: func(c atomicfiletest.Call) error {
		if (c.Op == "Exchange" || c.Op == "Rename") && c.Name == s.Paths.Config {
			writeOldFile(t, s.Paths.Credentials, readText(t, s.Paths.Credentials)+pairText("work", thirdKey))
			return syscall.EIO
		}
		return nil
	}}
	if _, err := s.Swap(t.Context(), oldKey, newKey); !errors.Is(err, syscall.EIO) {
		t.Error(err)
	}
	requireFiles(t, s, pairText("default", oldKey)+pairText("work", thirdKey), pairText("default", oldKey))
}

// configure behaves like "aws configure set region": it reads, truncates and writes
// the file at three moments, and anything may happen in between.
type configure struct {
	path, text string
	file       *os.File
	lost       bool // it read an incomplete file
}

// step does what the program does at this moment: 0 reads, 1 truncates, 2 writes.
func (c *configure) step(t *testing.T, moment int) {
	t.Helper()
	var err error
	switch moment {
	case 0:
		c.text = readText(t, c.path)
		c.lost = !strings.Contains(c.text, "[work]")
		c.text += "region = eu-west-1\n"
	case 1:
		c.file, err = os.OpenFile(c.path, os.O_WRONLY|os.O_TRUNC, 0)
		err = errors.Join(err, os.Chtimes(c.path, time.Time{}, time.Now())) // the time in the bubble, not decades later
	case 2:
		_, err = c.file.WriteString(c.text)
		err = errors.Join(err, c.file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// afterSwap is more than the number of calls of a swap: that moment is after the swap.
const afterSwap = 10000

// A program reads, truncates and writes the file at any three moments of a swap. It
// never reads an incomplete file and never loses its change. If it restores the old
// pair because it had read the file before, the next swap replaces that again. Only a
// program that empties the file at the moment of the rename, and writes it later than
// a swap waits, loses its change, and the swap says so.
func TestSwapKeepsConcurrentChange(t *testing.T) {
	if filepath.Separator == '\\' {
		t.Skip("Windows renames over no file that another program writes")
	}
	was := pairText("default", oldKey) + pairText("work", thirdKey)
	is := pairText("default", newKey) + pairText("work", thirdKey)
	s := newStore(t, was, "")
	reached := true
	for n := 1; reached && !t.Failed(); n++ {
		for i, gaps := range [][2]int{{0, 0}, {0, 1}, {0, 3}, {1, 0}, {2, 2}, {4, 4}, {16, 2}, {0, afterSwap}, {3, afterSwap}, {afterSwap, afterSwap}} {
			if !deeptest.On() && (n+i)%4 != 0 && gaps != [2]int{} {
				continue
			}
			writeFiles(t, s, was, "")
			synctest.Test(t, func(t *testing.T) {
				other := &configure{path: s.Paths.Credentials}
				moments := []int{n, n + gaps[0], n + gaps[0] + gaps[1]}
				calls := 0
				s.Sys = &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Fast: true, Ask: func(c atomicfiletest.Call) error {
					calls++
					for len(moments) > 0 && calls >= moments[0] {
						other.step(t, 3-len(moments))
						moments = moments[1:]
					}
					return nil
				}}
				swapped, err := s.Swap(t.Context(), oldKey, newKey)
				if err != nil && !errors.Is(err, atomicfile.ErrBusy) && !errors.Is(err, atomicfile.ErrChanged) {
					t.Error(err)
				}
				reached = len(moments) < 3
				for ; len(moments) > 0; moments = moments[1:] {
					other.step(t, 3-len(moments))
				}
				s.Sys = &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Fast: true, Ask: func(atomicfiletest.Call) error { return nil }}
				if _, err := s.Swap(t.Context(), oldKey, newKey); err != nil {
					t.Error(err)
				}
				if other.lost {
					t.Error("the other program read an incomplete file")
				}
				if len(swapped.Notes) > 0 && gaps[1] == afterSwap { // the notes say that this change could not be kept
					requireFiles(t, s, is, "")
				} else {
					requireFiles(t, s, is+"region = eu-west-1\n", "")
				}
				if t.Failed() {
					t.Logf("moments %d, +%d, +%d", n, gaps[0], gaps[1])
				}
			})
		}
	}
}

// The same program runs in a loop at its own pace while swaps run in a loop.
func TestSwapKeepsChangesInALoop(t *testing.T) {
	s := newStore(t, pairText("default", oldKey)+pairText("work", thirdKey), "")
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 40 {
				setRegion(t, s.Paths.Credentials, fmt.Sprintf("region = r%d\n", i))
			}
		}()
		old, next, swaps := oldKey, newKey, 0
		for running := true; running; {
			swapped, err := s.Swap(t.Context(), old, next)
			swaps += swapped.Values / 2
			_, gone := errors.AsType[*credfile.GoneError](err)
			if err != nil && !gone && !errors.Is(err, atomicfile.ErrBusy) && !errors.Is(err, atomicfile.ErrChanged) {
				t.Error(err)
			}
			old, next = next, old
			select {
			case <-done:
				running = false
			case <-time.After(7 * time.Millisecond):
			}
		}
		if _, err := s.Swap(t.Context(), oldKey, newKey); err != nil || swaps == 0 {
			t.Errorf("%d swaps, last error %v", swaps, err)
		}
	})
	requireFiles(t, s, pairText("default", newKey)+pairText("work", thirdKey)+"region = r39\n", "")
}

// setRegion rewrites the last line of the file like a program that neither locks nor
// renames. It then waits until the file shows its change: a swap may hide the change
// for as long as carrying it over takes.
func setRegion(t *testing.T, path, line string) {
	text := readText(t, path)
	if !strings.Contains(text, "[work]") {
		t.Errorf("read an incomplete file: %q", text)
	}
	text, _, _ = strings.Cut(text, "region")
	time.Sleep(2 * time.Millisecond)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Error(err)
		return
	}
	time.Sleep(time.Millisecond)
	_, err = f.WriteString(text + line)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Error(err)
	}
	for waited := 0; !strings.HasSuffix(readText(t, path), line); waited++ {
		if waited > 3000 {
			t.Errorf("lost the update %q", line)
			return
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(15 * time.Millisecond)
}
