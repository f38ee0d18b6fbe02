package credfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"keyd/credfile"
	"keyd/credfile/atomicfile"
	"keyd/credfile/atomicfile/atomicfiletest"
	"keyd/credfile/deeptest"
)

// tornText returns text with the bytes of to before the offset at, and the bytes of
// from after it.
func tornText(text string, from, to credfile.Key, at int) string {
	swap := strings.NewReplacer(from.ID, to.ID, from.Secret.Reveal(), to.Secret.Reveal()).Replace(text)
	return swap[:at] + text[at:]
}

// tornAt lists offsets in pairText("default", ...) at which a write may be interrupted.
var tornAt = []struct {
	name string
	at   int
}{
	{"in the id", strings.Index(pairText("default", oldKey), "OLDOLD0") + 3},
	{"between id and secret", strings.Index(pairText("default", oldKey), "\naws_secret")},
	{"in the secret", strings.Index(pairText("default", oldKey), "ooooo") + 11},
}

// forceInPlace adds a hard link to the file, so that keyd writes it in place.
func forceInPlace(t *testing.T, path string) {
	t.Helper()
	if err := os.Link(path, filepath.Join(deeptest.Folder(t), "hard link")); err != nil {
		t.Fatal(err)
	}
}

// askBeforeCalls lets s ask before each system call, and leaves out real syncs.
func askBeforeCalls(s *credfile.Store, ask func(atomicfiletest.Call) error) {
	s.Sys = &atomicfiletest.Faulty{Sys: atomicfile.OS{}, Fast: true, Ask: ask}
}

func failNothing(atomicfiletest.Call) error { return nil }

// Swap replaces torn pairs and old pairs; Mend replaces only torn pairs. Both leave a
// third key alone.
func TestSwapAndMendCompleteTornFiles(t *testing.T) {
	third := pairText("third", thirdKey)
	was, is := pairText("default", oldKey), pairText("default", newKey)
	for _, tear := range tornAt {
		t.Run(tear.name, func(t *testing.T) {
			s := newStore(t, "", "")
			askBeforeCalls(s, failNothing)
			half := tornText(was, oldKey, newKey, tear.at)
			synctest.Test(t, func(t *testing.T) {
				writeFiles(t, s, half+third, was)
				swapped, err := s.Mend(t.Context(), oldKey, newKey)
				if err != nil || swapped.Values != 2 {
					t.Errorf("Mend returned %+v, %v, want 2 values", swapped, err)
				}
				requireFiles(t, s, is+third, was)
				writeFiles(t, s, half+third, was)
				if swapped, err = s.Swap(t.Context(), oldKey, newKey); err != nil || swapped.Values != 4 || len(swapped.Profiles) != 2 {
					t.Errorf("Swap returned %+v, %v, want 4 values in 2 profiles", swapped, err)
				}
				requireFiles(t, s, is+third, is)
				writeFiles(t, s, was+third, half)
				if _, err = s.Swap(t.Context(), newKey, oldKey); err != nil { // the way back
					t.Error(err)
				}
				requireFiles(t, s, was+third, was)
			})
		})
	}
}

// Mend succeeds when no pair is torn, even if the files do not show old or next.
func TestMendWithoutTornPairChangesNothing(t *testing.T) {
	for _, text := range []string{pairText("default", oldKey), pairText("default", newKey), pairText("default", thirdKey)} {
		s := newStore(t, text, pairText("work", oldKey))
		askBeforeCalls(s, failNothing)
		synctest.Test(t, func(t *testing.T) {
			if swapped, err := s.Mend(t.Context(), oldKey, newKey); err != nil || swapped.Values != 0 {
				t.Errorf("Mend returned %+v, %v, want no change", swapped, err)
			}
			requireFiles(t, s, text, pairText("work", oldKey))
		})
	}
}

// One run for each system call of a swap: that call fails, or the process dies there.
// The torn file is then unchanged or shows the new key, and the next swap completes
// both files.
func TestTornFileIsCompletedAfterEveryFault(t *testing.T) {
	was, is := pairText("default", oldKey), pairText("default", newKey)
	half := tornText(was, oldKey, newKey, tornAt[2].at)
	for i, tt := range []struct {
		name string
		err  error
	}{
		{"ENOSPC after half the bytes", &atomicfiletest.ShortWrite{Err: syscall.ENOSPC}},
		{"EIO", syscall.EIO},
		{"EROFS", syscall.EROFS},
		{"crash", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, half, was)
			forceInPlace(t, s.Paths.Credentials)
			reached := true
			first, step := deeptest.Steps(i, 5)
			for n := first; reached && !t.Failed(); n += step {
				writeFiles(t, s, half, was)
				synctest.Test(t, func(t *testing.T) {
					calls := 0
					askBeforeCalls(s, func(c atomicfiletest.Call) error {
						if calls++; calls == n && tt.err == nil {
							panic(crash{})
						}
						if calls == n {
							return tt.err
						}
						return nil
					})
					var err error
					died := runUntilCrash(s.Sys.(*atomicfiletest.Faulty), func() { _, err = s.Swap(t.Context(), oldKey, newKey) })
					reached = calls >= n
					credentials, config := readText(t, s.Paths.Credentials), readText(t, s.Paths.Config)
					if credentials != half && credentials != is || config != was && config != is {
						t.Errorf("after call %d, error %v, the files show %q, %q", n, err, credentials, config)
					}
					if done := credentials == is && config == is; !done && !died && err == nil {
						t.Errorf("no error after call %d, but the files show %q, %q", n, credentials, config)
					}
					askBeforeCalls(s, failNothing)
					if err := s.Sweep(); err != nil {
						t.Error(err)
					}
					if _, err := s.Swap(t.Context(), oldKey, newKey); err != nil {
						t.Error(err)
					}
					requireFiles(t, s, is, is)
				})
			}
		})
	}
}

// The write in place fails halfway, and so does putting the old bytes back at once.
// The undo then finds a mixture of both keys and repairs it.
func TestUndoRepairsItsOwnTornWrite(t *testing.T) {
	was := pairText("default", oldKey)
	s := newStore(t, was, "")
	forceInPlace(t, s.Paths.Credentials)
	synctest.Test(t, func(t *testing.T) {
		writes := 0
		askBeforeCalls(s, func(c atomicfiletest.Call) error {
			if c.Op != "WriteAt" {
				return nil
			}
			switch writes++; writes {
			case 1:
				return &atomicfiletest.ShortWrite{Err: syscall.ENOSPC}
			case 2:
				if half := readText(t, s.Paths.Credentials); half == was {
					t.Error("the first write has changed nothing")
				}
				return syscall.EIO
			}
			return nil
		})
		if _, err := s.Swap(t.Context(), oldKey, newKey); !errors.Is(err, syscall.ENOSPC) {
			t.Error(err)
		}
		requireFiles(t, s, was, "")
	})
}

// One file cannot be written and keeps the old key. The torn pair in the other file is
// completed nevertheless.
func TestTornPairIsCompletedDespiteUnwritableFile(t *testing.T) {
	was, is := pairText("default", oldKey), pairText("default", newKey)
	s := newStore(t, tornText(was, oldKey, newKey, tornAt[0].at), was)
	s.Sys = readOnly{atomicfile.OS{}, s.Paths.Config}
	if _, err := s.Swap(t.Context(), oldKey, newKey); !errors.Is(err, syscall.EROFS) {
		t.Error(err)
	}
	requireFiles(t, s, is, was)
}
